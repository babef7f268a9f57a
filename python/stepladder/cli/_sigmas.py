"""`stepladder sigmas`."""

import csv
import dataclasses
import io
import itertools
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from stepladder.cli import _options as options
from stepladder.cli._console import heading, plural, remark, show, show_json, table
from stepladder.cli._group import CommandError

if TYPE_CHECKING:
    from rich.table import Table

    from stepladder._process import NoiseProcess

_COLUMNS = ("step", "sigma", "ratio", "log_sigma", "timestep")
_STEPS = 20
_LONGEST = 200  # rows of a table in the terminal; files and JSON have them all
_ENDS = 20
_TITLE = 60
_Row: TypeAlias = tuple[int, float, float | None, float | None, float | None]
_PICTURES = (".png", ".svg", ".pdf")


def sigmas(
    name: Annotated[str, typer.Argument(help="Schedule: see `stepladder list schedules`.", show_default=False)],
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps", "-n", help="Sampling steps; 20, or the nearest number that there is, if left out.", metavar="N"
        ),
    ] = None,
    process: Annotated[
        str | None,
        typer.Option(help="Noise process; that of the schedule, else discrete, if left out.", metavar="NAME"),
    ] = None,
    process_option: options.ProcessOptions = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", help="Parameter of the schedule; repeatable.", metavar="KEY=VALUE")
    ] = None,
    denoise: Annotated[float, typer.Option(help="Part of the noise to start from, 0 to 1.", metavar="PART")] = 1.0,
    sampler: Annotated[
        str | None, typer.Option(help="Sampler that will walk the levels: some skip the last but one.", metavar="NAME")
    ] = None,
    json: options.Json = False,
    csv_file: Annotated[
        str | None, typer.Option("--csv", help="Write CSV, in full precision; - is standard output.", metavar="FILE")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw sigma against step (.png, .svg or .pdf).", metavar="FILE")
    ] = None,
) -> None:
    """Print a schedule's noise levels."""
    if json and csv_file == "-":
        raise CommandError("--json and --csv - both print to standard output; give --csv a file, or leave one out")
    csv_path = None if csv_file in (None, "-") else Path(str(csv_file))
    options.check_output(csv_path)
    options.check_output(plot, *_PICTURES)
    if plot is not None:
        from stepladder.plot import require_matplotlib

        require_matplotlib()

    import stepladder as sl
    from stepladder.errors import ScheduleError

    given = options.pairs(option, "--option")
    try:
        made = sl.schedule(name, **given)
    except ScheduleError as error:
        hint = _list_hint(sl.schedules()[name].factory, given)
        raise (CommandError(f"{error}; {hint}") if hint else error) from error
    own = sl.schedules()[name].process
    process = process or own or "discrete"
    made_process = sl.process(process, **options.pairs(process_option, "--process-option"))
    if own is not None and sl.process(own).family != made_process.family:
        remark(f"the levels of {name} are those of the process {own}; {process} does not change them")
    if steps is None:
        fewest, most = made.steps_range
        steps = min(max(_STEPS, fewest), most)
    levels = made.sigmas(made_process, steps, denoise=denoise, sampler=sampler)

    if plot is not None:
        from stepladder.plot import figure_bytes, sigmas_figure

        count = plural(max(levels.size - 1, 0), "step")
        title = f"{_given(name, option)} over {_given(process, process_option)}, {count}"
        figure = sigmas_figure(levels, title, scale="linear" if made_process.family == "flow" else "log")
        options.write(plot, figure_bytes(figure, plot.suffix))
    rows = [] if json and csv_file is None else _rows(levels.tolist(), made_process)
    if csv_path is not None:
        options.write(csv_path, _csv(rows).encode())
    if json:
        show_json(
            {
                "schedule": {"name": name, "parameters": options.parameters(made)},
                "process": {"name": process, "parameters": options.parameters(made_process)},
                "steps": steps,
                "denoise": denoise,
                "sampler": sampler,
                "sigmas": levels.tolist(),
            }
        )
    elif csv_file == "-":
        typer.echo(_csv(rows), nl=False)
    else:
        show(heading(f"{made!r} over {made_process!r}"), _table(rows))


def _given(name: str, options: list[str] | None) -> str:
    """A name with the options it was given, as the title of a picture has room for them."""
    text = ", ".join(options or ())
    return name + (f" ({text if len(text) <= _TITLE else text[:_TITLE] + '…'})" if text else "")


def _rows(levels: list[float], process: "NoiseProcess") -> list[_Row]:
    """(step, sigma, ratio to the next, log sigma, time); None where there is no such number."""
    return [
        (
            step,
            sigma,
            sigma / following if following else None,
            math.log(sigma) if sigma > 0 else None,
            _time(process, sigma),
        )
        for step, (sigma, following) in enumerate(itertools.zip_longest(levels, levels[1:]))
    ]


def _list_hint(factory: object, given: dict[str, object]) -> str | None:
    """How to type a schedule's list of numbers, where it needs one that is not given as one."""
    if not (isinstance(factory, type) and dataclasses.is_dataclass(factory)):
        return None
    lists = [field.name for field in dataclasses.fields(factory) if field.init and str(field.type).startswith("tuple")]
    if not lists or any(isinstance(given.get(name), list) for name in lists):
        return None
    return "a list is numbers with commas: " + " or ".join(f"--option {name}=9,3,1" for name in lists)


def _time(process: "NoiseProcess", sigma: float) -> float | None:
    from stepladder.errors import ProcessError

    if sigma <= 0:
        return None
    try:
        return float(process.timestep(sigma))
    except ProcessError:  # a level outside the range the process has times for
        return None


def _csv(rows: list[_Row]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(["" if value is None else repr(value) for value in row] for row in rows)
    return buffer.getvalue()


def _table(rows: list[_Row]) -> "Table":
    def text(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    long = len(rows) > _LONGEST
    caption = "--csv and --json have every row" if long else None
    made = table("step>", "sigma>", "ratio to next>", "log sigma>", "timestep>", caption=caption)
    for number, (step, sigma, ratio, log_sigma, time) in enumerate(rows):
        if long and number == _ENDS:
            made.add_row("…", f"({plural(len(rows) - 2 * _ENDS, 'row')} more)", "…", "…", "…")
        if not long or not _ENDS <= number < len(rows) - _ENDS:
            made.add_row(str(step), f"{sigma:.6g}", text(ratio, ".4f"), text(log_sigma, ".4f"), text(time, ".6g"))
    return made
