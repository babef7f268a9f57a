"""Build the wheel and the sdist into dist/, look inside, and try both in clean environments: `make wheel`.

The wheel is installed for every Python from 3.10 on that this machine has, without torch and without a Rust toolchain
on the path; the sdist once, which compiles it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
MINORS = range(10, 15)
DEPENDENCIES = {"numpy", "pluggy", "rich", "safetensors", "typer"}

# Runs in the fresh environment, in an empty folder; prints nothing unless something is wrong.
SMOKE = """
import importlib.util, json, subprocess, sys, sysconfig
from pathlib import Path
import numpy as np
import stepladder as sl

assert importlib.util.find_spec("torch") is None, "torch is installed: this environment proves nothing"
assert Path(sl.__file__).is_relative_to(sysconfig.get_path("platlib")), f"imported from {sl.__file__}"

process = sl.process("discrete", beta_schedule="scaled_linear")
program = sl.sampler("heun").compile(sl.schedule("karras").sigmas(process, 4), process)
assert program.analysis.model_calls == 7, program.analysis
x = np.random.default_rng(0).standard_normal((2, 3, 8, 8)).astype(np.float32) * np.float32(process.sigma_max)
# Data that are one constant image: the exact denoiser returns it whatever x is, and so must the run.
made = sl.sample(program, lambda x, sigma: np.full_like(x, 0.25), x)
np.testing.assert_allclose(made, 0.25, rtol=1e-5)
half = sl.sample(program, lambda x, sigma: x * np.float32(0.5), x)
assert np.isfinite(half).all() and 0 < np.abs(half).max() < np.abs(x).max()

def run(*arguments):
    command = Path(sysconfig.get_path("scripts"), "stepladder")
    return subprocess.run([command, *arguments], capture_output=True, text=True)

listed = run("list", "samplers", "--json")
assert listed.returncode == 0, listed.stderr
assert "dpmpp_2m" in json.dumps(json.loads(listed.stdout)), listed.stdout
refused = run("sample", "--count", "1")
said = refused.stdout + refused.stderr
assert refused.returncode == 2, f"sample without torch: exit code {refused.returncode}: {said}"
assert "stepladder[" in said and "Traceback" not in said, said
"""


class FailedError(Exception):
    """A step failed; the message is what to show."""


@dataclass(frozen=True)
class Outcome:
    """One row of the table."""

    what: str
    state: str
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong: an interpreter that is not here is no failure."""
        return self.state != "failed"


