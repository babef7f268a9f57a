"""Schedules: a process and a step count become descending noise levels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, TypeAlias, final

import numpy as np
import numpy.typing as npt

from stepladder import _core
from stepladder._core import loglinear_interp as loglinear_interp
from stepladder._process import NoiseProcess
from stepladder.errors import ProcessError, ScheduleError

if TYPE_CHECKING:
    from collections.abc import Iterable

TailRule: TypeAlias = Literal["steps_over_denoise", "round"]


class _HasPenultimateRule(Protocol):
    """What a schedule asks of a sampler."""

    @property
    def discards_penultimate(self) -> bool:
        """Whether the sampler is run without the last noise level above 0."""


class Schedule(ABC):
    """A rule that places noise levels: frozen configuration, and one method to write.

    Derive from it, as a frozen dataclass, to add a schedule: `generate` is the mathematics; `sigmas`, which users call,
    applies to every schedule alike what hosts do around it, and is never overridden.
    """

    __slots__ = ()

    tail_rule: ClassVar[TailRule] = "steps_over_denoise"
    """What `denoise < 1` means. `"steps_over_denoise"`: always `steps` steps, the end of a schedule of
    `int(steps / denoise)`. `"round"`, for tables: the last `round(steps * denoise)` steps of the schedule."""

    _checked_by_core: ClassVar[bool] = False
    """Whether `generate` comes from the compiled core, which checks what it returns."""

    @property
    def _host_form(self) -> bool:
        """Whether `generate` returns a host's own list, of any length and not necessarily descending to 0."""
        return False

    @property
    def steps_range(self) -> tuple[int, int]:
        """Fewest and most steps that there are levels for."""
        return 1, 10_000_000

    @abstractmethod
    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels over the process's range: float64, strictly descending, the last exactly 0."""

    @final
    def sigmas(
        self,
        process: NoiseProcess,
        steps: int,
        *,
        denoise: float = 1.0,
        sampler: _HasPenultimateRule | str | None = None,
    ) -> npt.NDArray[np.float64]:
        """Noise levels to sample at.

        Parameters
        ----------
        process : NoiseProcess
            What the model was trained on.
        steps : int
            Sampling steps, 1 to 10 000 000.
        denoise : float
            Part of the noise to start from, 0 to 1: below 1 the end of a schedule, by the class's `tail_rule`. At 0
            there is nothing to run.
        sampler : Sampler or str, optional
            The sampler that will walk the levels: some leave out the last level above 0. None: nothing is left out.

        Returns
        -------
        ndarray
            Fresh float64 array, strictly descending, the last value exactly 0: `steps + 1` values, or with the tail
            rule `"round"` and `denoise < 1`, `round(steps * denoise) + 1`. Empty when `denoise` is 0. A schedule made
            with a host's `convention` returns that host's list instead, which may have another count, repeat levels or
            end above 0.

        Raises
        ------
        ScheduleError
            For arguments outside these limits, or a schedule that does not keep its promise.
        ProcessError
            For a process that is none.
        """
        try:
            if denoise == 1.0 and denoise is not True and sampler is None and self._checked_by_core:
                return self.generate(process, steps)
            return self._tail(process, steps, denoise, sampler)
        except AttributeError:
            if isinstance(process, NoiseProcess):
                raise
            raise ProcessError(f"process is {type(process).__name__}; expected a NoiseProcess") from None

    @final
    def _size(self, process: NoiseProcess, steps: int, denoise: float) -> int | None:
        """Number of values of `sigmas`; None where only the list says. Raises for a count that has no levels."""
        tail = _core.Tail(self.tail_rule, steps, denoise, False)
        fewest, most = self.steps_range
        if not fewest <= tail.build <= most:
            self.generate(process, tail.build)  # which knows better why there are none
            raise ScheduleError(f"steps is {tail.build}; expected {fewest} to {most}")
        return None if self._host_form else tail.keep

    def _tail(
        self, process: NoiseProcess, steps: int, denoise: float, sampler: _HasPenultimateRule | str | None
    ) -> npt.NDArray[np.float64]:
        if isinstance(sampler, str):
            from stepladder._plugins import sampler as _sampler_by_name

            discards_penultimate = _sampler_by_name(sampler).discards_penultimate
        elif sampler is None:
            discards_penultimate = False
        else:
            found = getattr(sampler, "discards_penultimate", None)
            if not isinstance(found, bool) or isinstance(sampler, type):
                shown = f"the class {sampler.__name__}" if isinstance(sampler, type) else type(sampler).__name__
                raise ScheduleError(f"sampler is {shown}; expected a Sampler, the name of one, or None")
            discards_penultimate = found
        tail = _core.Tail(self.tail_rule, steps, denoise, discards_penultimate)
        built = self.generate(process, tail.build)
        if self._host_form:
            return tail.take_host(built)
        if not self._checked_by_core:
            try:
                _core.validate_schedule(built, tail.build)
            except ScheduleError as error:
                raise ScheduleError(f"{type(self).__qualname__}.generate: {error}") from None
        return tail.take(built)


class CompiledSchedule(Schedule):
    """A schedule whose `generate` comes from the compiled core."""

    __slots__ = ()

    _checked_by_core: ClassVar[bool] = True


class HostFormSchedule(CompiledSchedule):
    """A compiled schedule with a `convention`, under which it returns that host's own list."""

    __slots__ = ()

    convention: str | None

    @property
    def _host_form(self) -> bool:
        return self.convention is not None


def check_choice(name: str, got: object, known: Iterable[str]) -> None:
    """Raise unless `got` is one of the known words."""
    known = tuple(known)
    if got not in known:
        shown = f'"{got}"' if isinstance(got, str) else repr(got)
        raise ScheduleError(f"{name} is {shown}; expected one of {', '.join(known)}")


def check_convention(got: str | None, known: Iterable[str]) -> None:
    """Raise unless `got` is None or a host whose own form of a schedule exists."""
    if got is not None:
        check_choice("convention", got, known)


def check_flag(name: str, got: object) -> None:
    """Raise unless `got` is True or False."""
    if not isinstance(got, bool):
        raise ScheduleError(f"{name} is {got!r}; expected True or False")


def check_size(name: str, got: int) -> None:
    """Raise unless `got` is a number of pixels."""
    if isinstance(got, bool) or not isinstance(got, int) or not 1 <= got <= 1_000_000:
        raise ScheduleError(f"{name} is {got!r}; expected an int from 1 to 1000000")
