"""Translate the names other programs use into stepladder's."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from stepladder.errors import AmbiguousNameError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from stepladder._manager import Manager

OWN: Final = "stepladder"
"""The host that stepladder's own names belong to."""

_KINDS: Final = ("sampler", "schedule")
_COMPOSITE_HOST: Final = "a1111"


@dataclass(frozen=True)
class Resolved:
    """What a name means: a sampler, a schedule, or (an A1111 label such as `DPM++ 2M Karras`) one of each.

    Attributes
    ----------
    sampler, schedule
        stepladder's names; None where the text says nothing about it.
    sampler_options, schedule_options
        Parameters that make the host's own form, such as `{"convention": "a1111"}`, to pass to `sampler`, `schedule` or
        `sigmas`; empty where the defaults are that form.
    """

    sampler: str | None
    schedule: str | None
    sampler_options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    schedule_options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        parts = (
            ("sampler", self.sampler, self.sampler_options),
            ("schedule", self.schedule, self.schedule_options),
        )
        return " with ".join(
            f"{kind} {name!r}"
            + (f" ({', '.join(f'{key}={value!r}' for key, value in options.items())})" * bool(options))
            for kind, name, options in parts
            if name
        )


def resolve(name: str, host: str | None = None, *, kind: str | None = None) -> Resolved:
    """Find what a name of another program, or of stepladder itself, means here.

    Upper and lower case are alike; everything else has to match exactly. Loads the installed plugins, whose aliases
    count as well.

    Parameters
    ----------
    name
        A sampler's or a schedule's name, or an A1111 label that holds both.
    host
        Whose name it is: `comfyui`, `a1111`, `forge` (what it adds to A1111's), `fooocus`, `res4lyf`, `diffusers`,
        `k_diffusion`, `stable_diffusion_cpp`, `stepladder`, or a host that a plugin adds. None: anybody's, as long as
        all who use it mean the same; where they mean forms of one thing that has this name in stepladder, it is
        stepladder's own.
    kind
        `sampler` or `schedule`, for a text that one host uses for both. None: either.

    Returns
    -------
    Resolved
        stepladder's names, and the options that make the host's form: `sl.sigmas(found.schedule, process, steps,
        **found.schedule_options)` gives that host's numbers.

    Raises
    ------
    AmbiguousNameError
        The name means different things; the text lists which, and what to pass.
    UnknownNameError
        Nobody, or not that host, uses the name, or there is no such host.
    ValueError
        `kind` is something else.
    """
    from stepladder._plugins import shared  # which imports the manager, which imports this module

    manager = shared()
    manager.load_entry_points()
    return resolve_in(manager, name, host, kind)


