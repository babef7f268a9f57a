"""`stepladder program`."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepladder.cli import _options as options
from stepladder.cli._console import facts, printable, show, show_json, table
from stepladder.cli._group import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rich.table import Table

    from stepladder._local_error import LocalErrors
    from stepladder._program import Program

_TOLERANCE = 0.01


def program(
    name: Annotated[str, typer.Argument(help="Sampler: see `stepladder list samplers`.", show_default=False)],
    steps: options.Steps = 20,
    schedule: options.ScheduleName = "karras",
    schedule_option: options.ScheduleOptions = None,
    process: options.ProcessName = "discrete",
    process_option: options.ProcessOptions = None,
    option: options.SamplerOptions = None,
    fold: Annotated[
        str | None, typer.Option(help="Fold a parameterization in: calls then are the network's.", metavar="NAME")
    ] = None,
    analysis: Annotated[bool, typer.Option("--analysis", help="Say under the table what the program costs.")] = False,
    error: Annotated[
        bool, typer.Option("--error", help="Print what each step loses on an exact problem, in place of the program.")
    ] = False,
    json: options.Json = False,
    save: Annotated[
        Path | None, typer.Option(help="Save the program, as safetensors (.safetensors).", metavar="FILE")
    ] = None,
) -> None:
    """Compile a sampler and print its program: every operation with its coefficients."""
    if json and analysis:
        raise CommandError("--analysis belongs to the table, and --json prints none; leave one out")
    if error and analysis:
        raise CommandError("--error prints a table of its own; leave --analysis out")
    options.check_output(save, ".safetensors")

    import stepladder as sl

    made_process = sl.process(process, **options.pairs(process_option, "--process-option"))
    made_schedule = sl.schedule(schedule, **options.pairs(schedule_option, "--schedule-option"))
    given = options.pairs(option, "--option")
    sampler = sl.sampler(name, **given)
    levels = made_schedule.sigmas(made_process, steps, sampler=sampler)
    made = options.compiled(sampler, name, given, levels, made_process)
    if fold is not None:
        made = made.fold(sl.parameterization(fold))
    if save is not None:
        with options.writing(save):
            made.save(save)
    if error:
        claims = sl.samplers()[name].claims
        order = None if claims is None else claims.global_order
        if order is None:
            raise CommandError(f"--error: {name} claims no order, so its steps have no error; choose one that does")
        problem, x = _exact_problem(made_process.family, made.sigma_start)
        found = sl.local_errors(sampler, problem, x, levels, process=made_process)
        if isinstance(sampler, sl.RungeKuttaSampler) and sampler.embedded_order is not None:
            order = sampler.embedded_order
        enough = steps_needed(found, order)
        if json:
            show_json({"sampler": name, **asdict(found), "sum": found.total, "tolerance": _TOLERANCE, "steps": enough})
        else:
            show(*error_tables(found, enough))
        return
    if json:
        typer.echo(made.to_json())
        return
    show(program_table(made))
    if analysis:
        show(analysis_table(made))


def _exact_problem(family: str, sigma: float) -> "tuple[Callable[..., Any], Any]":
    """Return the denoiser of a mixture of Gaussians under the family, and fixed points at the first level."""
    import numpy as np

    from stepladder.testing import mixture_problem

    mixture = mixture_problem()

    def denoiser(x: "Any", sigmas: "Any") -> "Any":
        level = float(sigmas[0])
        if family != "flow":
            return mixture.denoise(x, level)
        if level == 1.0:  # x says nothing of the data: their mean
            return np.zeros_like(x) + np.array(mixture.weights) @ np.array(mixture.means)
        return mixture.denoise(x / (1.0 - level), level / (1.0 - level))

    if family != "flow":
        return denoiser, mixture.start(sigma)
    far = 1e6  # of pure noise the signal has no share
    return denoiser, mixture.start(far) / far if sigma == 1.0 else mixture.start(sigma / (1 - sigma)) * (1 - sigma)


def steps_needed(found: "LocalErrors", order: float) -> int:
    """Return about how many steps lose no more than the tolerance."""
    estimated = sum(error is not None for error in found.errors)
    if not estimated:
        raise CommandError("--error: the only step is to zero, which has no estimate; expected --steps of at least 2")
    enough: int = math.ceil(estimated * (found.total / _TOLERANCE) ** (1 / order)) + len(found.errors) - estimated
    return max(enough, 2)


def error_tables(found: "LocalErrors", enough: int) -> "list[Table]":
    """Return what each step loses, and how many steps are enough."""
    rows = table("step>", "sigma>", "next>", "error>")
    for step, error in enumerate(found.errors):
        s, s_next = found.sigmas[step : step + 2]
        rows.add_row(str(step), f"{s:.6g}", f"{s_next:.6g}", "-" if error is None else f"{error:.2g}")
    by = {"embedded": "the embedded method", "halves": "two steps of half the length"}[found.estimate]
    more = {
        "compared_with": by,
        "sum": f"{found.total:.2g}",
        f"steps_for_{_TOLERANCE:g}": f"about {enough}",
        "model_calls": found.model_calls,
    }
    return [rows, facts(**more)]


def program_table(program: "Program") -> "Table":
    """Return a program's table; the label, which may come from a file, as plain text."""
    from rich.text import Text

    made = program.table()
    made.title = Text(printable(str(made.title)))
    return made


def analysis_table(program: "Program", **more: str) -> "Table":
    """Return what a program costs, and more facts under it."""
    return facts(**asdict(program.analysis), **more)
