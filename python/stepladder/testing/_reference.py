"""The meaning of a program, written a second time from its documented JSON form, slowly and without the executor."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from stepladder.testing._ensure import ensure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def run_program(
    program: Any,
    denoiser: Callable[[Array, float], Any],
    x: Array,
    noise: Callable[[Array, float, float, int, int], Array] | None = None,
) -> Array:
    """Run a program slowly, operation by operation.

    Parameters
    ----------
    program
        A `Program`, its JSON text, or that text parsed.
    denoiser
        Called with x and sigma (a float); returns the denoised x, or a pair of it and the second result where the
        program asks for one (`second` of the operation).
    x
        The input at the program's first sigma, any shape.
    noise
        Called as `noise(like, sigma_from, sigma_to, stream, ordinal)`; returns unit noise of like's shape. Stream 0 is
        the increment of one path over the interval, stream 1 an independent draw. None: the program draws none.

    Returns
    -------
    numpy.ndarray
        x at the program's `sigma_end`.

    Raises
    ------
    ValueError
        The program has an input other than x, an operation nobody knows, or draws noise that was not given.
    """
    data = parsed(program)
    inputs = [entry["name"] for entry in data["inputs"]]
    if inputs != ["x"]:
        raise ValueError(f"run_program gives a program only x; this one needs {inputs}: run it from its start")
    registers: dict[int, Array] = {data["inputs"][0]["register"]: np.asarray(x, dtype=np.float64)}
    for op in data["operations"][: data["steps"][-1]["end"]]:
        if op["op"] == "combine":
            rows = [(row["out"], sum(coef * registers[reg] for reg, coef in row["terms"])) for row in op["rows"]]
            registers.update((out, np.asarray(value)) for out, value in rows)
        elif op["op"] == "denoise":
            result = denoiser(registers[op["input"]], op["sigma"])
            second = op.get("second")
            if second is not None:
                result, registers[second["out"]] = result
            registers[op["out"]] = result
        elif op["op"] == "noise":
            if noise is None:
                raise ValueError("the program draws noise; give run_program a noise function")
            like = np.asarray(x)
            registers[op["out"]] = noise(like, op["sigma_from"], op["sigma_to"], op["stream"], op["ordinal"])
        else:
            raise ValueError(f"unknown operation {op['op']!r}; the operations are combine, denoise, noise")
    return registers[data["steps"][-1]["x"]]


def validate_program(program: Any) -> None:
    """Check a program's structure, from its JSON form alone.

    Parameters
    ----------
    program
        A `Program`, its JSON text, or that text parsed.

    Raises
    ------
    AssertionError
        A register is out of range or read before it is written, a number is not finite, a sigma of a model call is not
        positive, or the steps do not tile the operations.
    """
    data = parsed(program)
    ensure(data.get("format") == "stepladder.program", f"format is {data.get('format')!r}, not 'stepladder.program'")
    ensure(len(data["steps"]) > 0, "the program has no steps")
    written = {entry["register"] for entry in data["inputs"]}
    held_at_end: list[set[int]] = []
    for index, op in enumerate(data["operations"]):
        where = f"operation {index} ({op['op']})"
        reads, writes, numbers = _traffic(op)
        ensure(set(reads) <= written, f"{where} reads registers {sorted(set(reads) - written)} before any write")
        ensure(len(writes) == len(set(writes)), f"{where} writes one register twice: {writes}")
        ensure(all(0 <= r < data["registers"] for r in writes), f"{where} writes {writes} of {data['registers']}")
        ensure(all(math.isfinite(number) for number in numbers), f"{where} has a number that is not finite: {numbers}")
        if op["op"] == "denoise":
            ensure(op["sigma"] > 0, f"{where} calls the model at sigma {op['sigma']!r}; it has to be positive")
        written.update(writes)
        held_at_end.append(set(written))
    ends = [step["end"] for step in data["steps"]]
    ensure(ends == sorted(ends) and ends[0] >= 0, f"the steps' ends do not ascend: {ends}")
    ensure(ends[-1] == len(data["operations"]), f"the last step ends at {ends[-1]} of {len(data['operations'])}")
    for index, step in enumerate(data["steps"]):
        held = held_at_end[step["end"] - 1] if step["end"] else {entry["register"] for entry in data["inputs"]}
        ensure(step["x"] in held, f"step {index} says x is in register {step['x']}, which is not written")
        if step["denoised"] is not None:
            operation, register = step["denoised"]["operation"], step["denoised"]["register"]
            text = f"step {index} says operation {operation} leaves the denoised value in register {register}"
            ensure(0 <= operation < step["end"], f"{text}; the step ends before operation {step['end']}")
            ensure(register in held_at_end[operation], f"{text}, which is not written by then")


def parsed(program: Any) -> Any:
    """Return the documented form of a program as dictionaries and lists."""
    if isinstance(program, dict):
        return program
    return json.loads(program if isinstance(program, str) else program.to_json())


def as_many(program: Mapping[str, Any], denoise: Callable[[Array, float], Array]) -> Callable[[Array, float], Any]:
    """Give a program that asks for a second result the first one twice: guidance of strength zero, no clipping."""
    if any(op["op"] == "denoise" and op.get("second") is not None for op in program["operations"]):
        return lambda x, sigma: (denoise(x, sigma),) * 2
    return denoise


def _traffic(op: Mapping[str, Any]) -> tuple[list[int], list[int], list[float]]:
    """List the registers an operation reads and writes, and its numbers."""
    if op["op"] == "combine":
        terms = [term for row in op["rows"] for term in row["terms"]]
        return [term[0] for term in terms], [row["out"] for row in op["rows"]], [term[1] for term in terms]
    if op["op"] == "denoise":
        second = op.get("second")
        return [op["input"]], [op["out"]] + ([] if second is None else [second["out"]]), [op["sigma"]]
    ensure(op["op"] == "noise", f"unknown operation {op['op']!r}")
    return [], [op["out"]], [op["sigma_from"], op["sigma_to"]]
