"""The register of everything with a name: built-ins and plugins enter through the same hooks and the same checks."""

from __future__ import annotations

import difflib
import importlib
import inspect
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points as installed_entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, final

import pluggy

from stepladder import _resolve, errors, hookspecs
from stepladder.hookspecs import Claims

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.metadata import EntryPoint

GROUP: Final = hookspecs.PROJECT
SWITCH: Final = "STEPLADDER_PLUGINS"
BUILTIN_OWNER: Final = "stepladder"
BUILTIN_MODULES: Final = (
    "processes",
    "parameterizations",
    "presets",
    "schedules",
    "samplers",
    "noise_sources",
    "model_loaders",
)

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_NAME_RULE: Final = "use 1 to 64 characters: lower-case letters, digits, '_', '.', '-', the first a letter or a digit"


@dataclass(frozen=True)
class Kind:
    """One kind of thing that can be registered: its plural, and the error that wrong parameters raise."""

    name: str
    plural: str
    error: type[errors.StepladderError]

    @property
    def label(self) -> str:
        """The name as prose."""
        return self.name.replace("_", " ")


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind("process", "processes", errors.ProcessError),
            Kind("preset", "presets", errors.PluginError),
            Kind("parameterization", "parameterizations", errors.ParameterizationError),
            Kind("schedule", "schedules", errors.ScheduleError),
            Kind("sampler", "samplers", errors.SamplerError),
            Kind("noise_source", "noise_sources", errors.ExecutionError),
            Kind("model_loader", "model_loaders", errors.PluginError),
        )
    }
)


@dataclass(frozen=True)
class Entry:
    """One registered thing.

    Attributes
    ----------
    name, kind
        `kind` is the accessor that makes it: `schedule`, `sampler`, `process`, ….
    factory
        What the accessor calls with the user's parameters.
    source
        Paper with equation, or program with function.
    aliases
        Host to the names it goes by there.
    claims
        A sampler's promises; None for every other kind.
    owner, owner_version
        Distribution that registered it and its version. `stepladder` and None for a built-in; the plugin's name and
        None for one registered in process.
    process
        A schedule's: the noise process that its levels belong to. None: any, or as its parameters say.
    alias_options
        Host to alias to the parameters that make that host's form, where the defaults do not.
    """

    name: str
    kind: str
    factory: Callable[..., Any]
    source: str
    aliases: Mapping[str, tuple[str, ...]]
    claims: Claims | None
    owner: str
    owner_version: str | None
    process: str | None = None
    alias_options: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict, hash=False)

    @property
    def doc(self) -> str:
        """First paragraph of the factory's docstring, on one line."""
        return " ".join(inspect.cleandoc(self.factory.__doc__ or "").split("\n\n", 1)[0].split())


@dataclass(frozen=True)
class PluginInfo:
    """One plugin that was found, or asked for: what it registered, or why it did not.

    Attributes
    ----------
    name
        Name of the entry point, or the name given to `Manager.register_plugin`.
    distribution, version
        Where it was installed from; None when it was not.
    registered
        Kind to names; empty when the plugin failed.
    error
        What went wrong, or None.
    """

    name: str
    distribution: str | None
    version: str | None
    registered: Mapping[str, tuple[str, ...]]
    error: errors.PluginError | None


