"""Compiled sampler programs: inspect, slice, fold, compare, save."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, final, overload

import numpy as np

from stepladder import _core
from stepladder.errors import FileFormatError, ProgramError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray
    from rich.table import Table

    from stepladder._parameterization import Parameterization
    from stepladder._plan import Plan

_FORMAT = "stepladder.program"
_PORT_NAME = re.compile(r"(x|result|second|noise|input|value)(?:\[([0-9]{1,9})\])?(?:\[([0-9]{1,9})\])?")
_PORTS = ("x", "result", "second", "noise", "input", "value", "x[]")
_SECONDS = {"uncond": 1, "unclipped": 2}


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
    """One model call at `sigma`; `second` is None, or ("uncond" | "unclipped", register) for a second result."""

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

    Made by `Sampler.compile`. `len(program)` is its number of steps; `program[3:7]` the program of those steps, with the
    history they read as named inputs. Programs are equal, and hash equally on every machine, when their contents are;
    the label is not part of the contents.
    """

    __slots__ = ("_core", "_folded", "_plan", "label")

    def __init__(self) -> None:
        msg = "programs are made by Sampler.compile, Program.from_json or Program.load"
        raise TypeError(msg)

    @classmethod
    def _of(cls, core: _core.Program, label: str) -> Program:
        program = object.__new__(cls)
        program._core = core
        program._folded = {}
        program._plan = None
        program.label = label
        return program

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
    def analysis(self) -> Analysis:
        """Model calls, passes over memory, terms, live tensors."""
        return Analysis(**self._core.analysis())

    @property
    def digest(self) -> str:
        """SHA-256 of the contents, as hexadecimal text; equal on every machine."""
        return self._core.digest.hex()

    def gaussian_moments(self, mean: float, deviation: float) -> NDArray[np.float64]:
        """Exact mean and variance of x when the data are N(mean, deviation²) and the denoiser is exact.

        The denoiser is D(x, σ) = (deviation² x + σ² mean) / (deviation² + σ²), and x starts at its exact marginal
        N(mean, deviation² + σ_0²). Overlapping noise intervals are one path.

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

        A denoised value becomes c_skip x + c_out F(c_in x), and the pass that makes x also makes c_in x.

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
        key = (parameterization, keep_denoised)
        if key not in self._folded:
            c_skip, c_out, c_in = parameterization.scalings(self._core.denoise_sigmas())
            folded = self._core.fold(c_skip, c_out, c_in, keep_denoised)
            self._folded[key] = Program._of(folded, f"{self.label} folded with {parameterization!r}")
        return self._folded[key]

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
            return self.steps[index]
        if index.step not in (None, 1):
            msg = f"stride {index.step}; steps follow one another, so only a stride of 1 makes a program"
            raise ProgramError(msg)
        start, stop, _ = index.indices(len(self))
        first = self._core.offset[0]
        label = f"{self.label}[{first + start}:{first + stop}]"
        return Program._of(self._core.slice(start, stop), label)

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

        table = Table("step", "sigma", "operation", "result", "terms", title=self.label, title_style="bold")
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
        table.caption = f"r{self.inputs[0].register} is x at the start, r{result} at sigma {self.sigma_end:.6g}"
        return table

    def __rich__(self) -> Table:
        return self.table()

    def to_dict(self) -> dict[str, Any]:
        """Return the program as plain lists, numbers and text: what `to_json` writes."""
        steps, calls, combines = self._core.offset
        return {
            "format": _FORMAT,
            "version": _core.PROGRAM_VERSION,
            "name": self.label,
            "calls": self.calls,
            "sigma_start": self.sigma_start,
            "sigma_end": self.sigma_end,
            "noise_range": None if self.noise_range is None else list(self.noise_range),
            "offset": {"steps": steps, "calls": calls, "combines": combines},
            "registers": self.registers,
            "inputs": [port._asdict() for port in self.inputs],
            "outputs": [port._asdict() for port in self.outputs],
            "operations": [_operation_dict(op) for op in self.operations],
            "steps": [
                {
                    "sigma": s.sigma,
                    "sigma_next": s.sigma_next,
                    "end": s.end,
                    "x": s.x,
                    "denoised": None if s.denoised is None else {"operation": s.denoised[0], "register": s.denoised[1]},
                }
                for s in self.steps
            ],
        }

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
        from stepladder.io import parse_json

        return cls._from_dict(parse_json(text, "the program"))

    @classmethod
    def _from_dict(cls, document: Any) -> Program:
        structure, numbers, label = _encode(document)
        return cls._of(_core.Program.decode(structure, numbers), label)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save as safetensors: structure and coefficients as tensors, label and version as metadata.

        Raises
        ------
        OSError
            The file cannot be written; nothing is left behind.
        """
        from stepladder.io import write_tensors

        structure, numbers = self._core.encode()
        metadata = {"format": _FORMAT, "version": str(_core.PROGRAM_VERSION), "label": self.label}
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
        if found != (_FORMAT, str(_core.PROGRAM_VERSION)):
            msg = (
                f"{path} is format {found[0]!r} version {found[1]!r}; "
                f"this release reads {_FORMAT!r} version '{_core.PROGRAM_VERSION}'"
            )
            raise FileFormatError(msg)
        kinds = {name: (info.dtype, len(info.shape)) for name, info in header.tensors.items()}
        if kinds != {"structure": ("I64", 1), "numbers": ("F64", 1)}:
            msg = f"{path} holds {kinds}; expected a vector 'structure' of I64 and a vector 'numbers' of F64"
            raise FileFormatError(msg)
        tensors, metadata = read_tensors(path)
        return _restore(tensors["structure"], tensors["numbers"], metadata.get("label", ""))


