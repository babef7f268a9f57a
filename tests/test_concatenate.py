"""Programs one after the other, runs that switch models, and programs compiled twice."""

import itertools
import re
from dataclasses import dataclass, field

import numpy as np
import problems
import pytest
import stepladder as sl
from hypothesis import given
from hypothesis import strategies as st
from methods import METHODS
from stepladder import testing
from stepladder.errors import ExecutionError, ProgramError, SamplerError
from test_sampler import KARRAS, OPTIONS, close, denoiser_of, program_of, text_of, units

MIXTURE = testing.mixture_problem()
STEPS = len(KARRAS) - 1
all_options = pytest.mark.parametrize(("name", "options"), OPTIONS, ids=map(text_of, OPTIONS))


def run(program, denoiser, x=None):
    x = MIXTURE.start(program.sigma_start) if x is None else x
    return sl.sample(program, denoiser, x, units(x.shape)[0])


@all_options
def test_parts_of_a_program_are_the_program(name, options):
    program = program_of(name, options, KARRAS)
    for at in (1, len(program) // 2, len(program) - 1):
        joined = sl.Program.concatenate([program[:at], program[at:]])
        assert joined == program
    assert sl.Program.concatenate([program[i : i + 1] for i in range(len(program))]) == program


@given(at=st.integers(1, STEPS - 1))
def test_history_restarts(at):
    sampler = sl.sampler("dpmpp_2m_sde")
    parts = [sampler.compile(KARRAS[: at + 1]), sampler.compile(KARRAS[at:])]
    joined = sl.Program.concatenate(parts, history="restart")
    assert len(joined) == STEPS
    assert joined.noise_range == (KARRAS[-2], KARRAS[0])
    ordinals = [op.ordinal for op in joined.operations if hasattr(op, "ordinal")]
    assert ordinals == list(range(len(ordinals)))
    denoiser = problems.plain(MIXTURE.denoise)
    x = MIXTURE.start(KARRAS[0])
    noise, _ = units(x.shape)
    expected = sl.sample(parts[1], denoiser, sl.sample(parts[0], denoiser, x, noise), noise)
    np.testing.assert_array_equal(run(joined, denoiser), expected)


@all_options
def test_a_run_that_switches_models(name, options):
    program = program_of(name, options, KARRAS)
    first = denoiser_of(name)
    other = denoiser_of(
        name, testing.MixtureProblem(MIXTURE.means, tuple(1.5 * s for s in MIXTURE.stds), MIXTURE.weights)
    )
    calls = {"first": 0, "other": 0}

    def counted(key, denoise):
        def denoiser(x, sigma):
            calls[key] += 1
            return denoise(x, float(np.ravel(sigma)[0]))

        return denoiser

    at = len(program) // 2
    in_first = program[:at].analysis.model_calls
    count = iter(range(10**6))

    def by_count(x, sigma):
        return (first if next(count) < in_first else other)(x, float(np.ravel(sigma)[0]))

    switched = run(program, {0: counted("first", first), at: counted("other", other)})
    np.testing.assert_array_equal(switched, run(program, by_count))
    assert calls == {"first": in_first, "other": program.analysis.model_calls - in_first}


def test_a_callback_sees_every_step_of_a_switched_run():
    program, seen = sl.sampler("dpmpp_2m").compile(KARRAS), []
    denoiser = problems.plain(MIXTURE.denoise)
    x = MIXTURE.start(KARRAS[0])
    sl.sample(program, {0: denoiser, 5: denoiser}, x, callback=lambda info: seen.append((info.step, info.sigma)))
    assert seen == list(zip(range(STEPS), KARRAS[:-1], strict=True))


def test_what_is_refused():
    sampler = sl.sampler("dpmpp_2m")
    program = sampler.compile(KARRAS)
    one, two = sampler.compile(KARRAS[:6]), sampler.compile(KARRAS[5:])
    epsilon = sl.parameterization("epsilon")
    for parts, options, text in (
        ([], {}, "nothing to concatenate; give at least one program"),
        ([one, program[6:]], {}, "part 1 starts at sigma "),
        (
            [one, two],
            {},
            "part 1 starts at step 0 of its program; expected 5, where the one before it ends. Parts that",
        ),
        ([one, program[5:]], {}, "part 1 reads result[4], which the one before it does not leave"),
        ([one, program[5:]], {"history": "restart"}, "part 1 reads history of steps before it"),
        ([one.fold(epsilon), two], {"history": "restart"}, "parts are folded with "),
        ([one, two.guide(2.0)], {"history": "restart"}, "some parts are guided and some are not"),
        ([one, "two"], {}, "a part is str; expected programs"),
        ([one, two], {"history": "forget"}, "history is 'forget'; expected 'keep' or 'restart'"),
    ):
        with pytest.raises(ProgramError, match=f"^{re.escape(text)}"):
            sl.Program.concatenate(parts, **options)


@pytest.mark.parametrize(
    ("starts", "text"),
    [
        ({}, "denoisers start at steps []; expected whole numbers, the first of them 0"),
        ({1: None}, "denoisers start at steps [1]; expected whole numbers, the first of them 0"),
        ({0: None, 12: None}, "a denoiser starts at step 12; the program has 12 steps"),
    ],
)
def test_switches_that_are_refused(starts, text):
    denoiser = problems.plain(MIXTURE.denoise)
    with pytest.raises(ExecutionError, match=f"^{re.escape(text)}$"):
        run(sl.sampler("euler").compile(KARRAS), dict.fromkeys(starts, denoiser))


# The same arguments again


@all_options
def test_compiling_again_is_a_lookup(name, options):
    first = program_of(name, options, KARRAS)
    assert program_of(name, options, list(KARRAS)) is first
    assert program_of(name, options, KARRAS[:-1]) is not first


def test_the_process_is_part_of_what_was_compiled():
    sampler = sl.sampler("dpmpp_2m_sde")
    sigmas = [1.0, 0.7, 0.3, 0.0]
    shifts = [sampler.compile(sigmas, sl.process("flow", shift=shift)) for shift in (1.0, 3.0)]
    assert len({sampler.compile(sigmas), *shifts}) == 3


@dataclass(frozen=True)
class Unhashable(sl.Sampler):
    weights: list = field(default_factory=lambda: [1.0])

    def trace(self, t, sigmas):
        x = t.start()
        for s, s_next in itertools.pairwise(sigmas):
            x = t.end_step(x + (x - t.denoise(x, s)) * (self.weights[0] * (s_next - s) / s))


def test_a_sampler_that_cannot_be_hashed_compiles():
    assert Unhashable().compile(KARRAS) == Unhashable().compile(KARRAS)


def test_many_programs_are_let_go():
    from stepladder import _sampler

    for k in range(2 * _sampler._CACHED_PROGRAMS):
        sl.sampler("euler").compile([5.0 + k, 1.0, 0.0])
    assert len(_sampler._compiled) <= _sampler._CACHED_PROGRAMS


# Derivatives


def numbers(program):
    """Coefficients and call sigmas, in the order of the operations."""
    out = []
    for op in program.operations:
        if hasattr(op, "rows"):
            out += [c for row in op.rows for _, c in row.terms]
        elif hasattr(op, "second"):
            out.append(op.sigma)
    return np.array(out)


@pytest.mark.parametrize("flow", [False, True])
@all_options
def test_jacobian_against_differences(name, options, flow):
    method = METHODS[name]
    sampler = sl.sampler(name, **(options | (method.of_flow if flow else {})))
    if flow and "flow" not in sampler.families:
        return
    sigmas = np.array([0.97, 0.8, 0.55, 0.33, 0.12]) * (1.0 if flow else 9.0)
    process = sl.process("flow", shift=3.0) if flow else method.process
    if method.zero_only:
        sigmas = np.append(sigmas, 0.0)
    program = sampler.compile(sigmas, process, jacobian=True)
    jacobian = program.jacobian
    assert jacobian.shape == (len(numbers(program)), len(sigmas))
    for j in range(len(sigmas) - (sigmas[-1] == 0)):
        h = 1e-5 * sigmas[j]
        up, down = sigmas.copy(), sigmas.copy()
        up[j], down[j] = up[j] + h, down[j] - h
        difference = (numbers(sampler.compile(up, process)) - numbers(sampler.compile(down, process))) / (2 * h)
        close(jacobian[:, j], difference, 1e-6)


def test_a_python_sampler_has_no_jacobian():
    with pytest.raises(SamplerError, match=r"^Unhashable is written in Python and has no jacobian"):
        Unhashable().compile(KARRAS, jacobian=True)
    assert sl.sampler("euler").compile(KARRAS).jacobian is None


class Weighted(sl.Sampler):
    """Not a dataclass: equal to itself alone, whatever becomes of its weight."""

    weight = 0.5

    def trace(self, t, sigmas):
        x = t.start()
        for s, _ in itertools.pairwise(sigmas):
            x = t.end_step(x * self.weight + t.denoise(x, s))


def test_options_that_change_compile_anew():
    sampler, levels = Weighted(), [2.0, 1.0]
    first = sampler.compile(levels)
    sampler.weight = 0.25
    assert sampler.compile(levels) != first


def test_a_process_that_changes_compiles_anew():
    class Moving(sl.NoiseProcess):
        family = "vp"
        sigma_min, sigma_max, sigmas = 0.1, 10.0, None
        at = 3.0

        def sigma(self, timestep):
            return timestep

        def timestep(self, sigma):
            return sigma

        def percent_to_sigma(self, percent):
            return self.at

    @dataclass(frozen=True)
    class Asking(sl.Sampler):
        def trace(self, t, sigmas):
            t.end_step(t.start() * t.process.percent_to_sigma(0.5))

    process = Moving()
    first = Asking().compile([2.0, 1.0], process)
    process.at = 4.0
    assert Asking().compile([2.0, 1.0], process) != first
