"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from stepladder.demo.errors import OutputError


def check_writable(path: str | Path) -> None:
    """Refuse a file that could not be written, before the work that would be lost.

    Parameters
    ----------
    path : str or Path
        File to be written later; nothing is created.

    Raises
    ------
    OutputError
        Its folder does not exist or takes no files, or the path is a folder.
    """
    file = Path(path)
    if not file.parent.is_dir():
        raise OutputError(f"cannot write {file}: the folder {file.parent} does not exist; create it or choose another")
    if file.is_dir():
        raise OutputError(f"cannot write {file}: it is a folder; give the name of a file")
    if not os.access(file.parent, os.W_OK):
        raise OutputError(f"cannot write {file}: the folder {file.parent} is not writable; choose another")


def write_whole(path: str | Path, content: bytes) -> None:
    """Write a file by way of a temporary one beside it, so that no reader ever sees half of it.

    Parameters
    ----------
    path : str or Path
        File to write; one that exists is replaced in one step.
    content : bytes
        All of it.

    Raises
    ------
    OutputError
        The file cannot be written; the temporary one is gone, and a file that was there is untouched.
    """
    file = Path(path)
    check_writable(file)
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}.tmp")
    try:
        try:
            with temporary.open("xb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(file)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"cannot write {file}: {error.strerror or error}") from error
