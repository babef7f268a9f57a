"""What becomes of errors: one message on standard error, and exit code 2."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, cast

import typer
from typer.core import TyperGroup

from stepladder.cli._console import complain
from stepladder.errors import StepladderError

if TYPE_CHECKING:
    from collections.abc import Sequence

_BAD_INPUT = 2
_INTERRUPTED = 130

# Newer typers carry a click of their own and export only this subclass of its usage errors.
_UsageError = cast("type[Exception]", typer.BadParameter.__base__)


class CommandError(StepladderError, ValueError):
    """An argument of the command line that no command can use."""


class Group(TyperGroup):
    """The commands, with one way to fail."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; every error on purpose, and of the operating system, is the user's to read."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(_INTERRUPTED) from None
        except BrokenPipeError:
            raise  # whoever read the output has seen enough: typer exits quietly
        except (StepladderError, ImportError, MemoryError) as error:
            complain(str(error) or type(error).__name__)
        except OSError as error:
            complain(_described(error))
        raise typer.Exit(_BAD_INPUT)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Parse the arguments and run the command they name."""
        try:
            code = super().main(args, "stepladder", complete_var, False, windows_expand_args, **extra)
        except _UsageError as error:
            usage = cast("Any", error)
            message = usage.format_message()
            if message and usage.ctx is not None:
                message = f"{message.rstrip('.')} (`{usage.ctx.command_path} --help` shows what there is)"
            if message:
                complain(message)
            code = _BAD_INPUT
        except typer.Abort:
            code = _INTERRUPTED
        if standalone_mode:
            sys.exit(code)
        return code


def _described(error: OSError) -> str:
    """Return an operating system's error as a sentence about its file."""
    if error.strerror is None or error.filename is None:
        return str(error)
    return f"{error.filename}: {error.strerror.lower()}"
