"""Methods that are not linear in what the model returns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, final

from stepladder._sampler import validate_kinds
from stepladder._unfused import UnfusedSampler, exp, norm
from stepladder.errors import SamplerError

if TYPE_CHECKING:
    from stepladder._unfused import UnfusedRun


@final
@dataclass(frozen=True)
class ScoreSdeVeSampler(UnfusedSampler):
    """Predictor-corrector on the reverse variance-exploding SDE: Langevin steps at each level, then one down.

    Weak order 1 of the predictor; `corrector_steps + 1` model calls and as many noise draws per step, one less in a
    last step to zero. The length of a Langevin step follows from the norm of the score, so there is no program.

    Parameters
    ----------
    snr : float
        Signal-to-noise ratio of a Langevin step, above 0.
    corrector_steps : int
        Langevin steps at each level, at least 0.
    norm_over : {"sample", "batch"}
        What the norms are of. "sample": each sample's own. "batch": their mean over the batch, as the authors' code and
        diffusers have it; a sample's result then depends on what else is in its batch.

    Source: Song et al. 2021, arXiv:2011.13456, algorithms 2 and 4.
    """

    families: ClassVar[tuple[str, ...]] = ("ve",)
    reason: ClassVar[str] = "chooses its Langevin steps by the norm of the score"
    draws_again: ClassVar[bool] = True

    snr: float = 0.15
    corrector_steps: int = 1
    norm_over: Literal["sample", "batch"] = "sample"

    def __post_init__(self) -> None:
        validate_kinds(self)
        if not 0.0 < self.snr < math.inf:
            raise SamplerError(f"snr is {self.snr:g}; expected a finite number above 0")
        if self.corrector_steps < 0:
            raise SamplerError(f"corrector_steps is {self.corrector_steps}; expected at least 0")
        if self.norm_over not in ("sample", "batch"):
            raise SamplerError(f'norm_over is "{self.norm_over}"; expected sample or batch')

    def step(self, run: UnfusedRun, x: Any, sigma: float, sigma_next: float) -> tuple[Any, Any]:
        """Correct at `sigma`, then go to `sigma_next`."""
        for _ in range(self.corrector_steps):
            score = (run.denoise(x, sigma) - x) / sigma**2
            noise = run.noise(sigma, sigma_next)
            length = 2.0 * (self.snr * self._norm(noise) / self._norm(score)) ** 2
            x = x + length * score + (2.0 * length) ** 0.5 * noise
        denoised = run.denoise(x, sigma)
        if sigma_next == 0.0:
            return denoised, denoised
        # sigma² - sigma_next² without cancellation.
        variance = (sigma - sigma_next) * (sigma + sigma_next)
        x = x + (denoised - x) * (variance / sigma**2)
        return x + run.noise(sigma, sigma_next) * math.sqrt(variance), denoised

    def _norm(self, t: Any) -> Any:
        found = norm(t)
        return found if self.norm_over == "sample" else found.mean()


@final
@dataclass(frozen=True)
class DdpmLearnedVarianceSampler(UnfusedSampler):
    """Ancestral sampling with the variance that the network predicts.

    Weak order 1; one model call and one noise draw per step, none in a last step to zero. The noise is multiplied with
    a network output, so there is no program. The denoiser returns the pair (denoised, variance): the second is the half
    of the network's channels that stands for the variance, as it comes, of the shape of x.

    Parameters
    ----------
    variance : {"learned_range", "learned"}
        What that half is. "learned_range": from -1, the smallest variance (of data without spread), to 1, the largest
        (of data that is noise), even in the logarithm. "learned": the variance itself, in units of x / sqrt(1 +
        sigma_next²), at least 0.
    s_noise : float
        Standard deviation of the fresh noise, at least 0.

    Source: Nichol & Dhariwal 2021, arXiv:2102.09672, eq. 15; Ho et al. 2020, arXiv:2006.11239, eqs. 6 and 7.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp")
    reason: ClassVar[str] = "multiplies its noise with what the network returns"
    second: ClassVar[str | None] = "variance"

    variance: Literal["learned_range", "learned"] = "learned_range"
    s_noise: float = 1.0

    def __post_init__(self) -> None:
        validate_kinds(self)
        if self.variance not in ("learned_range", "learned"):
            raise SamplerError(f'variance is "{self.variance}"; expected learned_range or learned')
        if not 0.0 <= self.s_noise < math.inf:
            raise SamplerError(f"s_noise is {self.s_noise:g}; expected a finite number of at least 0")

    def step(self, run: UnfusedRun, x: Any, sigma: float, sigma_next: float) -> tuple[Any, Any]:
        """Go to the posterior's mean, with noise of the learned variance."""
        denoised, learned = run.denoise(x, sigma)
        if sigma_next == 0.0:
            return denoised, denoised
        mean = denoised + (x - denoised) * (sigma_next / sigma) ** 2
        if self.variance == "learned":
            deviation = (learned * (1.0 + sigma_next**2)) ** 0.5
        else:
            # beta and its posterior form, of x as the variance-exploding process scales it.
            difference = (sigma - sigma_next) * (sigma + sigma_next)
            largest = difference * (1.0 + sigma_next**2) / (1.0 + sigma**2)
            smallest = difference * (sigma_next / sigma) ** 2
            share = (learned + 1.0) / 2.0
            deviation = exp((share * math.log(largest) + (1.0 - share) * math.log(smallest)) / 2.0)
        return mean + run.noise(sigma, sigma_next) * deviation * self.s_noise, denoised