@final
class _Batch:
    """What one plugin registers, kept apart until all its hooks have returned."""

    def __init__(self, manager: Manager, label: str, owner: str, owner_version: str | None) -> None:
        self.label = label
        self.entries: dict[tuple[str, str], Entry] = {}
        self.aliases: dict[tuple[str, str, str], Entry] = {}
        self.refusal: errors.PluginError | None = None
        self._manager = manager
        self._owner = owner
        self._owner_version = owner_version

    def register(
        self,
        kind: str,
        name: str,
        factory: Callable[..., Any],
        source: str,
        aliases: Mapping[str, Sequence[str]] | None,
        claims: Claims | None,
        process: str | None,
        alias_options: Mapping[str, Mapping[str, Mapping[str, Any]]] | None,
    ) -> None:
        """Check one registration and keep it; PluginError says what is wrong with it."""
        fault = (
            _name_fault(name)
            or _factory_fault(factory)
            or _source_fault(source)
            or _aliases_fault(aliases)
            or _claims_fault(kind, claims)
            or _process_fault(kind, process)
            or _alias_options_fault(kind, alias_options, aliases or {})
        )
        if fault:
            self._refuse(kind, name, fault)
        kept = MappingProxyType({host: tuple(names) for host, names in (aliases or {}).items()})
        options = MappingProxyType(
            {
                host: MappingProxyType({alias: MappingProxyType(dict(given)) for alias, given in names.items()})
                for host, names in (alias_options or {}).items()
            }
        )
        entry = Entry(name, kind, factory, source, kept, claims, self._owner, self._owner_version, process, options)
        taken = self.entries.get((kind, name)) or self._manager.entries(kind).get(name)
        if taken is not None:
            self._refuse(kind, name, f"the name is already registered by {_owner(taken)}; choose another name")
        keys = {(kind, host, alias.casefold()): alias for host, names in kept.items() for alias in names}
        for key, alias in keys.items():
            other = self.aliases.get(key) or self._manager.alias(*key)
            if other is not None:
                self._refuse(
                    kind,
                    name,
                    f"the {key[1]} alias {alias!r} already means {other.name!r}, registered by {_owner(other)}; "
                    "leave the alias out",
                )
        self.entries[kind, name] = entry
        self.aliases.update(dict.fromkeys(keys, entry))

    def _refuse(self, kind: str, name: object, fault: str) -> None:
        self.refusal = errors.PluginError(f"{self.label}: {KINDS[kind].label} {name!r}: {fault}")
        raise self.refusal

    def registered(self) -> Mapping[str, tuple[str, ...]]:
        """Kind to names."""
        kinds = dict.fromkeys(kind for kind, _ in self.entries)
        return MappingProxyType({k: tuple(name for kind, name in self.entries if kind == k) for k in kinds})


