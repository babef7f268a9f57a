"""A denoiser whose result is clipped: not linear in its input, so it stays out of programs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, final

import torch

from stepladder.errors import ExecutionError

if TYPE_CHECKING:
    from collections.abc import Callable


@final
class ClippedDenoiser:
    """`denoiser(x, sigma) -> denoised`, with every value of the result moved into a range.

    Parameters
    ----------
    denoiser : callable
        `denoiser(x, sigma) -> denoised`: x of shape (batch, …), sigma of shape (batch,); a `Denoiser`, or any function.
        It is called as it is, so a parameterization does not fold into the program.
    limit : float
        Static clipping to [-limit, limit], above 0; for dynamic thresholding the largest bound of a sample.
    quantile : float, optional
        Dynamic thresholding: a sample whose `quantile` of magnitudes is above 1 is clipped to that value, at most
        `limit`, and divided by it. 0 < quantile <= 1; the paper has 0.995. None: static clipping.
    unclipped : bool
        Return (clipped, unclipped), for a program that asks for both: `ddim` with direction="unclipped".

    Raises
    ------
    ExecutionError
        An argument outside its range; from a call, a denoiser that returns something else than a tensor.

    Source: Ho et al. 2020, arXiv:2006.11239, section 3.2 (clipping); Saharia et al. 2022, arXiv:2205.11487, section 2.3
    (dynamic thresholding; there `limit` is infinite).
    """

    def __init__(
        self,
        denoiser: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
        limit: float = 1.0,
        *,
        quantile: float | None = None,
        unclipped: bool = False,
    ) -> None:
        if not callable(denoiser):
            msg = f"denoiser is {type(denoiser).__name__}; expected a callable (x, sigma) -> denoised"
            raise ExecutionError(msg)
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not limit > 0:
            msg = f"limit is {limit!r}; expected a number above 0"
            raise ExecutionError(msg)
        if quantile is not None and not (isinstance(quantile, int | float) and 0 < quantile <= 1):
            msg = f"quantile is {quantile!r}; expected a number above 0 and at most 1, or None for static clipping"
            raise ExecutionError(msg)
        if quantile is None and math.isinf(limit):
            msg = "limit is inf, which clips nothing; give a number, or a quantile for dynamic thresholding"
            raise ExecutionError(msg)
        if quantile is not None and limit < 1:
            msg = f"limit is {limit!r}; dynamic thresholding clips to 1 at least: give a limit of at least 1"
            raise ExecutionError(msg)
        self.denoiser = denoiser
        self.limit = limit
        self.quantile = quantile
        self.unclipped = unclipped

    def __call__(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        """Return the clipped denoised value, or it and the unclipped one.

        Parameters
        ----------
        x : Tensor of shape (batch, …)
        sigma : Tensor of shape (batch,)
            Noise level of each sample.
        """
        denoised = self.denoiser(x, sigma)
        if not isinstance(denoised, torch.Tensor):
            msg = f"the denoiser returned {type(denoised).__name__}; expected a torch tensor"
            raise ExecutionError(msg)
        clipped = denoised.clamp(-self.limit, self.limit) if self.quantile is None else self._thresholded(denoised)
        return (clipped, denoised) if self.unclipped else clipped

    def _thresholded(self, denoised: torch.Tensor) -> torch.Tensor:
        assert self.quantile is not None
        magnitudes = denoised.flatten(1).abs()
        bound = torch.quantile(magnitudes.to(torch.promote_types(denoised.dtype, torch.float32)), self.quantile, dim=1)
        bound = bound.clamp(1.0, self.limit).to(denoised.dtype).reshape(-1, *(1,) * (denoised.ndim - 1))
        return denoised.clamp(-bound, bound) / bound
