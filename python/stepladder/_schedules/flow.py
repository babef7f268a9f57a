"""Schedules of rectified flows: even times, shifted towards the noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from stepladder import _core
from stepladder._schedule import CompiledSchedule, check_choice, check_flag, check_size
from stepladder.errors import ScheduleError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from stepladder._process import NoiseProcess


@final
@dataclass(frozen=True)
class FluxSchedule(CompiledSchedule):
    """Flow times shifted by `exp(mu)`, `mu` linear in the number of image tokens.

    Parameters
    ----------
    width, height : int
        Size of the picture in pixels, 16 x 16 of which make one token.
    base_shift, max_shift : float
        `mu` at 256 and at 4096 tokens.

    Raises
    ------
    ScheduleError
        For parameters outside these limits.

    Notes
    -----
    Black Forest Labs' Flux; ComfyUI's `ModelSamplingFlux` with even times.
    """

    width: int = 1024
    height: int = 1024
    base_shift: float = 0.5
    max_shift: float = 1.15

    def __post_init__(self) -> None:
        check_size("width", self.width)
        check_size("height", self.height)
        self._mu()

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        return _core.flow_shift(steps, math.exp(self._mu()), None, None, "none")

    def _mu(self) -> float:
        tokens = self.width * self.height / 256
        return _core.linear_mu(tokens, (256.0, 4096.0), self.base_shift, self.max_shift)


@final
@dataclass(frozen=True)
class Flux2Schedule(CompiledSchedule):
    """Flow times shifted by `exp(mu)`, `mu` fitted to the number of image tokens and of steps.

    Parameters
    ----------
    width, height : int
        Size of the picture in pixels, 16 x 16 of which make one token.

    Raises
    ------
    ScheduleError
        For parameters outside these limits.

    Notes
    -----
    Black Forest Labs' Flux 2; ComfyUI's `Flux2Scheduler`. The fit jumps where there are more than 4300 tokens.
    """

    width: int = 1024
    height: int = 1024

    def __post_init__(self) -> None:
        check_size("width", self.width)
        check_size("height", self.height)
        _core.flux2_mu(self._tokens(), 1)

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        return _core.flow_shift(steps, math.exp(_core.flux2_mu(self._tokens(), steps)), None, None, "none")

    def _tokens(self) -> int:
        return round(self.width * self.height / 256)


@final
@dataclass(frozen=True)
class LTXVSchedule(CompiledSchedule):
    """Flow times shifted by the number of video tokens, and stretched to end at a given level.

    Parameters
    ----------
    tokens : int
        Number of latent tokens, 1 to 1 000 000.
    base_shift, max_shift : float
        `mu` at 1024 and at 4096 tokens.
    stretch : bool
        Whether to stretch the levels so that the last one above 0 is `terminal`.
    terminal : float
        That level, in (0, 1).

    Raises
    ------
    ScheduleError
        For parameters outside these limits.

    Notes
    -----
    Lightricks' LTX-Video; ComfyUI's `LTXVScheduler`. One step is `[1, 0]`.
    """

    tokens: int = 4096
    max_shift: float = 2.05
    base_shift: float = 0.95
    stretch: bool = True
    terminal: float = 0.1

    def __post_init__(self) -> None:
        check_size("tokens", self.tokens)
        check_flag("stretch", self.stretch)
        _core.check_terminal(self.terminal)
        self._mu()

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        terminal = self.terminal if self.stretch else None
        return _core.flow_shift(steps, math.exp(self._mu()), terminal, None, "none")

    def _mu(self) -> float:
        return _core.linear_mu(self.tokens, (1024.0, 4096.0), self.base_shift, self.max_shift)


@final
@dataclass(frozen=True)
class FlowShiftSchedule(CompiledSchedule):
    """Even times of a rectified flow, shifted by a given amount.

    Parameters
    ----------
    shift : float
        `shift * t / (1 + (shift - 1) * t)`, 0.000001 to 1 000 000; 1 leaves the times even.
    mu : float, optional
        Dynamic shift in place of `shift`.
    time_shift : str
        How `mu` shifts: `"exponential"`, by `exp(mu)`, or `"linear"`, by `mu`.
    terminal : float, optional
        Lowest level above 0, in (0, 1), which the others are stretched to end at.
    grid : str
        `"even"`: times `linspace(1, 0, steps + 1)`, as model pipelines pass them. `"flow_match_euler"`: those that
        diffusers' FlowMatchEulerDiscreteScheduler takes by itself, down to a lowest time that is shifted twice.
    convert : str
        `"none"`, or, last of all, levels over the same ends by `"karras"` (rho 7), `"exponential"` or `"beta"` (0.6,
        0.6, over sigma).

    Raises
    ------
    ScheduleError
        For parameters outside these limits, or both a `shift` and a `mu`.

    Notes
    -----
    Esser et al. (arXiv 2403.03206), section 5.3.2; diffusers' FlowMatchEulerDiscreteScheduler with 1000 training steps.
    """

    shift: float = 1.0
    mu: float | None = None
    time_shift: str = "exponential"
    terminal: float | None = None
    grid: str = "even"
    convert: str = "none"

    def __post_init__(self) -> None:
        check_choice("time_shift", self.time_shift, ("exponential", "linear"))
        check_choice("grid", self.grid, ("even", "flow_match_euler"))
        _core.check_flow_conversion(self.convert)
        _core.check_shift(self.shift)
        if self.mu is not None:
            if self.shift != 1.0:
                raise ScheduleError(f"shift is {self.shift} and mu {self.mu}; expected one of them")
            self._shift()
        if self.terminal is not None:
            _core.check_terminal(self.terminal)

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        lowest = None if self.grid == "even" else self.shift / (999.0 + self.shift)
        return _core.flow_shift(steps, self._shift(), self.terminal, lowest, self.convert)

    def _shift(self) -> float:
        return self.shift if self.mu is None else _core.dynamic_shift(self.mu, self.time_shift == "linear")
