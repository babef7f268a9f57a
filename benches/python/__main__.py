"""`python -m benches.python`: run the races and print the table."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import sys
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import stepladder as sl
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benches.python import batches, imports, processes, samplers, schedules, vectors
from benches.python.harness import FULL, QUICK, Case, Result, run

CASES: tuple[Case, ...] = (
    *schedules.CASES, *batches.CASES, *processes.CASES, *vectors.CASES, *samplers.CASES, *imports.CASES,
)  # fmt: skip


def main(
    only: Annotated[
        list[str] | None, typer.Option(help="Run the rows whose name starts so; repeatable.", metavar="NAME")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Check the answers; time each call once, for nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if a requirement is not met.")] = False,
) -> None:
    """Race stepladder against the incumbents, in one process and on one thread, each answer asserted first."""
    cases = [c for c in CASES if not only or c.name.startswith(tuple(only))]
    if not cases:
        print(
            f"no row starts with {', '.join(only or ())}; rows are {', '.join(c.name for c in CASES)}", file=sys.stderr
        )
        raise typer.Exit(2)
    progress = Console(stderr=True)
    effort = QUICK if quick else FULL
    hidden = not progress.is_terminal
    results = [run(c, effort) for c in track(cases, "timing", console=progress, transient=True, disable=hidden)]
    if as_json:
        rows = [{**dataclasses.asdict(r), "met": r.met} for r in results]
        print(json.dumps({"machine": machine(), "quick": quick, "rows": rows}, indent=2))
    else:
        show(results, quick)
    if strict and not quick and any(r.met is False for r in results):
        raise typer.Exit(1)


def machine() -> dict[str, str]:
    """Return what the figures depend on."""
    found = {
        "cpu": _cpu(),
        "date": date.today().isoformat(),
        "python": platform.python_version(),
        "stepladder": sl.__version__,
    }
    found.update((package, _version(package)) for package in ("numpy", "torch", "k-diffusion"))
    if hasattr(os, "getloadavg"):
        found["load"] = f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    return found


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    names = dict(line.split("\t", 1) for line in info.read_text().splitlines() if "\t" in line) if info.exists() else {}
    model = names.get("model name", platform.processor() or platform.machine()).strip(": \t")
    family = names.get("cpu family", "").strip(": \t")
    return f"{model}, family {family}" if family else model


def show(results: list[Result], quick: bool) -> None:
    """Print the table."""
    # Piped output has no width of its own; a table that breaks its cells would be of no use there.
    console = Console() if sys.stdout.isatty() else Console(width=190)
    console.print(", ".join(f"{k} {v}" if k not in {"cpu", "date"} else v for k, v in machine().items()))
    table = Table(title="answers only: these times mean nothing" if quick else None)
    for column in ("row", "work", "against"):
        table.add_column(column)
    for column in ("stepladder", "incumbent", "ratio", "quartiles", "required", "copy"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("answer")
    for r in results:
        required = "" if r.required is None else f"{'≥' if r.ratio_is == 'speedup' else '≤'} {r.required:g}x"
        verdict = {None: "", True: " ✓", False: " [bold red]below[/]"}[None if quick else r.met]
        if r.ratio is None or r.ours_us is None or r.theirs_us is None:
            table.add_row(r.name, r.work, r.against, "", "", "", "", required, "", r.skipped)
            continue
        cells = (_time(r.ours_us), _time(r.theirs_us), f"{r.ratio:.2f}x", f"{r.low:.2f}-{r.high:.2f}")
        copy = "" if r.copy_us is None else _time(r.copy_us)
        table.add_row(r.name, r.work, r.against, *cells, required + verdict, copy, f"✓ {r.answer}")
    console.print(table)
    below = [r.name for r in results if r.met is False]
    if below and not quick:
        console.print(f"not met on this machine: {', '.join(below)}")


def _time(us: float) -> str:
    if us >= 1000:
        return f"{us / 1000:.1f} ms"
    if us < 0.1:
        return f"{us * 1000:.2f} ns"
    return f"{us:.2f} µs" if us < 100 else f"{us:.0f} µs"


if __name__ == "__main__":
    typer.run(main)
