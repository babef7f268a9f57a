"""The benches' answers: both sides of every race agree. Times decide nothing here."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import stepladder as sl
from methods import UNFUSED

ROOT = Path(__file__).parent.parent
# What k-diffusion's two modules import. `make` installs it; tests run without it too.
K_DIFFUSION = ("k_diffusion", "scipy", "torch", "torchdiffeq", "torchsde", "torchvision", "tqdm")


def rows(*command):
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {row["name"]: row for row in json.loads(done.stdout)["rows"]}


def test_every_answer_agrees_and_what_cannot_be_compared_says_so():
    installed = all(importlib.util.find_spec(name) for name in K_DIFFUSION)
    compiler = shutil.which("gcc") or shutil.which("cc")
    found = rows("-m", "benches.python", "--quick", "--json")
    assert len(found) > 25
    for name, row in found.items():
        there = installed if row["against"].startswith("k-diffusion") else compiler or not name.endswith("-c")
        if there:
            assert row["skipped"] is None, name
            assert "rtol" in row["answer"] or "imports" in row["answer"], name
            assert row["ratio"] > 0, name
        else:
            assert row["skipped"].startswith("not installed: "), name
            assert (row["answer"], row["ratio"], row["met"]) == (None, None, None)


def test_an_absent_incumbent_is_named():
    code = """
import runpy, sys
sys.modules["k_diffusion"] = None
sys.argv = ["benches", "--quick", "--json", "--only", "karras-20", "--only", "euler-one"]
runpy.run_module("benches.python", run_name="__main__", alter_sys=True)
"""
    found = rows("-c", code)
    assert found["karras-20"]["skipped"] == found["euler-one"]["skipped"] == "not installed: k_diffusion"
    assert found["karras-20-list"]["skipped"] is None


def test_an_unknown_row_is_refused():
    command = [sys.executable, "-m", "benches.python", "--only", "nonesuch"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "karras-20" in done.stderr


def test_every_compilation_is_checked():
    found = rows("-m", "benches.python.compilation", "--quick", "--json")
    assert set(found) == {*sl.make_manager(entry_points=False).samplers} - UNFUSED
    assert all(row["steps_us"] > 0 and row["long_ms"] > 0 and row["cached_us"] > 0 for row in found.values())
