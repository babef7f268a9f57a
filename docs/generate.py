"""Write the generated part of the docs: pages of everything with a name, the list of public names, pictures.

`python docs/generate.py` writes; `--check` writes nothing and exits 1 when a page or a chart is not what would be
written, or the picture of digits is missing. Installed plugins are left out: only what stepladder itself registers is
in the tables.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import json
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import stepladder as sl
from writer import digits, orders
from writer import pages as written
from writer.text import page, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from stepladder import Claims, Entry, Manager

DOCS: Final = Path(__file__).resolve().parent
PACKAGE: Final = Path(sl.__file__).resolve().parent
_DATA: Final = DOCS.parent / "tests" / "data"
PARITY: Final = _DATA / "parity_diffusers.json"
CASES: Final = _DATA / "samplers.json"
EXCLUSIONS: Final = _DATA / "sampler_exclusions.json"


# -- tables of names --------------------------------------------------------------------------------------------------


def samplers_page(manager: Manager) -> str:
    """Every sampler with its claims, options, source and aliases."""
    rows = []
    for entry in manager.samplers.values():
        claims: Claims = entry.claims  # type: ignore[assignment]  # samplers always have them
        orders = " / ".join("-" if o is None else f"{o:g}" for o in _orders(claims))
        noise = "no" if not claims.stochastic else "one path" if claims.needs_path else "each step"
        flow = "yes" if "flow" in claims.families else "refused"
        scales = "yes" if claims.scale_free else "no"
        calls = f"{claims.evaluations:g}"
        rows.append((f"`{entry.name}`", entry.doc, orders, calls, noise, flow, scales, claims.note))
    return page(
        "Samplers",
        "`sl.sampler(name, **options)` makes one; `compile(sigmas, process)` turns it into a program. The command "
        "`stepladder list samplers` prints the same list with the installed plugins.",
        table(("name", "what it is", "order", "calls", "noise", "flow", "scales", "note"), rows),
        "**order**: of the update formula / of a whole run without noise / weak, as the source states them; `-` is no "
        "claim. **calls**: model calls per step. **noise**: whether the default options draw noise, and whether it "
        "has to be of one path, whose intervals overlap: independent draws are refused unless asked for. **flow**: "
        "whether it runs over a flow, `x = (1 - sigma) x0 + sigma noise`; all run where noise is added to x. "
        "**scales**: whether sigmas, data and x times one factor make the result times it. "
        "`stepladder.testing.check_sampler` measures the claims, and [orders](orders.md) plots the error of every "
        "sampler against the model calls it took.",
        "## Options and sources",
        _options_table(manager.samplers.values()),
        "## Names in other programs",
        _aliases_table(manager.samplers.values()),
        "## Forms of hosts",
        "Where a host means more by a name than our defaults, `sl.resolve(name, host=...)` has these options as "
        "`.sampler_options`; every other name means the defaults.",
        table(("stepladder", "host", "name there", "options"), _host_forms(manager.samplers.values())),
    )


def _host_forms(entries: Iterable[Entry]) -> Iterator[tuple[str, ...]]:
    """A row for every alias that needs options."""
    for entry in entries:
        for host, names in entry.alias_options.items():
            for name, options in names.items():
                given = " ".join(f"`{key}={value!r}`" for key, value in options.items())
                yield f"`{entry.name}`", host, f"`{name}`", given


def schedules_page(manager: Manager) -> str:
    """The families of schedules, and every schedule with its family, options, tail rule and aliases."""
    rules = {"steps_over_denoise": "end of a longer schedule", "round": "end of this schedule"}
    families = written.families(manager)
    rows = [
        (
            f"[`{entry.name}`]({written.family_file(family)}#{entry.name})",
            entry.doc,
            rules[entry.factory.tail_rule],  # type: ignore[attr-defined]  # built-in factories are the classes
        )
        for family, entries in families.items()
        for entry in entries
    ]
    listed = [
        (f"[{written.family_title(entries)}]({written.family_file(family)})", " ".join(f"`{e.name}`" for e in entries))
        for family, entries in families.items()
    ]
    return page(
        "Schedules",
        "`sl.sigmas(name, process, steps, **options)` gives the noise levels: float64, strictly descending, the last "
        "exactly 0, and as many steps as were asked for. An option `convention` gives a host's own list instead, "
        "which need not keep any of this. The command `stepladder list schedules` prints the same list with the "
        "installed plugins, `stepladder sigmas NAME --plot FILE` draws one.",
        "Each family has a page with a picture, and of each schedule the formula, parameters and source:",
        table(("family", "schedules"), listed),
        "[One name, several meanings](differences.md) is about names that hosts use differently. "
        "[Parts of a schedule](sigmas.md) is about image to image, and about functions over lists of levels.",
        table(("name", "what it is", "`denoise` below 1 takes the"), rows),
        "**end of a longer schedule**: always `steps` steps, the last ones of a schedule of `int(steps / denoise)`. "
        "**end of this schedule**: the last `round(steps * denoise)` steps.",
        "## Options and sources",
        _options_table(manager.schedules.values()),
        "## Names in other programs",
        _aliases_table(manager.schedules.values()),
    )


def names_page(manager: Manager) -> str:
    """Every other kind of thing with a name."""
    parts = [
        "[Samplers](samplers.md), [schedules](schedules.md), [noise processes](processes.md) and "
        "[parameterizations](parameterizations.md) have pages of their own. This page has every other kind of "
        "thing that is asked for by name. A `stepladder.Manager` has each list as a property of the heading's name, "
        "plugins add to it, and `stepladder list` prints it.",
    ]
    head = ("name", "what it is", "process", "parameterization", "latent scale", "source")
    parts += ["## presets", "What a model was trained with.", table(head, written.preset_rows(manager))]
    parts += [
        "Left out: `SenseNova`. Its network is told `1 - t` where `t` is the time before the shift, and the deviation "
        "of its noise grows with the picture, up to 16: no process and no parameterization here does either. A Python "
        "subclass of each can.",
    ]
    for plural in ("noise_sources", "model_loaders"):
        entries = list(getattr(manager, plural).values())
        rows = [(f"`{e.name}`", e.doc, _options(e), e.source) for e in entries]
        parts += [f"## {plural}", table(("name", "what it is", "options", "source"), rows)]
        if any(entry.aliases for entry in entries):
            parts += ["Names in other programs:", _aliases_table(entries)]
    parts += ["## Hosts", "A host is a program whose sampler and schedule names `sl.resolve` translates."]
    rows = []
    for host in manager.hosts():
        entries = [*manager.samplers.values(), *manager.schedules.values()]
        known = sum(len(entry.aliases.get(host, ())) for entry in entries)
        rows.append((f"`{host}`", str(known)))
    parts.append(table(("host", "sampler and schedule names known"), rows))
    return page("Names", *parts)


def parity_page() -> str:
    """Every scheduler class of diffusers, and what stands for it here."""
    data = json.loads(PARITY.read_text(encoding="utf-8"))
    rows, without = [], []
    for row in data["rows"]:
        if row["sampler"] is None:
            without.append((f"`{row['class']}`", row["note"]))
            continue
        options = row.get("options", "")
        rows.append((f"`{row['class']}`", f"`{row['sampler']}`", options, f"{row['agreement']:.0e}", row["note"]))
    exclusions = [(f"`{e['class']}`", e["what"], e["reason"], e["source"]) for e in data["exclusions"]]
    return page(
        "Parity with other programs",
        f"Of the {len(data['rows'])} scheduler classes of diffusers 0.42.1, {len(rows)} have a sampler here that was "
        "run against them, live, by `tests/test_parity_diffusers.py`. A class also makes noise levels and scales the "
        "network's input and output; here a [schedule](schedules.md) and a [parameterization](names.md) do.",
        table(("class", "sampler", "options that matter", "agreement", "note"), rows),
        "**agreement**: the largest difference the test lets pass, relative to the largest value, on a Gaussian "
        "mixture with the same levels and noise. Both run in float64, except where the note says float32.",
        "## Where a class is not followed",
        "The exact value of each is tested instead.",
        table(("class", "what", "why", "where"), exclusions),
        "## Classes without a sampler",
        table(("class", "why"), without),
        *_reference_cases(),
    )


def _reference_cases() -> Iterator[str]:
    """Values of ComfyUI's samplers: how many are ours, and why the others are not."""
    cases = json.loads(CASES.read_text(encoding="utf-8"))["cases"]
    exclusions = json.loads(EXCLUSIONS.read_text(encoding="utf-8"))["rows"]
    rows, left_out = [], 0
    for row in exclusions:
        whole = row["case"] is None
        left_out += sum(case["sampler"] == row["sampler"] for case in cases) if whole else 1
        rows.append((f"`{row['sampler']}`" if whole else f"`{row['case']}`", row["reason"], row["source"]))
    yield "## ComfyUI's values"
    yield (
        f"`tests/data/samplers.json` holds {len(cases)} results of {len({case['sampler'] for case in cases})} samplers "
        "of ComfyUI on an exact denoiser, over schedules of Stable Diffusion and of flows, with their noise. "
        f"{len(cases) - left_out} are met to 1e-6, or to 1e-4 where ComfyUI computes its coefficients in float32 "
        "(`er_sde`, `deis`, `uni_pc`, `uni_pc_bh2`). The others are these; the exact value of each is tested instead."
    )
    yield table(("case", "why", "where"), rows)


