"""Files: safetensors with checked headers, written whole or not at all."""

from __future__ import annotations

import json
import math
import os
import secrets
import stat
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from stepladder.errors import FileFormatError, OutputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

#: The format's own limit on its header.
MAX_HEADER_BYTES = 100_000_000

_ITEM_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1,
    "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
    "U32": 4, "I32": 4, "F32": 4,
    "U64": 8, "I64": 8, "F64": 8,
}  # fmt: skip


class TensorInfo(NamedTuple):
    """One tensor of a safetensors file, as its header describes it."""

    dtype: str
    """The format's name of the element type, `F32` for instance."""
    shape: tuple[int, ...]
    """Its shape."""
    begin: int
    """First byte, counted from the end of the header."""
    end: int
    """One past the last byte."""


class Header(NamedTuple):
    """A checked safetensors header."""

    tensors: dict[str, TensorInfo]
    """Every tensor by name, in file order."""
    metadata: dict[str, str]
    """The text the writer attached."""


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        twice = next(key for i, key in enumerate(keys) if key in keys[:i])
        msg = f"the key {twice!r} appears twice; a well-formed file names everything once"
        raise FileFormatError(msg)
    return dict(pairs)


def parse_json(text: str | bytes, what: str) -> Any:
    """Parse JSON, refusing duplicate keys, NaN and infinity.

    Parameters
    ----------
    text : str or bytes
        The document.
    what : str
        What it is, for the message.

    Raises
    ------
    FileFormatError
        The text is not JSON, names a key twice, or holds a number JSON does not have.
    """

    def refuse_constant(name: str) -> Any:
        msg = f"{what} holds {name}; expected finite numbers"
        raise FileFormatError(msg)

    try:
        return json.loads(text, object_pairs_hook=_refuse_duplicates, parse_constant=refuse_constant)
    except FileFormatError as error:
        msg = f"{what}: {error}" if what not in str(error) else str(error)
        raise FileFormatError(msg) from None
    except (ValueError, RecursionError) as error:
        msg = f"{what} is not valid JSON: {error}"
        raise FileFormatError(msg) from None


def read_header(path: str | os.PathLike[str]) -> Header:
    """Read and check the header of a safetensors file, without reading its tensors.

    Parameters
    ----------
    path : path-like
        The file.

    Raises
    ------
    FileFormatError
        The file is shorter than its header says, a key appears twice, offsets are out of range, overlap or leave holes,
        or a tensor's bytes do not match its dtype and shape. Sizes are compared with the file before anything is
        allocated for them.
    OSError
        The file cannot be read.
    """
    path = Path(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        first = file.read(8)
        if len(first) < 8:
            msg = f"{path} holds {size} bytes; a safetensors file starts with an 8-byte header length"
            raise FileFormatError(msg)
        (length,) = struct.unpack("<Q", first)
        if length > min(size - 8, MAX_HEADER_BYTES):
            msg = (
                f"{path} announces a header of {length} bytes; the file holds {size - 8} after the length, and "
                f"{MAX_HEADER_BYTES} are allowed. It is truncated, or not a safetensors file"
            )
            raise FileFormatError(msg)
        raw = file.read(length)
    parsed = parse_json(raw, f"the header of {path}")
    if not isinstance(parsed, dict):
        msg = f"the header of {path} is a {type(parsed).__name__}; expected an object"
        raise FileFormatError(msg)
    metadata = parsed.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        msg = f"__metadata__ of {path} must map text to text"
        raise FileFormatError(msg)
    tensors = {name: _tensor_info(path, name, entry, size - 8 - length) for name, entry in parsed.items()}
    position = 0
    for name, info in sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)):
        if info.begin != position:
            msg = f"{path}: tensor {name!r} starts at byte {info.begin}; expected {position}, without holes or overlaps"
            raise FileFormatError(msg)
        position = info.end
    if position != size - 8 - length:
        msg = f"{path} holds {size - 8 - length} bytes of tensors; its header accounts for {position}"
        raise FileFormatError(msg)
    return Header(tensors, metadata)


