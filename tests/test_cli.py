"""The command line: what it prints equals what Python gives, and bad input is one message and exit code 2."""

from __future__ import annotations

import csv
import functools
import io
import itertools
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import stepladder as sl
import torch
from matplotlib.image import imread
from methods import UNFUSED
from stepladder import _manager, _plugins, plot
from stepladder._manager import KINDS, make_manager
from stepladder.cli import _options as options
from stepladder.cli import app
from stepladder.errors import ScheduleError, StepladderError
from stepladder.hookspecs import hookimpl
from stepladder.torch import Denoiser
from typer.testing import CliRunner

ROOT = Path(__file__).parent.parent
PROCESS = sl.process("edm", sigma_max=80.0)
DISCRETE = sl.process("discrete")
PNG = b"\x89PNG\r\n\x1a\n"


class Blobs(sl.ArrayModel):
    """Data of class k is N(mean_k, deviation²) per pixel, and the denoiser exact: the answer is known."""

    process = PROCESS
    shape = (1, 4, 6)
    labels = ("dark", "middling", "t-shirt", "3")
    guidance = 1.5
    means = torch.linspace(-0.9, 0.9, 96).reshape(4, 1, 4, 6)
    deviation = 0.0

    def denoiser(self, labels, guidance):
        self.seen = labels, guidance
        mean = torch.zeros(self.shape) if labels is None else self.means[list(labels)]

        def network(x, c_noise):  # what EDM's parameterization turns into the exact denoiser
            sigma = (4 * c_noise).exp().reshape(-1, 1, 1, 1)
            total = sigma**2 + 0.25
            x = x * total.sqrt()
            exact = (self.deviation**2 * x + sigma**2 * mean) / (self.deviation**2 + sigma**2)
            return (exact - 0.25 / total * x) / (0.5 * sigma / total.sqrt())

        return Denoiser(network, sl.parameterization("edm"), process=PROCESS)

    def images(self, x):
        return ((x[:, 0].clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy()


class BlobsLoader(sl.ModelLoader):
    def __init__(self, model):
        self.model = model

    def load(self, path=None, *, device="cpu"):
        if path is not None:
            Path(path).read_bytes()
        self.model.device = device
        return self.model


@pytest.fixture
def model(monkeypatch):
    """Loaders of a model with an exact answer, registered in process, in a manager of this test's own."""
    monkeypatch.setattr(_manager, "installed_entry_points", lambda group: [])
    monkeypatch.setattr(_plugins, "shared", functools.cache(lambda: make_manager(entry_points=False)))
    for cache in ("_PROCESSES", "_PRESETS", "_PARAMETERIZATIONS", "_SCHEDULES", "_SAMPLERS"):
        monkeypatch.setattr(_plugins, cache, {})
    made = Blobs()

    def blobs():
        """Four blobs."""
        return BlobsLoader(made)

    def unconditional():
        """Return one blob, without labels."""
        made.labels = ()
        return BlobsLoader(made)

    def other():
        """Return something else than a loader of array models."""
        return object()

    def interrupted():
        """Return nothing: the user has had enough."""
        raise KeyboardInterrupt

    @hookimpl
    def register_model_loaders(register):
        for factory in (blobs, unconditional, other, interrupted):
            register(factory.__name__, factory, source="tests")

    _plugins.shared().register_plugin(SimpleNamespace(register_model_loaders=register_model_loaders), "tests")
    return made


def run(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args])


def ok(*args):
    result = run(*args)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout


def document(*args):
    return json.loads(ok(*args, "--json"))


def refused(*args):
    """The one message that bad input gives."""
    result = run(*args)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
    return result.stderr.removeprefix("error: ").rstrip("\n")


# sigmas


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["karras"], lambda: sl.sigmas("karras", sl.process("discrete"), 20)),
        (["karras", "-n", "7", "--option", "rho=5"], lambda: sl.sigmas("karras", sl.process("discrete"), 7, rho=5)),
        (
            ["exponential", "--steps", "9", "--process", "edm", "--process-option", "sigma_max=80"],
            lambda: sl.sigmas("exponential", sl.process("edm", sigma_max=80), 9),
        ),
        (
            ["align_your_steps", "--denoise", "0.5", "--option", "family=sd15", "--sampler", "euler"],
            lambda: sl.sigmas("align_your_steps", sl.process("discrete"), 20, denoise=0.5, family="sd15"),
        ),
        (["karras", "--denoise", "0"], lambda: np.array([])),
        (
            ["simple", "-n", "2", "--process-option", "betas=0.1,0.2,0.3"],
            lambda: sl.sigmas("simple", sl.process("discrete", betas=[0.1, 0.2, 0.3]), 2),
        ),
    ],
)
def test_sigmas_json_and_csv_are_the_api_bit_for_bit(args, expected):
    sigmas = expected().tolist()
    assert document("sigmas", *args)["sigmas"] == sigmas
    rows = list(csv.reader(io.StringIO(ok("sigmas", *args, "--csv", "-"))))
    assert rows[0] == ["step", "sigma", "ratio", "log_sigma", "timestep"]
    assert [float(row[1]) for row in rows[1:]] == sigmas
    assert [float(row[2]) for row in rows[1:-2]] == [a / b for a, b in itertools.pairwise(sigmas[:-1])]
    if sigmas:
        assert rows[-1][2:] == ["", "", ""]
        assert float(rows[1][3]) == np.log(sigmas[0])


