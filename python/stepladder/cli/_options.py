"""Options that several commands share, and `key=value`."""

import contextlib
import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from stepladder.cli._group import CommandError

Steps: TypeAlias = Annotated[int, typer.Option("--steps", "-n", help="Sampling steps.", metavar="N")]
ProcessName: TypeAlias = Annotated[str, typer.Option("--process", help="Noise process.", metavar="NAME")]
ProcessOptions: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--process-option", help="Parameter of the process; repeatable.", metavar="KEY=VALUE"),
]
ScheduleName: TypeAlias = Annotated[str, typer.Option("--schedule", help="Schedule.", metavar="NAME")]
ScheduleOptions: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--schedule-option", help="Parameter of the schedule; repeatable.", metavar="KEY=VALUE"),
]
SamplerOptions: TypeAlias = Annotated[
    list[str] | None, typer.Option("--option", help="Parameter of the sampler; repeatable.", metavar="KEY=VALUE")
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]

# Larger whole numbers are read as floats: nothing that takes one holds them.
_WHOLE = 2**63


def pairs(texts: list[str] | None, option: str) -> dict[str, Any]:
    """Read repeated `key=value` texts.

    Parameters
    ----------
    texts : list of str, optional
        As typed.
    option : str
        Where they were given, for messages.

    Raises
    ------
    CommandError
        A text without `=`, or a key twice.
    """
    found: dict[str, Any] = {}
    for text in texts or ():
        key, equals, raw = text.partition("=")
        key = key.strip()
        if not equals or not key:
            raise CommandError(f"{option} got {text!r}; expected KEY=VALUE, such as {option} rho=5")
        if key in found:
            raise CommandError(f"{option} gives {key!r} twice: {found[key]!r} and {value(raw)!r}; give it once")
        found[key] = value(raw)
    return found


def value(text: str) -> bool | float | str | list[float]:
    """Read a value: a whole number, a number, true or false, a comma list of numbers, else the text itself."""
    text = text.strip()
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    number = _number(text)
    if number is not None:
        return number
    parts = [_number(part) for part in text.removesuffix(",").split(",")]
    numbers = [float(part) for part in parts if part is not None]
    return numbers if "," in text and len(numbers) == len(parts) else text


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    if math.isfinite(number) and abs(number) < _WHOLE:
        try:
            return int(text)
        except ValueError:
            pass
    return number


def compiled(sampler: Any, name: str, given: dict[str, Any], sigmas: Any, process: Any) -> Any:
    """Compile a sampler; a parameter of the wrong type is the user's error, which may show only now.

    Raises
    ------
    SamplerError
        As `Sampler.compile`, or a parameter is not of the type the method computes with.
    """
    from stepladder.errors import SamplerError

    try:
        return sampler.compile(sigmas, process)
    except TypeError as error:
        if not given:
            raise
        raise SamplerError(f"sampler {name!r} refused {given!r}: {error}") from error


def check_output(path: Path | None, *suffixes: str) -> None:
    """Refuse, before any work is done, a file that could not be written.

    Raises
    ------
    CommandError
        The suffix is of another format, the folder does not exist, or the path is a folder.
    """
    if path is None:
        return
    if suffixes and path.suffix.lower() not in suffixes:
        got = repr(path.suffix) if path.suffix else "no suffix"
        raise CommandError(f"cannot write {path}: it has {got}; expected {' or '.join(suffixes)}")
    if path.is_dir():
        raise CommandError(f"cannot write {path}: it is a folder; name a file in it")
    if not path.parent.is_dir():
        raise CommandError(f"cannot write {path}: there is no folder {path.parent}; make it first")


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Name the file the user asked for in an error of the operating system, not the temporary one beside it."""
    try:
        yield
    except OSError as error:
        raise CommandError(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from error


def write(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all.

    Raises
    ------
    CommandError
        The file cannot be written.
    """
    from stepladder.io import write_whole

    with writing(path):
        write_whole(path, data)


def parameters(made: Any) -> dict[str, Any]:
    """Return the fields of a schedule, sampler or process as JSON has them; none for one that is no dataclass."""
    if not dataclasses.is_dataclass(made):
        return {}
    return {f.name: shown(getattr(made, f.name)) for f in dataclasses.fields(made) if f.init}


def changed(made: Any) -> dict[str, Any]:
    """Return the fields of a dataclass that are not at their defaults."""
    fields = ((f, getattr(made, f.name)) for f in dataclasses.fields(made) if f.init and f.repr)
    return {f.name: value for f, value in fields if value != f.default}


def shown(value: Any) -> Any:
    """Return a parameter as JSON has it; what JSON cannot hold, as its repr."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [shown(item) for item in value]
    return repr(value)