@final
class Manager:
    """Every registered name, and every plugin that was loaded or failed to.

    Build one with `make_manager`. Managers are independent of each other. Reading and loading from several threads is
    safe.
    """

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, Entry]] = {kind: {} for kind in KINDS}
        self._aliases: dict[tuple[str, str, str], Entry] = {}
        self._plugins: list[PluginInfo] = []
        self._lost: dict[tuple[str, str], errors.PluginError] = {}
        self._entry_points_loaded = False
        self._lock = threading.RLock()

    @property
    def processes(self) -> Mapping[str, Entry]:
        """Name to entry."""
        return self.entries("process")

    @property
    def presets(self) -> Mapping[str, Entry]:
        """Name to entry."""
        return self.entries("preset")

    @property
    def parameterizations(self) -> Mapping[str, Entry]:
        """Name to entry."""
        return self.entries("parameterization")

    @property
    def schedules(self) -> Mapping[str, Entry]:
        """Name to entry."""
        return self.entries("schedule")

    @property
    def samplers(self) -> Mapping[str, Entry]:
        """Name to entry."""
        return self.entries("sampler")

    @property
    def noise_sources(self) -> Mapping[str, Entry]:
        """Name to entry."""
        return self.entries("noise_source")

    @property
    def model_loaders(self) -> Mapping[str, Entry]:
        """Name to entry."""
        return self.entries("model_loader")

    @property
    def failures(self) -> tuple[errors.PluginError, ...]:
        """One error per plugin that failed, in loading order."""
        return tuple(info.error for info in self._plugins if info.error is not None)

    def entries(self, kind: str) -> Mapping[str, Entry]:
        """Name to entry of one kind, as loaded so far; a live, read-only view.

        Raises
        ------
        ValueError
            There is no such kind.
        """
        if kind not in KINDS:
            raise ValueError(f"unknown kind {kind!r}; the kinds are {', '.join(KINDS)}")
        return MappingProxyType(self._entries[kind])

    def plugins(self) -> list[PluginInfo]:
        """Every plugin found, asked for, or registered in process; the built-ins are not among them."""
        return list(self._plugins)

    def hosts(self) -> tuple[str, ...]:
        """Every host that some entry has an alias for, sorted."""
        return tuple(sorted({host for _, host, _ in self._aliases}))

    def alias(self, kind: str, host: str, folded: str) -> Entry | None:
        """Look up the entry of this kind that goes by an alias (case-folded) in a host."""
        return self._aliases.get((kind, host, folded))

    def alias_options(self, kind: str, host: str, folded: str) -> Mapping[str, Any]:
        """Look up the parameters that make the form a host means by an alias (case-folded)."""
        entry = self.alias(kind, host, folded)
        named = {} if entry is None else entry.alias_options.get(host, {})
        return next((given for alias, given in named.items() if alias.casefold() == folded), {})

    def alias_texts(self, host: str | None) -> list[str]:
        """Every sampler's and schedule's name in a host, as written; of all hosts and stepladder itself for None."""
        entries = [*self._entries["sampler"].values(), *self._entries["schedule"].values()]
        own = [entry.name for entry in entries] if host in (None, BUILTIN_OWNER) else []
        return own + [
            text for entry in entries for h, texts in entry.aliases.items() if host in (None, h) for text in texts
        ]

    def lost(self, kind: str, name: str) -> errors.PluginError | None:
        """Return the failure of the plugin that would have registered this name."""
        return self._lost.get((kind, name))

    def entry(self, kind: str, name: str) -> Entry:
        """Look an entry up; loads the entry points when the name is not known yet.

        Raises
        ------
        UnknownNameError
            Nothing of that kind has that name; the text lists what is close.
        """
        found = self._entries[kind].get(name)
        if found is None:
            self.load_entry_points()
            found = self._entries[kind].get(name)
        if found is None:
            raise _resolve.unknown_name(self, kind, name)
        return found

    def make(self, kind: str, name: str, params: Mapping[str, Any]) -> Any:
        """Call the factory registered under that name with these parameters.

        Raises
        ------
        UnknownNameError
            Nothing of that kind has that name.
        ScheduleError, SamplerError, ProcessError, ParameterizationError, ExecutionError
            The factory takes no such parameter, needs one that is missing, or refuses a value; which class, the kind
            decides.
        PluginError
            The factory of a preset or a model loader needs parameters, which these kinds do not have.
        """
        entry = self._entries[kind].get(name) or self.entry(kind, name)
        try:
            return entry.factory(**params)
        except TypeError as error:
            refusal = _parameter_error(entry, params, error)
            if refusal is None:
                raise
            raise refusal from error

    def load_entry_points(self) -> None:
        """Load the installed plugins, once; the environment variable `STEPLADDER_PLUGINS` selects.

        Unset: all. Empty: none. `a,b`: the entry points of those names. Distributions load in alphabetical order. What
        goes wrong with a plugin is kept in `failures` and leaves the others unharmed.
        """
        with self._lock:
            if self._entry_points_loaded:
                return
            self._entry_points_loaded = True
            wanted = _wanted()
            if wanted is not None and not wanted:
                return
            found = sorted(installed_entry_points(group=GROUP), key=lambda point: (_distribution(point)[0], point.name))
            names = {point.name for point in found}
            for name in wanted or ():
                if name not in names:
                    text = (
                        f"plugin {name!r}: {SWITCH} lists it, but no installed distribution has an entry point of that "
                        f"name in the group {GROUP!r}; installed: {', '.join(sorted(names)) or 'none'}"
                    )
                    self._plugins.append(PluginInfo(name, None, None, {}, errors.PluginError(text)))
            for point in found:
                if wanted is None or point.name in wanted:
                    self._load(point)

    def register_plugin(self, plugin: object, name: str) -> None:
        """Register a plugin that is already imported.

        Parameters
        ----------
        plugin
            Module or object with functions marked `hookimpl`.
        name
            Who owns what it registers.

        Raises
        ------
        PluginError
            It has no hook or one nobody knows, a hook raised, or a registration was refused; nothing is kept of it.
        """
        with self._lock:
            batch = _Batch(self, f"plugin {name!r}", name, None)
            self._commit(batch, plugin, name)
            self._plugins.append(PluginInfo(name, None, None, batch.registered(), None))

    def register_builtin(self, module: str) -> None:
        """Register one module of `stepladder.builtin`."""
        with self._lock:
            plugin = importlib.import_module(f"stepladder.builtin.{module}")
            self._commit(_Batch(self, f"stepladder.builtin.{module}", BUILTIN_OWNER, None), plugin, plugin.__name__)

    def _load(self, point: EntryPoint) -> None:
        distribution, version = _distribution(point)
        label = f"plugin {point.name!r} ({distribution} {version}, entry point {point.name} = {point.value})"
        batch = _Batch(self, label, distribution, version)
        try:
            try:
                plugin = point.load()
            except Exception as error:
                raise errors.PluginError(f"{label}: importing it raised {type(error).__name__}: {error}") from error
            self._commit(batch, plugin, point.name)
        except errors.PluginError as error:
            self._lost.update(dict.fromkeys(batch.entries, error))
            self._plugins.append(PluginInfo(point.name, distribution, version, MappingProxyType({}), error))
        else:
            self._plugins.append(PluginInfo(point.name, distribution, version, batch.registered(), None))

    def _commit(self, batch: _Batch, plugin: object, name: str) -> None:
        """Call the plugin's hooks; keep what it registered only when all of them succeeded."""
        _call_hooks(batch, plugin, name)
        for (kind, entry_name), entry in batch.entries.items():
            self._entries[kind][entry_name] = entry
        self._aliases.update(batch.aliases)