def test_sigmas_json_says_what_was_asked():
    assert document("sigmas", "karras", "-n", "2", "--process", "edm") | {"sigmas": None} == {
        "schedule": {"name": "karras", "parameters": {"rho": 7.0, "sigma_min": None, "sigma_max": None}},
        "process": {"name": "edm", "parameters": {"sigma_min": 0.002, "sigma_max": 120.0}},
        "steps": 2,
        "denoise": 1.0,
        "sampler": None,
        "sigmas": None,
    }


def test_sigmas_table():
    lines = [line.split() for line in ok("sigmas", "karras", "-n", "2").splitlines()]
    assert lines[1] == ["step", "sigma", "ratio", "to", "next", "log", "sigma", "timestep"]
    assert lines[3:] == [
        ["0", "14.6146", "501.0650", "2.6820", "999"],
        ["1", "0.0291672", "-", "-3.5347", "0"],
        ["2", "0", "-", "-", "-"],
    ]


def test_a_level_outside_the_process_has_no_timestep():
    text = ok("sigmas", "exponential", "-n", "3", "--option", "sigma_max=1000", "--csv", "-")
    assert [row.split(",")[4] for row in text.splitlines()[1:]][-2:] == ["0.0", ""]


def test_a_long_table_is_cut_and_says_so():
    lines = ok("sigmas", "karras", "-n", "5000").splitlines()
    assert len(lines) == 3 + 20 + 1 + 20 + 1
    assert "(4,961 rows more)" in lines[23]
    assert lines[-1].strip() == "--csv and --json have every row"
    assert len(ok("sigmas", "karras", "-n", "5000", "--csv", "-").splitlines()) == 5002


@pytest.mark.parametrize(("suffix", "start"), [(".png", PNG), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_sigmas_plot_and_csv_file(tmp_path, suffix, start):
    picture, values = tmp_path / f"k{suffix}", tmp_path / "k.csv"
    assert ok("sigmas", "karras", "--plot", picture, "--csv", values).startswith("KarrasSchedule(")
    assert picture.read_bytes().startswith(start)
    assert len(values.read_text().splitlines()) == 22
    if suffix == ".png":
        assert imread(picture).shape[:2] == (660, 1080)
    assert {path.name for path in tmp_path.iterdir()} == {picture.name, "k.csv"}


# Schedules that are nothing without a table of the user's, and one.
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("tabulated",), "needs the parameter 'table'"),
        (("tabulated", "--option", "table=[9,3,1]"), "table is str; expected a list"),
        (("tabulated", "--option", "table=9 3 1"), "table is str; expected a list"),
    ],
)
def test_a_list_that_is_missing_or_misspelt_says_how_to_type_it(arguments, text):
    told = refused("sigmas", *arguments)
    assert text in told
    assert told.endswith("; a list is numbers with commas: --option table=9,3,1")
    assert json.loads(ok("sigmas", "tabulated", "--option", "table=9,3,1", "-n", "3", "--json"))["sigmas"] == [
        9,
        3,
        1,
        0,
    ]


def test_a_custom_list_says_how_to_type_it():
    told = refused("sigmas", "custom")
    assert told.endswith("neither is given; expected one of them; a list is numbers with commas: "
                         "--option timesteps=9,3,1 or --option levels=9,3,1")  # fmt: skip
    assert "commas" not in refused("sigmas", "tabulated", "--option", "table=1,2,3")


OWN_TABLES = {"tabulated": "table=80,9,1,0.1", "custom": "levels=3,2,1"}
BUILT_IN = make_manager(entry_points=False).schedules


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_schedule_is_drawn_over_a_process_that_suits_it(name, tmp_path, monkeypatch):
    figures = []
    draw = plot.sigmas_figure
    monkeypatch.setattr(plot, "sigmas_figure", lambda *args, **kw: figures.append(draw(*args, **kw)) or figures[0])
    given = ["--option", OWN_TABLES[name]] if name in OWN_TABLES else []
    told = document("sigmas", name, *given, "--plot", tmp_path / "x.png")
    levels = told["sigmas"]
    assert np.ptp(imread(tmp_path / "x.png")) > 0.5
    assert told["process"]["name"] == (BUILT_IN[name].process or "discrete")
    assert levels[-1] == 0 < levels[0] <= sl.process(told["process"]["name"]).sigma_max * 12
    (axes,) = figures[0].axes
    flow = sl.process(told["process"]["name"]).family == "flow"
    assert axes.get_yscale() == ("linear" if flow else "log")
    drawn = [y for line in axes.lines[:1] for y in line.get_ydata()]
    assert drawn == (levels if flow else levels[:-1])
    low, high = axes.get_ylim()
    assert low <= min(drawn) <= max(drawn) <= high
    title = figures[0].axes[0].get_title("left")
    assert title == (
        f"{name}{f' ({OWN_TABLES[name]})' if given else ''} over {told['process']['name']}, "
        f"{len(levels) - 1} step{'s' if len(levels) > 2 else ''}"
    )
    assert len(levels) - 1 == told["steps"] == {"constant": 1, "sd_turbo": 10, "custom": 3}.get(name, 20)


