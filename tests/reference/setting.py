"""What the sigmas of a run mean."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """What the sigmas mean: x = alpha(sigma) x0 + sigma noise."""

    flow: bool = False
    sigma_snr: float = float("inf")
    """What stands for pure noise of a flow where a method takes a log-SNR."""

    shift: float | None = None
    """Shift of a flow's times."""

    def alpha(self, sigma):
        return 1.0 - sigma if self.flow else 1.0

    def snr_sigmas(self, sigmas):
        """The sigmas with their first just below pure noise; halfway to it where the second is closer."""
        if not self.flow or sigmas[0] < 1.0:
            return sigmas
        return [self.sigma_snr if self.sigma_snr > sigmas[1] else (1.0 + sigmas[1]) / 2, *sigmas[1:]]

    def percent_to_sigma(self, percent):
        """Level after that fraction of sampling; of a flow with `shift`: shift (1 - p) / (1 + (shift - 1) (1 - p))."""
        if percent in (0.0, 1.0):
            return math.inf if percent == 0.0 else 0.0
        left = 1 - percent
        return self.shift * left / (1 + (self.shift - 1) * left)

    def half_log_snr(self, sigma):
        """ln(alpha / sigma)."""
        return math.log(self.alpha(sigma)) - math.log(sigma)


VE = Setting()
