"""The documentation: its examples run, its links lead somewhere, its tables are those of the code."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import types
from pathlib import Path

import pytest
import stepladder as sl
from stepladder.testing import check_schedule

ROOT = Path(__file__).parent.parent
TOP = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES = [*TOP, *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "plugins").glob("*/README.md"))]
BY_NAME = {str(page.relative_to(ROOT)): page for page in PAGES}

# docs/plugins.md walks through the minimal plugin, whose imports it leaves out; docs/cli.md is run by test_cli.py.
PLUGIN_TUTORIAL, CLI_PAGE = "docs/plugins.md", "docs/cli.md"


def blocks(page, language):
    """(line number, text) of every fenced block in that language."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [(text.count("\n", 0, match.start(1)), match.group(1)) for match in found]


def with_blocks(language, *without):
    return [name for name, page in BY_NAME.items() if name not in without and blocks(page, language)]


def run_blocks(page, namespace):
    """Execute every Python block in one namespace; a failure points at the line of the page.

    Annotations stay text: the plugin's come from imports that only type checkers see.
    """
    for line, text in blocks(page, "python"):
        code = compile("\n" * line + text, str(page), "exec", annotations.compiler_flag)
        exec(code, namespace)  # our own documentation


@pytest.mark.parametrize("name", with_blocks("python", PLUGIN_TUTORIAL))
def test_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_blocks(BY_NAME[name], {"__name__": "example"})


IN_A_PLUGIN = """
import sys
sys.path.insert(0, {tests!r})
import stepladder_minimal, test_docs
namespace = dict(vars(stepladder_minimal))
test_docs.run_blocks(test_docs.BY_NAME[{name!r}], namespace)
tests = [function for key, function in namespace.items() if key.startswith("test_")]
assert tests
for test in tests:
    test()
"""


def installed(folder):
    """Put the minimal plugin where a process finds it as if pip had installed it; returns the process's environment."""
    info = folder / "stepladder_minimal-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stepladder-minimal\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[stepladder]\nminimal = stepladder_minimal\n")
    path = [folder, ROOT / "plugins/stepladder-minimal", Path(sl.__file__).parent.parent]
    return os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path)), "STEPLADDER_PLUGINS": "minimal"}


def test_the_plugin_tutorial_runs(tmp_path):
    code = IN_A_PLUGIN.format(tests=str(ROOT / "tests"), name=PLUGIN_TUTORIAL)
    subprocess.run([sys.executable, "-c", code], env=installed(tmp_path), cwd=tmp_path, check=True)


@pytest.mark.parametrize("name", with_blocks("console", CLI_PAGE))
def test_commands_run_and_print_what_is_shown(name, tmp_path):
    """Lines without `$` are printed, up to spaces and the width of the table, in that order; others may be between."""
    for line, text in blocks(BY_NAME[name], "console"):
        for session in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, *shown = session.splitlines()
            program, *arguments = shlex.split(command)
            assert program == "stepladder", f"{name}:{line}: only `$ stepladder …` can be run"
            done = subprocess.run(
                [sys.executable, "-m", "stepladder", *arguments],
                cwd=tmp_path,
                env=os.environ | {"STEPLADDER_PLUGINS": "", "COLUMNS": "200", "PYTHONIOENCODING": "utf-8"},
                capture_output=True,
                encoding="utf-8",
                check=False,
            )
            assert done.returncode == 0, f"{name}: $ {command}\n{done.stderr}"
            printed = iter([normal(text) for text in done.stdout.splitlines()])
            for want in shown:
                assert normal(want) in printed, f"{name}: $ {command}\ndoes not print, here or at all: {want}"


def normal(line):
    return " ".join(re.sub("[─┼├┤]+", "─", line).split())


def test_the_plugin_of_the_readme_registers_and_passes_the_battery():
    namespace = {"__name__": "example"}
    (block,) = [text for _, text in blocks(ROOT / "README.md", "python") if "hookimpl" in text]
    exec(block, namespace)
    manager = sl.make_manager(entry_points=False)
    manager.register_plugin(types.SimpleNamespace(register_schedules=namespace["register_schedules"]), "readme")
    check_schedule(manager.make("schedule", "linear", {}), endpoints="exact")


# -- links ------------------------------------------------------------------------------------------------------------


def prose(page):
    """A page without code."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(page):
    """What GitHub makes of the headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", BY_NAME)
def test_relative_links_lead_to_files_and_headings(name):
    page = BY_NAME[name]
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{name} links to {target}"
        assert file.is_relative_to(ROOT), f"{name} links out of the repository: {target}"
        assert not anchor or anchor in anchors(file), f"{name} links to {target}; the headings are {anchors(file)}"


def test_every_page_is_reached_from_the_readme():
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        targets = (target.partition("#")[0] for target in re.findall(r"\]\(([^)\s:]+)\)", prose(page)))
        waiting += [(page.parent / target).resolve() for target in targets if target]
    assert {page for page in PAGES if page.is_relative_to(ROOT / "docs")} - seen <= {ROOT / "docs/index.md"}


# -- what is generated ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs/generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_those_of_the_code(generate):
    assert generate.outdated() == [], "run `make docs`"


def test_a_check_names_what_is_out_of_date_and_how_to_mend_it(generate, tmp_path, monkeypatch, capsys):
    for page, text in generate.pages().items():
        (tmp_path / page).write_text(text, encoding="utf-8")
    (tmp_path / "images").mkdir()
    for picture in generate.PICTURES:
        (tmp_path / "images" / picture).write_bytes(b"")
    monkeypatch.setattr(generate, "DOCS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    assert generate.main() == 0
    (tmp_path / "samplers.md").write_text("old", encoding="utf-8")
    (tmp_path / "images" / "digits.png").unlink()
    assert generate.main() == 1
    assert capsys.readouterr().err == (
        "out of date or missing in docs/: samplers.md, images/digits.png; run `make docs`\n"
    )


def test_every_public_name_is_documented():
    text = "".join(prose(page) + page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md"))
    missing = [name for name in sl.__all__ if not re.search(rf"\b{re.escape(name)}\b", text)]
    assert missing == []
    assert len(set(sl.__all__)) == len(sl.__all__)


def test_the_readme_counts_what_is_registered():
    done = subprocess.run(
        [sys.executable, "-m", "stepladder", "list", "--json"], capture_output=True, encoding="utf-8", check=True
    )
    listed = json.loads(done.stdout)
    row = {
        cells[1].strip(): cells[2]
        for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
        if len(cells := line.split("|")) == 4
    }
    own = {kind: sum(entry["owner"] == "stepladder" for entry in entries) for kind, entries in listed.items()}
    assert row["noise processes"].startswith(f" {own['processes']}:")
    assert row["parameterizations"].startswith(f" {own['parameterizations']}:")
    assert row["[schedules](docs/schedules.md)"].strip() == str(own["schedules"])
    assert row["[samplers](docs/samplers.md)"].strip() == str(own["samplers"])