def test_schedules_of_a_flow_say_when_the_process_is_another():
    result = run("sigmas", "flux", "-n", "2", "--process", "edm", "--csv", "-")
    assert result.exit_code == 0
    assert result.stderr == "note: the levels of flux are those of the process flux; edm does not change them\n"
    assert ok("sigmas", "flux", "-n", "2", "--process", "flow", "--csv", "-").splitlines()[1].startswith("0,1.0,")


def test_a_picture_of_a_long_list_has_a_short_title(tmp_path, monkeypatch):
    titles = []
    draw = plot.sigmas_figure
    monkeypatch.setattr(plot, "sigmas_figure", lambda s, title, **kw: titles.append(title) or draw(s, title, **kw))
    table = "levels=" + ",".join(str(level) for level in range(100, 0, -1))
    ok("sigmas", "custom", "--option", table, "--plot", tmp_path / "x.png")
    assert titles == [f"custom ({table[:60]}…) over discrete, 100 steps"]


@pytest.mark.parametrize("name", BUILT_IN)
def test_schedules_refuse_other_numbers_of_steps_than_those_of_their_range(name):
    made = sl.schedule(name, **options.pairs([OWN_TABLES[name]] if name in OWN_TABLES else None, ""))
    process = sl.process(BUILT_IN[name].process or "discrete")
    fewest, most = made.steps_range
    for steps in {fewest, min(most, 60)}:
        assert len(made.sigmas(process, steps)) == steps + 1
    for steps in (fewest - 1, most + 1):
        with pytest.raises(ScheduleError, match=f"steps is {steps}; expected"):
            made.sigmas(process, steps)


def test_ten_steps_are_those_of_diffusers_form():
    assert sl.AlignYourStepsSchedule(convention="diffusers").steps_range == (10, 10)
    assert document("sigmas", "align_your_steps", "--option", "convention=diffusers")["steps"] == 10
    assert sl.SDTurboSchedule(start=0.35).steps_range == (1, 3)


# program


def test_program_json_is_the_program():
    process = sl.process("discrete")
    for args, program in (
        (["euler"], sl.sampler("euler").compile(sl.sigmas("karras", process, 20), process)),
        (
            ["dpmpp_2m_sde", "-n", "5", "--schedule", "normal", "--option", "eta=0.5", "--option", "solver_type=heun"],
            sl.sampler("dpmpp_2m_sde", eta=0.5, solver_type="heun").compile(sl.sigmas("normal", process, 5), process),
        ),
        (
            ["heun", "-n", "3", "--schedule-option", "rho=5", "--fold", "v_prediction", "--option", "s_tmax=inf"],
            sl.sampler("heun")
            .compile(sl.sigmas("karras", process, 3, rho=5), process)
            .fold(sl.parameterization("v_prediction")),
        ),
    ):
        assert ok("program", *args, "--json") == program.to_json() + "\n"


FUSED = [name for name in sl.samplers() if name not in UNFUSED]


@pytest.mark.parametrize("name", FUSED)
def test_every_program_is_printed(name):
    """Over the process of Stable Diffusion, and over a flow where the method is defined for one."""
    lines = ok("program", name, "--steps", "6", "--analysis").splitlines()
    sampler = sl.sampler(name)
    program = sampler.compile(sl.sigmas("karras", DISCRETE, 6, sampler=sampler), DISCRETE)
    kinds = [line.split("│")[3].strip() for line in lines if line.startswith("│")]
    assert kinds.count("denoise") == program.analysis.model_calls > 0
    assert kinds.count("combine") == program.analysis.passes
    assert kinds.count("noise") == program.analysis.noise_draws
    assert sum("uncond to" in line for line in lines) == sum(
        getattr(op, "second", None) is not None for op in program.operations
    )
    args = ("program", name, "--steps", "6", "--process", "flow", "--schedule", "simple")
    if "flow" in sampler.families:
        assert type(sampler).__name__ in ok(*args)
    else:
        assert "the process is of family 'flow'" in refused(*args)


def test_a_method_without_a_program_says_what_to_do():
    assert refused("program", "dpm_adaptive", "--steps", "6") == (
        "dpm_adaptive chooses its steps from the data, so it has no program; run it with "
        "sl.sample_adaptive(sampler, denoiser, x, sigmas), or compile dpm_fast, which has fixed steps"
    )


def test_program_table_analysis_and_save(tmp_path):
    file = tmp_path / "p.safetensors"
    text = ok("program", "heun", "-n", "2", "--analysis", "--save", file)
    assert "HeunSampler(s_churn=0.0, s_tmin=0.0, s_tmax=inf, s_noise=1.0)" in text
    process = sl.process("discrete")
    program = sl.sampler("heun").compile(sl.sigmas("karras", process, 2), process)
    assert sl.Program.load(file) == program
    for line in ("model calls 3", "passes 2", "noise draws 0", "live tensors 3", "needs path False"):
        assert line in [" ".join(row.split()) for row in text.splitlines()]
    assert text.count("denoise") == 3


# list, plugins


