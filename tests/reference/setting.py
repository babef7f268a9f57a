"""What the sigmas of a run mean."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """What the sigmas mean: x = alpha(sigma) x0 + sigma noise."""

    flow: bool = False
    sigma_snr: float = float("inf")
    """What stands for pure noise of a flow where a method takes a log-SNR."""

    def alpha(self, sigma):
        return 1.0 - sigma if self.flow else 1.0

    def snr_sigmas(self, sigmas):
        """The sigmas with their first just below pure noise."""
        first = self.sigma_snr if self.flow and sigmas[0] >= 1.0 else sigmas[0]
        return [first, *sigmas[1:]]

    def half_log_snr(self, sigma):
        """ln(alpha / sigma)."""
        return math.log(self.alpha(sigma)) - math.log(sigma)


VE = Setting()