def make_manager(entry_points: bool = True) -> Manager:
    """Build a manager that knows the built-ins.

    Parameters
    ----------
    entry_points
        Whether to load the installed plugins too (those that `STEPLADDER_PLUGINS` selects). False: they load when a
        name is asked for that is not built in.
    """
    manager = Manager()
    for module in BUILTIN_MODULES:
        manager.register_builtin(module)
    if entry_points:
        manager.load_entry_points()
    return manager


def _call_hooks(batch: _Batch, plugin: object, name: str) -> None:
    """Call one plugin's hooks, with a pluggy manager of its own so that no other plugin's are called."""
    pm = pluggy.PluginManager(hookspecs.PROJECT)
    pm.add_hookspecs(hookspecs)
    hooks = ", ".join(f"register_{kind.plural}" for kind in KINDS.values())
    try:
        pm.register(plugin, name)
        pm.check_pending()
    except Exception as error:
        raise errors.PluginError(f"{batch.label}: {error}; the hooks are {hooks}, each with (register)") from error
    if not pm.get_hookcallers(plugin):
        raise errors.PluginError(
            f"{batch.label}: it has no hook; mark a function with @stepladder.hookspecs.hookimpl; the hooks are {hooks}"
        )
    for kind in KINDS.values():
        hook = f"register_{kind.plural}"
        try:
            getattr(pm.hook, hook)(register=_register_for(batch, kind.name))
        except Exception as error:
            if error is batch.refusal:
                raise
            raise errors.PluginError(f"{batch.label}: its {hook} raised {type(error).__name__}: {error}") from error


def _register_for(batch: _Batch, kind: str) -> hookspecs.Register:
    def register(
        name: str,
        factory: Callable[..., Any],
        *,
        source: str = "",
        aliases: Mapping[str, tuple[str, ...]] | None = None,
        claims: Claims | None = None,
        process: str | None = None,
        alias_options: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = None,
    ) -> None:
        batch.register(kind, name, factory, source, aliases, claims, process, alias_options)

    return register


def _wanted() -> list[str] | None:
    value = os.environ.get(SWITCH)
    return None if value is None else [name.strip() for name in value.split(",") if name.strip()]


def _distribution(point: EntryPoint) -> tuple[str, str]:
    """Name and version of the distribution an entry point belongs to."""
    name, version = (None, None) if point.dist is None else (point.dist.name, point.dist.version)
    return name or "unknown distribution", version or "?"  # damaged metadata has neither


def _owner(entry: Entry) -> str:
    return entry.owner if entry.owner_version is None else f"{entry.owner} {entry.owner_version}"


