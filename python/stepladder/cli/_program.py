"""`stepladder program`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepladder.cli import _options as options
from stepladder.cli._console import facts, printable, show
from stepladder.cli._group import CommandError

if TYPE_CHECKING:
    from rich.table import Table

    from stepladder._program import Program


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
    json: options.Json = False,
    save: Annotated[
        Path | None, typer.Option(help="Save the program, as safetensors (.safetensors).", metavar="FILE")
    ] = None,
) -> None:
    """Compile a sampler and print its program: every operation with its coefficients."""
    if json and analysis:
        raise CommandError("--analysis belongs to the table, and --json prints none; leave one out")
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
    if json:
        typer.echo(made.to_json())
        return
    show(program_table(made))
    if analysis:
        show(analysis_table(made))


def program_table(program: "Program") -> "Table":
    """Return a program's table; the label, which may come from a file, as plain text."""
    from rich.text import Text

    made = program.table()
    made.title = Text(printable(str(made.title)))
    return made


def analysis_table(program: "Program", **more: str) -> "Table":
    """Return what a program costs, and more facts under it."""
    return facts(**asdict(program.analysis), **more)