def test_list_has_every_entry_of_every_kind(model):
    listed = document("list")
    assert list(listed) == [kind.plural for kind in KINDS.values()]
    for kind in KINDS.values():
        entries = getattr(sl, kind.plural)()
        assert {row["name"]: (row["doc"], row["source"]) for row in listed[kind.plural]} == {
            name: (entry.doc, entry.source) for name, entry in entries.items()
        }
        assert document("list", kind.plural) == {kind.plural: listed[kind.plural]}
        text = ok("list", kind.plural)
        assert all(name in text and entry.source in text for name, entry in entries.items())
    assert listed["model_loaders"][-1]["owner"] == "tests"


def test_list_shows_what_presets_hold_and_which_process_a_schedule_belongs_to():
    presets = {
        entry["name"]: entry for entry in document("list", "presets")["presets"] if entry["owner"] == "stepladder"
    }
    assert presets["sd3"]["process"] == "FlowProcess(shift=3.0)"
    assert presets["sd3"]["parameterization"] == "FlowParameterization()"
    assert presets["sdxl"]["latent_scale"] == 0.13025
    for name in presets:
        assert presets[name]["latent_scale"] == sl.preset(name).latent_scale
    text = ok("list", "presets")
    assert "process: FlowProcess(shift=3.0)" in text
    assert "latent scale: 0.13025" in text
    schedules = {entry["name"]: entry["process"] for entry in document("list", "schedules")["schedules"]}
    assert schedules["flux"] == "flux"
    assert schedules["karras"] is None
    assert "over the process flux" in ok("list", "schedules")
    assert "process" not in document("list", "samplers")["samplers"][0]


def test_list_samplers_shows_claims_aliases_and_parameters():
    rows = {row["name"]: row for row in document("list", "samplers")["samplers"]}
    row = rows["dpmpp_2m_sde"]
    assert row["claims"]["formula_order"] == 2
    assert row["claims"]["stochastic"] is True
    assert row["parameters"] == {"eta": 1.0, "s_noise": 1.0, "solver_type": "midpoint"}
    assert row["aliases"]["a1111"] == ["DPM++ 2M SDE"]
    assert rows["euler"]["parameters"]["s_tmax"] == "inf"
    assert document("list", "noise_sources")["noise_sources"][0]["parameters"]["seed"] == "required"
    text = " ".join(ok("list", "samplers").split())
    assert "euler_ancestral 1/1/1 1 yes Ancestral sampling" in text
    assert "heun 2/2/- 2 no Heun's method" in text
    assert "dpmpp_sde 2/2/2 2 path DPM-Solver++(2S)" in text
    assert text.count("refuses a flow") == sum("flow" not in row["claims"]["families"] for row in rows.values())
    assert "a1111: DPM++ 2M SDE" in text
    assert text.count("not scale free") == sum(not row["claims"]["scale_free"] for row in rows.values())


def test_list_samplers_is_readable_in_100_columns(monkeypatch):
    """Every name with its orders, calls, source and names elsewhere; no line too long, no word cut."""
    monkeypatch.setenv("COLUMNS", "100")
    text = ok("list", "samplers")
    assert max(map(len, text.splitlines())) <= 100
    rows = {row["name"]: row for row in document("list", "samplers")["samplers"]}
    starts = [line.split()[0] if line[:1].strip() else "" for line in text.splitlines()]
    blocks = {}
    for name, line in zip(starts, text.splitlines(), strict=True):
        if name in rows:
            blocks[name] = current = []
        if blocks:
            current.append(line)
    assert set(blocks) == set(rows) == set(sl.samplers())
    for name, entry in sl.samplers().items():
        words = " ".join(" ".join(blocks[name]).split())
        claims = entry.claims
        orders = (claims.formula_order, claims.global_order, claims.weak_order)
        shown = "/".join("-" if order is None else f"{order:g}" for order in orders)
        noise = ("path" if claims.needs_path else "yes") if claims.stochastic else "no"
        assert words.startswith(f"{name} {shown} {claims.evaluations:g} {noise} ")
        assert ("refuses a flow" in words) is ("flow" not in claims.families)
        assert entry.source in words
        assert claims.note in words
        for host, names in entry.aliases.items():
            assert f"{host}: {', '.join(names)}" in words


def test_plugins_lists_what_is_registered(model):
    assert document("plugins") == {
        "plugins": [
            {
                "name": "tests",
                "distribution": None,
                "version": None,
                "registers": {"model_loader": ["blobs", "unconditional", "other", "interrupted"]},
                "error": None,
            }
        ]
    }
    assert "model_loader: blobs, unconditional, other, interrupted" in ok("plugins")


def test_plugins_shows_failures_and_the_switch(model, monkeypatch):
    _plugins.shared.cache_clear()
    assert ok("plugins") == "no plugins are installed\n"
    _plugins.shared.cache_clear()
    monkeypatch.setenv("STEPLADDER_PLUGINS", "gone")
    assert "failed: plugin 'gone': STEPLADDER_PLUGINS lists it" in ok("plugins")
    assert document("plugins")["plugins"][0]["error"].startswith("plugin 'gone': ")
    _plugins.shared.cache_clear()
    monkeypatch.setenv("STEPLADDER_PLUGINS", "")
    assert ok("plugins") == "no plugins are installed that STEPLADDER_PLUGINS='' selects\n"


