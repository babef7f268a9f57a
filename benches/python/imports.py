"""What importing costs: the wall time of a fresh interpreter that imports and ends."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from functools import partial

from benches.python.harness import Case, NotInstalledError, Race, Timed


def _python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


def _race(ours: str, theirs: str) -> Race:
    for module in (ours, theirs):
        if importlib.util.find_spec(module) is None:
            raise NotInstalledError(module)

    def check() -> str:
        absent = "torch" if ours == "stepladder" else "stepladder"
        _python(f"import sys, {ours}; assert '{absent}' not in sys.modules, 'imports {absent}'")
        return f"imports, and without {absent}"

    return Race(
        Timed(partial(_python, f"import {ours}")), Timed(partial(_python, f"import {theirs}")), check, slow=True
    )


CASES = (
    Case(
        "import", "import stepladder, whole process", "import numpy", partial(_race, "stepladder", "numpy"), 1.6, "cost"
    ),
    Case("import-torch", "import torch, whole process", "import numpy", partial(_race, "torch", "numpy"), None, "cost"),
)  # fmt: skip
