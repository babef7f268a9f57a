"""Schedules of distilled models, which know a few training steps only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from stepladder import _core
from stepladder._schedule import CompiledSchedule

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from stepladder._process import NoiseProcess


@final
@dataclass(frozen=True)
class SDTurboSchedule(CompiledSchedule):
    """The highest of the ten training steps that SD Turbo and SDXL Turbo know; more steps are an error.

    Parameters
    ----------
    start : float
        Part of the noise to start from, 0.1 to 1, rounded down to tenths: so many of the ten points are left.

    Raises
    ------
    ScheduleError
        For parameters outside these limits.

    Notes
    -----
    Sauer et al., "Adversarial Diffusion Distillation" (arXiv 2311.17042); ComfyUI's `SDTurboScheduler`.
    """

    start: float = 1.0

    def __post_init__(self) -> None:
        _core.check_turbo_start(self.start)

    @property
    def steps_range(self) -> tuple[int, int]:
        """Up to the number of training steps from the start downwards."""
        return 1, int(self.start * 10)

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        return _core.sd_turbo(process, self.start, steps)


@final
@dataclass(frozen=True)
class LCMSchedule(CompiledSchedule):
    """An even choice of the training steps that a latent consistency model knows; more steps than those are an error.

    Parameters
    ----------
    original_steps : int
        Steps that the teacher was run with, 1 to 1 000 000.

    Raises
    ------
    ScheduleError
        For parameters outside these limits.

    Notes
    -----
    Luo et al., "Latent Consistency Models" (arXiv 2310.04378); stable-diffusion.cpp's `lcm`.
    """

    original_steps: int = 50

    def __post_init__(self) -> None:
        _core.check_lcm_points(self.original_steps)

    @property
    def steps_range(self) -> tuple[int, int]:
        """Up to the number of training steps that the model knows."""
        return 1, self.original_steps

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        return _core.lcm(process, self.original_steps, steps)