def run(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    """Run a command; what it printed, or FailedError with the end of that."""
    done = subprocess.run(command, cwd=cwd, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        tail = "\n".join(done.stdout.strip().splitlines()[-15:])
        name = " ".join(Path(part).name if i == 0 else str(part) for i, part in enumerate(command[:4]))
        raise FailedError(f"{name}: exit code {done.returncode}\n{tail}")
    return done.stdout


def build() -> tuple[Path, Path]:
    """Build both into an empty dist/; the wheel and the sdist."""
    maturin = shutil.which("maturin", path=os.pathsep.join((sysconfig.get_path("scripts"), *os.get_exec_path())))
    if maturin is None:
        raise FailedError("maturin was not found; run `make wheel`, which sets it up")
    shutil.rmtree(DIST, ignore_errors=True)
    run(maturin, "build", "--release", "--locked", "--interpreter", sys.executable, "--out", DIST)
    run(maturin, "sdist", "--out", DIST)
    (wheel,) = DIST.glob("*.whl")
    (sdist,) = DIST.glob("*.tar.gz")
    return wheel, sdist


def problems(wheel: Path) -> Iterator[str]:
    """Everything that is wrong with the wheel's contents."""
    if "-cp310-abi3-" not in wheel.name:
        yield f"{wheel.name} is not tagged cp310-abi3"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        for name in ("demo/digits.safetensors", "py.typed", "_core.pyi"):
            if f"stepladder/{name}" not in names:
                yield f"stepladder/{name} is missing"
        for name in ("LICENSE-APACHE", "LICENSE-MIT"):
            if not any(n.endswith(f".dist-info/licenses/{name}") for n in names):
                yield f"the licence file {name} is missing"
        compiled = [n for n in names if n.endswith((".so", ".pyd", ".dylib"))]
        if len(compiled) != 1:
            yield f"one compiled module expected; found {', '.join(compiled) or 'none'}"
        stray = [n for n in names if n.split("/")[0] != "stepladder" and ".dist-info/" not in n]
        stray += [n for n in names if Path(n).name.startswith(("test_", "conftest")) or "__pycache__" in n]
        if stray:
            yield f"does not belong in a wheel: {', '.join(stray)}"
        told = [n for n in names if str(ROOT).encode() in archive.read(n)]
        if told:
            yield f"names the folder it was built in: {', '.join(told)}"
        (metadata,) = (n for n in names if n.endswith(".dist-info/METADATA"))
        fields = Parser().parsestr(archive.read(metadata).decode())
        plain = [r for r in fields.get_all("Requires-Dist", []) if "extra ==" not in r]
        required = {r.split(">")[0].split("=")[0].split("<")[0].strip() for r in plain}
        if required != DEPENDENCIES:
            yield f"requires {', '.join(sorted(required))}; expected {', '.join(sorted(DEPENDENCIES))}"


def interpreter(minor: int) -> str | None:
    """A Python 3.`minor` that runs: on the path, or one that pyenv or uv has installed but not put there."""
    name = f"python3.{minor}"
    candidates = [str(Path(folder, name)) for folder in os.get_exec_path()]
    if sys.version_info[:2] == (3, minor):
        candidates.insert(0, sys.executable)
    for tool, arguments in (("pyenv", ("prefix", f"3.{minor}")), ("uv", ("python", "find", f"3.{minor}"))):
        if shutil.which(tool):
            found = subprocess.run([tool, *arguments], capture_output=True, text=True).stdout.strip()
            candidates.append(str(Path(found, "bin", name)) if tool == "pyenv" else found)
    for candidate in candidates:
        if shutil.which(candidate) is None:
            continue
        # A shim of a version manager is on the path for versions that it does not run here.
        asked = [candidate, "-c", "import ensurepip, sys, venv; print(*sys.version_info[:2])"]
        told = subprocess.run(asked, capture_output=True, text=True)
        if told.returncode == 0 and told.stdout.split() == ["3", str(minor)]:
            return candidate
    return None


def without_rust() -> dict[str, str]:
    """Return the environment, with every folder that holds a Rust tool taken off the path."""
    tools = ("cargo", "rustc", "rustup")
    kept = [f for f in os.get_exec_path() if not any(Path(f, tool).exists() for tool in tools)]
    return {**clean(), "PATH": os.pathsep.join(kept)}


def clean() -> dict[str, str]:
    """Return the environment without what would let this checkout, or the running environment, show through."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "STEPLADDER_", "VIRTUAL_ENV"))}
    return {**env, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "NO_COLOR": "1"}


def attempt(what: str, python: str, package: Path, env: dict[str, str]) -> Outcome:
    """Install a package in a fresh environment and run the smoke test there; the folder is gone afterwards."""
    try:
        with tempfile.TemporaryDirectory(prefix="stepladder-") as folder:
            run(python, "-m", "venv", Path(folder, "env"), cwd=Path(folder), env=env)
            bin_folder = Path(folder, "env", "Scripts" if os.name == "nt" else "bin")
            fresh = shutil.which("python", path=str(bin_folder)) or str(bin_folder / "python")
            run(fresh, "-m", "pip", "install", "--quiet", package, cwd=Path(folder), env=env)
            empty = Path(folder, "empty")
            empty.mkdir()
            run(fresh, "-c", SMOKE, cwd=empty, env=env)
    except FailedError as error:
        return Outcome(what, "failed", str(error))
    return Outcome(what, "ok")


def main() -> int:
    """Build, look inside, try; the exit code."""
    console = Console()
    try:
        console.print("building the wheel and the sdist")
        wheel, sdist = build()
    except FailedError as error:
        console.print(str(error), markup=False)
        return 1
    found = list(problems(wheel))
    outcomes = [Outcome(wheel.name, "failed" if found else "ok", "\n".join(found) or "contents")]
    for minor in MINORS:
        what = f"wheel, Python 3.{minor}"
        python = interpreter(minor)
        if python is None:
            outcomes.append(Outcome(what, "not found", "no such interpreter here"))
            continue
        console.print(f"trying the {what}")
        outcomes.append(attempt(what, python, wheel, without_rust()))
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    console.print("trying the sdist")
    outcomes.append(attempt(f"sdist, Python {version}", sys.executable, sdist, clean()))
    table = Table("what", "result", "")
    for outcome in outcomes:
        colour = {"ok": "green", "failed": "bold red"}.get(outcome.state, "yellow")
        table.add_row(outcome.what, f"[{colour}]{outcome.state}[/]", outcome.detail)
    console.print(table)
    missing = [o.what.split()[-1] for o in outcomes if o.state == "not found"]
    if missing:
        console.print(f"not tried, because no interpreter was found: {', '.join(missing)}")
    return 0 if all(o.ok for o in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
