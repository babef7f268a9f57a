"""The cosine process of Stable Cascade."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from stepladder import _core
from stepladder._processes.base import CompiledProcess


@final
@dataclass(frozen=True, slots=True)
class StableCascadeProcess(CompiledProcess):
    """Variance preserving and continuous, with a cosine: Stable Cascade.

    For t in [0, 1] the signal's share of the variance is `cos(phi)**2 / cos(phi0)**2` with
    `phi = (t + s) / (1 + s) * pi / 2`, `phi0` its value at 0; sigma is then multiplied by `shift` and clamped to the
    range of shares from 0.0001 to 0.9999. The network is told the time of the unshifted process, which `timestep`
    gives; with `interpolate` it inverts the shift as well. The table has 10 000 levels evenly spaced in time, the first
    and the last ones repeated by the clamp.

    Parameters
    ----------
    shift : float
        Factor of sigma, 0.01 to 100; its logarithm is subtracted from half the log-SNR.
    cosine_s : float
        Offset `s` of the cosine, 0 to 1.

    Attributes
    ----------
    sigma_min, sigma_max : float
        Ends of the table.

    Raises
    ------
    ProcessError
        For values outside these limits.

    Notes
    -----
    Pernias et al., "Wuerstchen" (arXiv 2306.00637); Nichol & Dhariwal (arXiv 2102.09672), equation 17, for the cosine;
    clamp and table are ComfyUI's.
    """

    shift: float = 1.0
    cosine_s: float = 0.008

    def _build(self) -> _core.NativeProcess:
        return _core.NativeProcess.stable_cascade(self.shift, self.cosine_s)