# inspect


def test_inspect_a_program(tmp_path):
    file = tmp_path / "p.safetensors"
    process = sl.process("discrete")
    program = sl.sampler("euler").compile(sl.sigmas("karras", process, 3), process)
    program.save(file)
    found = document("inspect", file)
    assert found["file"] == str(file)
    assert {(t["name"], t["dtype"]) for t in found["tensors"]} == {("structure", "I64"), ("numbers", "F64")}
    assert found["metadata"]["label"] == program.label
    assert found["program"] == json.loads(program.to_json())
    assert found["analysis"]["model_calls"] == 3
    assert found["digest"] == program.digest
    text = ok("inspect", file)
    assert program.label in text
    assert program.digest in text


def test_inspect_a_run_state(tmp_path):
    file = tmp_path / "s.safetensors"
    program = sl.sampler("euler").compile([4.0, 2.0, 1.0, 0.0])
    runner = sl.Runner(program, lambda x, sigma: x * 0, np.ones((2, 3), dtype=np.float32))
    runner.advance()
    runner.save(file)
    found = document("inspect", file)
    assert found["state"] == {"program": program.digest, "step": 1, "noise": None}
    assert found["tensors"] == [{"name": "x", "dtype": "F32", "shape": [2, 3], "bytes": 24}]
    text = ok("inspect", file)
    assert "1 tensor, 24 bytes" in text
    assert program.digest in text
    assert "2 x 3" in text


def test_inspect_prints_hostile_text_harmlessly(tmp_path):
    from stepladder.io import write_tensors

    file = tmp_path / "h.safetensors"
    write_tensors(file, {"[/red]\x1b[31m\nx": np.zeros(2)}, {"[bold]": "\x1b]0;title\x07" + "y" * 5000, "format": "?"})
    text = ok("inspect", file)
    assert "\x1b" not in text
    assert r"[/red]\x1b[31m\nx" in text
    assert "(5,010 characters; --json has them all)" in text
    assert len(document("inspect", file)["metadata"]["[bold]"]) == 5010

    plain = json.loads(sl.sampler("euler").compile([1.0, 0.0]).to_json())
    sl.Program.from_json(json.dumps(plain | {"name": "[/x]\x1b[31m"})).save(file)
    assert r"[/x]\x1b[31m" in ok("inspect", file)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "holds 0 bytes"),
        (b"\xff" * 40, "announces a header of"),
        (b"\x02\0\0\0\0\0\0\0[]", "is a list; expected an object"),
        (b"\x02\0\0\0\0\0\0\0{}x", "its header accounts for 0"),
    ],
)
def test_inspect_refuses_what_is_no_safetensors_file(tmp_path, content, text):
    file = tmp_path / "x.safetensors"
    file.write_bytes(content)
    assert text in refused("inspect", file)


def test_inspect_refuses_every_truncation_of_a_program(tmp_path):
    file = tmp_path / "p.safetensors"
    sl.sampler("euler").compile([1.0, 0.5, 0.0]).save(file)
    whole = file.read_bytes()
    for length in range(0, len(whole), 17):
        file.write_bytes(whole[:length])
        assert str(file) in refused("inspect", file)


# sample


def test_sample_gives_the_known_images(model, tmp_path):
    file = tmp_path / "grid.png"
    text = ok("sample", "--model", "blobs", "--count", "8", "--steps", "6", "-o", file)
    grid = np.round(imread(file)[..., :3] * 255).astype(np.uint8)
    scale, gap = 11, 4  # 6 pixels across become 66
    assert grid.shape == (2 * (4 * scale + gap) + gap, 4 * (6 * scale + gap) + gap, 3)
    expected = model.images(model.means)
    for number in range(8):
        y, x = gap + number // 4 * (4 * scale + gap), gap + number % 4 * (6 * scale + gap)
        tile = grid[y : y + 4 * scale, x : x + 6 * scale]
        assert (tile == expected[number % 4].repeat(scale, 0).repeat(scale, 1)[..., None]).all()
    assert model.seen == ([0, 1, 2, 3] * 2, 1.5)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "made 8 images of dark, middling, t-shirt, 3, seed 0, guidance 1.5" in lines
    assert "sampler Dpmpp2mSampler()" in lines
    assert "model calls 6" in lines
    assert f"picture {file}" in lines


