"""`python -m benches.python.compilation`: what it costs to compile each sampler, against the times allowed."""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import stepladder as sl
import typer
from rich.console import Console
from rich.table import Table
from stepladder import _sampler

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS, LONG = 20, 1_000
ALLOWED_US = 100.0
ALLOWED_INTEGRALS_US = 1_000.0
"""For methods whose coefficients are integrals."""
ALLOWED_LONG_MS = 10.0
ALLOWED_CACHED_US = 2.0
UNFUSED = ("ddpm_learned_variance", "dpm_adaptive", "score_sde_ve")
"""Methods without a program."""
INTEGRALS = ("deis", "er_sde", "sa_solver", "sa_solver_pece", "uni_pc", "uni_pc_bh2")


@dataclass(frozen=True)
class Row:
    """Medians for one sampler with its default options."""

    name: str
    steps_us: float
    """A program of 20 steps."""
    long_ms: float
    """A program of 1,000 steps."""
    cached_us: float
    """The same 20 steps again."""


def main(
    quick: Annotated[
        bool, typer.Option("--quick", help="Check the answers; time each call once, for nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if a time allowed is exceeded.")] = False,
) -> None:
    """Compile every sampler anew, long, and from the cache; each program is checked first."""
    rows = [_measured(name, quick) for name in sl.make_manager(entry_points=False).samplers if name not in UNFUSED]
    met = allowed(rows)
    if as_json:
        print(json.dumps({"quick": quick, "rows": [asdict(row) for row in rows], "met": met}, indent=2))
    else:
        _show(rows, met)
    if strict and not quick and not all(met.values()):
        raise typer.Exit(1)


def allowed(rows: list[Row]) -> dict[str, bool]:
    """Whether the times allowed are kept."""
    return {
        f"median over all samplers, {STEPS} steps, at most {ALLOWED_US:g} µs": (
            statistics.median(row.steps_us for row in rows) <= ALLOWED_US
        ),
        f"{', '.join(INTEGRALS)}: {STEPS} steps, at most {ALLOWED_INTEGRALS_US:g} µs": all(
            row.steps_us <= ALLOWED_INTEGRALS_US for row in rows if row.name in INTEGRALS
        ),
        f"every sampler, {LONG} steps, at most {ALLOWED_LONG_MS:g} ms": all(
            row.long_ms <= ALLOWED_LONG_MS for row in rows
        ),
        f"every sampler, the same arguments again, at most {ALLOWED_CACHED_US:g} µs": all(
            row.cached_us <= ALLOWED_CACHED_US for row in rows
        ),
    }


def _measured(name: str, quick: bool) -> Row:
    process = sl.process("discrete", beta_schedule="scaled_linear")
    sampler = sl.sampler(name)
    levels, long = (sl.sigmas("karras", process, steps, sampler=sampler) for steps in (STEPS, LONG))

    def anew() -> sl.Program:
        _sampler._compiled.clear()
        return sampler.compile(levels, process)

    def anew_long() -> sl.Program:
        _sampler._compiled.clear()
        return sampler.compile(long, process)

    program = anew()
    assert program is not anew(), "compiled anew"
    assert program == anew(), "the same program"
    assert sampler.compile(levels, process) is sampler.compile(levels, process), "from the cache"
    assert program.analysis.model_calls >= STEPS
    assert anew_long().analysis.model_calls >= LONG
    times = (1, 1, 1) if quick else (60, 3, 2_000)
    return Row(
        name,
        _median(anew, times[0]) * 1e6,
        _median(anew_long, times[1]) * 1e3,
        _median(lambda: sampler.compile(levels, process), times[2]) * 1e6,
    )


def _median(call: Callable[[], object], times: int, rounds: int = 9) -> float:
    """Median seconds of a call, in the quickest of the rounds: the one that other processes disturbed least."""
    call()
    medians = []
    for _ in range(rounds):
        seconds = []
        for _ in range(times):
            start = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - start)
        medians.append(statistics.median(seconds))
    return min(medians)


def _show(rows: list[Row], met: dict[str, bool]) -> None:
    made = Table("sampler", f"{STEPS} steps, µs", f"{LONG} steps, ms", "again, µs")
    for row in sorted(rows, key=lambda row: -row.steps_us):
        made.add_row(row.name, f"{row.steps_us:.1f}", f"{row.long_ms:.2f}", f"{row.cached_us:.2f}")
    console = Console()
    console.print(made)
    for text, kept in met.items():
        console.print(f"{'met' if kept else 'NOT MET'}: {text}")


if __name__ == "__main__":
    typer.run(main)
