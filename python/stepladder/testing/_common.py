"""What the checks of every kind have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepladder import _plugins
from stepladder.errors import StepladderError
from stepladder.testing._ensure import ensure, ensure_refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stepladder._manager import Entry
    from stepladder._process import NoiseProcess


def check_entry(entries: Mapping[str, Entry], kind: str, name: str) -> Entry:
    """Check that a registered name has a documented entry and refuses a parameter it does not have."""
    ensure(name in entries, f"no {kind} is registered under the name {name!r}; there are {', '.join(entries)}")
    ensure(bool(entries[name].doc), f"{kind} {name!r} has no docstring")
    accessor = getattr(_plugins, kind)
    ensure_refused(lambda: accessor(name, no_such_parameter=1), f"{kind} {name!r} with the parameter no_such_parameter")
    return entries[name]


def check_frozen(made: Any) -> None:
    """Instances are shared, so setting an attribute has to fail."""
    try:
        made.no_such_attribute = 1
    except (AttributeError, TypeError):
        return
    raise AssertionError(f"{made!r} lets attributes be set; its kind is shared between callers: make it frozen")


def processes_to_try(processes: Iterable[str | NoiseProcess] | None) -> list[tuple[NoiseProcess, bool]]:
    """List the processes to try, and whether each one has to be served.

    None: every registered one that needs no parameters; a schedule may refuse some of them.
    """
    if processes is not None:
        return [(_plugins.process(p) if isinstance(p, str) else p, True) for p in processes]
    made = map(_made_without_parameters, _plugins.processes())
    return [(process, False) for process in made if process is not None]


def _made_without_parameters(name: str) -> NoiseProcess | None:
    try:
        return _plugins.process(name)
    except StepladderError:
        return None