def _orders(claims: Claims) -> tuple[float | None, ...]:
    return claims.formula_order, claims.global_order, claims.weak_order


def _options_table(entries: Iterable[Entry]) -> str:
    return table(("name", "options", "source"), [(f"`{e.name}`", _options(e), e.source) for e in entries])


def _options(entry: Entry) -> str:
    """Keyword parameters of a factory with their defaults."""
    parameters = inspect.signature(entry.factory).parameters.values()
    return " ".join(f"`{p.name}`" if p.default is p.empty else f"`{p.name}={p.default!r}`" for p in parameters)


def _aliases_table(entries: Iterable[Entry]) -> str:
    entries = list(entries)
    hosts = sorted({host for entry in entries for host in entry.aliases})
    rows = [
        (f"`{entry.name}`", *(" ".join(f"`{name}`" for name in entry.aliases.get(host, ())) for host in hosts))
        for entry in entries
    ]
    return table(("stepladder", *hosts), rows)


# -- public names -----------------------------------------------------------------------------------------------------


def api_page() -> str:
    """Every public name: signature and first sentence, read from the sources so that no extra has to be installed."""
    parts = [
        "Every public name with its signature and the first line of its documentation; `help(name)` has the rest: "
        "arguments with units and ranges, errors, sources. Names with a leading underscore, and modules not listed "
        "here, may change without notice.",
        "## stepladder",
        "`import stepladder as sl`. This imports neither torch nor plugins.",
    ]
    names = [name for name in sl.__all__ if name != "__version__"]
    parts += _members("stepladder", sorted(names, key=str.lower))
    parts += ["`sl.__version__` is the version of the installed package, as text.", "## stepladder.torch"]
    parts += ["What needs torch (extra `torch`). `Runner` and `sample` are here too, the same as in `stepladder`."]
    parts += _members("stepladder.torch", [n for n in _exported("torch/__init__.py") if n not in sl.__all__])
    parts += ["## stepladder.hookspecs", "What a plugin imports: see [Writing a plugin](plugins.md)."]
    parts += _members("stepladder.hookspecs", ["Register", *_functions("hookspecs.py")])
    parts += ["## stepladder.testing", "The battery that built-ins pass, for the tests of plugins."]
    parts += _members("stepladder.testing", [n for n in _exported("testing/__init__.py") if n != "ORDER_MARGIN"])
    parts += ["## stepladder.plot", "Pictures (extra `plot`)."]
    parts += _members("stepladder.plot", _exported("plot.py"))
    parts += ["## stepladder.errors", "Every exception raised on purpose. Each also derives from a built-in one."]
    rows = [
        (f"`{node.name}`", " ".join(f"`{ast.unparse(base)}`" for base in node.bases[-1:]), _first_line(node))
        for node in _tree("errors.py").body
        if isinstance(node, ast.ClassDef)
    ]
    parts.append(table(("error", "also a", "raised when"), rows))
    return page("API", *parts)