@pytest.mark.parametrize("sampler", ["heun", "euler_ancestral"])
def test_sample_is_the_api(model, tmp_path, sampler):
    model.deviation = 0.3
    file = tmp_path / "grid.png"
    args = ["--model", "blobs", "--count", "2", "--steps", "4", "--sampler", sampler, "--labels", "1", "--option"]
    args += ["s_noise=0.9", "--schedule", "exponential", "--schedule-option", "sigma_min=0.01", "--seed", "5"]
    told = document("sample", *args, "-o", file)

    process = sl.process("edm", sigma_max=80.0)
    sigmas = sl.sigmas("exponential", process, 4, sigma_min=0.01)
    program = sl.sampler(sampler, s_noise=0.9).compile(sigmas, process)
    noise = torch.stack([torch.randn(1, 4, 6, generator=torch.Generator().manual_seed(5 + b)) for b in range(2)])
    x = sl.add_noise(torch.zeros_like(noise), noise, 80.0, sl.parameterization("edm"), max_denoise=True)
    source = sl.noise_source("iid", seed=5, skip=1) if program.analysis.noise_draws else None
    images = model.images(sl.sample(program, model.denoiser([1, 1], 1.5), x, source))
    assert images.std() > 1

    grid = np.round(imread(file)[..., 0] * 255).astype(np.uint8)
    tiles = [grid[4 : 4 + 44 : 11, x : x + 66 : 11] for x in (4, 74)]
    assert (np.stack(tiles) == images).all()
    assert told["sigmas"] == sigmas.tolist()
    assert told["program"] == program.digest
    assert told["model_calls"] == program.analysis.model_calls
    assert told["noise_draws"] == program.analysis.noise_draws
    assert told["noise"] == ("iid" if source else None)
    assert (told["labels"], told["seed"], told["guidance"], told["device"]) == ([1, 1], 5, 1.5, "cpu")
    assert told["sampler"]["parameters"]["s_noise"] == 0.9
    assert told["output"] == str(file)
    assert told["seconds"] > 0


@pytest.mark.parametrize(
    ("labels", "numbers"),
    [
        ("all", [0, 1, 2, 3, 0]),
        ("1-2", [1, 2, 1, 2, 1]),
        ("3,3,0", [3, 3, 0, 3, 3]),
        ("t-shirt, dark", [2, 0, 2, 0, 2]),
        ("none", None),
    ],
)
def test_labels(model, labels, numbers):
    assert document("sample", "--model", "blobs", "-c", "5", "-n", "2", "--labels", labels)["labels"] == numbers
    assert model.seen[0] == numbers


def test_a_model_without_labels(model):
    assert document("sample", "--model", "unconditional", "-c", "2", "-n", "2", "--guidance", "3")["labels"] is None
    assert model.seen == (None, 3.0)
    assert "has no labels" in refused("sample", "--model", "unconditional", "--labels", "0")


def test_an_image_depends_on_its_seed_alone(model, tmp_path):
    model.deviation = 0.3
    common = ["sample", "--model", "blobs", "-n", "3", "--labels", "0", "--sampler", "dpmpp_2m_sde"]
    ok(*common, "-c", "3", "-o", tmp_path / "three.png")
    ok(*common, "-c", "1", "--seed", "2", "-o", tmp_path / "one.png")
    three, one = imread(tmp_path / "three.png"), imread(tmp_path / "one.png")
    wide = one.shape[1] - 8
    column, row = 2 % 2, 2 // 2  # three images make two columns
    y, x = 4 + row * 48, 4 + column * 70
    assert (three[y : y + 44, x : x + wide] == one[4:48, 4 : 4 + wide]).all()


