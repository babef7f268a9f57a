"""`stepladder list`."""

import inspect
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepladder.cli import _options as options
from stepladder.cli._console import heading, show, show_json, table
from stepladder.cli._group import CommandError

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from stepladder._manager import Entry
    from stepladder.hookspecs import Claims


def list_(
    kind: Annotated[
        str | None,
        typer.Argument(
            help="processes, presets, parameterizations, schedules, samplers, noise_sources or model_loaders; all "
            "when left out.",
            show_default=False,
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """List everything with a name: what it is, its parameters, its source, what other programs call it."""
    from stepladder._manager import KINDS
    from stepladder._plugins import shared

    plurals = {made.plural: made.name for made in KINDS.values()}
    if kind is not None and kind not in plurals:
        import difflib

        close = difflib.get_close_matches(kind, plurals, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise CommandError(f"unknown kind {kind!r}{hint}; the kinds are {', '.join(plurals)}")
    manager = shared()
    manager.load_entry_points()
    wanted = plurals if kind is None else {kind: plurals[kind]}
    listed = {name: list(manager.entries(singular).values()) for name, singular in wanted.items()}
    if json:
        show_json({name: [_document(entry) for entry in entries] for name, entries in listed.items()})
        return
    for name, entries in listed.items():
        show(heading(name.replace("_", " ")), _table(entries), "")


def _document(entry: "Entry") -> dict[str, Any]:
    return {
        "name": entry.name,
        "doc": entry.doc,
        "source": entry.source,
        "aliases": {host: list(names) for host, names in entry.aliases.items()},
        "parameters": {name: options.shown(default) for name, default in _parameters(entry).items()},
        "owner": entry.owner,
        "version": entry.owner_version,
        "claims": None if entry.claims is None else asdict(entry.claims),
        **({"process": entry.process} if entry.kind == "schedule" else {}),
        **_preset(entry),
    }


def _preset(entry: "Entry") -> dict[str, Any]:
    """What a built-in preset holds; nothing of a plugin's, whose code a list has no reason to run."""
    from stepladder._manager import BUILTIN_OWNER

    if entry.kind != "preset" or entry.owner != BUILTIN_OWNER:
        return {}
    made = entry.factory()
    return {
        "process": _written(made.process),
        "parameterization": _written(made.parameterization),
        "latent_scale": made.latent_scale,
    }


def _written(made: Any) -> str:
    """As the class would be called: with the parameters that are not its defaults."""
    return f"{type(made).__name__}({', '.join(f'{n}={v!r}' for n, v in options.changed(made).items())})"


def _parameters(entry: "Entry") -> dict[str, Any]:
    """Name to default of what `key=value` can set; a required one is `"required"`."""
    try:
        found = inspect.signature(entry.factory).parameters.values()
    except ValueError:  # a factory written in C need not say
        return {}
    named = (p for p in found if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
    return {p.name: "required" if p.default is p.empty else p.default for p in named}


_CLAIMS = (
    "order: of the formula / of a run / weak; calls: of the model, per step; noise: path where draws have to be of "
    "one path"
)


def _table(entries: "list[Entry]") -> "Table":
    claims = any(entry.claims is not None for entry in entries)
    # Samplers have many long names elsewhere: in a column of their own they would leave no room for the rest.
    extra = ("order", "calls", "noise") if claims else ()
    last = () if claims else ("elsewhere",)
    caption = _CLAIMS if claims else None
    made = table("name", *extra, "what it is", *last, caption=caption)
    made.columns[0].no_wrap = True
    made.columns[0].style = "cyan"
    for entry in entries:
        if claims:
            made.add_row(entry.name, *_claimed(entry.claims), _description(entry, elsewhere=True))
        else:
            made.add_row(entry.name, _description(entry), _elsewhere(entry))
    return made


def _claimed(claims: "Claims | None") -> tuple[str, str, str]:
    if claims is None:
        return "", "", ""
    orders = (claims.formula_order, claims.global_order, claims.weak_order)
    return (
        "/".join("-" if order is None else f"{order:g}" for order in orders),
        f"{claims.evaluations:g}",
        "no" if not claims.stochastic else "path" if claims.needs_path else "yes",
    )


def _description(entry: "Entry", *, elsewhere: bool = False) -> "Text":
    from rich.text import Text

    lines = [Text(entry.doc)]
    parameters = _parameters(entry)
    if parameters:
        lines.append(Text(" ".join(f"{name}={default}" for name, default in parameters.items()), style="green"))
    lines += [
        Text(f"{what.replace('_', ' ')}: {made}", style="green")
        for what, made in _preset(entry).items()
        if made is not None
    ]
    if entry.process is not None:
        lines.append(Text(f"over the process {entry.process}", style="green"))
    if entry.claims is not None:
        refused = "" if "flow" in entry.claims.families else "refuses a flow"
        scale = "" if entry.claims.scale_free else "not scale free"
        lines += [Text(note) for note in (entry.claims.note, refused, scale) if note]
    lines.append(Text(entry.source, style="dim"))
    if elsewhere and entry.aliases:
        lines.append(Text(_elsewhere(entry)))
    if entry.owner != "stepladder":
        version = "" if entry.owner_version is None else f" {entry.owner_version}"
        lines.append(Text(f"from {entry.owner}{version}", style="magenta"))
    return Text("\n").join(lines)


def _elsewhere(entry: "Entry") -> str:
    return "\n".join(f"{host}: {', '.join(names)}" for host, names in entry.aliases.items())