def _name_fault(name: object) -> str | None:
    if isinstance(name, str) and len(name) <= 64 and _NAME.fullmatch(name):
        return None
    return f"not a name; {_NAME_RULE}"


def _factory_fault(factory: object) -> str | None:
    if not callable(factory):
        return f"the factory is {factory!r}; give a class or function that returns the object"
    doc = factory.__doc__
    shown = getattr(factory, "__name__", type(factory).__name__)
    if not doc or not doc.strip() or doc is type(factory).__doc__ or doc.startswith(f"{shown}("):
        return f"the factory {shown} has no docstring; say in its first paragraph what it makes"
    return None


def _source_fault(source: object) -> str | None:
    if isinstance(source, str) and source.strip():
        return None
    return f"source is {source!r}; name the paper and equation, or the program and function, that defines it"


def _aliases_fault(aliases: object) -> str | None:
    if aliases is None:
        return None
    rule = "give a mapping of host to a tuple of names, such as {'comfyui': ('karras',)}"
    if not isinstance(aliases, Mapping):
        return f"aliases is {aliases!r}; {rule}"
    for host, names in aliases.items():
        if not (isinstance(host, str) and _NAME.fullmatch(host)) or host == BUILTIN_OWNER:
            return f"aliases has the host {host!r}; name another program, such as 'comfyui', in lower case"
        if not isinstance(names, (tuple, list)) or not all(isinstance(n, str) and n.strip() == n != "" for n in names):
            return f"aliases[{host!r}] is {names!r}; {rule}"
    return None


def _claims_fault(kind: str, claims: object) -> str | None:
    if kind != "sampler":
        return None if claims is None else "claims are for samplers; leave them out"
    if isinstance(claims, Claims):
        return None
    return f"claims is {claims!r}; a sampler states its order and evaluations: give a stepladder.hookspecs.Claims(…)"


def _process_fault(kind: str, process: object) -> str | None:
    if process is None or (kind == "schedule" and isinstance(process, str)):
        return None
    if kind != "schedule":
        return "process is for schedules; leave it out"
    return f"process is {process!r}; give the name of the noise process that the levels belong to, or leave it out"


def _alias_options_fault(kind: str, options: object, aliases: Mapping[str, Any]) -> str | None:
    if options is None:
        return None
    if kind not in ("sampler", "schedule"):
        return "alias_options is for samplers and schedules; leave it out"
    rule = "give a mapping of host to alias to parameters, such as {'a1111': {'KL Optimal': {'convention': 'a1111'}}}"
    if not isinstance(options, Mapping) or not all(isinstance(named, Mapping) for named in options.values()):
        return f"alias_options is {options!r}; {rule}"
    for host, named in options.items():
        for alias, given in named.items():
            if alias not in aliases.get(host, ()):
                return f"alias_options has {alias!r} of {host!r}, which is none of its aliases; {rule}"
            if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
                return f"alias_options[{host!r}][{alias!r}] is {given!r}; {rule}"
    return None


def _parameter_error(entry: Entry, params: Mapping[str, Any], error: TypeError) -> errors.StepladderError | None:
    """Explain to the caller why a factory refused these parameters; None when that is not the caller's fault."""
    kind = KINDS[entry.kind]
    what = f"{kind.label} {entry.name!r}"
    try:
        parameters = inspect.signature(entry.factory).parameters.values()
    except ValueError:
        return kind.error(f"{what} refused {dict(params)!r}: {error}") if params else None
    named = {p.name: p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    valid = ", ".join(
        f"{p.name} (required)" if p.default is p.empty else f"{p.name}={p.default!r}" for p in named.values()
    )
    takes = f"it takes {valid}" if valid else "it takes no parameters"
    for name in params:
        if name not in named and not takes_any:
            close = difflib.get_close_matches(name, named, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            return kind.error(f"{what} has no parameter {name!r}{hint} ({takes})")
    for name, parameter in named.items():
        if name not in params and parameter.default is parameter.empty:
            return kind.error(f"{what} needs the parameter {name!r} ({takes})")
    return kind.error(f"{what} refused {dict(params)!r}: {error} ({takes})") if params else None
