"""Print the requirements of stepladder and of one extra, resolved from pyproject.toml, one per line.

The environment installs packages and the extension in separate steps: a changed Rust source then rebuilds the extension
without asking an index for anything.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def requirements(extra: str) -> list[str]:
    """Return the requirements of the package and of `extra`, with extras of our own replaced by what they list."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = _lists(text)
    found = list(project["dependencies"])
    pending = [extra]
    while pending:
        for requirement in project[pending.pop()]:
            own = re.fullmatch(r"stepladder\[([\w,-]+)\]", requirement)
            if own:
                pending.extend(own[1].split(","))
            else:
                found.append(requirement)
    return sorted(set(found))


def _lists(text: str) -> dict[str, list[str]]:
    """Read the lists of strings in pyproject.toml: enough of TOML for a Python 3.10 without tomllib."""
    entries = re.findall(r"^([\w-]+) = \[(.*?)^?\]$", text, flags=re.MULTILINE | re.DOTALL)
    return {name: re.findall(r'"((?:[^"\\]|\\.)*)"', body) for name, body in entries}


if __name__ == "__main__":
    sys.stdout.write("\n".join(requirements(sys.argv[1])) + "\n")
