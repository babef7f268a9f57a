"""Rectified flows, with the two ways to shift their levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from stepladder import _core
from stepladder._number import real
from stepladder._processes.base import CompiledProcess
from stepladder.errors import ProcessError


@final
@dataclass(frozen=True, slots=True)
class FlowProcess(CompiledProcess):
    """Rectified flow: Stable Diffusion 3, AuraFlow, Wan, Hunyuan Video and their relatives.

    With `u = t / multiplier` in [0, 1], `sigma(t) = shift * u / (1 + (shift - 1) * u)`. The network is told
    `sigma * multiplier`, which `timestep` gives; with `interpolate` it inverts the shift as well.

    Parameters
    ----------
    shift : float
        How far levels are moved towards noise, above 0; 1 leaves them evenly spaced.
    multiplier : float
        Time at sigma 1, above 0.
    timesteps : int
        Levels of the table, evenly spaced in time up to 1, 2 to 1 000 000.

    Attributes
    ----------
    sigma_min, sigma_max : float
        Ends of the table: one training step, and 1.

    Raises
    ------
    ProcessError
        For values outside these limits, or a shift that leaves two levels equal.

    Notes
    -----
    Esser et al., "Scaling Rectified Flow Transformers" (arXiv 2403.03206), equation 23. `half_log_snr(1.0)` is -inf:
    pure noise.
    """

    shift: float = 1.0
    multiplier: float = 1000.0
    timesteps: int = 1000

    def _build(self) -> _core.NativeProcess:
        return _core.NativeProcess.flow(self.shift, self.multiplier, self.timesteps)


@final
@dataclass(frozen=True, slots=True)
class FluxProcess(CompiledProcess):
    """Rectified flow with an exponential shift: Flux and its relatives.

    `sigma(t) = exp(mu) / (exp(mu) + 1 / t - 1)` for t in [0, 1]: a `FlowProcess` of shift `exp(mu)` and multiplier 1.
    The network is told sigma itself, which `timestep` gives; with `interpolate` it inverts the shift.

    Parameters
    ----------
    mu : float
        Logarithm of the shift, -20 to 20; `for_resolution` computes it from a picture's size.
    timesteps : int
        Levels of the table, evenly spaced in time up to 1, 2 to 1 000 000.

    Attributes
    ----------
    sigma_min, sigma_max : float
        Ends of the table: one training step, and 1.

    Raises
    ------
    ProcessError
        For values outside these limits.

    Notes
    -----
    Black Forest Labs, flux/sampling.py, `time_shift` and `get_lin_function`; the table is ComfyUI's.
    """

    mu: float = 1.15
    timesteps: int = 10_000

    def _build(self) -> _core.NativeProcess:
        return _core.NativeProcess.flux(self.mu, self.timesteps)

    @classmethod
    def for_resolution(
        cls, width: float, height: float, *, base_shift: float = 0.5, max_shift: float = 1.15
    ) -> FluxProcess:
        """Make the process of a picture of `width` by `height` pixels.

        Its `mu` is linear in the number of patches of 16 x 16 pixels: `base_shift` at 256, `max_shift` at 4096.
        """
        given = {"width": width, "height": height, "base_shift": base_shift, "max_shift": max_shift}
        return cls(_core.flux_mu(*(real(name, value, ProcessError) for name, value in given.items())))
