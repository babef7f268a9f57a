"""Races: two ways to do one piece of work, timed turn by turn in one process, after their answers were compared."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

Call = Callable[[], object]


class NotInstalledError(Exception):
    """An incumbent, or a package it needs, is not there; the message is its name."""


@dataclass(frozen=True)
class Timed:
    """One side of a race: the cost of `call`, less that of `without` if there is one, for each of `per` units."""

    call: Call
    without: Call | None = None
    per: int = 1


@dataclass(frozen=True)
class Race:
    """Both sides, and the proof that they do the same work."""

    ours: Timed
    theirs: Timed
    check: Callable[[], str]
    """Compares the answers; returns how closely they were asked to agree, raises AssertionError."""
    slow: bool = False
    """One call is a measurement by itself: a process, not a function."""
    others: tuple[Timed, ...] = ()
    """More formulations of the incumbent: the quickest one in each round counts."""
    copy: Timed | None = None
    """A copy of as many bytes as the result has: what no computation of it can be faster than."""


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    name: str
    work: str
    against: str
    make: Callable[[], Race]
    required: float | None = None
    ratio: Literal["speedup", "cost"] = "speedup"
    """`speedup`: their time over ours, required at least. `cost`: ours over theirs, required at most."""


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    rounds: int
    turns: int
    """Turns of each side in a round; the round's figure is the quickest, the least disturbed by other processes."""
    seconds: float
    """Length of a turn: warm after its first calls, and short enough to be left alone now and then."""
    slow_rounds: int


FULL = Effort(rounds=11, turns=6, seconds=0.005, slow_rounds=12)
QUICK = Effort(rounds=1, turns=1, seconds=0.0, slow_rounds=1)


@dataclass(frozen=True)
class Result:
    """What a case gave. Times are microseconds per unit, medians over the rounds."""

    name: str
    work: str
    against: str
    ratio_is: Literal["speedup", "cost"]
    required: float | None
    skipped: str | None = None
    """Why there is no figure: an incumbent is not installed."""
    answer: str | None = None
    """How closely the answers were asked to agree; they did."""
    ours_us: float | None = None
    theirs_us: float | None = None
    ratio: float | None = None
    """Median over the rounds of each round's ratio."""
    low: float | None = None
    high: float | None = None
    """Quartiles of the rounds' ratios."""
    copy_us: float | None = None
    """A copy of the result, per unit."""

    @property
    def met(self) -> bool | None:
        """Whether the requirement is met; None without a requirement or a figure."""
        if self.required is None or self.ratio is None:
            return None
        return self.ratio >= self.required if self.ratio_is == "speedup" else self.ratio <= self.required


def run(case: Case, effort: Effort) -> Result:
    """Check the answers, then race."""
    result = Result(case.name, case.work, case.against, case.ratio, case.required)
    try:
        race = case.make()
    except NotInstalledError as error:
        return replace(result, skipped=f"not installed: {error}")
    answer = race.check()
    rounds = effort.slow_rounds if race.slow else effort.rounds
    figures = _rounds(race, effort, rounds)
    ours, theirs = [f[0] for f in figures], [f[1] for f in figures]
    copies = [f[2] for f in figures if f[2] is not None]
    ratios = [t / o if case.ratio == "speedup" else o / t for o, t in zip(ours, theirs, strict=True)]
    low, high = _quartiles(ratios)
    return replace(
        result,
        answer=answer,
        ours_us=statistics.median(ours) * 1e6,
        theirs_us=statistics.median(theirs) * 1e6,
        ratio=statistics.median(ratios),
        low=low,
        high=high,
        copy_us=min(copies) * 1e6 if copies else None,
    )


def _quartiles(values: list[float]) -> tuple[float, float]:
    if len(values) == 1:
        return values[0], values[0]
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, third


def _rounds(race: Race, effort: Effort, rounds: int) -> list[tuple[float, float, float | None]]:
    """Seconds per unit of both sides, and of a copy if the race has one, for each round."""
    sides = (race.ours, race.theirs, *race.others, *(() if race.copy is None else (race.copy,)))
    calls = [c for side in sides for c in (side.call, side.without) if c is not None]
    counts = [1 if race.slow else _calls_in(call, effort.seconds) for call in calls]
    turns = 1 if race.slow else effort.turns
    figures = []
    for number in range(rounds):
        taken: list[list[float]] = [[] for _ in calls]
        # Every other round the other way, so that no call always runs after the same one.
        order = range(len(calls)) if number % 2 == 0 else range(len(calls) - 1, -1, -1)
        for _ in range(turns):
            for i in order:
                taken[i].append(_seconds(calls[i], counts[i]))
        quickest = iter([min(t) for t in taken])
        costs = []
        for side in sides:
            full = next(quickest)
            rest = next(quickest) if side.without is not None else 0.0
            # In a quick run of one call noise may exceed what is left; a figure must stay a figure.
            costs.append(max(full - rest, 1e-9) / side.per)
        copy = None if race.copy is None else costs.pop()
        figures.append((costs[0], min(costs[1:]), copy))
    return figures


def _seconds(call: Call, count: int) -> float:
    """Seconds per call, with the garbage collector off as `timeit` has it."""
    steps = range(count)
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        start = time.perf_counter()
        for _ in steps:
            call()
        return (time.perf_counter() - start) / count
    finally:
        if was_enabled:
            gc.enable()


def _calls_in(call: Call, seconds: float) -> int:
    """Return how many calls take about `seconds`; the trial warms the call up."""
    count = 1
    while True:
        taken = _seconds(call, count) * count
        if taken >= seconds / 4:
            return max(1, round(count * seconds / max(taken, 1e-9)))
        count *= 4