def resolve_in(manager: Manager, name: str, host: str | None = None, kind: str | None = None) -> Resolved:
    """`resolve`, over the entries one manager holds."""
    if kind is not None and kind not in _KINDS:
        raise ValueError(f"kind is {kind!r}; give 'sampler', 'schedule', or None for either")
    hosts = _hosts(manager)
    if host is not None and host not in hosts:
        close = difflib.get_close_matches(host, hosts, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise UnknownNameError(f"unknown host {host!r}{hint}; the hosts are {', '.join(hosts)}")
    meanings = find_meanings(manager, name, hosts if host is None else (host,), _KINDS if kind is None else (kind,))
    distinct = set(meanings.values())
    if len(distinct) > 1 and len(own := meanings.get(OWN, ())) == 1:
        plain = {tuple((found.sampler, found.schedule) for found in candidates) for candidates in distinct}
        if plain == {((own[0].sampler, own[0].schedule),)}:
            distinct = {own}
    if len(distinct) == 1:
        (candidates,) = distinct
        if len(candidates) == 1:
            return candidates[0]
    if not distinct:
        raise _unknown_anywhere(manager, name, host, kind)
    listed = "; ".join(f"{h} → {' or '.join(map(str, found))}" for h, found in meanings.items())
    advice = [] if len(distinct) == 1 else ["host='" + "' or host='".join(meanings) + "'"]
    if any(len(found) > 1 for found in distinct):
        advice.append("kind='sampler' or kind='schedule'")
    raise AmbiguousNameError(f"{name!r} means different things: {listed}. Pass {' and '.join(advice)}")


def find_meanings(
    manager: Manager, name: str, hosts: Iterable[str], kinds: Iterable[str] = _KINDS
) -> dict[str, tuple[Resolved, ...]]:
    """List what each host that uses the name means by it; more than one meaning where it uses it for both kinds."""
    kinds = tuple(kinds)
    found = {host: tuple(_in_host(manager, name, host, kinds)) for host in hosts}
    return {host: meanings for host, meanings in found.items() if meanings}


def unknown_name(manager: Manager, kind: str, name: object) -> Exception:
    """Build the error for a name that nothing of this kind has: what is close, what it means elsewhere, what failed."""
    from stepladder._manager import KINDS, SWITCH  # which imports this module

    label, plural = KINDS[kind].label, KINDS[kind].plural
    if not isinstance(name, str):
        return TypeError(f"a {label} is asked for by name, a str; got {name!r} of type {type(name).__name__}")
    own = _lookup(manager, kind, OWN, name)
    parts = [f"unknown {label} {name!r}" + (f" (did you mean {own!r}?)" if own else "")]
    lost = manager.lost(kind, name)
    if lost is not None:
        parts.append(f"the plugin that registers it failed ({lost})")
    meant = _meant(manager, kind, name)
    if meant:
        listed = " and ".join(f"{' and '.join(hosts)} for {meaning}" for meaning, hosts in meant.items())
        tool = ", or translate with stepladder.resolve" if kind in _KINDS else ""
        parts.append(f"it is a name in {listed}: use stepladder's own{tool}")
    elif close := difflib.get_close_matches(name.lower(), manager.entries(kind)):
        parts.append(f"close: {', '.join(map(repr, close))}")
    parts.append(f"`stepladder list {plural}` shows every name")
    if manager.failures and lost is None:
        failed = ", ".join(repr(info.name) for info in manager.plugins() if info.error is not None)
        parts.append(f"plugins that failed to load: {failed} (`stepladder plugins` says why)")
    if SWITCH in os.environ:
        parts.append(f"{SWITCH}={os.environ[SWITCH]!r} limits which plugins load")
    return UnknownNameError("; ".join(parts))


def _meant(manager: Manager, kind: str, name: str) -> dict[str, list[str]]:
    """List what a text means, as prose, with the hosts in which it does."""
    if kind in _KINDS:
        found = {
            host: " or ".join(map(str, meanings))
            for host, meanings in find_meanings(manager, name, _hosts(manager)).items()
        }
    else:
        names = {host: _lookup(manager, kind, host, name) for host in _hosts(manager)}
        label = kind.replace("_", " ")
        found = {host: f"{label} {meaning!r}" for host, meaning in names.items() if meaning is not None}
    return {meaning: [host for host, m in found.items() if m == meaning] for meaning in dict.fromkeys(found.values())}


def _hosts(manager: Manager) -> tuple[str, ...]:
    return (OWN, *manager.hosts())


def _in_host(manager: Manager, name: str, host: str, kinds: tuple[str, ...]) -> Iterator[Resolved]:
    plain = [(kind, found) for kind in kinds if (found := _lookup(manager, kind, host, name)) is not None]
    for kind, found in plain:
        options = dict(manager.alias_options(kind, host, name.casefold()))
        yield Resolved(found, None, options, {}) if kind == "sampler" else Resolved(None, found, {}, options)
    if plain or host != _COMPOSITE_HOST or kinds != _KINDS:
        return
    words = name.split(" ")
    for cut in range(1, len(words)):
        first, second = " ".join(words[:cut]), " ".join(words[cut:])
        sampler, schedule = _lookup(manager, "sampler", host, first), _lookup(manager, "schedule", host, second)
        if sampler is not None and schedule is not None:
            of_sampler = manager.alias_options("sampler", host, first.casefold())
            of_schedule = manager.alias_options("schedule", host, second.casefold())
            yield Resolved(sampler, schedule, dict(of_sampler), dict(of_schedule))


def _lookup(manager: Manager, kind: str, host: str, name: str) -> str | None:
    """Find stepladder's name for what a host calls `name`."""
    folded = name.casefold()
    if host == OWN:
        return folded if folded in manager.entries(kind) else None
    entry = manager.alias(kind, host, folded)
    return None if entry is None else entry.name


def _unknown_anywhere(manager: Manager, name: str, host: str | None, kind: str | None) -> UnknownNameError:
    """Build the error for a text that no host, or not this one, uses, or not for that kind."""
    uses = "no host uses" if host is None else f"{host} does not use"
    what = f"{uses} the name {name!r}" + ("" if kind is None else f" for a {kind}")
    elsewhere = find_meanings(manager, name, _hosts(manager))
    if elsewhere:
        listed = "; ".join(f"{h} → {' or '.join(map(str, found))}" for h, found in elsewhere.items())
        return UnknownNameError(f"{what}; it is a name elsewhere: {listed}")
    spelled = {text.casefold(): text for text in manager.alias_texts(host)}
    close = [repr(spelled[text]) for text in difflib.get_close_matches(name.casefold(), spelled)]
    hint = f"; close: {', '.join(close)}" if close else ""
    return UnknownNameError(f"{what}{hint}; `stepladder list samplers` and `stepladder list schedules` show every name")
