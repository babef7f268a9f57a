"""Compiled sampler programs: inspect, slice, fold, compare, save."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, final, overload

import numpy as np

from stepladder import _core as native
from stepladder._parameterization import Parameterization
from stepladder.errors import FileFormatError, ParameterizationError, ProgramError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray
    from rich.table import Table

    from stepladder._plan import Plan

FORMAT = "stepladder.program"
"""Names what `Program.to_json` and `Program.save` write."""


class Noise(NamedTuple):
    """Unit noise: of the run's path over an interval (stream 0), or an independent draw (stream 1)."""

    out: int
    sigma_from: float
    sigma_to: float
    stream: int
    ordinal: int


class Row(NamedTuple):
    """One output of a `Combine`: register `out` becomes the sum of coefficient times register over `terms`."""

    out: int
    terms: tuple[tuple[int, float], ...]


class Combine(NamedTuple):
    """One pass over memory: up to three rows from the same inputs."""

    inputs: tuple[int, ...]
    rows: tuple[Row, ...]


class Denoise(NamedTuple):
    """One model call at `sigma`, of one result or two.

    `second` is None, or the kind and register of a second result: "uncond" beside the guided value, "branches" the
    unconditional beside the conditional one, "unclipped" beside the clipped.
    """

    out: int
    input: int
    sigma: float
    second: tuple[str, int] | None


class Port(NamedTuple):
    """A tensor that enters or leaves a program: "x", or history such as "result[3]", and its register."""

    name: str
    register: int


class Offset(NamedTuple):
    """How much of the whole program came before: zeros unless it is a slice."""

    steps: int
    calls: int
    combines: int


class Step(NamedTuple):
    """One step of the sampler."""

    sigma: float
    """Noise level at the start."""
    sigma_next: float
    """Noise level at the end."""
    end: int
    """One past the step's last operation."""
    x: int
    """Register of x once the step has ended."""
    denoised: tuple[int, int] | None
    """(operation, register): where the step's denoised value is to be seen; None if it never is a tensor."""


Operation = Noise | Combine | Denoise


@dataclass(frozen=True)
class Analysis:
    """What a program costs. `passes`, `reads` and `writes` count tensors moved outside the model."""

    model_calls: int
    passes: int
    terms: int
    reads: int
    writes: int
    noise_draws: int
    live_tensors: int
    needs_path: bool


def _operation(raw: tuple[Any, ...]) -> Operation:
    if raw[0] == "noise":
        return Noise(*raw[1:])
    if raw[0] == "denoise":
        return Denoise(*raw[1:])
    inputs = raw[1]
    return Combine(inputs, tuple(Row(out, tuple((inputs[i], c) for i, c in terms)) for out, terms in raw[2]))