def _restore(structure: NDArray[Any], numbers: NDArray[Any], label: str) -> Program:
    core = _core.Program.decode(np.ascontiguousarray(structure), np.ascontiguousarray(numbers))
    return Program._of(core, label)


def _lines(op: Operation, calls: str) -> list[tuple[str, str, str]]:
    if isinstance(op, Noise):
        kind = "path" if op.stream == 0 else "independent"
        return [("noise", f"r{op.out}", f"{kind} #{op.ordinal}, sigma {op.sigma_from:.6g} to {op.sigma_to:.6g}")]
    if isinstance(op, Denoise):
        second = "" if op.second is None else f", {op.second[0]} to r{op.second[1]}"
        return [("denoise" if calls == "denoiser" else "network", f"r{op.out}", f"r{op.input} at {op.sigma:.6g}{second}")]
    rows = []
    for i, row in enumerate(op.rows):
        terms = " ".join(f"{c:+.9g}·r{r}" for r, c in row.terms)
        rows.append(("combine" if i == 0 else "  and", f"r{row.out}", terms))
    return rows


def _operation_dict(op: Operation) -> dict[str, Any]:
    if isinstance(op, Noise):
        return {"op": "noise", **op._asdict()}
    if isinstance(op, Combine):
        rows = [{"out": row.out, "terms": [list(term) for term in row.terms]} for row in op.rows]
        return {"op": "combine", "inputs": list(op.inputs), "rows": rows}
    second = None if op.second is None else {"kind": op.second[0], "out": op.second[1]}
    return {"op": "denoise", "out": op.out, "input": op.input, "sigma": op.sigma, "second": second}