def _tensor_info(path: Path, name: str, entry: Any, available: int) -> TensorInfo:
    def bad(reason: str) -> FileFormatError:
        return FileFormatError(f"{path}: tensor {name!r} {reason}")

    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise bad("must have exactly dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]

    def naturals(values: Any) -> bool:
        return isinstance(values, list) and all(type(v) is int and v >= 0 for v in values)

    if not isinstance(dtype, str) or dtype not in _ITEM_BYTES:
        raise bad(f"has dtype {dtype!r}; expected one of {', '.join(_ITEM_BYTES)}")
    if not naturals(shape):
        raise bad(f"has shape {shape!r}; expected a list of whole numbers")
    if not naturals(offsets) or len(offsets) != 2 or not offsets[0] <= offsets[1] <= available:
        raise bad(f"has data_offsets {offsets!r}; expected begin <= end <= {available}, the bytes there are")
    expected = math.prod(shape) * _ITEM_BYTES[dtype]
    if offsets[1] - offsets[0] != expected:
        raise bad(f"spans {offsets[1] - offsets[0]} bytes; {dtype} of shape {tuple(shape)} takes {expected}")
    return TensorInfo(dtype, tuple(shape), offsets[0], offsets[1])


def read_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, NDArray[np.generic]], dict[str, str]]:
    """Read a whole safetensors file as NumPy arrays, after `read_header` has checked it.

    Returns
    -------
    tensors : dict of str to ndarray
    metadata : dict of str to str

    Raises
    ------
    FileFormatError
        As `read_header`; or an element type NumPy does not have.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    header = read_header(path)
    try:
        return load_file(path), header.metadata
    except (SafetensorError, AttributeError, KeyError, TypeError) as error:
        msg = f"{path} cannot be read as NumPy arrays: {error}"
        raise FileFormatError(msg) from error


def check_writable(path: str | os.PathLike[str]) -> None:
    """Refuse a file that could not be written, before the work that would be lost. Nothing is created.

    Raises
    ------
    OutputError
        Its folder does not exist or takes no files, or the path is a folder.
    """
    file = Path(os.path.realpath(path))
    if not file.parent.is_dir():
        msg = f"cannot write {file}: the folder {file.parent} does not exist; create it or choose another"
        raise OutputError(msg)
    if file.is_dir():
        msg = f"cannot write {file}: it is a folder; give the name of a file"
        raise OutputError(msg)
    if file.exists() and not file.is_file():
        msg = f"cannot write {file}: it is a device, a pipe or the like, which a whole file would replace; name a file"
        raise OutputError(msg)
    if not os.access(file.parent, os.W_OK):
        msg = f"cannot write {file}: the folder {file.parent} is not writable; choose another"
        raise OutputError(msg)


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file whole or not at all: into a temporary neighbour first, then renamed over `path`.

    Raises
    ------
    OutputError
        The file cannot be written; the temporary one is gone, and a file that was there is untouched.
    """
    file = Path(os.path.realpath(path))  # what a link points to is replaced, not the link
    check_writable(file)
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}.tmp")
    try:
        try:
            with temporary.open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            if file.exists():
                temporary.chmod(stat.S_IMODE(file.stat().st_mode))
            temporary.replace(file)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        msg = f"cannot write {file}: {error.strerror or error}"
        raise OutputError(msg) from error


def write_tensors(
    path: str | os.PathLike[str], tensors: Mapping[str, NDArray[np.generic]], metadata: Mapping[str, str]
) -> None:
    """Write arrays as a safetensors file, whole or not at all.

    Raises
    ------
    OutputError
        As `write_whole`.
    """
    from safetensors.numpy import save

    write_whole(path, save(dict(tensors), dict(metadata)))
