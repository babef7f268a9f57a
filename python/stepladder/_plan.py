"""A program as the executor walks it: what each operation reads and binds, and what must outlive a model call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from stepladder._program import Combine, Denoise, Noise

if TYPE_CHECKING:
    from stepladder._program import Operation, Port, Program, Step

CALL: Final = 0
PASS: Final = 1
DRAW: Final = 2


class Pass(NamedTuple):
    """One fused linear combination."""

    kind: Literal[1]
    at: int
    """Index among the program's operations."""
    step: int
    inputs: tuple[int, ...]
    outs: tuple[tuple[int, int], ...]
    """(register, slot): slots are the run's own buffers, of the state for each register, then of the network's input."""
    slots: tuple[int, ...]
    """The slots of `outs`."""
    dead: tuple[int, ...]
    """Inputs nobody reads again: their memory goes back at once, and is still warm when the model asks for some."""
    denoised: int | None
    """Register of the step's denoised value, if this operation makes it."""


class Call(NamedTuple):
    """One model call."""

    kind: Literal[0]
    at: int
    step: int
    input: int
    outs: tuple[int, ...]
    survives: tuple[bool, ...]
    """For each output: whether it is read after a later model call."""
    live: tuple[int, ...]
    """Registers, other than the outputs, that are read after this operation."""
    number: int
    """Index among the model calls."""
    simple: bool
    """One output, which no later model call can reach."""
    denoised: int | None


class Draw(NamedTuple):
    """One noise draw."""

    kind: Literal[2]
    at: int
    step: int
    out: int
    sigma_from: float
    sigma_to: float
    survives: bool
    live: tuple[int, ...]
    denoised: None


class Plan(NamedTuple):
    """The walk through one program."""

    ops: tuple[Pass | Call | Draw, ...]
    steps: tuple[Step, ...]
    ends: tuple[int, ...]
    """`end` of every step."""
    survivors: int
    """Most model outputs that are kept across model calls at once; 0 when none is."""
    draws: int
    """Noise draws."""
    first_ordinal: int
    """Ordinal of the first noise draw."""
    inputs: tuple[Port, ...]
    """What the run starts from."""


def _reads(op: Operation) -> tuple[int, ...]:
    if isinstance(op, Combine):
        return op.inputs
    return (op.input,) if isinstance(op, Denoise) else ()


def _writes(op: Operation) -> tuple[int, ...]:
    if isinstance(op, Combine):
        return tuple(row.out for row in op.rows)
    if isinstance(op, Denoise) and op.second is not None:
        return (op.out, op.second[1])
    return (op.out,)


def plan(program: Program) -> Plan:
    """Work out the walk through a program, once per program."""
    operations, steps = program.operations, program.steps
    ends = {step.end: step.x for step in steps}
    live = {port.register for port in program.outputs}
    calls_ahead: dict[int, int] = {}  # register -> model calls between here and its last read
    network_only: dict[int, bool] = {}
    for register in live:
        network_only[register] = False
        calls_ahead[register] = 0
    # Backwards: what is live after each operation, whether a model call lies before its last read, who reads it.
    after: list[tuple[set[int], dict[int, int], dict[int, bool]]] = [(set(), {}, {})] * len(operations)
    for at in range(len(operations) - 1, -1, -1):
        if at + 1 in ends:
            # Whoever watches the run reads x here.
            network_only[ends[at + 1]] = False
            live.add(ends[at + 1])
            calls_ahead.setdefault(ends[at + 1], 0)
        op = operations[at]
        after[at] = (set(live), dict(calls_ahead), dict(network_only))
        for register in _writes(op):
            live.discard(register)
            calls_ahead.pop(register, None)
            network_only.pop(register, None)
        if isinstance(op, Denoise | Noise):
            for register in live:
                calls_ahead[register] += 1
        for register in _reads(op):
            network_only[register] = network_only.get(register, True) and isinstance(op, Denoise)
            if register not in live:
                live.add(register)
                calls_ahead[register] = 0
    walk: list[Pass | Call | Draw] = []
    step = number = survivors = 0
    held: set[int] = set()
    folded = program.calls == "network"
    for at, op in enumerate(operations):
        while steps[step].end <= at:
            step += 1
        alive, ahead, only = after[at]
        held &= alive
        shown = steps[step].denoised
        denoised = shown[1] if shown is not None and shown[0] == at else None
        outs = _writes(op)
        others = tuple(sorted(alive.difference(outs)))
        if isinstance(op, Combine):
            rows = tuple((r, r + program.registers * (folded and only.get(r, False))) for r in outs)
            dead = tuple(r for r in op.inputs if r not in alive and r not in outs)
            walk.append(Pass(PASS, at, step, op.inputs, rows, tuple(s for _, s in rows), dead, denoised))
            held.difference_update(outs)
        elif isinstance(op, Denoise):
            survives = tuple(ahead.get(r, 0) > 0 for r in outs)
            simple = len(outs) == 1 and not survives[0]
            walk.append(Call(CALL, at, step, op.input, outs, survives, others, number, simple, denoised))
            number += 1
            held.difference_update(outs)
            held.update(r for r, s in zip(outs, survives, strict=True) if s)
            survivors = max(survivors, len(held))
        else:
            survives_draw = ahead.get(op.out, 0) > 0
            walk.append(Draw(DRAW, at, step, op.out, op.sigma_from, op.sigma_to, survives_draw, others, None))
            held.discard(op.out)
    ordinals = [op.ordinal for op in operations if isinstance(op, Noise)]
    first = ordinals[0] if ordinals else 0
    return Plan(tuple(walk), steps, tuple(s.end for s in steps), survivors, len(ordinals), first, program.inputs)
