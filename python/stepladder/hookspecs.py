"""The hooks a plugin implements.

A plugin is a module or object with functions marked `hookimpl`, installed under an entry point of the group
`stepladder`. Each hook receives `register` and calls it once per thing it offers; what it returns is ignored.
Processes, presets, parameterizations, schedules and samplers made without parameters are shared between callers: make
them immutable (a frozen dataclass is). `stepladder.testing` checks what a plugin registers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import pluggy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROJECT: Final = "stepladder"
"""Name of the pluggy project and of the entry-point group."""

hookspec: Final = pluggy.HookspecMarker(PROJECT)
hookimpl: Final = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True)
class Claims:
    """What a sampler promises, as its source states it; `stepladder.testing.check_sampler` measures it.

    Parameters
    ----------
    formula_order
        Order p of the update formula: one step from exact history has an error of order p + 1. None: no ODE limit.
    global_order
        Slope of the error over a whole run, start-up steps included, in the deterministic limit. None: no ODE limit.
    weak_order
        Slope of the error of the variance over a whole run. None: deterministic, or no order in law.
    evaluations
        Model calls per step, once the start-up is over.
    stochastic
        Whether a program made with default parameters draws noise.
    needs_path
        Whether it draws noise over overlapping intervals of one path, so that independent draws will not do.
    scale_free
        Whether scaling sigmas, data and x by one factor scales the result by it.
    families
        Families of noise process it is defined for: of `ve`, `vp`, `flow`.
    note
        What a reader of these numbers has to know, in a sentence.

    Raises
    ------
    ValueError
        An order or the number of evaluations is not positive, or no family is given.
    """

    formula_order: int | None
    global_order: float | None
    weak_order: float | None
    evaluations: float
    stochastic: bool
    needs_path: bool = False
    scale_free: bool = True
    families: tuple[str, ...] = ("ve", "vp")
    note: str = ""

    def __post_init__(self) -> None:
        for field in ("formula_order", "global_order", "weak_order"):
            order = getattr(self, field)
            if order is not None and not (math.isfinite(order) and order > 0):
                raise ValueError(f"Claims: {field} is {order!r}; give a positive number, or None to claim no order")
        if not (math.isfinite(self.evaluations) and self.evaluations > 0):
            raise ValueError(f"Claims: evaluations is {self.evaluations!r}; give the model calls per step, above 0")
        if not isinstance(self.families, tuple) or not self.families:
            raise ValueError(f"Claims: families is {self.families!r}; give a tuple such as ('ve', 'vp')")


class Register(Protocol):
    """The callable every hook receives."""

    def __call__(
        self,
        name: str,
        factory: Callable[..., Any],
        *,
        source: str,
        aliases: Mapping[str, tuple[str, ...]] | None = None,
        claims: Claims | None = None,
        process: str | None = None,
        alias_options: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = None,
    ) -> None:
        """Offer one thing under a name.

        Parameters
        ----------
        name
            1 to 64 characters: lower-case letters, digits, `_`, `.`, `-`, the first a letter or a digit.
        factory
            Class or function with a docstring; called with the user's keyword parameters, it returns the thing.
        source
            Where the definition comes from: paper with equation, or program with function.
        aliases
            Host (`comfyui`, `a1111`, `diffusers`, `k_diffusion`, or any other) to the names it goes by there.
        claims
            Required for a sampler, refused for anything else.
        process
            For a schedule whose levels belong to one noise process whatever it is given, as those of a flow do: the
            name of that process. None: it places levels over any process, or its parameters say over which.

        alias_options
            For a sampler or a schedule: host to alias to the factory's parameters that make that host's form. What
            `resolve` returns beside the name. None: the defaults are what every host means.

        Raises
        ------
        PluginError
            The call breaks one of these rules, or the name or an alias is taken.
        """


@hookspec
def register_processes(register: Register) -> None:
    """Offer noise processes: factories of `stepladder.NoiseProcess`."""


@hookspec
def register_presets(register: Register) -> None:
    """Offer presets: factories, without parameters, of a model's process, parameterization and latent scale."""


@hookspec
def register_parameterizations(register: Register) -> None:
    """Offer parameterizations: factories of `stepladder.Parameterization`."""


@hookspec
def register_schedules(register: Register) -> None:
    """Offer schedules: factories of `stepladder.Schedule`."""


@hookspec
def register_samplers(register: Register) -> None:
    """Offer samplers, each with its `Claims`: factories of `stepladder.Sampler`."""


@hookspec
def register_noise_sources(register: Register) -> None:
    """Offer noise sources: factories of callables `(like, sigma_from, sigma_to)` that return unit noise."""


@hookspec
def register_model_loaders(register: Register) -> None:
    """Offer model loaders: factories, without parameters, of what turns a file or folder into model components."""
