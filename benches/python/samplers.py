"""What a sampler's step costs beside the model: a 20-step run, less a loop of only its model calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import stepladder as sl
from stepladder import _core, _sampler
from stepladder._program import Combine

from benches.python import incumbents
from benches.python.harness import Case, Race, Timed

_STEPS = 20
_LATENT = (1, 4, 128, 128)
_ONE = (1, 1, 1, 1)
_RTOL = 1e-5

Model = Callable[..., Any]


def _scaled(x: Any, sigma: Any) -> Any:  # noqa: ARG001
    """Stand in for a network: one pass, fresh memory."""
    return x * 0.9


class _Work:
    """One run: the same model, x, levels and noise for both sides."""

    def __init__(self, sampler: str, shape: tuple[int, ...], fixed: bool) -> None:
        torch = incumbents.torch()
        sl.set_num_threads(1)
        process = sl.process("discrete", beta_schedule="scaled_linear")
        self.sigmas = sl.schedule("karras").sigmas(process, _STEPS)
        self.sampler = sl.sampler(sampler)
        self.program = self.sampler.compile(self.sigmas)
        generator = torch.Generator().manual_seed(7)
        self.x = torch.randn(shape, generator=generator) * process.sigma_max
        result = torch.randn(shape, generator=generator)
        self.model: Model = (lambda _x, _sigma: result) if fixed else _scaled
        self.noise = torch.randn(shape, generator=generator)
        self.draws = self.program.analysis.noise_draws > 0

    def ours(self, program: sl.Program | None = None, model: Model | None = None) -> Any:
        """Run through the library."""
        noise = (lambda _like, _from, _to: self.noise) if self.draws else None
        return sl.sample(program or self.program, model or self.model, self.x, noise)

    def compiled(self) -> Any:
        """Compile anew, plan and run through the library."""
        _sampler._compiled.clear()
        return self.ours(self.sampler.compile(self.sigmas))

    def levels(self, sigmas: Any) -> Any:
        """Return levels as the incumbent has them: a float32 tensor."""
        return incumbents.torch().tensor(sigmas, dtype=incumbents.torch().float32)

    def calls_alone(self) -> None:
        """Call the model as often as a run does."""
        model, x, sigma = self.model, self.x, incumbents.torch().ones(self.x.shape[0])
        with incumbents.torch().no_grad():
            for _ in range(self.program.analysis.model_calls):
                model(x, sigma)


class _KDiffusion:
    """The incumbent over the same work, as installed or with its discarded draws replaced."""

    def __init__(self, work: _Work, sampler: str, draws: bool) -> None:
        self._module = incumbents.k_diffusion()
        self._function = getattr(self._module, f"sample_{sampler}")
        self._work, self._draws = work, draws
        self._levels = work.levels(work.sigmas)

    def __call__(self, levels: Any = None, model: Model | None = None) -> Any:
        work, module = self._work, self._module
        levels = self._levels if levels is None else levels
        more: Mapping[str, Any] = {"noise_sampler": lambda _from, _to: work.noise} if work.draws else {}
        if self._draws:
            return self._function(model or work.model, work.x, levels, disable=True, **more)
        kept, module.torch = module.torch, incumbents.torch_without_draws()
        try:
            return self._function(model or work.model, work.x, levels, disable=True, **more)
        finally:
            module.torch = kept


def _close(ours: Any, theirs: Any) -> None:
    """Relative to the largest value: an element near zero has no relative accuracy to ask for."""
    a, b = np.asarray(ours), np.asarray(theirs)
    np.testing.assert_allclose(a, b, rtol=_RTOL, atol=_RTOL * float(np.abs(b).max()))


def _against_k_diffusion(
    sampler: str, shape: tuple[int, ...], *, fixed: bool, draws: bool = True, compiled: bool = False
) -> Race:
    work = _Work(sampler, shape, fixed)
    theirs = _KDiffusion(work, sampler, draws)

    def check() -> str:
        # A model that answers always the same decides the last step to zero by itself: compare without that step too,
        # and with a model that does not.
        short = work.sigmas[:-1]
        program = work.sampler.compile(short)
        for model in (work.model, _scaled):
            _close(work.ours(model=model), theirs(model=model))
            _close(work.ours(program, model), theirs(work.levels(short), model))
        seen = [0, 0]
        work.ours(model=partial(_counted, seen, 0))
        theirs(model=partial(_counted, seen, 1))
        assert seen[0] == seen[1] == work.program.analysis.model_calls, f"model calls: {seen}"
        return f"final x, rtol {_RTOL:.0e}"

    ours = work.compiled if compiled else work.ours
    return Race(Timed(ours, work.calls_alone, _STEPS), Timed(theirs, work.calls_alone, _STEPS), check)


def _counted(seen: list[int], side: int, x: Any, sigma: Any) -> Any:
    seen[side] += 1
    return _scaled(x, sigma)


def _against_pass(*, fixed: bool, compiler: bool) -> Race:
    """Race a step against one pass over three arrays that do not overlap: two read, one written."""
    work = _Work("euler", _LATENT, fixed)
    torch = incumbents.torch()
    at, op = next((i, op) for i, op in enumerate(work.program.operations) if isinstance(op, Combine))
    coefficients = dict(op.rows[0].terms)
    first, second = (coefficients[r] for r in op.inputs)
    x, y, out = work.x.clone(), work.noise.clone(), torch.empty_like(work.x)
    numel = x.numel()
    repeats = 50

    if compiler:
        passes = incumbents.c_pass()
        arguments = (out.data_ptr(), x.data_ptr(), y.data_ptr(), first, second, numel, repeats)

        def theirs() -> None:
            passes(*arguments)
    else:
        combine, owned, pointers = work.program._core.combine, [out.data_ptr()], [0] * work.program.registers
        pointers[op.inputs[0]], pointers[op.inputs[1]] = x.data_ptr(), y.data_ptr()

        def theirs() -> None:
            for _ in range(repeats):
                combine(at, (0,), owned, pointers, None, None, numel)

    def check() -> str:
        out.zero_()
        theirs()
        _close(out, x * first + y * second)
        levels = work.sigmas.tolist()
        # The same steps by torch, from the formula: x + (x - D) / sigma * (next - sigma).
        now = work.x.double()
        for sigma, following in pairwise(levels):
            denoised = work.model(now.float(), None).double()
            now = now + (now - denoised) / sigma * (following - sigma)
        _close(work.ours(), now)
        return f"final x and the pass, rtol {_RTOL:.0e}"

    return Race(Timed(work.ours, work.calls_alone, _STEPS), Timed(theirs, None, repeats), check)


def _lms_coefficients(*, compiled: bool) -> Race:
    """Race the coefficients, or the whole compilation, against the incumbent's quadrature of the coefficients alone."""
    order = 4
    levels = sl.schedule("karras").sigmas(sl.process("discrete", beta_schedule="scaled_linear"), _STEPS)
    sampler = sl.sampler("lms", order=order, lower_order_final=False)
    coefficient = incumbents.k_diffusion().linear_multistep_coeff

    def traced() -> _core.Trace:
        trace = _core.Trace(levels)
        sampler.trace(trace, levels.tolist())
        return trace

    def anew() -> sl.Program:
        _sampler._compiled.clear()
        return sampler.compile(levels)

    def theirs() -> list[list[float]]:
        orders = (min(i + 1, order) for i in range(_STEPS))
        return [[coefficient(now, levels, i, j) for j in range(now)] for i, now in enumerate(orders)]

    def check() -> str:
        program = anew()
        assert program is not anew(), "compiled anew"
        assert program == sl.Program._of(traced().finish(), "lms"), "the trace is the program's"
        model = np.cos
        x, slopes = np.linspace(-3.0, 3.0, 7) * levels[0], []
        ours = sl.sample(program, lambda x, _sigma: model(x), x)
        for sigma, weights in zip(levels[:-1], theirs(), strict=True):
            slopes.insert(0, (x - model(x)) / sigma)
            x = x + sum(w * d for w, d in zip(weights, slopes, strict=False))
        np.testing.assert_allclose(ours, x, rtol=1e-10, atol=1e-10 * levels[0])
        return "final x, rtol 1e-10"

    return Race(Timed(anew if compiled else traced), Timed(theirs), check)


