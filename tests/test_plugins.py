"""Plugins: what a registration has to be, and what happens to the others when one plugin goes wrong."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from types import SimpleNamespace

import pytest
import stepladder
from stepladder import _manager, _plugins
from stepladder._manager import KINDS, Manager, make_manager
from stepladder.errors import (
    ExecutionError,
    ParameterizationError,
    PluginError,
    ProcessError,
    SamplerError,
    ScheduleError,
    UnknownNameError,
)
from stepladder.hookspecs import Claims, hookimpl

ROOT = Path(__file__).parent.parent
CLAIMS = Claims(formula_order=1, global_order=1, weak_order=None, evaluations=1, stochastic=False)


@dataclass(frozen=True)
class Thing:
    """A thing with parameters.

    And a second paragraph.
    """

    rho: float = 7.0
    name: str = "x"


def make_thing(size, *, colour="red"):
    """Make a thing that needs a size."""
    return (size, colour)


def undocumented():
    return None


@dataclass(frozen=True)
class UndocumentedData:
    rho: float = 7.0


def plugin(**hooks):
    """A plugin object with these hooks."""
    return SimpleNamespace(**{name: hookimpl(function) for name, function in hooks.items()})


def registering(kind, *args, **kwargs):
    """A plugin that registers one thing."""

    def hook(register):
        register(*args, **kwargs)

    return plugin(**{f"register_{KINDS[kind].plural}": hook})


def entry_point(name, loaded, distribution="stepladder-fake", version="1.2"):
    """An installed entry point that loads this object, or raises this exception."""

    def load():
        if isinstance(loaded, Exception):
            raise loaded
        return loaded

    dist = SimpleNamespace(name=distribution, version=version)
    return SimpleNamespace(name=name, value=f"{name}_module", dist=dist, load=load)


@pytest.fixture
def installed(monkeypatch):
    """Entry points that appear to be installed; append to it."""
    points = []
    monkeypatch.setattr(_manager, "installed_entry_points", lambda group: points if group == "stepladder" else [])
    monkeypatch.delenv("STEPLADDER_PLUGINS", raising=False)
    return points


@pytest.fixture
def fresh(monkeypatch, installed):
    """The accessors over a manager of their own; nothing is kept from or for other tests."""
    shared = functools.cache(lambda: make_manager(entry_points=False))
    monkeypatch.setattr(_plugins, "shared", shared)
    for cache in ("_PROCESSES", "_PRESETS", "_PARAMETERIZATIONS", "_SCHEDULES", "_SAMPLERS"):
        monkeypatch.setattr(_plugins, cache, {})
    return shared


# Registration


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_hook_an_entry_and_a_listing(kind):
    manager = Manager()
    claims = CLAIMS if kind == "sampler" else None
    manager.register_plugin(registering(kind, "a.b-c_1", Thing, source="here", claims=claims), "mine")
    entry = getattr(manager, KINDS[kind].plural)["a.b-c_1"]
    assert (entry.name, entry.kind, entry.factory, entry.source) == ("a.b-c_1", kind, Thing, "here")
    assert (entry.owner, entry.owner_version, entry.claims) == ("mine", None, claims)
    assert entry.doc == "A thing with parameters."
    assert manager.entries(kind) == getattr(manager, KINDS[kind].plural)
    assert manager.make(kind, "a.b-c_1", {"rho": 2.0}) == Thing(2.0)
    (info,) = manager.plugins()
    assert (info.name, info.distribution, info.version, info.error) == ("mine", None, None, None)
    assert dict(info.registered) == {kind: ("a.b-c_1",)}


@pytest.mark.parametrize(
    ("kind", "args", "kwargs", "text"),
    [
        ("schedule", ("Upper", Thing), {"source": "s"}, "'Upper': not a name; use 1 to 64"),
        ("schedule", ("", Thing), {"source": "s"}, "'': not a name"),
        ("schedule", ("_x", Thing), {"source": "s"}, "'_x': not a name"),
        ("schedule", ("x" * 65, Thing), {"source": "s"}, "not a name"),
        ("schedule", ("x\n", Thing), {"source": "s"}, "not a name"),
        ("schedule", (3, Thing), {"source": "s"}, "3: not a name"),
        ("schedule", ("x", Thing()), {"source": "s"}, "give a class or function"),
        ("schedule", ("x", undocumented), {"source": "s"}, "undocumented has no docstring"),
        ("schedule", ("x", UndocumentedData), {"source": "s"}, "UndocumentedData has no docstring"),
        ("schedule", ("x", functools.partial(Thing, 3)), {"source": "s"}, "partial has no docstring"),
        ("schedule", ("x", Thing), {}, "source is ''"),
        ("schedule", ("x", Thing), {"source": " "}, "source is ' '"),
        ("schedule", ("x", Thing), {"source": "s", "aliases": ["x"]}, "give a mapping of host"),
        ("schedule", ("x", Thing), {"source": "s", "aliases": {"a1111": "X"}}, r"aliases\['a1111'\] is 'X'"),
        ("schedule", ("x", Thing), {"source": "s", "aliases": {"a1111": ("",)}}, r"aliases\['a1111'\]"),
        ("schedule", ("x", Thing), {"source": "s", "aliases": {"A1111": ("X",)}}, "the host 'A1111'"),
        ("schedule", ("x", Thing), {"source": "s", "aliases": {"stepladder": ("y",)}}, "name another program"),
        ("schedule", ("x", Thing), {"source": "s", "claims": CLAIMS}, "claims are for samplers; leave them out"),
        ("preset", ("x", Thing), {"source": "s", "process": "flow"}, "process is for schedules; leave it out"),
        ("schedule", ("x", Thing), {"source": "s", "process": 3}, "process is 3; give the name of the noise process"),
        ("sampler", ("x", Thing), {"source": "s"}, "a sampler states its order"),
        ("sampler", ("x", Thing), {"source": "s", "claims": {"order": 1}}, "a sampler states its order"),
    ],
)
def test_bad_registration_names_plugin_name_and_remedy(kind, args, kwargs, text):
    manager = Manager()
    with pytest.raises(PluginError, match=rf"plugin 'mine'.*{kind}.*{text}"):
        manager.register_plugin(registering(kind, *args, **kwargs), "mine")
    assert not manager.entries(kind)
    assert manager.plugins() == []


def test_wrong_arguments_of_register_are_the_plugins_error():
    with pytest.raises(PluginError, match=r"plugin 'mine': its register_schedules raised TypeError.*colour") as caught:
        Manager().register_plugin(registering("schedule", "x", Thing, source="s", colour=1), "mine")
    assert isinstance(caught.value.__cause__, TypeError)


def test_name_clash_names_both_owners():
    manager = Manager()
    manager.register_plugin(registering("schedule", "x", Thing, source="s"), "first")
    with pytest.raises(PluginError, match=r"plugin 'second': schedule 'x': the name is already registered by first"):
        manager.register_plugin(registering("schedule", "x", Thing, source="s"), "second")
    manager.register_plugin(registering("process", "x", Thing, source="s"), "second")
    assert manager.schedules["x"].owner == "first"
    assert manager.processes["x"].owner == "second"


def test_name_clash_within_one_plugin():
    def hook(register):
        register("x", Thing, source="s")
        register("x", Thing, source="s")

    with pytest.raises(PluginError, match=r"already registered by mine"):
        Manager().register_plugin(plugin(register_schedules=hook), "mine")


def test_alias_clash():
    manager = Manager()
    manager.register_plugin(
        registering("schedule", "x", Thing, source="s", aliases={"a1111": ("The X", "the x")}), "one"
    )
    with pytest.raises(PluginError, match=r"'y': the a1111 alias 'THE X' already means 'x', registered by one"):
        manager.register_plugin(registering("schedule", "y", Thing, source="s", aliases={"a1111": ("THE X",)}), "two")
    other_host = registering("schedule", "y", Thing, source="s", aliases={"comfyui": ("The X",)})
    manager.register_plugin(other_host, "two")
    other_kind = registering("sampler", "y", Thing, source="s", aliases={"a1111": ("The X",)}, claims=CLAIMS)
    manager.register_plugin(other_kind, "three")
    assert manager.hosts() == ("a1111", "comfyui")


def test_entries_are_read_only_and_kinds_are_checked():
    manager = Manager()
    with pytest.raises(TypeError):
        manager.schedules["x"] = None
    with pytest.raises(ValueError, match=r"unknown kind 'schedules'; the kinds are process"):
        manager.entries("schedules")


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"formula_order": 0}, "formula_order is 0"),
        ({"global_order": float("nan")}, "global_order is nan"),
        ({"weak_order": -1.0}, "weak_order is -1"),
        ({"evaluations": 0}, "evaluations is 0"),
        ({"families": "ve"}, "give a tuple"),
        ({"families": ()}, "give a tuple"),
    ],
)
def test_claims_are_checked(changed, text):
    given = {"formula_order": 1, "global_order": 1, "weak_order": None, "evaluations": 1, "stochastic": False}
    with pytest.raises(ValueError, match=text):
        Claims(**(given | changed))


# Plugins that go wrong


def raising(register):
    register("half_done", Thing, source="s", aliases={"a1111": ("Half Done",)})
    raise ZeroDivisionError("on purpose")


def test_failures_are_kept_apart(installed):
    installed += [
        entry_point("good", registering("schedule", "good", Thing, source="s")),
        entry_point("import", ImportError("no module named y")),
        entry_point("hook", plugin(register_processes=lambda register: register("p", Thing, source="s"),
                                   register_schedules=raising)),
        entry_point("misspelt", plugin(register_sampler=lambda register: None)),
        entry_point("wrong-argument", plugin(register_schedules=lambda registrar: None)),
        entry_point("hookless", SimpleNamespace(register_schedules=lambda register: None)),
        entry_point("clash", registering("schedule", "good", Thing, source="s"), "stepladder-zzz", "3"),
    ]  # fmt: skip
    manager = Manager()
    manager.load_entry_points()
    infos = {info.name: info for info in manager.plugins()}
    assert set(manager.schedules) == {"good"}
    assert not manager.processes
    assert manager.hosts() == ()
    assert manager.schedules["good"].owner == "stepladder-fake"
    assert manager.schedules["good"].owner_version == "1.2"
    assert dict(infos["good"].registered) == {"schedule": ("good",)}
    assert infos["good"].error is None
    expected = {
        "import": ("importing it raised ImportError: no module named y", ImportError),
        "hook": ("its register_schedules raised ZeroDivisionError: on purpose", ZeroDivisionError),
        "misspelt": ("register_sampler", Exception),
        "wrong-argument": ("registrar", Exception),
        "hookless": ("it has no hook; mark a function with @stepladder.hookspecs.hookimpl", type(None)),
    }
    for name, (text, cause) in expected.items():
        error = infos[name].error
        assert str(error).startswith(f"plugin {name!r} (stepladder-fake 1.2, entry point {name} = {name}_module): ")
        assert text in str(error)
        assert isinstance(error.__cause__, cause)
        assert not infos[name].registered
    clash = str(infos["clash"].error)
    assert "stepladder-zzz 3" in clash
    assert "already registered by stepladder-fake 1.2" in clash
    assert len(manager.failures) == 6
    assert all(type(error) is PluginError for error in manager.failures)


def test_the_hooks_are_listed_when_one_is_unknown(installed):
    installed.append(entry_point("misspelt", plugin(register_sampler=lambda register: None)))
    manager = Manager()
    manager.load_entry_points()
    assert all(f"register_{kind.plural}" in str(manager.failures[0]) for kind in KINDS.values())


def test_an_unknown_name_says_which_plugin_would_have_had_it(installed):
    installed += [entry_point("hook", plugin(register_schedules=raising))]
    manager = Manager()
    with pytest.raises(
        UnknownNameError, match=r"'half_done'; the plugin that registers it failed .*stepladder-fake 1.2"
    ):
        manager.entry("schedule", "half_done")
    with pytest.raises(UnknownNameError, match=r"plugins that failed to load: 'hook' .`stepladder plugins` says why"):
        manager.entry("schedule", "other")


def test_loading_is_done_once_and_in_alphabetical_order(installed):
    loads = []

    def point(name, distribution):
        def hook(register):
            loads.append(name)
            register("same", Thing, source="s")

        return entry_point(name, plugin(register_schedules=hook), distribution)

    installed += [point("a", "z-dist"), point("c", "b-dist"), point("b", "b-dist")]
    manager = Manager()
    manager.load_entry_points()
    manager.load_entry_points()
    assert loads == ["b", "c", "a"]
    assert manager.schedules["same"].owner == "b-dist"
    assert [info.name for info in manager.plugins() if info.error] == ["c", "a"]


def test_a_plugin_may_use_names_while_it_loads(installed):
    manager = Manager()

    def hook(register):
        with pytest.raises(UnknownNameError):
            manager.entry("schedule", "mine")
        register("mine", Thing, source="s")

    installed.append(entry_point("a", plugin(register_schedules=hook)))
    assert manager.entry("schedule", "mine").factory is Thing


def test_damaged_metadata(installed):
    lost = entry_point("a", ImportError("gone"))
    lost.dist = None
    nameless = entry_point("b", ImportError("gone"), None, None)
    installed += [nameless, lost]
    manager = Manager()
    manager.load_entry_points()
    assert [info.distribution for info in manager.plugins()] == ["unknown distribution"] * 2
    assert str(manager.failures[0]).startswith("plugin 'a' (unknown distribution ?, entry point a = a_module): ")


@pytest.mark.parametrize(
    ("value", "loaded", "failed"),
    [(None, {"a", "b"}, 0), ("", set(), 0), ("a", {"a"}, 0), (" b , a,", {"a", "b"}, 0), ("a,zz", {"a"}, 1)],
)
def test_switch(installed, monkeypatch, value, loaded, failed):
    installed += [entry_point(name, registering("schedule", name, Thing, source="s")) for name in ("a", "b")]
    if value is not None:
        monkeypatch.setenv("STEPLADDER_PLUGINS", value)
    manager = make_manager()
    assert {entry.name for entry in manager.schedules.values() if entry.owner != "stepladder"} == loaded
    assert len(manager.failures) == failed
    if failed:
        assert "'zz': STEPLADDER_PLUGINS lists it" in str(manager.failures[0])
        assert "installed: a, b" in str(manager.failures[0])
        assert manager.plugins()[0].distribution is None


# Built-ins


def test_builtins_come_through_the_same_door():
    manager = make_manager(entry_points=False)
    assert manager.schedules["karras"].owner == "stepladder"
    assert manager.plugins() == []
    for kind in KINDS:
        assert manager.entries(kind), f"no built-in {kind}"
        assert all(entry.doc and entry.source for entry in manager.entries(kind).values())
    with pytest.raises(PluginError, match=r"plugin 'mine': schedule 'karras'.*registered by stepladder;"):
        manager.register_plugin(registering("schedule", "karras", Thing, source="s"), "mine")


def test_managers_are_independent():
    one, other = make_manager(entry_points=False), make_manager(entry_points=False)
    one.register_plugin(registering("schedule", "mine", Thing, source="s"), "mine")
    assert "mine" in one.schedules
    assert "mine" not in other.schedules


# Accessors


def test_default_instances_are_shared_and_others_are_not(fresh):
    assert stepladder.schedule("karras") is stepladder.schedule("karras")
    assert stepladder.sampler("euler") is stepladder.sampler("euler")
    assert stepladder.schedule("karras", rho=5.0) is not stepladder.schedule("karras", rho=5.0)
    assert stepladder.schedule("karras", rho=5.0) == stepladder.schedule("karras", rho=5.0)


def test_entry_points_load_on_the_first_name_that_is_not_built_in(fresh, installed):
    installed.append(entry_point("a", registering("schedule", "mine", Thing, source="s")))
    stepladder.schedule("karras")
    assert fresh().plugins() == []
    assert stepladder.schedule("mine") == Thing()
    assert [info.name for info in fresh().plugins()] == ["a"]


@pytest.mark.parametrize("kind", KINDS)
def test_listing_loads_entry_points(fresh, installed, kind):
    claims = CLAIMS if kind == "sampler" else None
    installed.append(entry_point("a", registering(kind, "mine", Thing, source="s", claims=claims)))
    listed = getattr(stepladder, KINDS[kind].plural)()
    assert listed["mine"].owner == "stepladder-fake"
    assert getattr(stepladder, kind)("mine") == Thing()
    assert [info.name for info in stepladder.plugins()] == ["a"]
    listed.clear()
    assert "mine" in getattr(stepladder, KINDS[kind].plural)()


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("process", ProcessError),
        ("parameterization", ParameterizationError),
        ("schedule", ScheduleError),
        ("sampler", SamplerError),
        ("noise_source", ExecutionError),
    ],
)
def test_wrong_parameters_are_the_kinds_error(fresh, kind, error):
    def hook(register):
        claims = CLAIMS if kind == "sampler" else None
        register("thing", Thing, source="s", claims=claims)
        register("made", make_thing, source="s", claims=claims)

    fresh().register_plugin(plugin(**{f"register_{KINDS[kind].plural}": hook}), "mine")
    make = getattr(stepladder, kind)
    assert make("thing", name="y") == Thing(name="y")
    with pytest.raises(
        error, match=r"'thing' has no parameter 'rh'; did you mean 'rho'\? \(it takes rho=7.0, name='x'\)"
    ):
        make("thing", rh=2.0)
    with pytest.raises(error, match=r"'made' needs the parameter 'size' \(it takes size \(required\), colour='red'\)"):
        make("made")
    with pytest.raises(error, match=r"'made' has no parameter 'height'"):
        make("made", height=3)


@pytest.mark.parametrize("kind", ["preset", "model_loader"])
def test_a_factory_that_cannot_be_called_without_parameters(fresh, kind):
    fresh().register_plugin(registering(kind, "made", make_thing, source="s"), "mine")
    with pytest.raises(PluginError, match="'made' needs the parameter 'size'"):
        getattr(stepladder, kind)("made")


def test_a_type_error_inside_a_factory(fresh):
    def picky(count=1):
        """Make nothing of a string."""
        return range(count)

    def faulty():
        """Fail by itself."""
        return len(3)

    def hook(register):
        register("picky", picky, source="s")
        register("faulty", faulty, source="s")

    fresh().register_plugin(plugin(register_schedules=hook), "mine")
    with pytest.raises(ScheduleError, match=r"'picky' refused {'count': 'a'}: .*integer") as caught:
        stepladder.schedule("picky", count="a")
    assert isinstance(caught.value.__cause__, TypeError)
    with pytest.raises(TypeError, match=r"has no len"):
        stepladder.schedule("faulty")


def test_unknown_names(fresh):
    with pytest.raises(
        UnknownNameError, match=r"unknown schedule 'karas'; close: .*'karras'.*`stepladder list schedules`"
    ):
        stepladder.schedule("karas")
    hint = r"'Karras' \(did you mean 'karras'\?\); it is a name in .*a1111.* for schedule 'karras'.*resolve"
    with pytest.raises(UnknownNameError, match=hint):
        stepladder.schedule("Karras")
    with pytest.raises(UnknownNameError, match=r"a1111 for sampler 'dpmpp_2m_sde' with schedule 'karras'"):
        stepladder.sampler("DPM++ 2M SDE Karras")
    with pytest.raises(
        UnknownNameError, match=r"unknown noise source 'nothing_like_it'; `stepladder list noise_sources`"
    ):
        stepladder.noise_source("nothing_like_it")
    with pytest.raises(TypeError, match=r"a schedule is asked for by name, a str; got 3"):
        stepladder.schedule(3)


def test_an_unknown_name_says_that_plugins_are_switched_off(fresh, monkeypatch):
    monkeypatch.setenv("STEPLADDER_PLUGINS", "")
    with pytest.raises(UnknownNameError, match="STEPLADDER_PLUGINS='' limits which plugins load"):
        stepladder.schedule("nothing_like_it")


def test_unknown_name_that_is_an_alias_of_another_kind(fresh):
    aliases = {"diffusers": ("EpsilonThing",)}
    fresh().register_plugin(registering("parameterization", "thing", Thing, source="s", aliases=aliases), "mine")
    with pytest.raises(
        UnknownNameError, match=r"it is a name in diffusers for parameterization 'thing': use stepladder's"
    ):
        stepladder.parameterization("EpsilonThing")


def test_sigmas_takes_a_name_or_a_schedule(fresh):
    process = stepladder.process("edm")
    by_name = stepladder.sigmas("karras", process, 5, rho=5.0)
    assert by_name.tolist() == stepladder.sigmas(stepladder.schedule("karras", rho=5.0), process, 5).tolist()
    assert by_name.tolist() == stepladder.schedule("karras", rho=5.0).sigmas(process, 5).tolist()
    with pytest.raises(ScheduleError, match=r"together with its parameters \(rho\)"):
        stepladder.sigmas(stepladder.schedule("karras"), process, 5, rho=5.0)


# The documentation


def test_the_tutorial_shows_the_minimal_plugin_as_it_is():
    text = (ROOT / "docs/plugins.md").read_text(encoding="utf-8")
    folder = ROOT / "plugins/stepladder-minimal"
    files = [(folder / name).read_text(encoding="utf-8") for name in ("stepladder_minimal.py", "test_minimal.py")]
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    shown = [block for block in blocks if not block.startswith("import stepladder as sl")]
    assert len(shown) == 4
    assert all(any(block in file for file in files) for block in shown)


def test_the_reference_lists_every_hook_and_every_claim():
    text = (ROOT / "docs/plugins.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(register_\w+)\(register\)`", text, re.MULTILINE)) == {
        f"register_{kind.plural}" for kind in KINDS.values()
    }
    assert all(f"| `{field.name}` |" in text for field in fields(Claims))


# Installed for real


def test_import_loads_neither_pluggy_nor_torch():
    code = "import sys, stepladder; print([m for m in ('pluggy', 'torch', 'importlib.metadata') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def environment(*folders, **extra):
    package = Path(stepladder.__file__).parent.parent
    path = os.pathsep.join(map(str, [*folders, package]))
    kept = {name: value for name, value in os.environ.items() if name != "STEPLADDER_PLUGINS"}
    return kept | {"PYTHONPATH": path} | extra


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the minimal and the broken plugin installed from their wheels."""
    work, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    for project in (ROOT / "plugins/stepladder-minimal", ROOT / "tests/plugins/stepladder-broken"):
        copy = shutil.copytree(project, work / project.name)  # setuptools builds inside the source tree
        build = ["wheel", "--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", str(work), str(copy)]
        subprocess.run([*pip, *build], check=True)
    wheels = sorted(map(str, work.glob("*.whl")))
    assert len(wheels) == 2
    subprocess.run([*pip, "install", "--target", str(target), "--no-deps", "--no-index", *wheels], check=True)
    return target