@final
class Program:
    """A straight-line list of noise draws, linear combinations and model calls, with float64 coefficients.

    Made by `Sampler.compile`. `len(program)` is its number of steps; `program[3:7]` the program of those steps, with
    the history they read as named inputs. Programs are equal, and hash equally on every machine, when their contents
    are; the label is not part of the contents.
    """

    __slots__ = (
        "_core",
        "_folded",
        "_guided",
        "_jacobian",
        "_label",
        "_notes",
        "_parameterization",
        "_plan",
        "_scaled_by_program",
    )

    _core: native.Program
    _folded: dict[tuple[Parameterization, bool], Program]
    _guided: tuple[Program, NDArray[np.float64]] | None
    _jacobian: NDArray[np.float64] | None
    _plan: Plan | None
    _parameterization: Parameterization | None
    _label: str
    _notes: tuple[str, ...]
    _scaled_by_program: bool
    """Whether the guidance scale is in the coefficients."""

    def __init__(self) -> None:
        msg = "programs are made by Sampler.compile, Program.from_json or Program.load"
        raise TypeError(msg)

    @classmethod
    def _of(
        cls, core: native.Program, label: str, folded: Parameterization | None = None, guided: bool = False
    ) -> Program:
        program = object.__new__(cls)
        program._core = core
        program._folded = {}
        program._guided = None
        program._jacobian = None
        program._notes = ()
        program._plan = None
        program._parameterization = folded
        program._label = label
        program._scaled_by_program = guided
        return program

    @property
    def label(self) -> str:
        """What the program was compiled from; not part of its contents."""
        return self._label

    @property
    def notes(self) -> tuple[str, ...]:
        """Where compiling departs from what was asked: an order above the history that so few steps have.

        Not part of the contents: kept by `Sampler.compile` alone.
        """
        return self._notes

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps, in order."""
        return tuple(Step(*raw) for raw in self._core.steps)

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The operations, in order."""
        return tuple(_operation(raw) for raw in self._core.operations())

    @property
    def sigmas(self) -> NDArray[np.float64]:
        """Noise levels of the steps, shape (steps + 1,)."""
        steps = self._core.steps
        return np.array([s[0] for s in steps] + [steps[-1][1]])

    @property
    def sigma_start(self) -> float:
        """Noise level x must have at the start."""
        return self._core.sigma_start

    @property
    def sigma_end(self) -> float:
        """Noise level of the result."""
        return self._core.sigma_end

    @property
    def noise_range(self) -> tuple[float, float] | None:
        """Smallest and largest positive sigma of the whole program; None when no sigma is positive."""
        return self._core.noise_range

    @property
    def offset(self) -> Offset:
        """Steps, model calls and combines of the whole program before this slice."""
        return Offset(*self._core.offset)

    @property
    def inputs(self) -> tuple[Port, ...]:
        """What a run starts from: x, then the history of a slice."""
        return tuple(Port(*raw) for raw in self._core.inputs)

    @property
    def outputs(self) -> tuple[Port, ...]:
        """What a run leaves: x, then the history a later slice reads."""
        return tuple(Port(*raw) for raw in self._core.outputs)

    @property
    def registers(self) -> int:
        """Tensors alive at once, at most."""
        return self._core.registers

    @property
    def calls(self) -> str:
        """What a model call calls: "denoiser", or "network" once a parameterization is folded in."""
        return self._core.calls

    @property
    def is_flow(self) -> bool:
        """Whether x = (1 - sigma) x0 + sigma noise, as over a flow; otherwise x = x0 + sigma noise."""
        return self._core.flow

    @property
    def jacobian(self) -> NDArray[np.float64] | None:
        """How the program's numbers move with its sigmas: shape (numbers, steps + 1); None unless compiled with it.

        A row is a coefficient of a combine or the sigma of a model call, in the order of `operations` and of their
        terms; a column is one of the sigmas that were compiled. Not kept by slicing, folding or saving.
        """
        return self._jacobian

    @property
    def analysis(self) -> Analysis:
        """Model calls, passes over memory, terms, live tensors."""
        return Analysis(**self._core.analysis())

    @property
    def digest(self) -> str:
        """SHA-256 of the contents, as hexadecimal text; equal on every machine."""
        return self._core.digest.hex()

    def gaussian_moments(self, mean: float, deviation: float) -> NDArray[np.float64]:
        """Exact mean and variance of x when the data are N(mean, deviation²) and the denoiser is exact.

        The denoiser is D(x, σ) = mean + α deviation² (x - α mean) / (α² deviation² + σ²), and x starts at its exact
        marginal N(α mean, α² deviation² + σ_0²); α is 1, over a flow 1 - σ. Overlapping noise intervals are one path.

        Returns
        -------
        ndarray of shape (steps + 1, 2)
            Mean and variance at the start and after every step.

        Raises
        ------
        ProgramError
            A folded program, a slice with history, second results, or a negative deviation.
        """
        return self._core.gaussian_moments(mean, deviation)

    def fold(self, parameterization: Parameterization, *, keep_denoised: bool = False) -> Program:
        """Absorb a parameterization: the program then calls the raw network.

        A denoised value becomes c_skip x + c_out F(c_in x), and the pass that makes x also makes c_in x, unless the
        parameterization does not scale its input.

        Parameters
        ----------
        parameterization : Parameterization
            Its `scalings(sigmas)` are read once per model call.
        keep_denoised : bool
            Also write each step's denoised value, for callbacks, as a row of the pass that follows the model call.

        Raises
        ------
        ProgramError
            The program is folded already, is a slice with history, or needs an unclipped second result.
        """
        if not isinstance(parameterization, Parameterization):
            msg = f"parameterization is {type(parameterization).__name__}; expected one, as sl.parameterization makes"
            raise ParameterizationError(msg)
        key = (parameterization, keep_denoised)
        if key not in self._folded:
            c_skip, c_out, c_in = parameterization.scalings(self._core.denoise_sigmas())
            # A guided program is folded from the one that was guided, so that its denoised values are still known.
            core, scales = (self._core, None) if self._guided is None else (self._guided[0]._core, self._guided[1])
            scaled = c_in if parameterization.scales_input else None
            folded = core.fold(c_skip, c_out, scaled, keep_denoised, scales)
            label = f"{self.label} folded with {parameterization!r}"
            self._folded[key] = Program._of(folded, label, parameterization, self._scaled_by_program)
        return self._folded[key]

    def guide(self, scale: float | Sequence[float], *, interval: tuple[float, float] = (0.0, math.inf)) -> Program:
        """Absorb classifier-free guidance: a denoised value becomes D_uncond + scale (D_cond - D_uncond).

        Every model call then returns a pair, (conditional, unconditional). Where the scale is 1, outside the interval
        too, the unconditional value is not asked for; a denoiser that returns a pair all the same is read for its
        first. Costs nothing beside the model: the scale goes into the coefficients.

        Parameters
        ----------
        scale : float or sequence of float
            Guidance scale: 1 is none, 0 the unconditional model. A sequence has one per step.
        interval : (float, float)
            Lowest and highest sigma at which the model is guided, both included.

        Raises
        ------
        ProgramError
            The program is folded or guided already or is a slice with history; a scale is not finite, there are
            neither one nor as many as steps, or the interval is not two ascending numbers or holds no
            sigma of a model call.

        Notes
        -----
        Ho & Salimans 2022, arXiv:2207.12598, equation 6 (their w is scale - 1). The interval: Kynkäänniemi et al. 2024,
        arXiv:2404.07724.
        """
        scales = _scales(scale, interval, self._core.denoise_sigmas(), np.array(self._core.call_steps()), len(self))
        guided = Program._of(
            self._core.guide(scales, False), f"{self.label} guided by {_shown(scale, interval)}", guided=True
        )
        guided._guided = (self, scales)
        return guided

    @staticmethod
    def concatenate(parts: Sequence[Program], *, history: Literal["keep", "restart"] = "keep") -> Program:
        """Join programs that follow one another in sigma: two models, a refiner switch, a schedule in pieces.

        Parameters
        ----------
        parts : sequence of Program
            Each starts at the sigma where the one before it ends.
        history : {"keep", "restart"}
            "keep": slices of one program, in order, joined as they were. "restart": programs of their own, which start
            from x alone: a multistep method begins anew, and noise draws are numbered on.

        Returns
        -------
        Program
            Its steps are those of the parts. `sl.sample(program, {0: base, 20: refiner}, x)` gives them to two models.

        Raises
        ------
        ProgramError
            No part; parts that do not meet at one sigma, some folded and some not; with "keep" a part that is not the
            continuation of the one before it, with "restart" one that reads history.
        """
        if history not in ("keep", "restart"):
            raise ProgramError(f"history is {history!r}; expected 'keep' or 'restart'")
        parts = list(parts)
        for part in parts:
            if not isinstance(part, Program):
                raise ProgramError(f"a part is {type(part).__name__}; expected programs")
        known = {part._parameterization for part in parts}
        if len(known) > 1:
            raise ProgramError(f"parts are folded with {', '.join(map(repr, known))}; expected one parameterization")
        scaled = {part._scaled_by_program for part in parts}
        if len(scaled) > 1:
            raise ProgramError("some parts are guided and some are not; guide all, with scale 1 where none is wanted")
        core = native.Program.concatenate([part._core for part in parts], history == "keep")
        label = " + ".join(part.label for part in parts)
        return Program._of(core, label, next(iter(known)), next(iter(scaled)))

    def _showing_denoised(self) -> Program:
        """The same program, with the denoised value of every step as a tensor for whoever watches."""
        if self._guided is None:
            return self
        whole, scales = self._guided
        return Program._of(whole._core.guide(scales, True), self.label, guided=True)

    def _plan_cache(self, make: Callable[[Program], Plan]) -> Plan:
        """The executor's walk through the program, worked out once."""
        if self._plan is None:
            self._plan = make(self)
        return self._plan

    def __len__(self) -> int:
        return self._core.step_count

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> Program: ...
    def __getitem__(self, index: int | slice) -> Step | Program:
        """Return one step, or the program of a range of steps.

        Raises
        ------
        IndexError
            The step does not exist.
        ProgramError
            An empty range, or a stride other than 1.
        """
        if not isinstance(index, slice):
            try:
                return self.steps[index]
            except IndexError:
                msg = f"step {index} of a program of {len(self)} steps"
                raise IndexError(msg) from None
        if index.step not in (None, 1):
            msg = f"stride {index.step}; steps follow one another, so only a stride of 1 makes a program"
            raise ProgramError(msg)
        start, stop, _ = index.indices(len(self))
        first = self._core.offset[0]
        label = f"{self.label}[{first + start}:{first + stop}]"
        return Program._of(self._core.slice(start, stop), label, self._parameterization, self._scaled_by_program)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __eq__(self, other: object) -> bool:
        return self._core == other._core if isinstance(other, Program) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._core)

    def __reduce__(self) -> tuple[Any, ...]:
        structure, numbers = self._core.encode()
        return (_restore, (structure, numbers, self.label))

    def __repr__(self) -> str:
        a = self.analysis
        return (
            f"<Program {self.label}: {len(self)} steps, sigma {self.sigma_start:.6g} to {self.sigma_end:.6g}, "
            f"{a.model_calls} {self.calls} calls, {a.passes} passes, {a.noise_draws} noise draws, "
            f"{a.live_tensors} live tensors>"
        )

    def table(self) -> Table:
        """Return a rich table: step, sigma, operation, terms with coefficients."""
        from rich.table import Table
        from rich.text import Text

        # As Text, since a label from a file is not ours to read as markup.
        table = Table("step", "sigma", "operation", "result", "terms", title=Text(self.label, "bold"))
        steps = self.steps
        starts = {0, *(step.end for step in steps)}
        step = 0
        for at, op in enumerate(self.operations):
            while steps[step].end <= at:
                step += 1
                table.add_section()
            first = at in starts
            level = f"{steps[step].sigma:.6g}"
            number = str(step + self._core.offset[0])
            for row in _lines(op, self.calls):
                table.add_row(number if first else "", level if first else "", *row)
                first = False
        result = self.outputs[0].register
        said = f"r{self.inputs[0].register} is x at the start, r{result} at sigma {self.sigma_end:.6g}"
        table.caption = "\n".join((said, *self.notes))
        return table

    def __rich__(self) -> Table:
        return self.table()

    def to_dict(self) -> dict[str, Any]:
        """Return the program as plain lists, numbers and text: what `to_json` writes."""
        from stepladder._program_json import to_dict

        return to_dict(self)

    def to_json(self, indent: int | None = None) -> str:
        """Return the program as JSON. Coefficients survive the round trip bit for bit."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Program:
        """Read what `to_json` wrote.

        Raises
        ------
        FileFormatError
            Not JSON, a key twice, a field missing or unknown, another format or version.
        ProgramError
            The operations break a rule: a register read before it is written, an index out of range, a coefficient
            that is not finite.
        """
        from stepladder._program_json import encode
        from stepladder.io import parse_json

        if not isinstance(text, str):
            msg = f"the program is {type(text).__name__}; expected JSON text"
            raise FileFormatError(msg)
        return _restore(*encode(parse_json(text, "the program")))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save as safetensors: structure and coefficients as tensors, label and version as metadata.

        Raises
        ------
        OSError
            The file cannot be written; nothing is left behind.
        """
        from stepladder.io import write_tensors

        structure, numbers = self._core.encode()
        metadata = {"format": FORMAT, "version": str(native.PROGRAM_VERSION), "label": self.label}
        write_tensors(path, {"structure": structure, "numbers": numbers}, metadata)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Program:
        """Load what `save` wrote.

        Raises
        ------
        FileFormatError
            The file is truncated or hostile, or of another format or version.
        ProgramError
            Its contents break a rule of programs.
        """
        from stepladder.io import read_header, read_tensors

        header = read_header(path)
        found = header.metadata.get("format"), header.metadata.get("version")
        if found != (FORMAT, str(native.PROGRAM_VERSION)):
            msg = (
                f"{path} is format {found[0]!r} version {found[1]!r}; "
                f"this release reads {FORMAT!r} version '{native.PROGRAM_VERSION}'"
            )
            raise FileFormatError(msg)
        kinds = {name: (info.dtype, len(info.shape)) for name, info in header.tensors.items()}
        if kinds != {"structure": ("I64", 1), "numbers": ("F64", 1)}:
            msg = f"{path} holds {kinds}; expected a vector 'structure' of I64 and a vector 'numbers' of F64"
            raise FileFormatError(msg)
        tensors, metadata = read_tensors(path)
        return _restore(tensors["structure"], tensors["numbers"], metadata.get("label", ""))