def _encode(document: Any) -> tuple[NDArray[np.int64], NDArray[np.float64], str]:
    """Turn `Program.to_dict` into the core's two lists; the core then checks the program itself."""
    structure: list[int] = []
    numbers: list[float] = []

    def fields(value: Any, where: str, *names: str) -> list[Any]:
        if not isinstance(value, dict) or set(value) != set(names):
            got = sorted(value) if isinstance(value, dict) else type(value).__name__
            msg = f"{where} has {got}; expected exactly {', '.join(names)}"
            raise FileFormatError(msg)
        return [value[name] for name in names]

    def items(value: Any, where: str) -> list[Any]:
        if not isinstance(value, list):
            msg = f"{where} is a {type(value).__name__}; expected a list"
            raise FileFormatError(msg)
        return value

    def whole(value: Any, where: str) -> None:
        if type(value) is not int or not 0 <= value < 2**32:
            msg = f"{where} is {value!r}; expected a whole number from 0 to 2**32 - 1"
            raise FileFormatError(msg)
        structure.append(value)

    def number(value: Any, where: str) -> None:
        if type(value) not in (int, float) or (type(value) is int and abs(value) > sys.float_info.max):
            msg = f"{where} is {value!r}; expected a number"
            raise FileFormatError(msg)
        numbers.append(value)

    def choice(value: Any, where: str, known: Mapping[Any, int]) -> None:
        if not isinstance(value, str | None.__class__) or value not in known:
            msg = f"{where} is {value!r}; expected one of {', '.join(map(repr, known))}"
            raise FileFormatError(msg)
        structure.append(known[value])

    def ports(value: Any, where: str) -> None:
        structure.append(len(items(value, where)))
        for port in value:
            name, register = fields(port, f"each of {where}", "name", "register")
            match = _PORT_NAME.fullmatch(str(name))
            kind = None if match is None else match[1] + ("[]" if match[1] == "x" and match[2] else "")
            if kind is None or (match[2] is None) != (kind == "x") or (match[3] is None) != (kind != "value"):  # type: ignore[index]
                msg = f"{where} names {name!r}; expected 'x', 'x[n]', 'result[n]', 'value[n][row]' and the like"
                raise FileFormatError(msg)
            structure.extend((_PORTS.index(kind), int(match[2] or 0), int(match[3] or 0)))  # type: ignore[index]
            whole(register, f"a register of {where}")

    def operation(at: int, op: Any) -> None:
        where = f"operation {at}"
        kind = op.get("op") if isinstance(op, dict) else None
        if kind == "noise":
            _, out, a, b, stream, ordinal = fields(op, where, "op", "out", "sigma_from", "sigma_to", "stream", "ordinal")
            structure.append(0)
            for value in (out, stream, ordinal):
                whole(value, where)
            number(a, where)
            number(b, where)
        elif kind == "combine":
            _, inputs, rows = fields(op, where, "op", "inputs", "rows")
            structure.extend((1, len(items(inputs, where))))
            for register in inputs:
                whole(register, where)
            structure.append(len(items(rows, where)))
            place = {register: i for i, register in enumerate(inputs)}
            for row in rows:
                out, terms = fields(row, f"a row of {where}", "out", "terms")
                whole(out, where)
                structure.append(len(items(terms, where)))
                for term in terms:
                    if not isinstance(term, list) or len(term) != 2 or type(term[0]) is not int or term[0] not in place:
                        msg = f"{where} has the term {term!r}; expected [register, coefficient] with a register of its inputs"
                        raise FileFormatError(msg)
                    structure.append(place[term[0]])
                    number(term[1], where)
        elif kind == "denoise":
            _, out, source, sigma, second = fields(op, where, "op", "out", "input", "sigma", "second")
            structure.append(2)
            whole(out, where)
            whole(source, where)
            number(sigma, where)
            if second is None:
                structure.append(0)
            else:
                name, register = fields(second, f"second of {where}", "kind", "out")
                choice(name, f"second of {where}", _SECONDS)
                whole(register, where)
        else:
            msg = f"{where} is {kind!r}; expected 'noise', 'combine' or 'denoise'"
            raise FileFormatError(msg)

    form, version = (document.get("format"), document.get("version")) if isinstance(document, dict) else (None, None)
    if (form, version) != (_FORMAT, _core.PROGRAM_VERSION) or type(version) is not int:
        msg = f"format {form!r} version {version!r}; this release reads {_FORMAT!r} version {_core.PROGRAM_VERSION}"
        raise FileFormatError(msg)
    names = ("format", "version", "name", "calls", "sigma_start", "sigma_end", "noise_range", "offset")
    names += ("registers", "inputs", "outputs", "operations", "steps")
    _, _, label, calls, start, end, noise_range, offset, registers, inputs, outputs, operations, steps = fields(
        document, "the program", *names
    )
    if not isinstance(label, str):
        msg = f"name is {label!r}; expected text"
        raise FileFormatError(msg)
    structure.append(version)
    choice(calls, "calls", {"denoiser": 0, "network": 1})
    for value in fields(offset, "offset", "steps", "calls", "combines"):
        whole(value, "offset")
    whole(registers, "registers")
    structure.append(int(noise_range is not None))
    if noise_range is not None:
        if len(items(noise_range, "noise_range")) != 2:
            msg = f"noise_range is {noise_range!r}; expected two numbers or null"
            raise FileFormatError(msg)
        for value in noise_range:
            number(value, "noise_range")
    ports(inputs, "inputs")
    ports(outputs, "outputs")
    structure.append(len(items(operations, "operations")))
    for at, op in enumerate(operations):
        operation(at, op)
    structure.append(len(items(steps, "steps")))
    for i, step in enumerate(steps):
        sigma, sigma_next, stop, x, denoised = fields(step, f"step {i}", "sigma", "sigma_next", "end", "x", "denoised")
        number(sigma, f"sigma of step {i}")
        number(sigma_next, f"sigma_next of step {i}")
        whole(stop, f"end of step {i}")
        whole(x, f"x of step {i}")
        structure.append(int(denoised is not None))
        if denoised is not None:
            for value in fields(denoised, f"denoised of step {i}", "operation", "register"):
                whole(value, f"denoised of step {i}")
    if not steps or (start, end) != (steps[0]["sigma"], steps[-1]["sigma_next"]):
        msg = f"sigma_start {start!r} and sigma_end {end!r} do not match the steps"
        raise FileFormatError(msg)
    return np.array(structure, dtype=np.int64), np.array(numbers, dtype=np.float64), label
