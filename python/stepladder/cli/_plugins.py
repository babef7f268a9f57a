"""`stepladder plugins`."""

from typing import TYPE_CHECKING, Any

from stepladder.cli import _options as options
from stepladder.cli._console import printable, show, show_json, table

if TYPE_CHECKING:
    from stepladder._manager import PluginInfo


def plugins(json: options.Json = False) -> None:
    """List the installed plugins: what each one registers, or why it failed."""
    import os

    import stepladder as sl
    from stepladder._manager import SWITCH

    found = sl.plugins()
    if json:
        show_json({"plugins": [_document(info) for info in found]})
        return

    from rich.text import Text

    if not found:
        limited = f" that {SWITCH}={os.environ[SWITCH]!r} selects" if SWITCH in os.environ else ""
        show(Text(f"no plugins are installed{limited}"))
        return
    made = table("name", "distribution", "version", "registers")
    made.columns[0].style = "cyan"
    for info in found:
        if info.error is not None:
            what = Text.assemble(("failed: ", "bold red"), printable(str(info.error)))
        else:
            what = Text("\n".join(f"{kind}: {', '.join(names)}" for kind, names in info.registered.items()))
        made.add_row(Text(info.name), info.distribution or "-", info.version or "-", what)
    show(made)


def _document(info: "PluginInfo") -> dict[str, Any]:
    return {
        "name": info.name,
        "distribution": info.distribution,
        "version": info.version,
        "registers": {kind: list(names) for kind, names in info.registered.items()},
        "error": None if info.error is None else str(info.error),
    }
