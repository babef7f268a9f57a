"""The documentation: its examples run, its links lead somewhere, its tables are those of the code."""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
import types
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import stepladder as sl
from scipy import stats
from stepladder.testing import ORDER_MARGIN, check_schedule

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
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "docs")
        spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs/generate.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module


@pytest.fixture(scope="module")
def formulas(generate):
    return generate.written.formulas


def test_generated_pages_are_those_of_the_code(generate):
    assert generate.outdated() == [], "run `make docs`"


def test_a_check_names_what_is_out_of_date_and_how_to_mend_it(generate, tmp_path, monkeypatch, capsys):
    (tmp_path / "images").mkdir()
    for page, text in generate.pages().items():
        (tmp_path / page).write_text(text, encoding="utf-8")
    for picture in generate.PICTURES:
        (tmp_path / "images" / picture).write_bytes(b"")
    monkeypatch.setattr(generate, "DOCS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    assert generate.main() == 0
    (tmp_path / "samplers.md").write_text("old", encoding="utf-8")
    (tmp_path / "images" / "digits.png").unlink()
    chart = tmp_path / "images" / "schedules-range.svg"
    chart.write_text(chart.read_text(encoding="utf-8").replace("52.0,14.0", "52.0,14.1"), encoding="utf-8")
    assert generate.main() == 1
    assert capsys.readouterr().err == (
        "out of date or missing in docs/: samplers.md, images/schedules-range.svg, images/digits.png; run `make docs`\n"
    )


# -- what the generated pages say -------------------------------------------------------------------------------------

BUILT_IN = sl.make_manager(entry_points=False)
TABLES = json.loads((ROOT / "tests/data/published_tables.json").read_text())
LEVELS = json.loads((ROOT / "tests/data/align_your_steps.json").read_text())["noise_levels"]


def published(name, steps):
    """The table that a schedule with its defaults stretches."""
    gits = TABLES["gits"]["1.20"]
    return {
        "align_your_steps": LEVELS["SDXL"],
        "gits": gits[steps - 2] if steps <= 20 else gits[-1],
        "optimal_steps": TABLES["optimal_steps"]["FLUX"],
    }.get(name)


def loglinear(points, n):
    return np.exp(np.interp(np.linspace(0, 1, n), np.linspace(0, 1, len(points)), np.log(points)))


def calculated(formula, names):
    """`levels`, or the value of an expression, of a formula of the docs."""
    known = {name: getattr(np, name) for name in np.__all__ if name.isidentifier()} | names
    if "\n" in formula or formula.startswith("levels ="):
        exec(formula, known)
        return known["levels"]
    return eval(formula, known)


def settings(made):
    """The parameters of a schedule, process or parameterization that are set."""
    values = {field.name: getattr(made, field.name) for field in dataclasses.fields(made) if field.init}
    return {name: value for name, value in values.items() if value is not None}


# What the formulas are computed with besides the defaults, and in their place for schedules that have none.
VARIANTS = {
    "karras": [{"rho": 5.5, "sigma_min": 0.1, "sigma_max": 80.0}],
    "exponential": [{"sigma_min": 0.1, "sigma_max": 80.0}],
    "polyexponential": [{"rho": 2.0}],
    "laplace": [{"mu": 0.3, "beta": 0.4}],
    "beta": [{"alpha": 0.5, "beta": 0.8}],
    "beta_over_range": [{"alpha": 0.5, "beta": 0.8}],
    "kl_optimal": [{"sigma_min": 0.1, "sigma_max": 80.0}],
    "tangent": [{"pivot": 0.3, "slope": 0.5}],
    "bong_tangent": [{"start": 5.0, "middle": 2.0, "pivot_1": 0.5, "pivot_2": 0.7, "slope_1": 0.3, "slope_2": 0.1}],
    "linear_quadratic": [{"threshold_noise": 0.05, "linear_steps": 3}],
    "vp": [{"beta_d": 10.0, "beta_min": 0.2, "eps_s": 0.01}],
    "logit_normal": [{"mu": 0.5, "std": 1.0, "width": 512, "height": 768}],
    "constant": [{"value": 2.0}],
    "flux": [{"width": 512, "height": 768}, {"base_shift": 0.3, "max_shift": 2.0}],
    "flux2": [{"width": 512, "height": 768}, {"width": 2048, "height": 2048}],
    "ltxv": [{"stretch": False}, {"tokens": 2000, "terminal": 0.2}],
    "flow_shift": [{"shift": 3.0, "terminal": 0.1}, {"mu": 0.8}, {"mu": 2.0, "time_shift": "linear"}],
    "sd_turbo": [{"start": 0.5}],
    "lcm": [{"original_steps": 100}],
    "diffusers": [{"steps_offset": 1}],
}
IN_PLACE = {"tabulated": {"table": (80.0, 9.0, 1.0, 0.1)}}
COMPUTED = [(name, options) for name in BUILT_IN.schedules for options in [{}, *VARIANTS.get(name, ())]]


@pytest.mark.parametrize("steps", [10, 20, 40])
@pytest.mark.parametrize(("name", "options"), COMPUTED, ids=str)
def test_formulas_of_schedules(name, options, steps, formulas):
    entry = BUILT_IN.schedules[name]
    if name == "custom":
        options = {"levels": tuple(range(steps, 0, -1))}
    made = entry.factory(**IN_PLACE.get(name, options))
    process = sl.process(entry.process or "discrete")
    steps = min(steps, made.steps_range[1])
    names = {
        "n": steps,
        "k": np.arange(steps),
        "sigma_min": process.sigma_min,
        "sigma_max": process.sigma_max,
        "table": process.sigmas,
        "L": len(process.sigmas),
        "sigma": process.sigma,
        "time": process.timestep,
        "beta_quantile": stats.beta.ppf,
        "normal_quantile": stats.norm.ppf,
        "loglinear": loglinear,
        "published": published(name, steps),
        "value": None,
        "linear_steps": None,
        "mu": None,
        "terminal": None,
        **settings(made),
    }
    levels = calculated(formulas.SCHEDULES[name].strip(), names)
    np.testing.assert_allclose(made.sigmas(process, steps)[:-1], levels, rtol=1e-11, atol=0)


@pytest.mark.parametrize("name", BUILT_IN.processes)
def test_formulas_of_processes(name, formulas):
    process = BUILT_IN.processes[name].factory()
    written = formulas.PROCESSES[name]
    names = settings(process)
    if name.startswith("discrete"):
        names |= {"table": process.sigmas, "L": len(process.sigmas)}
    if "p" in written:
        names["p"] = lambda t: calculated(written["p"], settings(process) | {"t": t})
    low, high = np.log(process.sigma_min), np.log(process.sigma_max)
    for sigma in np.exp(low + (high - low) * np.array([0.05, 0.3, 0.5, 0.9])).tolist():
        t = calculated(written["t"], names | {"sigma": sigma})
        assert process.timestep(sigma, interpolate=True) == pytest.approx(t, rel=1e-12)
        assert process.timestep(sigma) == pytest.approx(
            calculated(written["told"], names | {"sigma": sigma}), rel=1e-12
        )
        assert process.sigma(t) == pytest.approx(sigma, rel=1e-11)
        assert calculated(written["sigma"], names | {"t": t}) == pytest.approx(sigma, rel=1e-11)
        family = formulas.FAMILIES[process.family]
        assert process.alpha(sigma) == pytest.approx(calculated(family["alpha"], {"sigma": sigma}), rel=1e-14)
        assert process.half_log_snr(sigma) == pytest.approx(
            calculated(family["half_log_snr"], {"sigma": sigma}), rel=1e-12
        )


@pytest.mark.parametrize("name", BUILT_IN.parameterizations)
def test_formulas_of_parameterizations(name, formulas):
    process = sl.process("discrete")
    made = BUILT_IN.parameterizations[name].factory()
    for sigma in (0.05, 0.4, 0.9):
        names = {
            "sigma": sigma,
            "sd": getattr(made, "sigma_data", None),
            "sigma_min": getattr(made, "sigma_min", None),
            "u": sigma / (sigma + 1),
            "T": 10 * getattr(made, "process", process).timestep(sigma),
        }
        expected = [calculated(text, names) for text in formulas.PARAMETERIZATIONS[name]]
        assert [made.c_skip(sigma), made.c_out(sigma), made.c_in(sigma)] == pytest.approx(expected, rel=1e-12)


def test_every_name_has_its_formula_and_every_family_its_picture(generate, formulas):
    assert set(formulas.SCHEDULES) == set(BUILT_IN.schedules)
    assert set(formulas.PROCESSES) == set(BUILT_IN.processes)
    assert set(formulas.PARAMETERIZATIONS) == set(BUILT_IN.parameterizations)
    assert set(formulas.SAME_NAME) <= set(BUILT_IN.schedules)
    families = generate.written.families(BUILT_IN)
    assert set(formulas.PICTURES) == set(families)
    for family, entries in families.items():
        drawn = " ".join(expression for _, _, curves in [formulas.PICTURES[family]] for _, expression in curves)
        assert [entry.name for entry in entries if f'"{entry.name}"' not in drawn] == []


def test_every_sampler_is_in_a_picture_of_orders(generate):
    orders = generate.orders
    figures = orders.figures()
    assert {name for group in orders.GROUPS for name in group.samplers} == set(BUILT_IN.samplers)
    assert set(figures["ode"]) | set(figures["law"]) == set(BUILT_IN.samplers)
    for picture in orders.pictures().values():
        assert "nan" not in picture
    for group in orders.GROUPS:
        assert len(group.samplers) == len(set(group.samplers)) <= 8


# One sampler of every kind of run that there is: measuring all takes 20 seconds.
MEASURED = (
    "dpmpp_2m",
    "dpm_fast",
    "ddim_inverse",
    "er_sde",
    "uni_pc",
    "cfgpp_ud10_ab",
    "dpm_adaptive",
    "tcd",
    "ddim",
    "ddpm_learned_variance",
)


def test_figures_of_orders_are_those_measured(generate, monkeypatch):
    orders = generate.orders
    chosen = types.SimpleNamespace(samplers={name: BUILT_IN.samplers[name] for name in MEASURED})
    monkeypatch.setattr(orders.sl, "make_manager", lambda entry_points: chosen)
    stored = orders.figures()
    for kind, of in orders.measure().items():
        assert of.keys() == stored[kind].keys() & set(MEASURED)
        for name, points in of.items():
            assert [calls for calls, _ in points] == [calls for calls, _ in stored[kind][name]]
            errors = [[error for _, error in row] for row in (points, stored[kind][name])]
            np.testing.assert_allclose(*errors, rtol=0.02, atol=1e-12)


@pytest.mark.parametrize("name", BUILT_IN.samplers)
def test_slopes_in_the_docs_are_those_claimed(generate, name):
    figures, claims = generate.orders.figures(), BUILT_IN.samplers[name].claims
    for kind, claim in (("ode", claims.global_order), ("law", claims.weak_order)):
        if claim is not None:
            assert generate.orders.slope(name, figures[kind][name]) >= claim - ORDER_MARGIN


def test_forms_of_hosts_are_what_resolve_gives(generate):
    text = generate.samplers_page(BUILT_IN).partition("## Forms of hosts")[2]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) > 20
    for sampler, host, name, options in rows:
        found = sl.resolve(name.strip("`"), host=host, kind="sampler")
        assert found.sampler == sampler.strip("`")
        assert eval(f"dict({options.replace('` `', ', ').strip('`')})") == found.sampler_options


