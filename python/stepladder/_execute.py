"""Runs a program: one step at a time with explicit state, or to its end."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, final

from stepladder import _core
from stepladder._backend import STATE_FORMAT, STATE_VERSION, backend_for, load_state
from stepladder._core import NO_BUFFER, NO_POINTER, NOT_FINITE
from stepladder._noise import NoiseSource
from stepladder._plan import CALL, PASS, plan
from stepladder._prepare import executed, inputs_of, model_of
from stepladder.errors import ExecutionError, FileFormatError, NonFiniteError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from stepladder._plan import Call, Draw, Pass
    from stepladder._program import Program

    NoiseLike = NoiseSource | Callable[[Any, float, float], Any]


class StepInfo(NamedTuple):
    """What a callback sees after a step. The tensors are the caller's to keep: no later step writes them."""

    step: int
    """Zero-based, counted from the start of the whole program."""
    sigma: float
    """Noise level at the start of the step."""
    sigma_next: float
    """Noise level of `x`."""
    x: Any
    """The sample at `sigma_next`, in the run's state dtype."""
    denoised: Any
    """The step's first denoised value; None in a folded run that was not asked for it."""


@final
class Runner:
    """A run of a program with explicit state: step, look, pause, save, resume.

    Parameters
    ----------
    program : Program
        What to run. A slice with history takes a mapping for `x`.
    denoiser : callable
        `denoiser(x, sigma) -> denoised` with x of shape (batch, …) in the state dtype and sigma of shape (batch,),
        float32 (float64 when the state is), on the same device; a pair of results where the program asks for a second
        one. It must not write to x, nor keep it: the memory is used again. A `stepladder.torch.Denoiser` has its
        parameterization folded into the program.
    x : tensor, ndarray, or mapping of str to tensor
        The sample at `program.sigma_start`, shape (batch, …); never written. For a slice with history: one tensor for
        each of `program.inputs`.
    noise : NoiseSource or callable, optional
        `noise(like, sigma_from, sigma_to)` returns unit noise. Needed when the program draws any.
    denoised : bool
        Make each step's denoised value available even in a folded run; it costs one more output of a pass.
    dtype : dtype, optional
        Of the state. None: float64 for float64 x, else float32.
    differentiable : bool, optional
        Track gradients. None: when an input requires them.

    Raises
    ------
    ExecutionError
        Shapes, dtypes, devices or the noise source do not fit; a program with overlapping noise intervals was given
        independent draws.
    """

    __slots__ = (
        "_at", "_backend", "_busy", "_call", "_call_pair", "_codes", "_denoised", "_first", "_levels", "_like",
        "_model_reuses", "_noise", "_own", "_owned", "_owned_codes", "_owned_spans", "_plain", "_plan", "_pointers",
        "_probe", "_program", "_raw", "_spans", "_step", "_torn", "_values", "_watched", "_whole",
    )  # fmt: skip

    def __init__(
        self,
        program: Program,
        denoiser: Callable[..., Any],
        x: Any,
        noise: NoiseLike | None = None,
        *,
        denoised: bool = False,
        dtype: Any = None,
        differentiable: bool | None = None,
    ) -> None:
        whole = executed(program, denoiser, denoised)
        self._setup(whole, whole, denoiser, x, noise, dtype, differentiable)

    def _setup(
        self,
        program: Program,
        whole: Program,
        denoiser: Callable[..., Any],
        x: Any,
        noise: NoiseLike | None,
        dtype: Any,
        differentiable: bool | None,
    ) -> None:
        inputs = inputs_of(program, x)
        self._call, self._call_pair, network_dtype, levels = model_of(program, denoiser)
        self._program, self._whole, self._first = program, whole, program.offset.steps
        self._backend = backend_for(inputs, dtype, network_dtype, differentiable)
        self._plan = program._plan_cache(plan)
        self._levels = self._backend.noise_levels(levels)
        self._noise = noise
        self._step = self._at = 0
        self._values: list[Any] = [None] * program.registers
        self._pointers = [0] * program.registers
        self._codes = [0] * program.registers
        self._spans = [(0, 0)] * program.registers
        # The run's own buffers: of the state for every register, then of the network's input. Kernels write only these.
        self._own: list[Any] = [None] * (2 * program.registers)
        self._owned = [0] * (2 * program.registers)
        self._owned_codes = [0] * (2 * program.registers)
        self._owned_spans = [(0, 0)] * (2 * program.registers)
        self._plain = True  # every register float32: the kernel then needs no codes
        self._probe: list[Any] | None = [] if self._plan.survivors else None
        self._model_reuses = False
        self._raw: set[int] = set()  # registers that hold a model output as the model returned it
        self._watched = False
        # From an operation's first effect to its end the run cannot go on: a pass may have written its own input, a
        # generator may have moved.
        self._torn = self._busy = False
        self._denoised: Any = None
        for port in self._plan.inputs:
            self._bind(port.register, self._backend.admit(inputs[port.name], port.name), port.name, 0)
        self._like = self._values[self._plan.inputs[0].register]
        self._start_noise()

    def _start_noise(self) -> None:
        if self._plan.draws and self._noise is None:
            draws = self._plan.draws
            msg = f"the program draws noise {draws} times and noise is None; pass sl.noise_source('iid', seed=…)"
            if self._program.analysis.needs_path:
                msg = (
                    f"the program draws noise {draws} times, over overlapping intervals, and noise is None; pass a "
                    "source of one path, or sl.noise_source('iid', seed=…, independent=True) at a lower order"
                )
            raise ExecutionError(msg)
        if self._noise is not None and not callable(self._noise):
            msg = f"noise is {type(self._noise).__name__}; expected sl.noise_source(…) or a callable"
            raise ExecutionError(msg)
        if isinstance(self._noise, NoiseSource):
            source = self._noise
            if self._program.analysis.needs_path and not (source.is_path or source.independent):
                msg = (
                    f"the program's noise intervals overlap, and source {source.kind!r} makes independent draws; use a "
                    "source of one path, or accept a lower order with independent=True"
                )
                raise ExecutionError(msg)
            low, high = self._program.noise_range or (0.0, 0.0)
            source.start(self._like, low, high, self._plan.first_ordinal)

    def __reduce__(self) -> NoReturn:
        msg = "a Runner holds addresses of its own memory, and cannot be copied or pickled; use Runner.save and load"
        raise TypeError(msg)

    @property
    def program(self) -> Program:
        """The program that runs: folded, if the denoiser's parameterization was."""
        return self._program

    @property
    def step(self) -> int:
        """Steps done, counted from the start of the whole program."""
        return self._first + self._step

    @property
    def done(self) -> bool:
        """Whether every step has been taken."""
        return self._step == len(self._plan.steps)

    @property
    def sigma(self) -> float:
        """Noise level of the current x."""
        return self._program.sigma_end if self.done else self._plan.steps[self._step].sigma

    @property
    def x(self) -> Any:
        """A copy of the current sample, of the dtype and kind of the x that came."""
        self._between_steps()
        return self._backend.result(self._backend.clone(self._values[self._x_register()]))

    @property
    def outputs(self) -> dict[str, Any]:
        """After the last step: x, and the history that a later slice reads, by name, in the state dtype."""
        if not self.done:
            msg = f"{self._step} of {len(self._plan.steps)} steps are done; outputs exist after the last"
            raise ExecutionError(msg)
        return {p.name: self._backend.clone(self._values[p.register]) for p in self._program.outputs}

    def _x_register(self) -> int:
        return self._plan.steps[self._step - 1].x if self._step else self._plan.inputs[0].register

    def _between_steps(self) -> None:
        self._whole_or_error()
        if self._at != (self._plan.steps[self._step - 1].end if self._step else 0):
            msg = f"the run was interrupted inside step {self.step}; call advance() to finish the step first"
            raise ExecutionError(msg)

    def advance(self) -> StepInfo:
        """Take one step.

        Returns
        -------
        StepInfo

        Raises
        ------
        ExecutionError
            The run is over, or a model output or a noise draw does not fit.
        NonFiniteError
            NaN or infinity appeared; says where.
        """
        if self.done and not self._torn:
            msg = f"all {len(self._plan.steps)} steps are done"
            raise ExecutionError(msg)
        with self._backend.context():
            return self._watched_step()

    def _watched_step(self) -> StepInfo:
        self._whole_or_error()
        step = self._plan.steps[self._step]
        number = self.step
        self._watched = True
        try:
            self._take_step()
        finally:
            self._watched = False
        x = self._values[step.x]
        if not self._give_away(step.x):
            x = self._backend.clone(x)  # the model's memory, or the caller's own x
        denoised, self._denoised = self._denoised, None
        return StepInfo(number, step.sigma, step.sigma_next, x, denoised)

    def _take_step(self) -> None:
        self._execute(self._plan.steps[self._step].end)
        self._step += 1
        if self.done:
            self._finish()

    def run(self, callback: Callable[[StepInfo], object] | None = None, *, progress: bool | None = None) -> Any:
        """Take every step that is left.

        Parameters
        ----------
        callback : callable, optional
            Called with a `StepInfo` after each step; stop the run by raising, and go on later with `run` again.
        progress : bool, optional
            Show a progress bar. None: in a terminal, once the run has taken half a second.

        Returns
        -------
        tensor or ndarray
            x at `program.sigma_end`, of the kind and dtype of the x that came.

        Raises
        ------
        ExecutionError, NonFiniteError
            As `advance`.
        """
        from stepladder._progress import Progress, wanted

        if callback is not None and not callable(callback):
            msg = f"callback is {type(callback).__name__}; expected a callable that takes a StepInfo"
            raise ExecutionError(msg)
        self._whole_or_error()
        with self._backend.context():
            if callback is None and not wanted(progress):
                if not self.done:
                    try:
                        self._execute(len(self._plan.ops))
                    finally:
                        self._step = max(self._step, bisect_right(self._plan.ends, self._at))
                    self._finish()
            else:
                with Progress(len(self._plan.steps), self._step, progress) as bar:
                    while not self.done:
                        if callback is None:
                            self._take_step()
                        else:
                            callback(self._watched_step())
                        bar.advance()
            return self._backend.result(self._values[self._x_register()])

    # -- operations --------------------------------------------------------------------------------------------------

    def _execute(self, stop: int) -> None:
        """Run operations up to `stop`. The loop is what a step costs beside the model: it stays in local variables."""
        ops, combine, numel = self._plan.ops, self._program._core.combine, self._backend.numel
        values, pointers, codes, spans = self._values, self._pointers, self._codes, self._spans
        own, owned, owned_codes, owned_spans = self._own, self._owned, self._owned_codes, self._owned_spans
        written, take, call, levels = self._backend.written, self._backend.take, self._call, self._levels
        pair = self._call_pair
        self._enter()
        at = self._at
        try:
            while at < stop:
                op = ops[at]
                if op.kind == PASS:
                    self._torn = True
                    if self._plain:
                        status = combine(at, op.slots, owned, pointers, None, None, numel)
                    else:
                        status = combine(at, op.slots, owned, pointers, owned_codes, codes, numel)
                    if status == NO_BUFFER:
                        self._torn = False
                        self._make_buffers(op.slots)
                        continue
                    if status == NO_POINTER:
                        self._torn = False
                        self._combine_by_library(op)
                    else:
                        for register, slot in op.outs:
                            values[register], pointers[register] = own[slot], owned[slot]
                            codes[register], spans[register] = owned_codes[slot], owned_spans[slot]
                            if written is not None:
                                written(own[slot])
                        if status == NOT_FINITE:
                            self._not_finite(op)
                    for register in op.dead:
                        values[register] = None
                elif op.kind == CALL:
                    result = (pair if op.pair else call)(values[op.input], levels[op.number])
                    self._torn = True
                    if not op.simple or self._probe is not None:
                        self._bind_results(op, result)
                    else:
                        pointer, code, span = take(result, "the model returned", op.step)
                        register = op.outs[0]
                        begin, end = span
                        for other in op.live:
                            other_begin, other_end = spans[other]
                            if begin < other_end and other_begin < end:
                                self._bind_results(op, result)
                                break
                        else:
                            values[register], pointers[register] = result, pointer
                            codes[register], spans[register] = code, span
                            if code:
                                self._plain = False
                else:
                    self._torn = True
                    self._draw(op)
                if self._watched and op.denoised is not None:
                    self._show_denoised(op.denoised)
                at += 1
                self._torn = False
        finally:
            self._at = at
            self._busy = False

    def _whole_or_error(self) -> None:
        if self._torn:
            msg = "the run was interrupted or failed inside an operation; resume from a saved state, or start again"
            raise ExecutionError(msg)

    def _enter(self) -> None:
        self._whole_or_error()
        if self._busy:
            msg = "this run is under way already, in another thread or in its own model; a Runner serves one at a time"
            raise ExecutionError(msg)
        self._busy = True

    def _make_buffers(self, slots: tuple[int, ...]) -> None:
        for slot in slots:
            if not self._owned[slot]:
                made = self._backend.empty(slot >= self._program.registers)
                self._own[slot], self._owned[slot], self._owned_codes[slot], self._owned_spans[slot] = made
                self._plain = self._plain and made[2] == 0

    def _bind(self, register: int, value: Any, what: str, step: int) -> None:
        self._put(register, value, self._backend.take(value, what, step))

    def _put(self, register: int, value: Any, taken: tuple[int, int, tuple[int, int]]) -> None:
        self._values[register] = value
        self._pointers[register], self._codes[register], self._spans[register] = taken
        self._plain = self._plain and taken[1] == 0

    def _combine_by_library(self, op: Pass) -> None:
        made = [
            self._backend.combine([(self._values[r], c) for r, c in row.terms], slot >= self._program.registers)
            for row, (_, slot) in zip(op.rows, op.outs, strict=True)
        ]
        self._torn = True
        for (register, _), value in zip(op.outs, made, strict=True):
            self._bind(register, value, "a pass made", op.step)
            self._backend.watch(value, op.step)
        if self._backend.found_bad():
            self._not_finite(op)

    def _bind_results(self, op: Call, made: Any) -> None:
        results = made if len(op.outs) > 1 else (made,)
        if not isinstance(results, tuple) or len(results) != len(op.outs):
            msg = (
                f"the model returned {type(made).__name__} at step {op.step}; the program needs a pair, as a tuple: "
                "the denoised value and the unconditional or unclipped one"
            )
            raise ExecutionError(msg)
        for register, survives, result in zip(op.outs, op.survives, results, strict=True):
            taken = self._backend.take(result, "the model returned", op.step)
            safe = self._safe(result, taken[2], survives, op)
            self._put(register, safe, taken if safe is result else self._backend.take(safe, "a copy is", op.step))
            (self._raw.add if safe is result and survives else self._raw.discard)(register)

    def _safe(self, result: Any, span: tuple[int, int], survives: bool, op: Call) -> Any:
        """Return a model output as it may be kept: a copy where its memory is, or may come to be, somebody else's.

        A model that returns its input, or a view of a live register, shares memory with it. A compiled model returns
        its own buffer at every call: an output that is read after a later call would be gone by then. The first
        outputs of a run show which kind of model it is; until then, and if it is, such outputs are copied.
        """
        shared = [r for r in op.live if _overlap(span, self._spans[r])]
        if self._probe is None and not self._raw.isdisjoint(shared):
            msg = (
                f"the model returned memory at step {op.step} that an earlier output still in use "
                "lives in, after returning fresh memory at first; return a copy of buffers it keeps"
            )
            raise ExecutionError(msg)
        if self._probe is not None:
            if any(_overlap(span, self._backend.take(kept, "", 0)[2]) for kept in self._probe):
                self._model_reuses, self._probe = True, None
            else:
                self._probe.append(result)
                # As many distinct outputs as are ever kept at once, and one more: the model does not cycle through
                # fewer buffers than the program needs.
                if len(self._probe) > self._plan.survivors:
                    self._probe = None
                elif survives:
                    return self._backend.clone(result)
        return self._backend.clone(result) if shared or (survives and self._model_reuses) else result

    def _draw(self, op: Draw) -> None:
        noise: Any = self._noise
        made = noise(self._like, op.sigma_from, op.sigma_to)
        taken = self._backend.take(made, "the noise source returned", op.step)
        if op.survives or any(_overlap(taken[2], self._spans[r]) for r in op.live):
            made = self._backend.clone(made)
            taken = self._backend.take(made, "a copy is", op.step)
        self._put(op.out, made, taken)

    def _show_denoised(self, register: int) -> None:
        shown = self._values[register]
        # As the model returned it: who knows what the model does with that memory next.
        self._denoised = shown if self._give_away(register) else self._backend.clone(shown)

    def _give_away(self, register: int) -> bool:
        """A tensor somebody is shown is never written again: its register gets a new buffer next time.

        Returns whether it was the run's to give.
        """
        if self._own[register] is not self._values[register]:
            return False
        self._own[register], self._owned[register] = None, 0
        return True

    def _finish(self) -> None:
        """The result is a tensor of its own, and finite."""
        register = self._x_register()
        value = self._values[register]
        if not self._give_away(register):
            # A step to zero ends at what the model returned: the pass that copies it looks at it too.
            pointer, code = self._pointers[register], self._codes[register]
            if pointer:
                copy = self._backend.empty(False)
                self._values[register], self._pointers[register], self._codes[register], self._spans[register] = copy
                finite = _core.copy(copy[1], copy[2], pointer, code, self._backend.numel)
            else:
                self._bind(register, self._backend.clone(value), "the result is", self.step - 1)
                finite = False
            if not finite:
                self._backend.watch(self._values[register], self.step - 1)
        bad = self._backend.first_bad()
        if bad is not None:
            self._torn = True
            self._raise_not_finite(*bad, "the model's result")

    def _not_finite(self, op: Pass) -> None:
        for register, _ in op.outs:
            sample = self._backend.bad_sample(self._values[register])
            if sample is not None:
                written = dict(op.outs)
                read = {r: self._backend.bad_sample(self._values[r]) for r in op.inputs if r not in written}
                if self._backend.bad_sample(self._like) is not None:
                    culprit = "x held it at the start"
                elif any(found is not None for found in read.values()):
                    culprit = "the model returned it"
                else:
                    culprit = "x left the range of its dtype"
                self._raise_not_finite(op.step, sample, culprit)

    def _raise_not_finite(self, step: int, sample: int, culprit: str) -> None:
        sigma = self._plan.steps[step - self._program.offset.steps].sigma
        msg = f"NaN or infinity at step {step} (sigma {sigma:.6g}), sample {sample} of the batch: {culprit}"
        raise NonFiniteError(msg, step, sample)

    # -- saved state -------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save everything a resumed run needs, as safetensors: x, history, step, state of the noise source.

        Raises
        ------
        ExecutionError
            The run is over or was interrupted inside a step, or its noise source cannot save its state.
        OSError
            The file cannot be written; nothing is left behind.
        """
        if self.done:
            msg = "the run is over; there is nothing to resume. Save its result instead"
            raise ExecutionError(msg)
        self._between_steps()
        boundary = self._program._core.boundary(self._step)
        tensors = {name: self._values[register] for name, register in boundary}
        metadata = {
            "format": STATE_FORMAT,
            "version": STATE_VERSION,
            "program": self._whole.digest,
            "step": str(self.step),
        }
        metadata["dtype"] = self._backend.given
        if self._noise is not None:
            source = _source(self._noise)
            metadata["noise"] = source.kind
            tensors.update({f"noise.{key}": value for key, value in source.state().items()})
        self._backend.save(path, tensors, metadata)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        program: Program,
        denoiser: Callable[..., Any],
        noise: NoiseSource | None = None,
        *,
        denoised: bool = False,
        device: str | None = None,
    ) -> Runner:
        """Resume a saved run: its remaining steps give the same bits as if it had not been interrupted.

        Parameters
        ----------
        path : path-like
            What `save` wrote.
        program : Program
            The whole program of the saved run.
        denoiser, noise, denoised
            As for the saved run; the noise source is set to its saved state.
        device : str, optional
            Where tensors go. None: the CPU. Ignored for a run over NumPy arrays.

        Raises
        ------
        FileFormatError
            Not a state file, damaged, or of another version.
        ExecutionError
            The state belongs to another program or another kind of noise source.
        """
        tensors, metadata = load_state(path, device)
        whole = executed(program, denoiser, denoised)
        step = metadata.get("step", "")
        if not step.isdecimal() or "program" not in metadata or "x" not in tensors or "dtype" not in metadata:
            msg = f"{path} lacks a step number, a program digest, a dtype or x; it is not a whole state file"
            raise FileFormatError(msg)
        if metadata["program"] != whole.digest:
            msg = (
                f"{path} is the state of program {metadata['program'][:12]}…; this one is {whole.digest[:12]}…. "
                "Use the sampler, sigmas, denoiser and `denoised` of the saved run"
            )
            raise ExecutionError(msg)
        first = int(step) - whole.offset.steps
        if not 0 <= first < len(whole):
            last = whole.offset.steps + len(whole) - 1
            msg = f"{path} is at step {step}; the program has steps {whole.offset.steps} to {last}"
            raise FileFormatError(msg)
        if ("noise" in metadata) != (noise is not None) or (noise is not None and noise.kind != metadata["noise"]):
            got = None if noise is None else noise.kind
            msg = f"the saved run's noise source is {metadata.get('noise')!r}; got {got!r}"
            raise ExecutionError(msg)
        noise_state = {k.removeprefix("noise."): tensors.pop(k) for k in list(tensors) if k.startswith("noise.")}
        runner = object.__new__(cls)
        rest = whole[first:] if first else whole
        runner._setup(rest, whole, denoiser, tensors, noise, tensors["x"].dtype, None)
        runner._backend.give_back_as(metadata["dtype"], path)
        if noise is not None:
            noise.restore(noise_state)
        return runner


def _overlap(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return a[0] < b[1] and b[0] < a[1]


def _source(noise: Any) -> NoiseSource:
    if not isinstance(noise, NoiseSource):
        msg = f"noise is a plain {type(noise).__name__}, whose state cannot be saved; use sl.noise_source(…)"
        raise ExecutionError(msg)
    return noise