def run(site, *args, **extra):
    command = [sys.executable, "-m", "stepladder", *args]
    return subprocess.run(command, env=environment(site, **extra), capture_output=True, text=True, check=False)


def test_plugins_command(site):
    done = run(site, "plugins", "--json")
    assert done.returncode == 0, done.stderr
    listed = {row["name"]: row for row in json.loads(done.stdout)["plugins"]}
    assert listed["minimal"] == {
        "name": "minimal",
        "distribution": "stepladder-minimal",
        "version": "0.1.0",
        "registers": {"schedule": ["chebyshev"], "sampler": ["ralston"]},
        "error": None,
    }
    errors = {name: row["error"] for name, row in listed.items() if row["distribution"] == "stepladder-broken"}
    assert set(errors) == {"broken-clash", "broken-hook", "broken-import", "broken-unknown"}
    assert "already registered by stepladder;" in errors["broken-clash"]
    assert "ZeroDivisionError: on purpose" in errors["broken-hook"]
    assert "a_module_that_does_not_exist" in errors["broken-import"]
    assert "register_sampler" in errors["broken-unknown"]
    assert all(text.startswith(f"plugin {name!r} (stepladder-broken 0.0.1") for name, text in errors.items())
    assert not any(row["registers"] for row in listed.values() if row["error"])


