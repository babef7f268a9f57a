"""A denoiser made of a network, its parameterization and optional guidance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch

from stepladder._parameterization import Parameterization
from stepladder.errors import ExecutionError, ParameterizationError
from stepladder.torch.guidance import _tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stepladder._process import NoiseProcess
    from stepladder.torch.guidance import ClassifierFreeGuidance


@final
class Denoiser:
    """`denoiser(x, sigma) -> denoised`, over `network(c_in x, c_noise, **conditioning) -> F`.

    `stepladder.sample` folds the parameterization into the program and calls the network itself: c_skip, c_out and c_in
    then cost nothing. Called on its own, the denoiser computes denoised = c_skip x + c_out F(c_in x, c_noise).

    Parameters
    ----------
    network : callable
        `network(x, c_noise, **conditioning)`: x of shape (batch, …) in `dtype`, c_noise of shape (batch,) float32 (the
        timestep of a discrete process, ln(sigma) / 4 for EDM); returns a tensor shaped like x.
    parameterization : Parameterization
        How the output becomes a denoised image.
    process : NoiseProcess, optional
        Maps sigma to the network's timestep. None: the parameterization needs none (EDM).
    conditioning : mapping of str to Any
        Keyword arguments of the network.
    guidance : ClassifierFreeGuidance, optional
        None: one evaluation per call.
    dtype : torch.dtype, optional
        The network's input dtype. None: the dtype of x.

    Raises
    ------
    ParameterizationError
        The parameterization needs a process and there is none.
    """

    def __init__(
        self,
        network: Callable[..., Any],
        parameterization: Parameterization,
        *,
        process: NoiseProcess | None = None,
        conditioning: Mapping[str, Any] | None = None,
        guidance: ClassifierFreeGuidance | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if not callable(network):
            msg = f"network is {type(network).__name__}; expected a callable (x, c_noise, **conditioning) -> F"
            raise ExecutionError(msg)
        if not isinstance(parameterization, Parameterization):
            msg = f"parameterization is {parameterization!r}; expected one, as sl.parameterization makes"
            raise ParameterizationError(msg)
        self.network = network
        self.parameterization = parameterization
        self.process = process
        self.conditioning = dict(conditioning or {})
        self.guidance = guidance
        self.dtype = dtype
        self.c_noise(np.ones(1))  # a missing process is an error here, not at the first step

    def c_noise(self, sigmas: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return the network's second argument for an array of noise levels, float64."""
        return np.asarray(self.parameterization.c_noise(sigmas, self.process), dtype=np.float64)

    def check_guidance(self, by_program: bool) -> None:
        """Raise unless exactly one place scales the guidance: this denoiser's, or a program made by `Program.guide`.

        Raises
        ------
        ExecutionError
            Both do, or the program does and there is no unconditional conditioning, or neither does.
        """
        guidance = self.guidance
        if by_program and guidance is None:
            msg = "the program is guided; the denoiser needs a ClassifierFreeGuidance(None, unconditional) to evaluate"
            raise ExecutionError(msg)
        if by_program and guidance is not None and guidance.scale is not None:
            msg = f"the program is guided, and the denoiser's guidance has scale {guidance.scale}; give it scale None"
            raise ExecutionError(msg)
        if not by_program and guidance is not None and guidance.scale is None:
            msg = "the denoiser's guidance has no scale; give it one, or guide the program with Program.guide"
            raise ExecutionError(msg)

    def results(self, *, guided: bool, folded: bool) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """Return what a program's calls for one result and for two call.

        Parameters
        ----------
        guided : bool
            The first result is guided by this denoiser. False: it is the conditional one, which the program scales.
        folded : bool
            Calls are of the network, with x scaled and c_noise. False: of the denoiser, with x and sigma.
        """
        wrap = (lambda call: call) if folded else self._unfolded
        return wrap(self.network_output if guided else self._conditional), wrap(
            self._guided_pair if guided else self._branches
        )

    def network_output(self, x: torch.Tensor, c_noise: torch.Tensor) -> torch.Tensor:
        """Return the network's output for x already scaled by c_in, guided if there is guidance."""
        if self.guidance is None:
            return self._conditional(x, c_noise)
        return self.guidance.evaluate(self.network, self._cast(x), c_noise, self.conditioning)

    def _cast(self, x: torch.Tensor) -> torch.Tensor:
        return x if self.dtype is None else x.to(self.dtype)

    def _conditional(self, x: torch.Tensor, c_noise: torch.Tensor) -> torch.Tensor:
        return _tensor(self.network(self._cast(x), c_noise, **self.conditioning))

    def _branches(self, x: torch.Tensor, c_noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if self.guidance is None:
            msg = (
                "the sampler asks for the unconditional result; give the denoiser a ClassifierFreeGuidance with the "
                "unconditional conditioning"
            )
            raise ExecutionError(msg)
        return self.guidance.branches(self.network, self._cast(x), c_noise, self.conditioning)

    def _guided_pair(self, x: torch.Tensor, c_noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        cond, uncond = self._branches(x, c_noise)
        scale = self.guidance.scale if self.guidance is not None else None
        return (cond if scale is None or scale == 1.0 else torch.lerp(uncond, cond, scale)), uncond

    def _unfolded(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call` of the network, as a call of the denoiser."""

        def denoised(x: torch.Tensor, sigma: torch.Tensor) -> Any:
            levels = sigma.detach().to("cpu", torch.float64).numpy()
            c_noise = torch.from_numpy(self.c_noise(levels)).to(sigma)
            c_skip, c_out, c_in = (
                torch.from_numpy(np.asarray(c)).to(x).reshape(-1, *(1,) * (x.ndim - 1))
                for c in self.parameterization.scalings(levels)
            )
            made = call(x * c_in, c_noise)
            if isinstance(made, tuple):
                return tuple(c_skip * x + c_out * output.to(x.dtype) for output in made)
            return c_skip * x + c_out * made.to(x.dtype)

        return denoised

    def __call__(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """Return the denoised value.

        Parameters
        ----------
        x : Tensor of shape (batch, …)
        sigma : Tensor of shape (batch,)
            Noise level of each sample.
        """
        self.check_guidance(by_program=False)
        denoised: torch.Tensor = self._unfolded(self.network_output)(x, sigma)
        return denoised