def test_figures_of_digits_are_those_measured(generate):
    digits = generate.digits
    stored = digits.figures()
    assert {name: {s: set(of) for s, of in row.items()} for name, row in stored.items()} == {
        name: {schedule: set(map(str, digits.STEPS)) for schedule in digits.SCHEDULES} for name in digits.SAMPLERS
    }
    for name in ("dpmpp_2m", "dpmpp_2m_sde"):
        measured = digits.measure((name,), ("karras",), (5,))[name]["karras"]["5"]
        assert measured == pytest.approx(stored[name]["karras"]["5"], rel=0.02)


def test_every_parameter_is_described(generate):
    """Each keyword of each built-in has its row in the tables."""
    for kind in ("schedules", "processes", "parameterizations"):
        for name, entry in getattr(BUILT_IN, kind).items():
            described = {n for names, _, _ in generate.written.parameters(entry.factory) for n in names.split(", ")}
            assert described == set(inspect.signature(entry.factory).parameters), f"{kind}: {name}"


def test_every_schedule_parameter_for_a_host_is_named_in_the_differences(formulas):
    """A schedule with a `convention` means different things to different hosts, so the table has it."""
    with_convention = {
        name for name, e in BUILT_IN.schedules.items() if "convention" in inspect.signature(e.factory).parameters
    }
    assert with_convention - set(formulas.SAME_NAME) == {"beta57"}  # a name of one host, RES4LYF