def test_a_plugins_schedule_and_sampler_work_from_the_command_line(site):
    done = run(site, "sigmas", "chebyshev", "--steps", "5", "--json")
    assert done.returncode == 0, done.stderr
    sigmas = json.loads(done.stdout)["sigmas"]
    assert len(sigmas) == 6
    assert sigmas == sorted(sigmas, reverse=True)
    assert sigmas[-1] == 0
    done = run(site, "program", "ralston", "--steps", "4", "--json")
    assert done.returncode == 0, done.stderr
    program = json.loads(done.stdout)
    assert sum(op["op"] == "denoise" for op in program["operations"]) == 7


@pytest.mark.parametrize("name", ["broken_half_done", "broken_before_clash"])
def test_what_a_failed_plugin_registered_is_gone(site, name):
    done = run(site, "sigmas", name, "--steps", "5", "--json")
    assert done.returncode == 2
    assert "stepladder-broken" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_switch_hides_installed_plugins(site):
    done = run(site, "plugins", "--json", STEPLADDER_PLUGINS="")
    assert json.loads(done.stdout) == {"plugins": []}
    done = run(site, "sigmas", "chebyshev", "--steps", "5", "--json", STEPLADDER_PLUGINS="")
    assert done.returncode == 2
    assert "chebyshev" in done.stderr
    assert "Traceback" not in done.stderr
    done = run(site, "plugins", "--json", STEPLADDER_PLUGINS="minimal")
    assert [row["name"] for row in json.loads(done.stdout)["plugins"]] == ["minimal"]


def test_the_minimal_plugin_passes_its_own_tests(site):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_minimal.py"]
    folder = ROOT / "plugins/stepladder-minimal"
    env = environment(site, STEPLADDER_PLUGINS="minimal", PYTHONDONTWRITEBYTECODE="1")
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
