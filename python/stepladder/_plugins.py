"""Ask for things by name: the accessors of the package, over one process-wide manager.

The built-ins are registered on first use; installed plugins load on the first name that is not built in, or on listing.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final, TypeVar

from stepladder._manager import Entry, Kind, Manager, PluginInfo, make_manager
from stepladder.errors import ScheduleError
from stepladder.hookspecs import Claims

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stepladder._parameterization import Parameterization
    from stepladder._process import NoiseProcess
    from stepladder._sampler import Sampler
    from stepladder._schedule import Schedule

__all__ = [
    "Claims",
    "Entry",
    "Kind",
    "Manager",
    "PluginInfo",
    "make_manager",
    "model_loader",
    "model_loaders",
    "noise_source",
    "noise_sources",
    "parameterization",
    "parameterizations",
    "plugins",
    "preset",
    "presets",
    "process",
    "processes",
    "sampler",
    "samplers",
    "schedule",
    "schedules",
    "shared",
    "sigmas",
]

_T = TypeVar("_T")

# Instances made without parameters, which are immutable and so may be shared. Plain dicts of this module, because a
# lookup here is most of what `schedule("karras")` costs.
_PROCESSES: Final[dict[str, NoiseProcess]] = {}
_PRESETS: Final[dict[str, Any]] = {}
_PARAMETERIZATIONS: Final[dict[str, Parameterization]] = {}
_SCHEDULES: Final[dict[str, Schedule]] = {}
_SAMPLERS: Final[dict[str, Sampler]] = {}


@functools.cache
def shared() -> Manager:
    """Return the manager behind this module's functions."""
    return make_manager(entry_points=False)


def schedule(name: str, /, **params: Any) -> Schedule:
    """Make a schedule.

    Parameters
    ----------
    name
        One of `schedules()`.
    **params
        The schedule's own parameters.

    Raises
    ------
    UnknownNameError
        No schedule has that name; the text lists what is close.
    ScheduleError
        The schedule has no such parameter, or refuses its value.
    """
    if params:
        made: Schedule = shared().make("schedule", name, params)
        return made
    kept = _SCHEDULES.get(name)
    return _keep(_SCHEDULES, "schedule", name) if kept is None else kept


def sampler(name: str, /, **params: Any) -> Sampler:
    """Make a sampler.

    Parameters
    ----------
    name
        One of `samplers()`.
    **params
        The sampler's own parameters.

    Raises
    ------
    UnknownNameError
        No sampler has that name; the text lists what is close.
    SamplerError
        The sampler has no such parameter, or refuses its value.
    """
    if params:
        made: Sampler = shared().make("sampler", name, params)
        return made
    kept = _SAMPLERS.get(name)
    return _keep(_SAMPLERS, "sampler", name) if kept is None else kept


def process(name: str, /, **params: Any) -> NoiseProcess:
    """Make a noise process.

    Parameters
    ----------
    name
        One of `processes()`.
    **params
        The process's own parameters.

    Raises
    ------
    UnknownNameError
        No process has that name; the text lists what is close.
    ProcessError
        The process has no such parameter, or refuses its value.
    """
    if params:
        made: NoiseProcess = shared().make("process", name, params)
        return made
    kept = _PROCESSES.get(name)
    return _keep(_PROCESSES, "process", name) if kept is None else kept


def parameterization(name: str, /, **params: Any) -> Parameterization:
    """Make a parameterization.

    Parameters
    ----------
    name
        One of `parameterizations()`.
    **params
        The parameterization's own parameters.

    Raises
    ------
    UnknownNameError
        No parameterization has that name; the text lists what is close.
    ParameterizationError
        The parameterization has no such parameter, or refuses its value.
    """
    if params:
        made: Parameterization = shared().make("parameterization", name, params)
        return made
    kept = _PARAMETERIZATIONS.get(name)
    return _keep(_PARAMETERIZATIONS, "parameterization", name) if kept is None else kept


