"""The commands, put together."""

import io
import sys
from typing import Annotated

import typer

from stepladder.cli._group import Group
from stepladder.cli._inspect import inspect
from stepladder.cli._list import list_
from stepladder.cli._plugins import plugins
from stepladder.cli._program import program
from stepladder.cli._sample import sample
from stepladder.cli._sigmas import sigmas

app = typer.Typer(
    name="stepladder",
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        import stepladder

        typer.echo(f"stepladder {stepladder.__version__}")
        raise typer.Exit


@app.callback()
def stepladder(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Noise schedules, samplers and compiled sampler programs for diffusion models."""


for _command, _name in (
    (sample, "sample"),
    (sigmas, "sigmas"),
    (program, "program"),
    (list_, "list"),
    (plugins, "plugins"),
    (inspect, "inspect"),
):
    app.command(_name)(_command)


def main() -> None:
    """Run the command line with the arguments of this process, and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a legacy code page has no block characters
    app()
