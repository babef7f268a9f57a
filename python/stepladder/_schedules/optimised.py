"""Schedules optimised for a model: published tables of levels, stretched to any number of steps."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from stepladder import _core
from stepladder._schedule import CompiledSchedule, TailRule, check_choice
from stepladder.errors import ScheduleError

if TYPE_CHECKING:
    import numpy.typing as npt

    from stepladder._process import NoiseProcess


@final
@dataclass(frozen=True)
class AlignYourStepsSchedule(CompiledSchedule):
    """Levels optimised for one model family at 10 steps, stretched log-linearly to any other count.

    The levels are the model's own: the process's range is not used.

    Parameters
    ----------
    family : str
        The model: `"sd15"`, `"sdxl"`, `"svd"` (Stable Video Diffusion) or `"deepfloyd"` (IF, stage 1).
    points : int
        Which table: 11, or 32 for the longer ones that Forge ships for `sd15` and `sdxl`.
    convention : str
        What the table means for N steps. `"comfyui"`: N + 1 points, the last one replaced by 0. `"a1111"`: N points and
        a 0 after them. `"nvidia"`: N + 1 points, no 0, as in the authors' guide. `"diffusers"`: the ten levels as
        printed and a 0, for 10 steps alone.
    sigma_min, sigma_max : float, optional
        Ends to rescale the table to, evenly in log sigma. None: the table's.

    Raises
    ------
    ScheduleError
        For a family, table or convention that does not exist, or an empty range.

    Notes
    -----
    Sabour, Fidler & Kreis, "Align Your Steps: Optimizing Sampling Schedules in Diffusion Models" (arXiv 2404.14507),
    table 3; for `sd15` and `sdxl` the exact levels at the training steps that the authors' project page lists.
    """

    tail_rule: ClassVar[TailRule] = "round"
    family: str = "sdxl"
    points: int = 11
    convention: str = "comfyui"
    sigma_min: float | None = None
    sigma_max: float | None = None

    def __post_init__(self) -> None:
        self._place(10)

    @property
    def _host_form(self) -> bool:
        return self.convention == "nvidia"

    @property
    def steps_range(self) -> tuple[int, int]:
        """Ten steps alone in the form of diffusers, which stretches nothing."""
        return (10, 10) if self.convention == "diffusers" else (1, 10_000_000)

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0 except NVIDIA's."""
        return self._place(steps)

    def _place(self, steps: int) -> npt.NDArray[np.float64]:
        return _core.align_your_steps(self.family, self.points, self.convention, self.sigma_min, self.sigma_max, steps)


@final
@dataclass(frozen=True)
class GITSSchedule(CompiledSchedule):
    """Levels that were searched for along the trajectories of Stable Diffusion, one table per number of steps.

    The levels are the tables' own: the process's range is not used. Above 20 steps the last table is interpolated
    log-linearly.

    Parameters
    ----------
    coefficient : float
        Weight of early against late errors in the search, 0.80 to 1.50 in steps of 0.05: more places more steps at low
        noise.

    Raises
    ------
    ScheduleError
        For a coefficient without a table.

    Notes
    -----
    Chen et al., "On the Trajectory Regularity of ODE-based Diffusion Sampling" (arXiv 2405.11326); ComfyUI's
    `GITSScheduler`, which needs two steps at least. One step is the top, then 0.
    """

    tail_rule: ClassVar[TailRule] = "round"
    coefficient: float = 1.2

    def __post_init__(self) -> None:
        _core.gits(self.coefficient, 1)

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        return _core.gits(self.coefficient, steps)


@final
@dataclass(frozen=True)
class OptimalStepsSchedule(CompiledSchedule):
    """Flow levels found by dynamic programming against a fine teacher, stretched log-linearly to any step count.

    The levels are the model's own: the process's range is not used.

    Parameters
    ----------
    model : str
        `"flux"` (optimised at 10 steps), `"wan"` (20) or `"chroma"` (40).

    Raises
    ------
    ScheduleError
        For a model without a table.

    Notes
    -----
    Pei, Hu & Gu, "Optimal Stepsize for Diffusion Sampling" (arXiv 2503.21774); ComfyUI's `OptimalStepsScheduler`. The
    last level of a table gives way to the 0.
    """

    tail_rule: ClassVar[TailRule] = "round"
    model: str = "flux"

    def __post_init__(self) -> None:
        _core.optimal_steps(self.model, 1)

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        return _core.optimal_steps(self.model, steps)


@final
@dataclass(frozen=True)
class TabulatedSchedule(CompiledSchedule):
    """Anybody's own table, stretched log-linearly to any number of steps.

    Parameters
    ----------
    table : tuple of float
        At least 2 positive, strictly descending levels; a 0 at the end is left out.
    last : str
        `"keep"`: the 0 comes after the table's lowest level. `"replace"`: it takes that level's place, as hosts do with
        published tables.

    Raises
    ------
    ScheduleError
        For a table or a word outside these limits, naming the offending index.

    Notes
    -----
    The interpolation is that of `loglinear_interp`. One step is the top, then 0.
    """

    tail_rule: ClassVar[TailRule] = "round"
    table: tuple[float, ...]
    last: str = "keep"

    def __post_init__(self) -> None:
        check_choice("last", self.last, ("keep", "replace"))
        table = without_zero("table", self.table)
        _core.check_table(table)
        object.__setattr__(self, "table", table)

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        return _core.tabulated(self.table, self.last == "replace", steps)


def numbers(name: str, values: object) -> tuple[float, ...]:
    """Numbers given by a user: a list, a tuple or an array, of ints or floats."""
    if not isinstance(values, (list, tuple, np.ndarray)):
        raise ScheduleError(f"{name} is {type(values).__name__}; expected a list, a tuple or an array of numbers")
    found = []
    for index, value in enumerate(values.tolist() if isinstance(values, np.ndarray) else values):
        if isinstance(value, bool) or not isinstance(value, Real):
            raise ScheduleError(f"{name}[{index}] is {value!r} ({type(value).__name__}); expected a float")
        found.append(float(value))
    return tuple(found)


def without_zero(name: str, values: object) -> tuple[float, ...]:
    """Levels given by a user, without a 0 at their end."""
    levels = numbers(name, values)
    return levels[:-1] if levels and levels[-1] == 0.0 else levels