def _k(sampler: str, shape: tuple[int, ...] = _LATENT, **options: bool) -> Callable[[], Race]:
    return lambda: _against_k_diffusion(sampler, shape, **options)


_EULER = "Euler step beside the model, 1x4x128x128"

CASES = (
    Case(
        "euler", f"{_EULER}, model returns a stored tensor", "k-diffusion sample_euler",
        _k("euler", fixed=True), 10.0,
    ),
    Case(
        "euler-no-draw", f"{_EULER}, stored", "k-diffusion, its discarded draw removed",
        _k("euler", fixed=True, draws=False), 5.0,
    ),
    Case(
        "euler-limit", f"{_EULER}, stored", "one pass over three arrays, our kernel",
        lambda: _against_pass(fixed=True, compiler=False), 2.0, "cost",
    ),
    Case(
        "euler-limit-c", f"{_EULER}, stored", "one pass over three arrays, C loop",
        lambda: _against_pass(fixed=True, compiler=True), 2.0, "cost",
    ),
    Case("euler-scaled", f"{_EULER}, model is x * 0.9", "k-diffusion sample_euler", _k("euler", fixed=False), 10.0),
    Case(
        "euler-scaled-no-draw", f"{_EULER}, x * 0.9", "k-diffusion, its discarded draw removed",
        _k("euler", fixed=False, draws=False), 5.0,
    ),
    Case(
        "euler-scaled-limit", f"{_EULER}, x * 0.9", "one pass over three arrays, our kernel",
        lambda: _against_pass(fixed=False, compiler=False), None, "cost",
    ),
    Case(
        "euler-compiled", f"{_EULER}, stored, program compiled anew for each run", "k-diffusion sample_euler",
        _k("euler", fixed=True, compiled=True),
    ),
    Case("heun", "Heun step, x * 0.9", "k-diffusion sample_heun", _k("heun", fixed=False)),
    Case(
        "heun-no-draw", "Heun step, x * 0.9", "k-diffusion, its discarded draw removed",
        _k("heun", fixed=False, draws=False),
    ),
    Case("dpmpp_2m", "DPM++ 2M step, x * 0.9", "k-diffusion sample_dpmpp_2m", _k("dpmpp_2m", fixed=False)),
    Case(
        "dpmpp_2m_sde", "DPM++ 2M SDE step, x * 0.9, noise a stored tensor", "k-diffusion sample_dpmpp_2m_sde",
        _k("dpmpp_2m_sde", fixed=False),
    ),
    Case(
        "lms-coefficients", "LMS of order 4, 20 steps: the coefficients, as a trace",
        "k-diffusion linear_multistep_coeff", lambda: _lms_coefficients(compiled=False), 100.0,
    ),
    Case(
        "lms-compiled", "LMS of order 4, 20 steps: the whole program compiled anew",
        "k-diffusion linear_multistep_coeff, the coefficients alone", lambda: _lms_coefficients(compiled=True),
    ),
    Case(
        "euler-one", "call overhead: Euler step, one element, stored", "k-diffusion sample_euler",
        _k("euler", _ONE, fixed=True),
    ),
    Case(
        "euler-one-no-draw", "call overhead: Euler step, one element, stored",
        "k-diffusion, its discarded draw removed", _k("euler", _ONE, fixed=True, draws=False),
    ),
    Case(
        "heun-one", "call overhead: Heun step, one element, stored", "k-diffusion sample_heun",
        _k("heun", _ONE, fixed=True),
    ),
    Case(
        "dpmpp_2m-one", "call overhead: DPM++ 2M step, one element, x * 0.9", "k-diffusion sample_dpmpp_2m",
        _k("dpmpp_2m", _ONE, fixed=False),
    ),
)  # fmt: skip