def _scales(
    scale: float | Sequence[float],
    interval: tuple[float, float],
    sigmas: NDArray[np.float64],
    steps: NDArray[np.int64],
    count: int,
) -> NDArray[np.float64]:
    """The guidance scale of every model call."""
    try:
        given = np.asarray(scale, np.float64)
        low, high = (float(end) for end in interval)
    except (TypeError, ValueError) as error:
        raise ProgramError(
            f"scale is {scale!r} and interval {interval!r}; expected a number or one per step, and two numbers"
        ) from error
    if isinstance(scale, bool) or given.ndim > 1 or (given.ndim == 1 and len(given) != count):
        raise ProgramError(f"scale is {scale!r}; expected a number, or {count}, one per step")
    if not low <= high:
        raise ProgramError(f"interval is {interval!r}; expected the lowest and the highest sigma to guide at")
    if len(sigmas) and not ((low <= sigmas) & (sigmas <= high)).any():
        raise ProgramError(
            f"interval is {interval!r} and the model is called at sigma {sigmas.max():g} to {sigmas.min():g}, none of "
            "it inside; expected an interval that holds one of them"
        )
    per_call = np.broadcast_to(given, (count,))[steps]
    return np.where((low <= sigmas) & (sigmas <= high), per_call, 1.0)