def preset(name: str, /) -> Any:
    """Look a model's settings up: its process, parameterization and latent scale.

    Parameters
    ----------
    name
        One of `presets()`.

    Raises
    ------
    UnknownNameError
        No preset has that name; the text lists what is close.
    """
    kept = _PRESETS.get(name)
    return _keep(_PRESETS, "preset", name) if kept is None else kept


def noise_source(name: str, /, **params: Any) -> Any:
    """Make a noise source; a new one each time, because it keeps the state of its draws.

    Parameters
    ----------
    name
        One of `noise_sources()`.
    **params
        The source's own parameters, such as `seed`.

    Raises
    ------
    UnknownNameError
        No noise source has that name; the text lists what is close.
    ExecutionError
        The source has no such parameter, or refuses its value.
    """
    return shared().make("noise_source", name, params)


def model_loader(name: str, /) -> Any:
    """Make a model loader.

    Parameters
    ----------
    name
        One of `model_loaders()`.

    Raises
    ------
    UnknownNameError
        No model loader has that name; the text lists what is close.
    """
    return shared().make("model_loader", name, {})


def sigmas(
    schedule: str | Schedule,
    process: NoiseProcess,
    steps: int,
    *,
    denoise: float = 1.0,
    sampler: Sampler | str | None = None,
    **params: Any,
) -> NDArray[np.float64]:
    """Make a schedule and its sigmas in one call.

    Parameters
    ----------
    schedule
        One of `schedules()`, or a schedule.
    process, steps, denoise, sampler
        As for `Schedule.sigmas`.
    **params
        The schedule's own parameters; for a schedule given by name only.

    Returns
    -------
    numpy.ndarray
        `(steps + 1,)` float64, descending, the last one 0.

    Raises
    ------
    UnknownNameError
        No schedule has that name; the text lists what is close.
    ScheduleError
        The schedule refuses a parameter, the process or the steps, or parameters come with a schedule already made.
    """
    if not isinstance(schedule, str):
        if params:
            raise ScheduleError(
                f"sigmas got a {type(schedule).__name__} together with its parameters ({', '.join(params)}); "
                "give them where the schedule is made, or give its name"
            )
        made = schedule
    else:
        made = _schedule(schedule, **params)
    return made.sigmas(process, steps, denoise=denoise, sampler=sampler)


_schedule = schedule  # `sigmas` has a parameter of that name


def schedules() -> dict[str, Entry]:
    """Name to entry of every schedule, plugins included."""
    return _listed("schedule")


def samplers() -> dict[str, Entry]:
    """Name to entry of every sampler, plugins included."""
    return _listed("sampler")


def processes() -> dict[str, Entry]:
    """Name to entry of every noise process, plugins included."""
    return _listed("process")


def presets() -> dict[str, Entry]:
    """Name to entry of every preset, plugins included."""
    return _listed("preset")


def parameterizations() -> dict[str, Entry]:
    """Name to entry of every parameterization, plugins included."""
    return _listed("parameterization")


def noise_sources() -> dict[str, Entry]:
    """Name to entry of every noise source, plugins included."""
    return _listed("noise_source")


def model_loaders() -> dict[str, Entry]:
    """Name to entry of every model loader, plugins included."""
    return _listed("model_loader")


def plugins() -> list[PluginInfo]:
    """Every installed plugin that `STEPLADDER_PLUGINS` selects: what it registered, or why it failed."""
    manager = shared()
    manager.load_entry_points()
    return manager.plugins()


def _keep(kept: dict[str, _T], kind: str, name: str) -> _T:
    """Make the instance without parameters and keep it."""
    made: _T = shared().make(kind, name, {})
    kept[name] = made
    return made


def _listed(kind: str) -> dict[str, Entry]:
    manager = shared()
    manager.load_entry_points()
    return dict(manager.entries(kind))
