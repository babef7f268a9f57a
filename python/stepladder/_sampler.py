"""Samplers: numerical methods that compile a list of sigmas into a `Program`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import fields
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, final

import numpy as np

from stepladder import _core
from stepladder._process import NoiseProcess
from stepladder._program import Program
from stepladder.errors import SamplerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from stepladder._core import Trace


class Sampler(ABC):
    """A numerical method with its options.

    Subclass as a frozen dataclass and write `trace`; everything else follows from it. A sampler written in Python
    compiles to the same kind of program as a built-in one.
    """

    __slots__ = ()

    families: ClassVar[tuple[str, ...]] = ("ve", "vp")
    """Families of noise process the method is defined for: of `"ve"`, `"vp"` and `"flow"`."""

    discards_penultimate: ClassVar[bool] = False
    """Hosts drop the last but one sigma for this method: schedules then build one step more and drop it."""

    history: ClassVar[tuple[str, ...]] = ()
    """Options that say from how many results a step is made. Where a run has fewer, a step uses those there are, and
    the program's `notes` say so."""

    @abstractmethod
    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`.

        Parameters
        ----------
        t : Trace
            `t.start()` is x at `sigmas[0]`; `t.denoise(x, sigma)` one model call; `t.noise(sigma_from, sigma_to)` unit
            noise of the run's path; `t.end_step(x)` ends a step and returns x at its end. Values combine with `+`, `-`,
            and `*` and `/` by numbers. `t.process` is the process that `compile` was given, or None.
        sigmas : sequence of float
            Descending noise levels, one more than there are steps. The last may be zero.
        """

    @final
    def compile(self, sigmas: ArrayLike, process: NoiseProcess | None = None, *, jacobian: bool = False) -> Program:
        """Compile the method over `sigmas`.

        Parameters
        ----------
        sigmas : array_like of shape (steps + 1,)
            Noise levels, strictly descending, finite, non-negative; zero only at the end. At most 100,000 steps.
        process : NoiseProcess, optional
            The noise process the sigmas belong to. `None`: variance exploding, as k-diffusion has it.
        jacobian : bool
            Also store how every coefficient moves with every sigma, as `Program.jacobian`, to learn a schedule by
            gradient. Samplers written in Python have none.

        Returns
        -------
        Program
            Shared between calls with equal arguments: compiling again costs a lookup.

        Raises
        ------
        SamplerError
            The sigmas cannot be stepped over, or the process is of a family this method is not defined for.
        ProgramError
            More than 100,000 steps; or the trace breaks a rule: a step missing, a coefficient that is not finite.
        """
        if process is not None and not isinstance(process, NoiseProcess):
            msg = f"process is {type(process).__name__}; expected a NoiseProcess, as sl.process makes"
            raise SamplerError(msg)
        levels = levels_of(sigmas)
        setting = _VE if process is None else _setting(self, process)
        if not _frozen(type(self)):  # its options may change, and its hash would not tell
            return self._compile(levels, setting, jacobian, process)[0]
        values = levels.tobytes()
        # A method that looked at the process itself is kept for that process alone.
        key, own_key = (self, setting, jacobian, values), (self, id(process), jacobian, values)
        try:
            known = _compiled.get(key) or _compiled.get(own_key)
        except TypeError:  # an option that cannot be hashed
            return self._compile(levels, setting, jacobian, process)[0]
        if known is not None:
            return known[0]
        program, asked = self._compile(levels, setting, jacobian, process)
        if len(levels) <= _CACHED_LEVELS and not (asked and not _unchanging(process)):
            while len(_compiled) >= _CACHED_PROGRAMS:
                _compiled.pop(next(iter(_compiled), key), None)
            _compiled[own_key if asked else key] = (program, process if asked else None)
        return program

    def _compile(
        self, levels: NDArray[np.float64], setting: tuple[str, float], jacobian: bool, process: NoiseProcess | None
    ) -> tuple[Program, bool]:
        """The program, and whether the method looked at the process."""
        trace = _core.Trace(levels, *setting, jacobian, process)
        self.trace(trace, levels.tolist())
        derivatives = trace.jacobian()
        if jacobian and derivatives is None:
            raise SamplerError(
                f"{type(self).__name__} is written in Python and has no jacobian; compile it without, or take "
                "differences"
            )
        program = Program._of(trace.finish(), repr(self))
        program._jacobian = derivatives
        if self.history:
            program._notes = _lowered(self, len(levels) - 1)
        return program, trace.asked_process


def _frozen(kind: type) -> bool:
    """Whether objects of a class are equal, and hash, by options that stay what they are."""
    params = vars(kind).get("__dataclass_params__")
    return params is not None and bool(params.frozen and params.eq)


def _unchanging(process: Any) -> bool:
    """Whether a process stays what it is: one of the core's, or a frozen dataclass."""
    return type(process).__module__.startswith("stepladder.") or _frozen(type(process))


_compiled: dict[tuple[Sampler, tuple[str, float] | int, bool, bytes], tuple[Program, NoiseProcess | None]] = {}
"""Programs by what they were compiled from, oldest first; with the process whose identity is in the key."""

_CACHED_PROGRAMS = 256
_CACHED_LEVELS = 1_001
_VE = ("ve", float(np.finfo(np.float64).max))


def _setting(sampler: Sampler, process: NoiseProcess) -> tuple[str, float]:
    """Family of the process, and the level that stands for pure noise where a method needs its log-SNR."""
    family = process.family
    if family not in sampler.families:
        raise SamplerError(_wrong_family(sampler, family))
    return (family, process.percent_to_sigma(_SNR_PERCENT)) if family == "flow" else (family, _VE[1])


_SNR_PERCENT = 1e-4
"""How far into sampling a flow has a finite log-SNR: the level that stands for pure noise, as in ComfyUI."""


def _lowered(sampler: Sampler, steps: int) -> tuple[str, ...]:
    """A note for every order that is above the number of steps, which is the number of results there will be."""
    asked = ((name, getattr(sampler, name)) for name in sampler.history)
    of = "1 step has" if steps == 1 else f"{steps} steps have"
    return tuple(
        f"{name} is {order}; {of} results for {steps} at most, so it is lowered"
        for name, order in asked
        if order > steps
    )


_MIXING = {
    "ve": "x = x0 + sigma * noise",
    "vp": "x = x0 + sigma * noise",
    "flow": "x = (1 - sigma) * x0 + sigma * noise",
}


def _wrong_family(sampler: Sampler, family: str) -> str:
    return (
        f"{type(sampler).__name__} is defined for {_MIXING[sampler.families[0]]}; the process is of family {family!r}, "
        f"{_MIXING[family]}. Use a process of family {' or '.join(map(repr, sampler.families))}"
    )


_FLOAT64 = np.dtype(np.float64)


def levels_of(sigmas: ArrayLike) -> NDArray[np.float64]:
    """`sigmas` as a contiguous float64 vector."""
    if type(sigmas) is np.ndarray and sigmas.dtype == _FLOAT64 and sigmas.ndim == 1 and sigmas.size >= 2:
        return np.ascontiguousarray(sigmas)
    try:
        given = np.asarray(sigmas)
    except (TypeError, ValueError) as error:
        msg = f"sigmas is {type(sigmas).__name__}; expected numbers: {error}"
        raise SamplerError(msg) from error
    if given.dtype.kind not in "iuf":
        msg = f"sigmas holds {given.dtype}; expected real numbers"
        raise SamplerError(msg)
    if given.ndim != 1 or given.size < 2:
        msg = f"sigmas has shape {given.shape}; expected one dimension of at least two values"
        raise SamplerError(msg)
    return np.ascontiguousarray(given, dtype=np.float64)


Curve: TypeAlias = "float | Sequence[float]"
"""An option that is one number for every step, or a sequence of one per step."""

Steps: TypeAlias = "Sequence[int]"
"""Steps of a run, counted from 0."""

_KINDS: dict[str, tuple[str, tuple[type, ...]]] = {
    "float": ("a number", (Real,)),
    "float | None": ("a number, or None", (Real, type(None))),
    "int": ("a whole number", (Integral,)),
    "bool": ("True or False", (bool,)),
    "Curve": ("a number, or a sequence of one per step", (Real,)),
    "Segments": ("a sequence of (sigma_min, sigma_max, steps, times), or None", (tuple, type(None))),
}
"""What the annotation of a built-in sampler's field lets through; any other annotation is text."""


def validate(sampler: Any, sigmas: Sequence[float] | None = None, process: NoiseProcess | None = None) -> None:
    """Check a built-in sampler's options when it is made, by the rules that compiling applies.

    A sequence given for a `Curve` or `Steps` becomes a tuple, so that the sampler stays hashable. `sigmas` are levels
    that fit the options, None: any do; `process` stands for the one of the run, for a method that asks it.
    """
    steps = validate_kinds(sampler)
    levels = np.arange(steps + 1.0, 0.0, -1.0) if sigmas is None else np.array(sigmas)
    sampler.trace(_core.Trace(levels, process=process), levels.tolist())


def validate_kinds(sampler: Any) -> int:
    """Check the types of a built-in sampler's options; return how many steps its curves and steps ask for."""
    steps = 2
    for field in fields(sampler):
        value = getattr(sampler, field.name)
        if field.type == "Steps":
            chosen = _steps(field.name, value)
            object.__setattr__(sampler, field.name, chosen)
            steps = max([steps, *(step + 1 for step in chosen)])
            continue
        expected, kinds = _KINDS.get(str(field.type), ("text", (str,)))
        if field.type == "Curve" and not isinstance(value, (Real, str)) and np.iterable(value):
            values = tuple(value)
            if values and all(isinstance(v, Real) and not isinstance(v, (bool, np.bool_)) for v in values):
                object.__setattr__(sampler, field.name, tuple(map(float, values)))
                steps = max(steps, len(values))
                continue
        if isinstance(value, (bool, np.bool_)) is not (field.type == "bool") or not isinstance(value, kinds):
            raise SamplerError(f"{field.name} is {value!r}; expected {expected}")
        if field.type == "int" and isinstance(value, Integral) and abs(int(value)) > _LARGEST:
            raise SamplerError(f"{field.name} is {value}; expected at most {_LARGEST}")
    return steps


_LARGEST = 100_000
"""More steps than any program has: no option counts beyond it."""


def _steps(name: str, value: Any) -> tuple[int, ...]:
    """`value` as a tuple of steps."""
    values = tuple(value) if np.iterable(value) and not isinstance(value, str) else ()
    whole = all(isinstance(v, Integral) and not isinstance(v, bool) and 0 <= int(v) < _LARGEST for v in values)
    if not whole or isinstance(value, str) or not np.iterable(value):
        raise SamplerError(f"{name} is {value!r}; expected steps, whole numbers from 0")
    return tuple(int(v) for v in values)
