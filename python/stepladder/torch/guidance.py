"""Guidance that is linear in the network's outputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

import torch

from stepladder.errors import ExecutionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@final
@dataclass(frozen=True)
class ClassifierFreeGuidance:
    """Classifier-free guidance: F = F_uncond + scale (F_cond - F_uncond).

    Parameters
    ----------
    scale : float, optional
        1 is no guidance (and one evaluation), 0 the unconditional model; usual values are 1.5 to 12. None: the program
        has it in its coefficients, as `Program.guide` makes.
    unconditional : mapping of str to Any
        The network's keyword arguments without the condition; the same names as the conditioning.
    batched : bool
        Evaluate both halves in one call of twice the batch. False: two calls, and less memory.

    Source: Ho & Salimans 2022, arXiv:2207.12598, eq. 6 (their w is scale - 1).
    """

    scale: float | None
    unconditional: Mapping[str, Any] = field(default_factory=dict)
    batched: bool = True

    def __post_init__(self) -> None:
        if self.scale is None:
            return
        if (
            isinstance(self.scale, bool)
            or not isinstance(self.scale, int | float)
            or not abs(self.scale) < float("inf")
        ):
            msg = f"guidance scale is {self.scale!r}; expected a finite number, or None"
            raise ExecutionError(msg)

    def evaluate(
        self, network: Callable[..., Any], x: torch.Tensor, c_noise: torch.Tensor, conditioning: Mapping[str, Any]
    ) -> torch.Tensor:
        """Return the guided network output."""
        if self.scale is None:
            raise ExecutionError("the guidance has no scale: only a program made by Program.guide runs with it")
        if self.scale == 1.0:
            self._check(conditioning)
            return _tensor(network(x, c_noise, **conditioning))
        cond, uncond = self.branches(network, x, c_noise, conditioning)
        return torch.lerp(uncond, cond, self.scale)

    def branches(
        self, network: Callable[..., Any], x: torch.Tensor, c_noise: torch.Tensor, conditioning: Mapping[str, Any]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the conditional and the unconditional network output."""
        self._check(conditioning)
        if not self.batched:
            uncond = _tensor(network(x, c_noise, **self.unconditional))
            # A network that returns its own buffer would overwrite this half with the other.
            uncond = uncond.clone()
            return _tensor(network(x, c_noise, **conditioning)), uncond
        both = {name: _stack(name, self.unconditional[name], conditioning[name]) for name in conditioning}
        uncond, cond = _tensor(network(torch.cat((x, x)), torch.cat((c_noise, c_noise)), **both)).chunk(2)
        return cond, uncond

    def _check(self, conditioning: Mapping[str, Any]) -> None:
        if set(self.unconditional) != set(conditioning):
            msg = (
                f"unconditional has {sorted(self.unconditional)} and the conditioning {sorted(conditioning)}; "
                "expected the same names"
            )
            raise ExecutionError(msg)


def _tensor(output: Any) -> torch.Tensor:
    if not isinstance(output, torch.Tensor):
        msg = f"the network returned {type(output).__name__}; expected a torch tensor. Wrap it to return its sample"
        raise ExecutionError(msg)
    return output


def _stack(name: str, uncond: Any, cond: Any) -> Any:
    if isinstance(uncond, torch.Tensor) and isinstance(cond, torch.Tensor):
        return torch.cat((uncond, cond))
    if uncond is cond or uncond == cond:
        return cond
    msg = f"{name} is {type(cond).__name__}; guidance in one batch needs tensors. Pass batched=False"
    raise ExecutionError(msg)