def test_the_preview(model, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    lines = ok("sample", "--model", "blobs", "-c", "5", "-n", "2").splitlines()
    assert [len(line) for line in lines[:5]] == [20, 20, 0, 13, 13]  # of six columns and four rows: three, then two
    assert [lines[2], lines[5]] == ["", ""]
    assert lines[6].startswith("made")
    assert set("".join(lines[:5])) <= set(" ░▒▓█")


# Bad input


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("sigmas karras -n 0", "steps is 0; expected 1 to 10000000"),
        ("sigmas karras -n -3", "steps is -3; expected an int from 1 to 10000000"),
        ("sigmas karras -n 1000000000", "steps is 1000000000; expected 1 to 10000000"),
        ("sigmas karas", "unknown schedule 'karas'; close: 'karras'; `stepladder list schedules` {all}"),
        (
            "sigmas karras --option rh=3",
            "schedule 'karras' has no parameter 'rh'; did you mean 'rho'? (it takes rho=7.0, sigma_min=None, "
            "sigma_max=None)",
        ),
        (
            "sigmas karras --option rho=abc",
            "rho is 'abc' (str); expected a float",
        ),
        ("sigmas karras --option rho=nan", "rho is NaN; expected 0 (excluded) to 1000"),
        ("sigmas karras --option rho=1e400", "rho is inf; expected 0 (excluded) to 1000"),
        ("sigmas karras --option rho", "--option got 'rho'; expected KEY=VALUE, such as --option rho=5"),
        ("sigmas karras --option =3", "--option got '=3'; expected KEY=VALUE, such as --option rho=5"),
        ("sigmas karras --option a=1 --option a=x", "--option gives 'a' twice: 1 and 'x'; give it once"),
        ("sigmas karras --denoise 2", "denoise is 2; expected 0 to 1"),
        (
            "sigmas karras --sampler eul",
            "unknown sampler 'eul'; close: 'euler'; `stepladder list samplers` {all}",
        ),
        (
            "sigmas karras --process edn",
            "unknown process 'edn'; close: 'edm'; `stepladder list processes` shows every name",
        ),
        ("sigmas karras --process-option beta_start=2", "beta_start is 2; expected 0 to 1, both excluded"),
        ("sigmas karras --plot x.jpg", "cannot write x.jpg: it has '.jpg'; expected .png or .svg or .pdf"),
        ("sigmas karras --plot x", "cannot write x: it has no suffix; expected .png or .svg or .pdf"),
        ("sigmas karras --plot no/x.png", "cannot write no/x.png: there is no folder no; make it first"),
        ("sigmas karras --csv .", "cannot write .: it is a folder; name a file in it"),
        (
            "sigmas karras --csv - --json",
            "--json and --csv - both print to standard output; give --csv a file, or leave one out",
        ),
        ("program eulr", "unknown sampler 'eulr'; close: 'euler'; `stepladder list samplers` {all}"),
        ("program euler -n 200000", "a program has 200000 steps; expected 1 to 100000"),
        ("program euler --option s_churn=a", "s_churn is 'a'; expected a number"),
        ("program euler --option s_churn=-1", "s_churn is -1; expected a finite number of at least 0"),
        ("program euler --json --analysis", "--analysis belongs to the table, and --json prints none; leave one out"),
        ("program rk4 --error --analysis", "--error prints a table of its own; leave --analysis out"),
        (
            "program lcm --error",
            "--error: lcm claims no order, so its steps have no error; choose one that does",
        ),
        (
            "program rk4 --error -n 1",
            "--error: the only step is to zero, which has no estimate; expected --steps of at least 2",
        ),
        (
            "program euler_ancestral --error",
            "EulerAncestralSampler draws noise, so two of its results differ by more than an error; expected a method "
            "without noise, or eta 0",
        ),
        ("program euler --save x.txt", "cannot write x.txt: it has '.txt'; expected .safetensors"),
        (
            "list sampler",
            "unknown kind 'sampler' (did you mean 'samplers'?); the kinds are processes, presets, parameterizations, "
            "schedules, samplers, noise_sources, model_loaders",
        ),
        ("inspect gone.safetensors", "gone.safetensors: no such file or directory"),
        (
            "sample --model blob",
            "unknown model loader 'blob'; close: 'blobs'; `stepladder list model_loaders` shows every name",
        ),
        (
            "sample --model blobs --sampler ddim_inverse --steps 4",
            "--sampler 'ddim_inverse' goes from sigma 0 up to 80, from an image to its noise, and this command "
            "starts from noise; use one that goes down",
        ),
        ("sample --model other", "--model 'other' makes object; expected a stepladder.ModelLoader"),
        ("sample --model blobs --weights gone.bin", "gone.bin: no such file or directory"),
        ("sample --model blobs -o x.jpg", "cannot write x.jpg: it has '.jpg'; expected .png"),
        (
            "sample --model blobs --labels 2-5",
            "--labels got '2-5'; the model 'blobs' has the labels 0 to 3: dark, middling, t-shirt, 3. Give numbers, "
            "ascending ranges such as 0-3 or names, between commas; or all, or none",
        ),
        ("sample --model blobs -n 0", "steps is 0; expected 1 to 10000000"),
        (
            "sample --model blobs --noise brown",
            "unknown noise source 'brown'; `stepladder list noise_sources` {all}",
        ),
    ],
)
def test_bad_input_is_one_message(model, monkeypatch, tmp_path, args, message):
    monkeypatch.chdir(tmp_path)
    if "--noise" in args:
        args += " --sampler euler_ancestral"
    assert refused(*shlex.split(args)) == message.replace("{all}", "shows every name")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("args", "start", "end"),
    [
        ("sigmas karras --stpes 3", "No such option: --stpes", "(`stepladder sigmas --help` shows what there is)"),
        (
            "sigmas karras -n x",
            "Invalid value for '--steps' / '-n': ",
            "(`stepladder sigmas --help` shows what there is)",
        ),
        ("sigmas", "Missing argument ", "(`stepladder sigmas --help` shows what there is)"),
        ("sigma", "No such command 'sigma'", "(`stepladder --help` shows what there is)"),
        ("sample --model blobs -c 0", "Invalid value for '--count' / '-c': ", "shows what there is)"),
        ("sample --model blobs --seed -1", "Invalid value for '--seed': ", "shows what there is)"),
        (
            "sample --model blobs --device toaster",
            "--device 'toaster' cannot be used here; expected cpu",
            "",
        ),
        ("sample --model blobs --device meta", "--device 'meta' cannot be used here; expected cpu, or cuda, …: ", ""),
        ("sample --model blobs --labels 1,-1", "--labels got '-1'; the model 'blobs' has the labels 0 to 3", ""),
        ("sample --model blobs --labels 3-1", "--labels got '3-1'; ", ""),
        ("sample --model blobs --guidance x", "Invalid value for '--guidance': ", ""),
    ],
)
def test_bad_options_are_one_message(model, args, start, end):
    message = refused(*shlex.split(args))
    assert message.startswith(start)
    assert message.endswith(end)


def test_values_are_read_as_what_they_look_like():
    from stepladder.cli._options import value

    for text, expected in {
        "3": 3,
        "-3": -3,
        "3.0": 3.0,
        "1e3": 1000.0,
        "inf": np.inf,
        "true": True,
        "False": False,
        "1,2": [1.0, 2.0],
        "1,": [1.0],
        "1,x": "1,x",
        ",": ",",
        "heun": "heun",
        "": "",
        " x ": "x",
        str(2**63): float(2**63),
        "9" * 5000: np.inf,
    }.items():
        assert (value(text), type(value(text))) == (expected, type(expected))


