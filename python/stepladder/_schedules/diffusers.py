"""What the schedulers of the diffusers library do, and lists of a user's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from stepladder import _core
from stepladder._schedule import CompiledSchedule, Schedule, check_choice
from stepladder._schedules.optimised import numbers, without_zero
from stepladder.errors import ScheduleError

if TYPE_CHECKING:
    import numpy.typing as npt

    from stepladder._process import NoiseProcess


@final
@dataclass(frozen=True)
class DiffusersSchedule(CompiledSchedule):
    """Training steps chosen, and levels converted, as the diffusers library does.

    Where its arithmetic repeats steps or leaves the table, the whole table is spread evenly instead, log-linear between
    levels.

    Parameters
    ----------
    spacing : str
        `"leading"`, `"linspace"` or `"trailing"`.
    variant : str
        Whose arithmetic: `"euler"` (Euler, Heun, LMS, KDPM2), `"ddim"` (DDIM, DDPM) or `"dpmsolver"` (DPM-Solver,
        UniPC, DEIS), which mean different steps by one spacing.
    steps_offset : int
        Added to every step of `"leading"`; 1 for Stable Diffusion.
    convert : str
        `"none"`, or levels over the same ends by `"karras"` (rho 7), `"exponential"`, `"beta"` (0.6, 0.6, over sigma)
        or `"lu"` (even in half log-SNR, the same grid as exponential). `"dpmsolver"` converts over the whole table.
    sigma_min, sigma_max : float, optional
        Ends of a conversion. None: the chosen steps', or the table's.
    final : str
        What comes last: `"zero"`, or `"sigma_min"` for the process's lowest level, which repeats where the last step is
        there already.

    Raises
    ------
    ScheduleError
        For a word outside these lists, or an empty range.

    Notes
    -----
    diffusers 0.42's `timestep_spacing`, `use_karras_sigmas`, `use_exponential_sigmas`, `use_beta_sigmas`,
    `use_lu_lambdas` and `final_sigmas_type`. `"linspace"` with one step is its highest level here, its lowest there.
    """

    spacing: str = "leading"
    variant: str = "euler"
    steps_offset: int = 0
    convert: str = "none"
    sigma_min: float | None = None
    sigma_max: float | None = None
    final: str = "zero"

    def __post_init__(self) -> None:
        check_choice("final", self.final, ("zero", "sigma_min"))
        ends = (self.sigma_min, self.sigma_max)
        _core.check_spacing(self.spacing, self.variant, self.steps_offset, self.convert, *ends)

    @property
    def _host_form(self) -> bool:
        return self.final == "sigma_min"

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0 unless asked otherwise."""
        ends = (self.sigma_min, self.sigma_max)
        placed = _core.spaced(process, self.spacing, self.variant, self.steps_offset, self.convert, *ends, steps)
        if self.final == "sigma_min":
            placed[-1] = process.sigma_min
        return placed


@final
@dataclass(frozen=True)
class CustomSchedule(Schedule):
    """A list of one's own, taken as it is: as many steps as it has levels.

    Parameters
    ----------
    timesteps : tuple of float, optional
        Times of the process, whose levels are looked up.
    levels : tuple of float, optional
        The levels themselves, with or without the 0 at the end. Exactly one of the two is given.

    Raises
    ------
    ScheduleError
        For both or neither, or values that are no numbers.

    Notes
    -----
    diffusers' `timesteps=` and `sigmas=`; the published lists of Align Your Steps can be given as either.
    """

    timesteps: tuple[float, ...] | None = None
    levels: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if (self.timesteps is None) == (self.levels is None):
            both = "both are" if self.timesteps is not None else "neither is"
            raise ScheduleError(f"timesteps and levels: {both} given; expected one of them")
        if self.levels is not None:
            levels = without_zero("levels", self.levels)
            _core.check_levels(levels)
            object.__setattr__(self, "levels", levels)
        else:
            object.__setattr__(self, "timesteps", numbers("timesteps", self.timesteps))

    @property
    def steps_range(self) -> tuple[int, int]:
        """The length of the list alone."""
        count = len(self.levels or self.timesteps or ())
        return count, count

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Return the list and an exact 0."""
        given = self.levels if self.levels is not None else self.timesteps
        count = len(given or ())
        if steps != count:
            raise ScheduleError(f"steps is {steps}; expected {count}: a list of one's own is not stretched")
        if self.levels is not None:
            return np.array([*self.levels, 0.0])
        levels = np.asarray(process.sigma(np.array(self.timesteps)))
        for index in range(1, count):
            if not levels[index] < levels[index - 1]:
                before, here = (given or ())[index - 1 : index + 1]
                raise ScheduleError(
                    f"timesteps[{index}] is {here}, whose level {levels[index]} is not below {levels[index - 1]}, that "
                    f"of timesteps[{index - 1}] = {before}; expected times from the highest level to the lowest"
                )
        return np.append(levels, 0.0)
