"""Schedules optimised for a model: published tables of levels, stretched to any number of steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from stepladder import _core
from stepladder._schedule import Schedule, TailRule

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from stepladder._process import NoiseProcess


@final
@dataclass(frozen=True)
class AlignYourStepsSchedule(Schedule):
    """Levels optimised for one model family at 10 steps, stretched log-linearly to any other count.

    The levels are the model's own: the process's range is not used. As in ComfyUI the table is interpolated to
    `steps + 1` values, the last of which becomes 0.

    Parameters
    ----------
    family : str
        The model: `"sd15"`, `"sdxl"`, `"svd"` (Stable Video Diffusion) or `"deepfloyd"` (IF, stage 1).

    Raises
    ------
    ScheduleError
        For a family without a published table.

    Notes
    -----
    Sabour, Fidler & Kreis, "Align Your Steps: Optimizing Sampling Schedules in Diffusion Models" (arXiv 2404.14507),
    table 3; for `sd15` and `sdxl` the exact levels at the training steps that the authors' project page lists.
    """

    tail_rule: ClassVar[TailRule] = "round"
    _checked_by_core: ClassVar[bool] = True

    family: str = "sdxl"

    def __post_init__(self) -> None:
        _core.check_align_your_steps_family(self.family)

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:  # noqa: ARG002
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        return _core.align_your_steps(self.family, steps)
