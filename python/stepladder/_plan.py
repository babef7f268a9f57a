"""A program as the executor walks it: what each operation reads and binds, and what must outlive a model call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from stepladder._program import Combine, Denoise, Noise

if TYPE_CHECKING:
    from stepladder._program import Operation, Port, Program, Row, Step

CALL: Final = 0
PASS: Final = 1
DRAW: Final = 2


class Pass(NamedTuple):
    """One fused linear combination."""

    kind: Literal[1]
    at: int
    """Index among the program's operations."""
    step: int
    """Step, counted from the start of the whole program."""
    inputs: tuple[int, ...]
    outs: tuple[tuple[int, int], ...]
    """(register, slot): slots number the run's own buffers, of the state first, then of the network's input."""
    slots: tuple[int, ...]
    """The slots of `outs`."""
    rows: tuple[Row, ...]
    """What to compute, for a library that computes it itself."""
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
    pair: bool
    """Two outputs."""
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


class _After(NamedTuple):
    """What holds after one operation, seen from the end of the program."""

    live: tuple[int, ...]
    """Registers read later, without the operation's own outputs."""
    survives: tuple[bool, ...]
    """For each output: whether it is read after a later model call or noise draw."""
    network_only: tuple[bool, ...]
    """For each output: whether only model calls read it."""


def _look_back(operations: tuple[Operation, ...], steps: tuple[Step, ...], outputs: tuple[Port, ...]) -> list[_After]:
    ends: dict[int, set[int]] = {}  # a step without operations ends where the one before it did
    for step in steps:
        ends.setdefault(step.end, set()).add(step.x)
    # Live registers -> [model calls and draws between here and the last read, whether only model calls read it].
    live: dict[int, list[Any]] = {port.register: [0, False] for port in outputs}
    after = []
    for at in range(len(operations) - 1, -1, -1):
        for x in ends.get(at + 1, ()):
            # Whoever watches the run reads x here.
            live.setdefault(x, [0, False])[1] = False
        op = operations[at]
        unread = (0, False)
        outs = [live.pop(r, unread) for r in _writes(op)]
        after.append(_After(tuple(live), tuple(o[0] > 0 for o in outs), tuple(bool(o[1]) for o in outs)))
        if not isinstance(op, Combine):
            for state in live.values():
                state[0] += 1
        for register in _reads(op):
            state = live.setdefault(register, [0, True])
            state[1] = state[1] and isinstance(op, Denoise)
    after.reverse()
    return after


def plan(program: Program) -> Plan:
    """Work out the walk through a program, once per program."""
    operations, steps = program.operations, program.steps
    after = _look_back(operations, steps, program.outputs)
    walk: list[Pass | Call | Draw] = []
    current = number = survivors = 0
    offset = program.offset.steps
    held: set[int] = set()
    folded = program.calls == "network"
    for at, op in enumerate(operations):
        while steps[current].end <= at:
            current += 1
        live, survives, network_only = after[at]
        shown = steps[current].denoised
        denoised = shown[1] if shown is not None and shown[0] == at else None
        outs = _writes(op)
        held.intersection_update(live)
        if isinstance(op, Combine):
            slots = tuple(r + program.registers * (folded and n) for r, n in zip(outs, network_only, strict=True))
            dead = tuple(r for r in op.inputs if r not in live and r not in outs)
            targets = tuple(zip(outs, slots, strict=True))
            walk.append(Pass(PASS, at, offset + current, op.inputs, targets, slots, op.rows, dead, denoised))
        elif isinstance(op, Denoise):
            simple = len(outs) == 1 and not survives[0]
            walk.append(
                Call(
                    CALL, at, offset + current, op.input, outs, survives, live, number, simple, len(outs) > 1, denoised
                )
            )
            number += 1
            held.update(r for r, s in zip(outs, survives, strict=True) if s)
            survivors = max(survivors, len(held))
        else:
            walk.append(Draw(DRAW, at, offset + current, op.out, op.sigma_from, op.sigma_to, survives[0], live, None))
    ordinals = [op.ordinal for op in operations if isinstance(op, Noise)]
    first = ordinals[0] if ordinals else 0
    return Plan(tuple(walk), steps, tuple(s.end for s in steps), survivors, len(ordinals), first, program.inputs)
