"""`stepladder inspect`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepladder.cli import _options as options
from stepladder.cli._console import facts, heading, plural, printable, show, show_json, table
from stepladder.cli._program import analysis_table, program_table

if TYPE_CHECKING:
    from rich.table import Table

    from stepladder.io import Header

_PROGRAM, _STATE = "stepladder.program", "stepladder.state"
_LONGEST = 200  # characters of a metadata value in the terminal; JSON has them all


def inspect(
    file: Annotated[Path, typer.Argument(help="A safetensors file.", show_default=False)],
    json: options.Json = False,
) -> None:
    """Say what a safetensors file holds: tensors, metadata; a saved program or run state in its own terms."""
    from stepladder.io import read_header

    header = read_header(file)
    kind = header.metadata.get("format")
    program = None
    if kind == _PROGRAM:
        import stepladder as sl

        program = sl.Program.load(file)
    if json:
        document: dict[str, Any] = {
            "file": str(file),
            "tensors": [
                {"name": name, "dtype": info.dtype, "shape": list(info.shape), "bytes": info.end - info.begin}
                for name, info in header.tensors.items()
            ],
            "metadata": header.metadata,
        }
        if program is not None:
            document["program"] = program.to_dict()
            document["analysis"] = asdict(program.analysis)
            document["digest"] = program.digest
        elif kind == _STATE:
            document["state"] = _state(header)
        show_json(document)
        return
    show(heading(printable(str(file))), _tensors(header))
    if header.metadata:
        show("", _metadata(header))
    if program is not None:
        show("", program_table(program), analysis_table(program, digest=program.digest))
    elif kind == _STATE:
        show("", facts(**{key: "none" if item is None else item for key, item in _state(header).items()}))


def _state(header: "Header") -> dict[str, str | int | None]:
    """Read what a saved run says about itself: the digest of its program, the steps done, its noise source."""
    step = header.metadata.get("step", "")
    return {
        "program": header.metadata.get("program"),
        "step": int(step) if step.isascii() and step.isdigit() and len(step) < 20 else None,
        "noise": header.metadata.get("noise"),
    }


def _tensors(header: "Header") -> "Table":
    from rich.text import Text

    total = sum(info.end - info.begin for info in header.tensors.values())
    made = table(
        "tensor",
        "dtype",
        "shape>",
        "bytes>",
        caption=f"{plural(len(header.tensors), 'tensor')}, {plural(total, 'byte')}",
    )
    for name, info in header.tensors.items():
        shape = " x ".join(map(str, info.shape)) or "scalar"
        made.add_row(Text(printable(name), style="cyan"), info.dtype, shape, f"{info.end - info.begin:,}")
    return made


def _metadata(header: "Header") -> "Table":
    from rich.text import Text

    made = table("metadata", "value")
    for key, text in header.metadata.items():
        cut = "" if len(text) <= _LONGEST else f"… ({len(text):,} characters; --json has them all)"
        made.add_row(Text(printable(key), style="cyan"), Text(printable(text[:_LONGEST]) + cut))
    return made
