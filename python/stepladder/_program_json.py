"""Programs as JSON: readable, and checked field by field when read."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from stepladder import _core as native
from stepladder._program import FORMAT, Combine, Noise
from stepladder.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from stepladder._program import Operation, Program

_PORT_NAME = re.compile(r"(x|result|second|noise|input|value)(?:\[([0-9]{1,9})\])?(?:\[([0-9]{1,9})\])?")
_PORTS = ("x", "result", "second", "noise", "input", "value", "x[]")
_FLOW = 2
"""What the core adds to the code of `calls` for a program over a flow."""
_SECONDS = {"uncond": 1, "unclipped": 2, "branches": 3}


def to_dict(program: Program) -> dict[str, Any]:
    """Return a program as plain lists, numbers and text."""
    steps, calls, combines = program.offset
    return {
        "format": FORMAT,
        "version": native.PROGRAM_VERSION,
        "name": program.label,
        "calls": program.calls,
        "flow": program.is_flow,
        "sigma_start": program.sigma_start,
        "sigma_end": program.sigma_end,
        "noise_range": None if program.noise_range is None else list(program.noise_range),
        "offset": {"steps": steps, "calls": calls, "combines": combines},
        "registers": program.registers,
        "inputs": [port._asdict() for port in program.inputs],
        "outputs": [port._asdict() for port in program.outputs],
        "operations": [_operation_dict(op) for op in program.operations],
        "steps": [
            {
                "sigma": s.sigma,
                "sigma_next": s.sigma_next,
                "end": s.end,
                "x": s.x,
                "denoised": None if s.denoised is None else {"operation": s.denoised[0], "register": s.denoised[1]},
            }
            for s in program.steps
        ],
    }


def _operation_dict(op: Operation) -> dict[str, Any]:
    if isinstance(op, Noise):
        return {"op": "noise", **op._asdict()}
    if isinstance(op, Combine):
        rows = [{"out": row.out, "terms": [list(term) for term in row.terms]} for row in op.rows]
        return {"op": "combine", "inputs": list(op.inputs), "rows": rows}
    second = None if op.second is None else {"kind": op.second[0], "out": op.second[1]}
    return {"op": "denoise", "out": op.out, "input": op.input, "sigma": op.sigma, "second": second}


def encode(document: Any) -> tuple[NDArray[np.int64], NDArray[np.float64], str]:
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

    def choice(value: Any, where: str, known: Mapping[str, int]) -> None:
        if not isinstance(value, str) or value not in known:
            msg = f"{where} is {value!r}; expected one of {', '.join(map(repr, known))}"
            raise FileFormatError(msg)
        structure.append(known[value])

    def ports(value: Any, where: str) -> None:
        structure.append(len(items(value, where)))
        for port in value:
            name, register = fields(port, f"each of {where}", "name", "register")
            match = _PORT_NAME.fullmatch(str(name))
            word, n, row = match.groups() if match else ("", None, None)
            kind: str = "x[]" if word == "x" and n else word
            if kind not in _PORTS or (n is None) != (kind == "x") or (row is None) != (kind != "value"):
                msg = f"{where} names {name!r}; expected 'x', 'x[n]', 'result[n]', 'value[n][row]' and the like"
                raise FileFormatError(msg)
            structure.extend((_PORTS.index(kind), int(n or 0), int(row or 0)))
            whole(register, f"a register of {where}")

    def operation(at: int, op: Any) -> None:
        where = f"operation {at}"
        kind = op.get("op") if isinstance(op, dict) else None
        if kind == "noise":
            _, out, a, b, stream, ordinal = fields(
                op, where, "op", "out", "sigma_from", "sigma_to", "stream", "ordinal"
            )
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
                        msg = f"{where} has the term {term!r}; expected [register, coefficient] over its inputs"
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
    if (form, version) != (FORMAT, native.PROGRAM_VERSION) or type(version) is not int:
        msg = f"format {form!r} version {version!r}; this release reads {FORMAT!r} version {native.PROGRAM_VERSION}"
        raise FileFormatError(msg)
    names = ("name", "calls", "flow", "sigma_start", "sigma_end", "noise_range", "offset", "registers", "inputs")
    label, calls, flow, start, end, noise_range, offset, registers, inputs, outputs, operations, steps, _, _ = fields(
        document, "the program", *names, "outputs", "operations", "steps", "format", "version"
    )
    if not isinstance(label, str) or any("\ud800" <= c <= "\udfff" for c in label):
        msg = f"name is {label!r}; expected text"
        raise FileFormatError(msg)
    structure.append(native.PROGRAM_VERSION)
    choice(calls, "calls", {"denoiser": 0, "network": 1})
    if not isinstance(flow, bool):
        msg = f"flow is {flow!r}; expected true or false"
        raise FileFormatError(msg)
    structure[-1] += _FLOW * flow
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