def _members(module: str, names: Iterable[str]) -> Iterator[str]:
    functions, classes = [], []
    for name in names:
        node = _definition(module, name)
        if isinstance(node, ast.ClassDef):
            classes.append(node)
        else:
            functions.append((f"`{name}({_arguments(node)})`", _first_line(node) or _compiled_doc(module, name)))
    if functions:
        yield table(("function", "what it does"), functions)
    for node in classes:
        yield f"### {node.name}"
        fields = _fields(node)
        yield (f"`{node.name}({fields})`\n\n" if fields else "") + _first_line(node)
        if _is_final(node) and node.bases:
            continue  # its members are those of its base
        rows = [
            (f"`{member.name}`" if _is_property(member) else f"`{member.name}({_arguments(member)})`", text)
            for member in node.body
            if isinstance(member, ast.FunctionDef) and not member.name.startswith("_") and (text := _first_line(member))
        ]
        if rows:
            yield table(("member", "what it is"), rows)


@cache
def _tree(file: str) -> ast.Module:
    return ast.parse((PACKAGE / file).read_text(encoding="utf-8"))


def _exported(file: str) -> list[str]:
    """`__all__` of a module."""
    for node in _tree(file).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return sorted(ast.literal_eval(node.value), key=str.lower)
    raise LookupError(f"{file} has no __all__")