@pytest.mark.parametrize("args", ["sigmas karras --plot", "program euler --save", "sample --model blobs -n 2 -o"])
def test_an_output_that_cannot_be_written_leaves_nothing(model, monkeypatch, tmp_path, args):
    from stepladder import io as files

    def full(*args):
        raise OSError(28, "No space left on device", f"{tmp_path}/.temporary")

    monkeypatch.setattr(files, "write_whole", full)
    file = tmp_path / ("x.safetensors" if "--save" in args else "x.png")
    result = run(*args.split(), file)
    assert result.exit_code == 2
    assert result.stderr == f"error: cannot write {file}: no space left on device\n"
    assert not list(tmp_path.iterdir())


def test_missing_extras_are_named_before_any_work(model, monkeypatch, tmp_path):
    monkeypatch.setattr(BlobsLoader, "load", None)  # would fail if it came to that
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "matplotlib.figure", None)
        for args in (["sigmas", "karras", "--plot"], ["sample", "--model", "blobs", "-o"]):
            assert "pip install stepladder[plot]" in refused(*args, tmp_path / "x.png")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "pip install stepladder[torch]" in refused("sample", "--model", "blobs")
    assert not list(tmp_path.iterdir())


def test_an_error_of_a_loader_is_said_in_its_own_words(model, monkeypatch):
    class OutputError(StepladderError, OSError):
        """Both ours and of the operating system."""

    for error, message in (
        (OutputError("Folder X is full"), "Folder X is full"),
        (PermissionError(13, "Permission denied", "w.bin"), "w.bin: permission denied"),
        (OSError("Timed out"), "Timed out"),
        (ImportError("No module named 'x'"), "No module named 'x'"),
        (MemoryError(), "MemoryError"),
    ):

        def load(self, path=None, *, device, error=error):
            raise error

        monkeypatch.setattr(BlobsLoader, "load", load)
        assert refused("sample", "--model", "blobs") == message


def test_interruption_is_quiet(model):
    result = run("sample", "--model", "interrupted")
    assert (result.exit_code, result.output) == (130, "")


# As a program


def environment(**extra):
    path = str(Path(sl.__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", **extra}


def process(*args, **extra):
    command = [sys.executable, "-m", "stepladder", *args]
    return subprocess.run(command, env=environment(**extra), capture_output=True, encoding="utf-8", check=False)


def test_version_and_help_without_torch():
    assert process("--version").stdout == f"stepladder {sl.__version__}\n"
    code = (
        "import sys; from stepladder.cli import app; app(['--help'], standalone_mode=False); "
        "print([m for m in ('torch', 'matplotlib', 'pluggy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, encoding="utf-8", check=True
    )
    assert all(name in done.stdout for name in ("sample", "sigmas", "program", "list", "plugins", "inspect"))
    assert done.stdout.endswith("[]\n")


def test_the_process_exits_as_the_tests_above_say():
    done = process("sigmas", "karras", "-n", "3", "--json", FORCE_COLOR="1")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["sigmas"] == sl.sigmas("karras", sl.process("discrete"), 3).tolist()
    done = process("sigmas", "karras", "-n", "0")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "error: steps is 0; expected 1 to 10000000\n")
    done = process("sigmas", "karas", COLUMNS="20", FORCE_COLOR="1")
    assert re.sub(r"\x1b\[[0-9;]*m", "", done.stderr).count("\n") == 1
    assert done.returncode == 2


def test_output_survives_a_console_without_block_characters():
    done = process("sigmas", "karras", "-n", "300", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "(261 rows more)" in done.stdout


# The documentation


def _examples():
    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    return re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("block", _examples(), ids=lambda block: block.split("\n", 1)[0].removeprefix("$ stepladder "))
def test_the_examples_of_the_documentation(block, monkeypatch, tmp_path):
    """Every command runs, and prints the lines shown, up to spaces, in that order; `…` stands for what is left out."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("STEPLADDER_PLUGINS", "")
    commands = re.split(r"^\$ ", block, flags=re.MULTILINE)
    assert commands.pop(0) == ""
    for command, *shown in (text.splitlines() for text in commands):
        name, *args = shlex.split(command)
        assert name == "stepladder"
        done = process(*args, STEPLADDER_PLUGINS="")
        assert done.returncode == 0, done.stderr
        printed = iter([" ".join(line.split()) for line in done.stdout.splitlines()])
        for line in (line for line in shown if line != "…"):
            pattern = re.compile(".*".join(re.escape(" ".join(part.split())) for part in line.split("…")))
            found = any(pattern.match(text) if "…" in line else pattern.fullmatch(text) for text in printed)
            assert found, f"not printed, or not in this order: {line}\n{done.stdout}"


def test_the_documentation_shows_every_command_and_option():
    from typer.main import get_command

    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    for name, command in get_command(app).commands.items():
        section = re.search(rf"^## `{name}`.*?(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
        assert section, f"docs/cli.md has no section `{name}`"
        options = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
        missing = {option for option in options - {"--help"} if f"`{option}" not in section[0]}
        assert not missing, f"section `{name}` does not mention {missing}"