def diffusers_sigmas(diffusers, steps, spacing="leading", variant="euler", steps_offset=0, convert="none"):
    """What the library gives for the arguments of our schedule `diffusers`."""
    names = {"euler": "EulerDiscrete", "ddim": "DDIM", "dpmsolver": "DPMSolverMultistep"}
    convert = {} if convert == "none" else {f"use_{convert}_sigmas": True}
    host = getattr(diffusers, f"{names[variant]}Scheduler")(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        timestep_spacing=spacing,
        steps_offset=steps_offset,
        **convert,
    )
    host.set_timesteps(steps)
    if variant != "ddim":
        return host.sigmas.numpy()
    alphas = host.alphas_cumprod.double().numpy()[host.timesteps.numpy()]
    return np.append(np.sqrt((1 - alphas) / alphas), 0.0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_the_differences_say_of_diffusers_is_what_it_gives(generate, formulas):
    diffusers = pytest.importorskip("diffusers")
    compared = 0
    for _, rows in formulas.SAME_NAME.values():
        for host, expression in rows:
            call = ast.parse(expression, mode="eval").body
            name, _, steps = call.args
            if name.value != "diffusers":
                continue
            assert host.startswith("diffusers, ")
            options = {keyword.arg: keyword.value.value for keyword in call.keywords}
            expected = diffusers_sigmas(diffusers, steps.value, **options)
            np.testing.assert_allclose(generate.written.computed(expression), expected, rtol=5e-5, atol=0)
            compared += 1
    assert compared >= 13


def test_charts_are_images_with_a_line_per_curve(generate, formulas):
    for family, (_, _, curves) in formulas.PICTURES.items():
        root = ElementTree.fromstring(generate.written.family_picture(family))
        lines = root.findall("{http://www.w3.org/2000/svg}polyline")
        assert len(lines) == len(curves)
        for line in lines:
            points = [tuple(map(float, point.split(","))) for point in line.get("points").split()]
            assert all(52 <= x <= 550 and 14 <= y <= 340 for x, y in points)
            assert [y for _, y in points] == sorted(y for _, y in points)
        texts = [text.text for text in root.findall("{http://www.w3.org/2000/svg}text")]
        assert all(label in texts for label, _ in curves)


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
    for kind, page in {
        "noise processes": "processes",
        "parameterizations": "parameterizations",
        "schedules": "schedules",
        "samplers": "samplers",
        "presets": "names",
    }.items():
        count = own["processes" if kind == "noise processes" else kind]
        assert row[f"[{kind}](docs/{page}.md{'#presets' * (kind == 'presets')})"].startswith(f" {count}:")