def _functions(file: str) -> list[str]:
    return [node.name for node in _tree(file).body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"]


def _definition(module: str, name: str) -> ast.ClassDef | ast.FunctionDef:
    """Find where a name is defined, through the imports of `module`."""
    if module == "stepladder":
        source = getattr(sl, name).__module__
        files = ["_core.pyi" if source in (None, "builtins", "stepladder._core") else _file(source)]
    else:
        path = PACKAGE / module.removeprefix("stepladder.")
        files = [_file(module)] if path.with_suffix(".py").exists() else _files(path)
    for file in files:
        for node in _tree(file).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
                return node
    raise LookupError(f"{module}.{name} is not defined in {', '.join(files)}")


def _file(module: str) -> str:
    return module.removeprefix("stepladder.").replace(".", "/") + ".py"


def _files(folder: Path) -> list[str]:
    return [str(path.relative_to(PACKAGE)) for path in sorted(folder.glob("*.py"))]


def _compiled_doc(module: str, name: str) -> str:
    """First paragraph of a compiled function's documentation."""
    text = inspect.getdoc(getattr(importlib.import_module(module), name)) or ""
    return " ".join(text.split("\n\n")[0].split())


def _first_line(node: ast.ClassDef | ast.FunctionDef) -> str:
    text = ast.get_docstring(node) or ""
    return " ".join(text.split("\n\n")[0].split())


def _is_final(node: ast.ClassDef) -> bool:
    return any(ast.unparse(d) == "final" for d in node.decorator_list)


def _is_property(node: ast.FunctionDef) -> bool:
    return any(ast.unparse(d) == "property" for d in node.decorator_list)


def _fields(node: ast.ClassDef) -> str:
    """What making an instance takes: the arguments of `__init__`, or the fields of a dataclass or named tuple."""
    for member in node.body:
        if isinstance(member, ast.FunctionDef) and member.name == "__init__":
            return _arguments(member)
    made_of_fields = any("dataclass" in ast.unparse(d) for d in node.decorator_list) or any(
        ast.unparse(base) == "NamedTuple" for base in node.bases
    )
    if not made_of_fields:
        return ""
    fields = [
        f"{ast.unparse(m.target)}" + (f"={_default(m.value)}" if m.value else "")
        for m in node.body
        if isinstance(m, ast.AnnAssign)
        and "ClassVar" not in ast.unparse(m.annotation)
        and not (m.value and "init=False" in ast.unparse(m.value))
    ]
    return ", ".join(fields)


def _default(value: ast.expr) -> str:
    """A default as the caller would write it: `field(default_factory=dict)` is an empty dict."""
    text = ast.unparse(value)
    return {"field(default_factory=dict)": "{}", "math.inf": "inf"}.get(text, text)


def _arguments(node: ast.FunctionDef) -> str:
    """Argument list without self and annotations."""
    arguments = ast.parse(f"def f({ast.unparse(node.args)}): ...").body[0].args  # type: ignore[attr-defined]  # a def
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        argument.annotation = None
    for argument in (arguments.vararg, arguments.kwarg):
        if argument is not None:
            argument.annotation = None
    text = ast.unparse(arguments)
    return text.removeprefix("self, ").removeprefix("cls, ").removeprefix("self").removeprefix("cls")


# -- pictures ---------------------------------------------------------------------------------------------------------

DIGITS_PICTURE: Final = "digits.png"


def draw_digits() -> bytes:
    """64 digits, by the sampler, schedule, steps and seed of `make demo`."""
    from stepladder.demo import load_network
    from stepladder.demo.generate import generate
    from stepladder.demo.loader import DigitsModel
    from stepladder.plot import image_grid, png_bytes
    from torch import arange

    network = load_network()
    samples = generate(network, arange(64) % 10, sampler="dpmpp_2m", schedule="karras", steps=10, seed=7)
    return png_bytes(image_grid(DigitsModel(network).images(samples), columns=10))


# -- what is written where --------------------------------------------------------------------------------------------

# Pictures that a check looks for, and does not compare: their bytes depend on the versions of other libraries.
PICTURES: Final[dict[str, Callable[[], bytes]]] = {DIGITS_PICTURE: draw_digits}


def pages() -> dict[str, str]:
    """File name in docs/ to content, for every generated page and chart."""
    manager: Any = sl.make_manager(entry_points=False)
    families = written.families(manager)
    return {
        "samplers.md": samplers_page(manager),
        "orders.md": orders.orders_page(manager),
        "digits-samplers.md": digits.digits_page(),
        **{f"images/{name}": picture for name, picture in orders.pictures().items()},
        "schedules.md": schedules_page(manager),
        **{written.family_file(name): written.family_page(name, entries) for name, entries in families.items()},
        **{f"images/{written.picture_file(name)}": written.family_picture(name) for name in families},
        "differences.md": written.differences_page(),
        "processes.md": written.processes_page(manager),
        "parameterizations.md": written.parameterizations_page(manager),
        "names.md": names_page(manager),
        "parity.md": parity_page(),
        "api.md": api_page(),
    }


def outdated() -> list[str]:
    """Names of the files that are missing, or whose text is not what would be written."""
    texts = [
        name
        for name, text in pages().items()
        if not (DOCS / name).is_file() or (DOCS / name).read_text(encoding="utf-8") != text
    ]
    return texts + [f"images/{name}" for name in PICTURES if not (DOCS / "images" / name).is_file()]


def main() -> int:
    """Write, or check."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when something is out of date")
    parser.add_argument("--measure", action="store_true", help="measure the errors of the samplers anew, then write")
    parser.add_argument("--digits", action="store_true", help="draw the digits of every row anew, then write")
    arguments = parser.parse_args()
    if arguments.measure:
        orders.store()
    if arguments.digits:
        digits.store()
    if arguments.check:
        wrong = outdated()
        if wrong:
            sys.stderr.write(f"out of date or missing in docs/: {', '.join(wrong)}; run `make docs`\n")
        return int(bool(wrong))
    (DOCS / "images").mkdir(exist_ok=True)
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
    for name, draw in PICTURES.items():
        (DOCS / "images" / name).write_bytes(draw())
    return 0


if __name__ == "__main__":
    sys.exit(main())
