"""The pages of schedules, processes and parameterizations: what the code says of itself, with formulas and pictures."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any, Final

import stepladder as sl

from writer import formulas
from writer.picture import chart
from writer.text import page, parameters, prose, sections, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt
    from stepladder import Entry, Manager

HOSTS: Final = {
    "comfyui": "ComfyUI",
    "res4lyf": "RES4LYF",
    "a1111": "A1111",
    "fooocus": "Fooocus",
    "k_diffusion": "k-diffusion",
    "forge": "Forge",
    "diffusers": "diffusers",
    "stable_diffusion_cpp": "stable-diffusion.cpp",
}
_FAMILY_NAMES: Final = {"ve": "variance exploding", "vp": "variance preserving", "flow": "rectified flow"}


# -- schedules --------------------------------------------------------------------------------------------------------


def family(entry: Entry) -> str:
    """The module a schedule is defined in, which is its family."""
    return entry.factory.__module__.rpartition(".")[2]


def families(manager: Manager) -> dict[str, list[Entry]]:
    """Family to its schedules, in the order of the list."""
    found: dict[str, list[Entry]] = {}
    for entry in manager.schedules.values():
        found.setdefault(family(entry), []).append(entry)
    return found


def family_title(entries: list[Entry]) -> str:
    """First line of the module that the family is defined in."""
    return (inspect.getdoc(sys.modules[entries[0].factory.__module__]) or "").split("\n")[0].removesuffix(".")


def family_file(name: str) -> str:
    """Page of a family."""
    return f"schedules-{name}.md"


def picture_file(name: str) -> str:
    """Picture of a family."""
    return f"schedules-{name}.svg"


def family_page(name: str, entries: list[Entry]) -> str:
    """A family of schedules: a picture; of each its formula, parameters, conventions, source and other names."""
    scale, caption, curves = formulas.PICTURES[name]
    zero = "All end in an exact 0" + (", which a logarithmic axis cannot show." if scale == "log" else ".")
    parts = [
        "One of the families of [schedules](schedules.md).",
        f"![sigma against step: {', '.join(label for label, _ in curves)}](images/{picture_file(name)})",
        f"The picture: {caption} {zero}",
        "A formula gives the levels above 0 for `n` steps, 2 or more, as Python over NumPy's names; one step is the "
        "first level, then 0. `k` is `arange(n)`, `table` the process's `L` levels in ascending order, `sigma(t)` and "
        "`time(sigma)` its maps `.sigma` and `.timestep`, `loglinear` interpolates logarithms at even places, "
        "`published` is the schedule's own table. Where the formula would give another number of levels, or repeat "
        "one, the text says what is done instead. The tests compute with the formulas as they stand here.",
    ]
    for entry in entries:
        parts += _schedule(entry)
    return page(family_title(entries), *parts)


def _schedule(entry: Entry) -> Iterable[str]:
    said = sections(entry.factory)
    yield f"## {entry.name}"
    yield prose(said[""])
    yield f"```\n{formulas.SCHEDULES[entry.name].strip()}\n```"
    rows = _parameter_rows(entry)
    if rows:
        yield table(("parameter", "default", "meaning"), rows)
    yield prose(said["Notes"])
    yield _facts(entry)


def _parameter_rows(entry: Entry) -> list[tuple[str, str, str]]:
    """Documented parameters with their defaults; names that are documented together stay together."""
    defaults = inspect.signature(entry.factory).parameters

    def default(name: str) -> str:
        found = defaults[name].default
        return "required" if found is inspect.Parameter.empty else f"`{found!r}`"

    rows = []
    for names, _, text in parameters(entry.factory):
        split = names.split(", ")
        rows.append((", ".join(f"`{n}`" for n in split), ", ".join(map(default, split)), text))
    return rows


def _facts(entry: Entry) -> str:
    """Source, process, what `denoise` takes, and names elsewhere."""
    rules = {
        "steps_over_denoise": "`denoise` below 1 runs the last `steps` of `int(steps / denoise)` steps",
        "round": "`denoise` below 1 runs the last `round(steps * denoise)` steps",
    }
    tail_rule = entry.factory.tail_rule  # type: ignore[attr-defined]  # built-in factories are the classes
    lines = [f"* Source: {entry.source}.", f"* {rules[tail_rule]}."]
    if entry.process is not None:
        lines.append(f"* Its levels are those of the process [`{entry.process}`](processes.md#{entry.process}).")
    if entry.aliases:
        lines.append(f"* Elsewhere: {elsewhere(entry)}.")
    if entry.name in formulas.SAME_NAME:
        lines.append(f"* Hosts differ: [how](differences.md#{entry.name}).")
    return "\n".join(lines)


def elsewhere(entry: Entry) -> str:
    """Names in other programs."""
    return "; ".join(
        f"{HOSTS.get(host, host)} {', '.join(f'`{name}`' for name in names)}" for host, names in entry.aliases.items()
    )


def family_picture(name: str) -> str:
    """The chart of a family, as SVG."""
    scale, _, curves = formulas.PICTURES[name]
    return chart([(label, computed(expression).tolist()) for label, expression in curves], scale)


def computed(expression: str) -> npt.NDArray[np.float64]:
    """The levels that an expression of the tables and pictures makes."""
    names = {"sl": sl, "process": sl.process("discrete"), "flow": sl.process("flow")}
    return eval(expression, names)  # our own tables


def differences_page() -> str:
    """What hosts mean by one name, side by side."""
    parts = [
        "The same name does not mean the same levels everywhere. Each table has what a host gives and what gives it "
        'here, over `process = sl.process("discrete")`, Stable Diffusion\'s. The numbers are computed, not copied: '
        "**steps** counts the intervals of the list, **levels** are its first four and last three, **repeated** says "
        "how many levels occur before.",
        "A name that means different things in two hosts resolves with the host: "
        '`sl.resolve("Beta", host="a1111")` is `beta_over_range`. Where the difference is an option, '
        "`.schedule_options` has it, or `.sampler_options`; those of samplers are listed as "
        "[forms of hosts](samplers.md#forms-of-hosts).",
        "```python\nimport stepladder as sl\n\n"
        'found = sl.resolve("KL Optimal", host="a1111")\n'
        'assert found.schedule == "kl_optimal"\n'
        'assert found.schedule_options == {"convention": "a1111"}\n'
        'process = sl.process("discrete")\n'
        "sigmas = sl.sigmas(found.schedule, process, 10, **found.schedule_options)\n"
        "assert sigmas[-1] == process.sigma_min  # A1111's list has no 0\n```",
        "Without a host, a name that stepladder itself has is stepladder's own form. What a host's user sets, as the "
        "ends of a node's range, is no part of what a name means.",
    ]
    for name, (text, rows) in formulas.SAME_NAME.items():
        parts += [
            f"## {name}",
            text,
            table(("host", "in stepladder", "steps", "levels", "repeated"), [_difference(*row) for row in rows]),
        ]
    return page("One name, several meanings", *parts)


def _difference(host: str, expression: str) -> tuple[str, str, str, str, str]:
    levels = computed(expression).tolist()
    shown = [f"{level:.4g}" for level in levels]
    if len(shown) > 8:
        shown = [*shown[:4], "…", *shown[-3:]]
    repeated = len(levels) - len(set(levels))
    return host, f"`{expression}`", str(len(levels) - 1), " ".join(shown), str(repeated or "")


# -- processes --------------------------------------------------------------------------------------------------------


def processes_page(manager: Manager) -> str:
    """Every noise process: its maps, parameters, source and names elsewhere."""
    parts = [
        "`sl.process(name, **parameters)` makes one. A process maps time to the noise level sigma and back, over "
        "floats and arrays of any shape; `.sigma_min` and `.sigma_max` are the range it is sampled over, `.sigmas` "
        "the table that some [schedules](schedules.md) pick from. `stepladder list processes` prints this list.",
        "How signal and noise mix is the process's `.family`:",
        table(
            ("family", "a noisy sample is", "`.alpha(sigma)`", "`.half_log_snr(sigma)`"),
            [
                (f"`{name}`, {_FAMILY_NAMES[name]}", *(f"`{row[key]}`" for key in ("sample", "alpha", "half_log_snr")))
                for name, row in formulas.FAMILIES.items()
            ],
        ),
        "`.sigma_from_half_log_snr` inverts the last one. In the formulas below, `.timestep(sigma)` is the time that a "
        "network is told, `.timestep(sigma, interpolate=True)` the inverse of `.sigma(t)`; "
        "`.percent_to_sigma(p)` is the level after the part p of the time. The tests compute with the formulas.",
        "ComfyUI clamps a time outside the range of times; here it is a `ProcessError`.",
        "```python\nimport numpy as np\nimport stepladder as sl\n\n"
        'process = sl.process("flow", shift=3.0)\n'
        "assert process.sigma(500.0) == 0.75\n"
        "assert process.timestep(0.75, interpolate=True) == 500.0\n"
        "assert process.timestep(0.75) == 750.0  # what the network is told\n"
        "assert process.alpha(np.array([0.25, 0.75])).tolist() == [0.75, 0.25]\n```",
    ]
    for entry in manager.processes.values():
        said, made, written = sections(entry.factory), entry.factory(), formulas.PROCESSES[entry.name]
        table_text = "none" if made.sigmas is None else f"{made.sigmas.size} levels"
        parts += [
            f"## {entry.name}",
            prose(said[""]),
            table(
                ("map", "formula"),
                [
                    *([("`p(t)`", f"`{written['p']}`")] if "p" in written else []),
                    ("`.sigma(t)`", f"`{written['sigma']}`"),
                    ("`.timestep(sigma, interpolate=True)`", f"`{written['t']}`"),
                    ("`.timestep(sigma)`", f"`{written['told']}`"),
                ],
            ),
            table(("parameter", "default", "meaning"), _parameter_rows(entry)),
            prose(said["Notes"]),
            f"* Family `{made.family}`; with the defaults, sigma from {made.sigma_min:.6g} to {made.sigma_max:.6g}; "
            f"table: {table_text}.\n* Source: {entry.source}."
            + (f"\n* Elsewhere: {elsewhere(entry)}." if entry.aliases else ""),
        ]
    return page("Noise processes", *parts)


# -- parameterizations ------------------------------------------------------------------------------------------------


def parameterizations_page(manager: Manager) -> str:
    """Every parameterization: its scalings, parameters, source and names elsewhere."""
    rows = [
        (f"[`{name}`](#{name})", *(f"`{text}`" for text in scalings))
        for name, scalings in formulas.PARAMETERIZATIONS.items()
    ]
    parts = [
        "`sl.parameterization(name, **parameters)` makes one. It says what a network predicts, and turns its output F "
        "into the denoised sample: `denoised = c_skip * x + c_out * F(c_in * x, c_noise)`. "
        "`stepladder list parameterizations` prints this list.",
        table(("name", "`c_skip`", "`c_out`", "`c_in`"), rows),
        "`sd` is the parameter `sigma_data`; `u` is `sigma / (sigma + 1)`; `T` is `timestep_scaling` times the "
        "timestep that the process tells. The tests compute with the formulas.",
        "NumPy arrays and torch tensors, sigma one number or one per sample:",
        "```python\nimport numpy as np\nimport stepladder as sl\n\n"
        'epsilon, velocity = sl.parameterization("epsilon"), sl.parameterization("v_prediction")\n'
        "x, output, sigma = np.array([2.0]), np.array([0.5]), 3.0\n"
        "denoised = epsilon.denoised(x, output, sigma)\n"
        "assert denoised == 2.0 - 3.0 * 0.5\n"
        "assert epsilon.model_output_from(denoised, x, sigma) == output\n"
        "as_velocity = epsilon.convert(output, x, sigma, to=velocity)\n"
        "assert np.isclose(velocity.denoised(x, as_velocity, sigma), denoised)\n\n"
        'process = sl.process("discrete")\n'
        'sigmas = sl.sigmas("karras", process, 20)\n'
        "c_skip, c_out, c_in = velocity.scalings(sigmas)[:3]  # a whole schedule in one call\n"
        "assert c_skip.shape == sigmas.shape\n```",
    ]
    for entry in manager.parameterizations.values():
        said = sections(entry.factory)
        described = _parameter_rows(entry)
        parts += [f"## {entry.name}", prose(said[""])]
        if described:
            parts.append(table(("parameter", "default", "meaning"), described))
        facts = f"* Source: {entry.source}."
        parts += [prose(said["Notes"]), facts + (f"\n* Elsewhere: {elsewhere(entry)}." if entry.aliases else "")]
    return page("Parameterizations", *parts)


def preset_rows(manager: Manager) -> list[tuple[str, ...]]:
    """Each preset with what it holds."""
    rows = []
    for entry in manager.presets.values():
        made: Any = entry.factory()
        scale = "" if made.latent_scale is None else f"{made.latent_scale:g}"
        rows.append(
            (
                f"`{entry.name}`",
                entry.doc,
                f"`{short(made.process)}`",
                f"`{short(made.parameterization)}`",
                scale,
                entry.source,
            )
        )
    return rows


def short(made: object) -> str:
    """A frozen configuration as a call, with the parameters that are not at their defaults."""
    from dataclasses import fields

    given = (
        f"{f.name}={getattr(made, f.name)!r}"
        for f in fields(made)  # type: ignore[arg-type]  # every configuration is a dataclass
        if f.init and getattr(made, f.name) != f.default
    )
    return f"{type(made).__name__}({', '.join(given)})"