def _shown(scale: float | Sequence[float], interval: tuple[float, float]) -> str:
    text = f"{scale:g}" if isinstance(scale, int | float) else "one scale per step"
    return text if interval == (0.0, math.inf) else f"{text} for sigma in {interval[0]:g} to {interval[1]:g}"


def _restore(structure: NDArray[Any], numbers: NDArray[Any], label: str) -> Program:
    core = native.Program.decode(np.ascontiguousarray(structure), np.ascontiguousarray(numbers))
    guided = any(op[0] == "denoise" and op[4] is not None and op[4][0] == "branches" for op in core.operations())
    return Program._of(core, label, guided=guided)


def _lines(op: Operation, calls: str) -> list[tuple[str, str, str]]:
    if isinstance(op, Noise):
        kind = "path" if op.stream == 0 else "independent"
        return [("noise", f"r{op.out}", f"{kind} #{op.ordinal}, sigma {op.sigma_from:.6g} to {op.sigma_to:.6g}")]
    if isinstance(op, Denoise):
        second = "" if op.second is None else f", {op.second[0]} to r{op.second[1]}"
        return [
            ("denoise" if calls == "denoiser" else "network", f"r{op.out}", f"r{op.input} at {op.sigma:.6g}{second}")
        ]
    rows = []
    for i, row in enumerate(op.rows):
        terms = " ".join(f"{c:+.9g}·r{r}" for r, c in row.terms)
        rows.append(("combine" if i == 0 else "  and", f"r{row.out}", terms))
    return rows
