"""Programs: contents, equality, slices, JSON and files, folding, exact moments, and what a trace accepts."""

import copy
import functools
import itertools
import json
import math
import pickle
import re
import subprocess
import sys
import time
import tracemalloc
from dataclasses import dataclass

import numpy as np
import problems
import pytest
import stepladder as sl
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from stepladder import _core, io, testing
from stepladder._program import Combine, Denoise, Noise
from stepladder.errors import FileFormatError, ProgramError

SIGMAS = [8.0, 3.0, 1.0, 0.2, 0.0]
NAMES = ("euler", "euler_ancestral", "heun", "dpmpp_2m", "dpmpp_2m_sde")
PARAMETERIZATIONS = [
    sl.EpsilonParameterization(),
    sl.VPredictionParameterization(),
    sl.EDMParameterization(),
    sl.EDMParameterization(sigma_data=1.3),
]
MIXTURE = testing.mixture_problem()
DENOISER = problems.plain(MIXTURE.denoise)


def program_of(name, sigmas=SIGMAS, **options):
    return sl.sampler(name, **options).compile(sigmas)


def units(shape, seed=5):
    """Unit noise by number."""
    return functools.cache(lambda k: np.random.default_rng((seed, k)).standard_normal(shape))


def in_order(numbered, first=0):
    count = itertools.count(first)
    return lambda like, sigma_from, sigma_to: numbered(next(count))


def run(program, x=None, denoiser=DENOISER):
    x = MIXTURE.start(program.sigma_start) if x is None else x
    return sl.sample(program, denoiser, x, in_order(units(x.shape)))


def close(a, b, rtol):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.max(np.abs(b)))


# Contents


def test_constructor_refuses():
    text = "programs are made by Sampler.compile, Program.from_json or Program.load"
    with pytest.raises(TypeError, match=f"^{re.escape(text)}$"):
        sl.Program()


def test_repr():
    assert repr(program_of("dpmpp_2m_sde", eta=0.5)) == (
        "<Program Dpmpp2mSdeSampler(eta=0.5, s_noise=1.0, solver_type='midpoint'): 4 steps, sigma 8 to 0, "
        "4 denoiser calls, 3 passes, 3 noise draws, 4 live tensors>"
    )
    folded = program_of("dpmpp_2m", [2.0, 1.0]).fold(sl.EDMParameterization())
    assert repr(folded) == (
        "<Program Dpmpp2mSampler() folded with EDMParameterization(sigma_data=0.5): 1 steps, sigma 2 to 1, "
        "1 network calls, 2 passes, 0 noise draws, 2 live tensors>"
    )


def rendered(program):
    console = Console(width=160, color_system=None)
    with console.capture() as capture:
        console.print(program.table())
    lines = [line for line in capture.get().splitlines() if line.startswith("│")]
    return [tuple(cell.strip() for cell in line.strip("│").split("│")) for line in lines]


def test_table():
    assert rendered(program_of("dpmpp_2m_sde", [4.0, 2.0, 0.0])) == [
        ("0", "4", "denoise", "r1", "r0 at 4"),
        ("", "", "noise", "r2", "path #0, sigma 4 to 2"),
        ("", "", "combine", "r0", "+0.25·r0 +0.75·r1 +1.73205081·r2"),
        ("1", "2", "denoise", "r0", "r0 at 2"),
    ]


def test_table_of_a_folded_slice_counts_steps_of_the_whole():
    edm = sl.EDMParameterization(sigma_data=1.0)
    assert rendered(program_of("euler", [4.0, 2.0, 1.0, 0.5]).fold(edm)[1:2]) == [
        ("1", "2", "network", "r1", "r1 at 2"),
        ("", "", "combine", "r0", "+0.6·r0 +0.447213595·r1"),
        ("", "", "and", "r1", "+0.424264069·r0 +0.316227766·r1"),
    ]
    churned = program_of("euler", [4.0, 1.0], s_churn=1.0, s_noise=1.5)
    assert rendered(churned)[0] == ("0", "4", "noise", "r1", "independent #0, sigma 4 to 5.65685")


def test_long_tables_take_linear_time():
    """2,000 steps took nine seconds when every row listed all the steps."""
    program = program_of("euler", np.linspace(2.0, 1.0, 2001))
    begin = time.process_time()
    assert program.table().row_count == 4000
    assert time.process_time() - begin < 2.0


def test_len_iter_index():
    program = program_of("heun")
    assert len(program) == 4
    assert list(program) == [program[0], program[1], program[2], program[3]]
    assert program[-1] == program[3] == program.steps[3]
    assert [step.sigma for step in program] == SIGMAS[:-1]
    assert [step.sigma_next for step in program] == SIGMAS[1:]
    np.testing.assert_array_equal(program.sigmas, SIGMAS)
    assert (program.sigma_start, program.sigma_end) == (8.0, 0.0)
    assert program.noise_range == (0.2, 8.0)
    assert program.calls == "denoiser"
    assert program.offset == (0, 0, 0)
    assert program[-3:-1] == program[1:3]
    assert program[:] == program
    assert program[:99] == program
    for index in (4, -5, 10**6):
        with pytest.raises(IndexError):
            program[index]
    for index in ("a", 1.0, None):
        with pytest.raises(TypeError):
            program[index]


EMPTY = "steps {}..{} of a program of 4; expected 0 <= start < stop <= 4"
STRIDE = "stride {}; steps follow one another, so only a stride of 1 makes a program"
BAD_SLICES = [
    (slice(2, 2), EMPTY.format(2, 2)),
    (slice(3, 1), EMPTY.format(3, 1)),
    (slice(4, None), EMPTY.format(4, 4)),
    (slice(0, -4), EMPTY.format(0, 0)),
    (slice(None, None, 2), STRIDE.format(2)),
    (slice(None, None, -1), STRIDE.format(-1)),
]


@pytest.mark.parametrize(("index", "text"), BAD_SLICES)
def test_bad_slices(index, text):
    with pytest.raises(ProgramError, match=f"^{re.escape(text)}$"):
        program_of("euler")[index]


def test_equality_is_of_contents():
    program = program_of("euler")
    again = program_of("euler", np.array(SIGMAS))
    assert program == again
    assert hash(program) == hash(again)
    assert program.digest == again.digest
    churnless = program_of("euler", s_noise=7.0)
    assert churnless.label != program.label
    assert churnless == program  # other options that do the same; the label says which, and does not count
    assert program != program_of("euler", [8.0, 3.0, 1.0, math.nextafter(0.2, 1), 0.0])
    assert program != program.fold(sl.EpsilonParameterization())
    assert program != 3
    assert {program: 1}[again] == 1


def test_negative_zero_is_zero():
    program = program_of("euler", [8.0, 3.0, 1.0, 0.2, -0.0])
    assert program == program_of("euler")
    assert program.digest == program_of("euler").digest
    assert math.copysign(1.0, program.sigma_end) == 1.0
    document = program.to_json()
    assert sl.Program.from_json(document.replace('"sigma_next": 0.0', '"sigma_next": -0.0')).digest == program.digest


def test_attributes_cannot_be_added():
    with pytest.raises(AttributeError):
        program_of("euler").anything = 1
    with pytest.raises(AttributeError):
        program_of("euler").sigma_start = 1.0


def test_label_cannot_be_set():
    with pytest.raises(AttributeError):
        program_of("euler").label = "mine"


@pytest.mark.parametrize("name", NAMES)
def test_copies(name):
    for program in (program_of(name), program_of(name)[1:3], program_of(name).fold(sl.EDMParameterization())):
        for made in (copy.copy(program), copy.deepcopy(program), pickle.loads(pickle.dumps(program))):
            assert made == program
            assert made.label == program.label
            assert made.to_json() == program.to_json()


# Digests are promised to be equal on every machine and in every release with this algorithm version, so they are
# written down. They cover structure and every bit of every coefficient: a change here means that coefficients moved,
# that the encoding did, or that this machine's arithmetic differs; the first two need a new version.
DIGESTS = {
    "euler": "d56c99397465df41059378ccda7f52df6871e798270731c950bd3e6050f3f2ee",
    "euler_ancestral": "b336638e285f0e2652b150ea0a86088cbeb9a2918b959c6ee0731df6d26a2169",
    "heun": "29b30045f5376870f93560de4137fe940c1a8398358743127bd52c58b35949e1",
    "dpmpp_2m": "9607c1329e326a759344151dec9f812f270755c6825b57f039fff62079da39a5",
    "dpmpp_2m_sde": "0a9daf51709fb273018bf8d62f2062509a4740dcdde1ce196d022e01249f6d07",
}


@pytest.mark.parametrize("name", NAMES)
def test_digests(name):
    assert program_of(name).digest == DIGESTS[name]


ANALYSES = {
    # model calls, passes, terms, reads, writes, noise draws, live tensors: whole, then folded with a c_in other than 1
    "euler": [(4, 3, 6, 6, 3, 0, 2), (4, 5, 15, 9, 8, 0, 2)],
    "euler_ancestral": [(4, 3, 9, 9, 3, 3, 3), (4, 5, 21, 12, 8, 3, 3)],
    "heun": [(7, 6, 15, 15, 6, 0, 3), (7, 8, 27, 18, 11, 0, 3)],
    "dpmpp_2m": [(4, 3, 8, 8, 3, 0, 3), (4, 5, 23, 13, 8, 0, 4)],
    "dpmpp_2m_sde": [(4, 3, 11, 11, 3, 3, 4), (4, 5, 29, 16, 8, 3, 5)],
}


@pytest.mark.parametrize("name", NAMES)
def test_analysis(name):
    """One pass per model call, none in the step to zero; folded, one before the first call and one for the last x."""
    for program, expected in zip(
        (program_of(name), program_of(name).fold(sl.EDMParameterization())), ANALYSES[name], strict=True
    ):
        a = program.analysis
        assert (a.model_calls, a.passes, a.terms, a.reads, a.writes, a.noise_draws, a.live_tensors) == expected
        assert not a.needs_path
        combines = [op for op in program.operations if isinstance(op, Combine)]
        assert a.passes == len(combines)
        assert a.terms == sum(len(row.terms) for op in combines for row in op.rows)
        assert a.reads == sum(len(op.inputs) for op in combines)
        assert a.writes == sum(len(op.rows) for op in combines)
        assert a.live_tensors == program.registers


def test_churn_costs_one_pass():
    assert program_of("euler", s_churn=2.0).analysis.passes == 3 + 4
    assert program_of("euler", s_churn=2.0).analysis.noise_draws == 4


# Python samplers, and a second meaning for them


@dataclass(frozen=True)
class Midpoint(sl.Sampler):
    """Two-stage ancestral method whose noise intervals overlap, as dpmpp_sde's do."""

    eta: float = 1.0

    def trace(self, t, sigmas):
        x = t.start()
        for s, s_next in itertools.pairwise(sigmas):
            if s_next == 0:
                x = t.end_step(t.denoise(x, s))
                continue
            middle = math.sqrt(s * s_next)
            half = x + (x - t.denoise(x, s)) / s * (middle - s) + t.noise(s, middle) * (0.1 * self.eta)
            d = (half - t.denoise(half, middle)) / middle
            x = t.end_step(x + d * (s_next - s) + t.noise(s, s_next) * (0.2 * self.eta))


@dataclass(frozen=True)
class Kutta(sl.Sampler):
    """Kutta's third-order method in sigma, on the ODE."""

    def trace(self, t, sigmas):
        x = t.start()
        for s, s_next in itertools.pairwise(sigmas):
            if s_next == 0:
                x = t.end_step(t.denoise(x, s))
                continue
            h = s_next - s
            slope = lambda y, sigma: (y - t.denoise(y, sigma)) / sigma  # noqa: E731
            k1 = slope(x, s)
            k2 = slope(x + k1 * (h / 2), s + h / 2)
            k3 = slope(x + (-k1 + k2 * 2) * h, s_next)
            x = t.end_step(x + (k1 + k2 * 4 + k3) * (h / 6))


class Eager:
    """A tracer that computes at once, with arrays in place of symbols."""

    def __init__(self, x, denoise, numbered):
        self.x, self.call, self.numbered, self.draws, self.ends = x, denoise, numbered, 0, []
        self.largest = float(np.max(np.abs(x)))

    def start(self):
        return self.x

    def denoise(self, x, sigma):
        self.largest = max(self.largest, float(np.max(np.abs(x))))
        return self.call(x, sigma)

    def noise(self, sigma_from, sigma_to):
        self.draws += 1
        return self.numbered(self.draws - 1)

    independent_noise = noise

    def hold(self, value):
        return value

    def end_step(self, x):
        self.ends.append(x)
        self.largest = max(self.largest, float(np.max(np.abs(x))))
        return x


@pytest.mark.parametrize("sigmas", [SIGMAS, SIGMAS[:-1]], ids=["to zero", "above zero"])
@pytest.mark.parametrize("sampler", [Midpoint(), Midpoint(0.3), Kutta()], ids=repr)
def test_python_samplers_mean_what_they_say(sampler, sigmas):
    x = MIXTURE.start(8.0)
    numbered = units(x.shape)
    eager = Eager(x, MIXTURE.denoise, numbered)
    sampler.trace(eager, sigmas)
    program = sampler.compile(sigmas)
    seen = []
    result = sl.sample(program, DENOISER, x, in_order(numbered), callback=seen.append)
    for info, expected in zip(seen, eager.ends, strict=True):
        close(info.x, expected, 1e-12)
    close(result, eager.ends[-1], 1e-12)
    slow = testing.run_program(program, MIXTURE.denoise, x, lambda like, a, b, stream, ordinal: numbered(ordinal))
    close(slow, eager.ends[-1], 1e-12)
    assert program.analysis.noise_draws == eager.draws


def test_kutta_has_order_three():
    assert testing.measured_order(Kutta(), counts=(20, 40, 80)) > 2.75


def test_overlapping_intervals_need_a_path():
    assert Midpoint().compile(SIGMAS).analysis.needs_path
    assert Midpoint().compile(SIGMAS)[0:1].analysis.needs_path
    assert not program_of("dpmpp_2m_sde").analysis.needs_path  # neighbours touch
    assert not program_of("euler", s_churn=5.0).analysis.needs_path  # independent draws are no path


# Random straight-line samplers: registers, slices and files


@dataclass(frozen=True)
class Scripted(sl.Sampler):
    """Does what a list says: each entry picks earlier values by number."""

    script: tuple

    def trace(self, t, sigmas):
        values = [t.start()]
        pick = lambda k: values[k % len(values)]  # noqa: E731
        steps, x = 0, values[0]
        for kind, a, b, c in self.script:
            if kind == "end" and steps < len(sigmas) - 2:
                x = t.end_step(pick(a) * c + pick(b) * 0.75)
                values.append(x)
                steps += 1
            elif kind == "stay" and steps < len(sigmas) - 2:
                x = t.end_step(x)
                steps += 1
            elif kind == "denoise":
                values.append(t.denoise(pick(a) * c - pick(b), 1.0 + abs(c)))
            elif kind == "noise":
                values.append(t.noise(2.0 + abs(c), 1.0))
            elif kind == "churn":
                values.append(t.independent_noise(1.0, 2.0 + abs(c)))
            elif kind == "hold":
                values.append(t.hold(pick(a) + pick(b) * c))
            else:
                values.append((pick(a) - pick(b) * c) / 1.25)
        while steps < len(sigmas) - 1:
            values.append(t.end_step(values[-1] * 0.5 + values[0]))
            steps += 1


KINDS = ("end", "end", "stay", "denoise", "denoise", "noise", "churn", "hold", "combine", "combine")
scripts = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 40), st.integers(0, 40), st.floats(-1.0, 1.0)),
    min_size=3,
    max_size=30,
).map(tuple)


def bounded(x, sigma):
    return np.tanh(x) / (0.5 + np.reshape(sigma, -1)[0])


@given(scripts, st.data())
def test_any_sampler_means_what_it_says(script, data):
    """Registers by liveness, slices, folding and files change nothing: arrays in place of symbols are the judge."""
    sampler, sigmas = Scripted(script), [5.0, 4.0, 3.0, 2.0, 1.0]
    x = np.array([[-1.0, 0.3], [0.7, 2.0]])
    numbered = units(x.shape)
    eager = Eager(x, bounded, numbered)
    sampler.trace(eager, sigmas)
    program = sampler.compile(sigmas)
    testing.validate_program(program)
    tolerance = 1e-12 * eager.largest

    seen = []
    sl.sample(program, bounded, x, in_order(numbered), callback=seen.append)
    for info, expected in zip(seen, eager.ends, strict=True):
        np.testing.assert_allclose(info.x, expected, rtol=0, atol=tolerance)
    slow = testing.run_program(program, bounded, x, lambda like, a, b, stream, ordinal: numbered(ordinal))
    np.testing.assert_allclose(slow, eager.ends[-1], rtol=0, atol=tolerance)
    assert sl.Program.from_json(program.to_json()) == program

    cuts = data.draw(st.sets(st.integers(1, 3)))
    state, drawn = x, 0
    for start, stop in itertools.pairwise([0, *sorted(cuts), 4]):
        part = program[start:stop]
        assert sl.Program.from_json(part.to_json()) == part
        runner = sl.Runner(part, bounded, state, in_order(numbered, drawn))
        result = runner.run()
        drawn += part.analysis.noise_draws
        state = runner.outputs
        np.testing.assert_array_equal(result, seen[stop - 1].x)

    parameterization = data.draw(st.sampled_from(PARAMETERIZATIONS))
    folded = program.fold(parameterization, keep_denoised=data.draw(st.booleans()))
    infos = []
    sl.sample(folded, network(parameterization, bounded), x, in_order(numbered), callback=infos.append)
    for info, plain in zip(infos, seen, strict=True):
        np.testing.assert_allclose(info.x, plain.x, rtol=0, atol=1e-10 * eager.largest)
        if info.denoised is not None:
            np.testing.assert_allclose(info.denoised, plain.denoised, rtol=0, atol=1e-10 * eager.largest)


row_lists = st.lists(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.lists(
                st.tuples(st.integers(0, 2), st.floats(-2, 2)), min_size=1, max_size=3, unique_by=lambda term: term[0]
            ),
        ),
        min_size=1,
        max_size=3,
        unique_by=lambda row: row[0],
    ),
    min_size=1,
    max_size=5,
)


@given(row_lists, st.sampled_from([1, 7, 64, 1000]), st.booleans())
def test_rows_read_before_they_write(passes, size, transposed):
    """Rows of one pass may exchange registers, in place; by the kernel, and by the library for odd layouts."""
    document = program_of("euler", [2.0, 1.0]).to_dict() | {"registers": 3}
    second = {"kind": "uncond", "out": 2}
    document["operations"] = [{"op": "denoise", "out": 1, "input": 0, "sigma": 2.0, "second": second}]
    for rows in passes:
        inputs = sorted({register for _, terms in rows for register, _ in terms})
        combine = {"op": "combine", "inputs": inputs, "rows": [{"out": out, "terms": terms} for out, terms in rows]}
        document["operations"].append(combine)
    document["outputs"] = [{"name": "x", "register": 0}]
    document["steps"] = [{"sigma": 2.0, "sigma_next": 1.0, "end": 1 + len(passes), "x": 0, "denoised": None}]
    program = sl.Program.from_json(json.dumps(document))
    x = np.linspace(-3.0, 3.0, 2 * size).reshape(2, size)
    x = np.asfortranarray(x) if transposed else x
    pair = lambda x, sigma: (np.sin(x), np.cos(x))  # noqa: E731
    expected = testing.run_program(program, pair, x)
    np.testing.assert_allclose(sl.sample(program, pair, x), expected, rtol=0, atol=1e-12 * 6**5)


# Slices


@pytest.mark.parametrize("name", NAMES)
def test_parts_are_the_whole(name):
    """At every cut, and with every step alone: the same bits, the same noise."""
    program = program_of(name)
    x = MIXTURE.start(8.0)
    numbered = units(x.shape)
    whole = sl.sample(program, DENOISER, x, in_order(numbered))
    for cuts in [(0, k, 4) for k in (1, 2, 3)] + [(0, 1, 2, 3, 4)]:
        state, drawn = {"x": x}, 0
        for start, stop in itertools.pairwise(cuts):
            part = program[start:stop]
            assert part.noise_range == program.noise_range
            assert part.offset.steps == start
            assert {port.name for port in part.inputs} == set(state)
            ordinals = [op.ordinal for op in part.operations if isinstance(op, Noise)]
            assert ordinals == list(range(drawn, drawn + len(ordinals)))
            drawn += len(ordinals)
            runner = sl.Runner(part, DENOISER, state, in_order(numbered, ordinals[0] if ordinals else 0))
            result = runner.run()
            state = runner.outputs
        np.testing.assert_array_equal(result, whole)


def test_slices_of_slices():
    program = program_of("dpmpp_2m_sde", [8.0, 5.0, 3.0, 1.0, 0.5, 0.2])
    assert program[1:4][1:2] == program[2:3]
    assert program[1:][:2] == program[1:3]
    assert program[2:3].label.endswith("[2:3]")


@pytest.mark.parametrize("name", ["dpmpp_2m", "dpmpp_2m_sde"])
def test_names_of_history(name):
    program = program_of(name)
    assert [p.name for p in program.inputs] == [p.name for p in program.outputs] == ["x"]
    part = program[1:3]
    assert [p.name for p in part.inputs] == ["x", "result[0]"]
    assert [p.name for p in part.outputs] == ["x"]  # the step to zero reads no history
    assert [p.name for p in program[1:2].outputs] == ["x", "result[1]"]
    assert part.offset == (1, 1, 1)


def test_a_step_may_end_with_an_earlier_value():
    """A step that ends with the first step's denoised value, without reading it in any operation."""

    class Returns(sl.Sampler):
        def trace(self, t, sigmas):
            denoised = t.denoise(t.start(), sigmas[0])
            x = t.end_step((t.start() + denoised) * 0.5)
            t.end_step(denoised)
            t.end_step(x * 2)

    program = Returns().compile([3.0, 2.0, 1.0, 0.5])
    x = np.array([[1.0, -2.0]])
    whole = run(program, x, bounded)
    runner = sl.Runner(program[:1], bounded, x)
    runner.run()
    np.testing.assert_array_equal(sl.sample(program[1:], bounded, runner.outputs), whole)


# Folding


def network(parameterization, denoise):
    """The raw network of an exact denoiser: F(c_in x) = (D(x) - c_skip x) / c_out."""

    def call(scaled, sigma):
        sigma = float(np.ravel(sigma)[0])
        c_skip, c_out, c_in = (1.0 if c is None else c[0] for c in parameterization.scalings(np.array([sigma])))
        x = scaled / c_in
        return (denoise(x, sigma) - c_skip * x) / c_out

    return call


LONG = np.append(problems.grid("karras", 14.6, 0.03, 9), 0.0)


@pytest.mark.parametrize("parameterization", PARAMETERIZATIONS, ids=repr)
@pytest.mark.parametrize("name", NAMES)
def test_fold_changes_nothing(name, parameterization):
    program = program_of(name, LONG)
    folded = program.fold(parameterization)
    assert folded.calls == "network"
    assert folded.analysis.model_calls == program.analysis.model_calls
    close(run(folded, denoiser=network(parameterization, MIXTURE.denoise)), run(program), 1e-10)
    assert all(step.denoised is None for step in folded.steps)


@pytest.mark.parametrize("parameterization", PARAMETERIZATIONS, ids=repr)
@pytest.mark.parametrize("name", NAMES)
def test_fold_can_keep_the_denoised_values(name, parameterization):
    program = program_of(name, LONG)
    kept = program.fold(parameterization, keep_denoised=True)
    x = MIXTURE.start(LONG[0])
    infos, plain = [], []
    sl.sample(program, DENOISER, x, in_order(units(x.shape)), callback=plain.append)
    raw = network(parameterization, MIXTURE.denoise)
    sl.sample(kept, raw, x, in_order(units(x.shape)), callback=infos.append)
    assert len(infos) == len(plain) == len(program)
    for ours, expected in zip(infos, plain, strict=True):
        close(ours.x, expected.x, 1e-10)
        close(ours.denoised, expected.denoised, 1e-10)
    assert kept.analysis.passes == program.fold(parameterization).analysis.passes


def test_fold_then_slice():
    parameterization = sl.VPredictionParameterization()
    folded = program_of("dpmpp_2m", LONG).fold(parameterization)
    raw = network(parameterization, MIXTURE.denoise)
    state = MIXTURE.start(LONG[0])
    for start, stop in ((0, 4), (4, 5), (5, 10)):
        runner = sl.Runner(folded[start:stop], raw, state)
        result = runner.run()
        state = runner.outputs
    np.testing.assert_array_equal(result, run(folded, denoiser=raw))


def test_folding_is_cached_and_part_of_the_contents():
    program = program_of("heun")
    assert program.fold(sl.EDMParameterization()) is program.fold(sl.EDMParameterization())
    digests = {program.fold(p, keep_denoised=k).digest for p in PARAMETERIZATIONS for k in (False, True)}
    assert len(digests) == 8


def test_what_cannot_be_folded():
    edm = sl.EDMParameterization()
    program = program_of("dpmpp_2m")
    text = "this program calls the network itself already; fold the program that calls a denoiser"
    with pytest.raises(ProgramError, match=f"^{re.escape(text)}$"):
        program.fold(edm).fold(edm)
    text = (
        "a slice with history cannot be folded: what it reads are denoised values; fold the whole program, then slice"
    )
    with pytest.raises(ProgramError, match=f"^{re.escape(text)}$"):
        program[1:3].fold(edm)

    class Unclipped(sl.Sampler):
        def trace(self, t, sigmas):
            denoised, unclipped = t.denoise_unclipped(t.start(), sigmas[0])
            t.end_step(denoised + unclipped)

    text = "a model call asks for an unclipped second result, and clipping is not linear: this program cannot be folded"
    with pytest.raises(ProgramError, match=f"^{re.escape(text)}$"):
        Unclipped().compile([2.0, 1.0]).fold(edm)


def test_fold_second_results():
    """The unconditional result of a call has the same scalings as its first."""

    class Guided(sl.Sampler):
        def trace(self, t, sigmas):
            x = t.start()
            for s, s_next in itertools.pairwise(sigmas):
                denoised, uncond = t.denoise_uncond(x, s)
                x = t.end_step(denoised + (x - uncond) * (s_next / s))

    edm = sl.EDMParameterization()
    program = Guided().compile([4.0, 2.0, 1.0])
    pair = lambda x, sigma: (DENOISER(x, sigma), 0.5 * DENOISER(x, sigma))  # noqa: E731
    raw = [network(edm, MIXTURE.denoise), network(edm, lambda x, s: 0.5 * MIXTURE.denoise(x, s))]
    folded = run(program.fold(edm), denoiser=lambda x, sigma: tuple(f(x, sigma) for f in raw))
    close(folded, run(program, denoiser=pair), 1e-10)


# Exact moments


def moments_by_covariance(program, mean, deviation):
    """Mean and variance after every step, from the covariance matrix of x at the start and of all the draws."""
    draws = [op for op in program.operations if isinstance(op, Noise)]
    covariance = np.eye(1 + len(draws))
    signal = lambda sigma: 1 - sigma if program.is_flow else 1.0  # noqa: E731
    covariance[0, 0] = (signal(program.sigma_start) * deviation) ** 2 + program.sigma_start**2
    for (i, a), (j, b) in itertools.permutations(enumerate(draws, 1), 2):
        if a.stream == b.stream == 0:
            (low_a, high_a), (low_b, high_b) = (sorted(op[1:3]) for op in (a, b))
            shared = max(0.0, min(high_a, high_b) - max(low_a, low_b))
            covariance[i, j] = shared / math.sqrt((high_a - low_a) * (high_b - low_b))
    number = itertools.count(1)
    registers = {program.inputs[0].register: (signal(program.sigma_start) * mean, np.eye(len(covariance))[0])}
    results = [registers[program.inputs[0].register]]
    ends = {step.end: step.x for step in program.steps}
    for at, op in enumerate(program.operations):
        if isinstance(op, Noise):
            registers[op.out] = (0.0, np.eye(len(covariance))[next(number)])
        elif isinstance(op, Denoise):
            m, w = registers[op.input]
            alpha = signal(op.sigma)
            gain = alpha * deviation**2 / ((alpha * deviation) ** 2 + op.sigma**2)
            registers[op.out] = (mean + gain * (m - alpha * mean), gain * w)
        else:
            made = [[sum(c * registers[r][part] for r, c in row.terms) for part in (0, 1)] for row in op.rows]
            registers.update({row.out: tuple(value) for row, value in zip(op.rows, made, strict=True)})
        if at + 1 in ends:
            results.append(registers[ends[at + 1]])
    return np.array([(m, w @ covariance @ w) for m, w in results])


MOMENTS = [
    *(program_of(name, LONG) for name in NAMES),
    program_of("euler", LONG, s_churn=4.0),
    program_of("dpmpp_2m_sde", LONG[:-1], eta=0.6, s_noise=1.1, solver_type="heun"),
    Midpoint().compile(LONG),
    Midpoint(0.5).compile(LONG[:-1]),
    Kutta().compile(LONG),
    *(
        sl.sampler(name).compile([1.0, 0.8, 0.5, 0.3, 0.1], sl.process("flow"))
        for name in ("euler", "heun", "euler_ancestral", "dpmpp_2m_sde", "er_sde")
    ),
]


@pytest.mark.parametrize("program", MOMENTS, ids=lambda p: p.label)
@pytest.mark.parametrize(("mean", "deviation"), [(0.4, 0.6), (-2.0, 0.01), (1.0, 30.0), (0.7, 0.0)])
def test_gaussian_moments(program, mean, deviation):
    moments = program.gaussian_moments(mean, deviation)
    assert moments.shape == (len(program) + 1, 2)
    expected = moments_by_covariance(program, mean, deviation)
    np.testing.assert_allclose(moments, expected, rtol=1e-12, atol=1e-12 * deviation)


def test_gaussian_moments_of_a_slice_start_from_its_marginal():
    part = program_of("euler_ancestral", LONG)[4:7]
    np.testing.assert_allclose(part.gaussian_moments(0.3, 0.5)[0], [0.3, 0.25 + part.sigma_start**2], rtol=1e-14)


def test_a_program_over_a_flow_knows_it():
    flow = sl.sampler("euler").compile([0.9, 0.4, 0.1], sl.process("flow"))
    assert flow.is_flow
    assert not program_of("euler").is_flow
    kept = [flow[1:], flow.fold(sl.FlowParameterization()), sl.Program.from_json(flow.to_json())]
    assert all(program.is_flow for program in kept)
    same = sl.sampler("euler").compile([0.9, 0.4, 0.1])
    assert same != flow  # the same coefficients, over levels that mean something else
    assert flow.digest != same.digest
    with pytest.raises(ProgramError, match="part 1 is over a flow and the one before it is not, or the reverse"):
        sl.Program.concatenate([same[:1], flow[1:]])
    with pytest.raises(FileFormatError, match="flow is 1; expected true or false"):
        sl.Program.from_json(flow.to_json().replace('"flow": true', '"flow": 1'))


UNDEFINED = "exact moments need a program over a denoiser, without history inputs and without second results"
DATA = "data N({}, {}²); expected a finite mean and a finite deviation of at least 0"
BAD_MOMENTS = [
    (program_of("euler").fold(sl.EpsilonParameterization()), (0.0, 1.0), UNDEFINED),
    (program_of("dpmpp_2m")[1:], (0.0, 1.0), UNDEFINED),
    (program_of("euler"), (0.0, -1.0), DATA.format(0, -1)),
    (program_of("euler"), (math.nan, 1.0), DATA.format("NaN", 1)),
    (program_of("euler"), (0.0, math.inf), DATA.format(0, "inf")),
]


@pytest.mark.parametrize(("program", "arguments", "text"), BAD_MOMENTS)
def test_bad_moments(program, arguments, text):
    with pytest.raises(ProgramError, match=f"^{re.escape(text)}$"):
        program.gaussian_moments(*arguments)


# JSON and files


@st.composite
def programs(draw):
    """Any built-in over any schedule, folded or not, sliced or not."""
    ratios = draw(st.lists(st.floats(0.05, 0.99), min_size=1, max_size=6))
    sigmas = draw(st.floats(0.5, 80.0)) * np.cumprod([1.0, *ratios])
    if draw(st.booleans()):
        sigmas[-1] = 0.0
    eta, s_churn = st.floats(0.0, 2.0), st.floats(0.0, 10.0)
    sampler = draw(
        st.one_of(
            st.builds(sl.EulerSampler, s_churn=s_churn),
            st.builds(sl.EulerAncestralSampler, eta=eta),
            st.builds(sl.HeunSampler, s_churn=s_churn),
            st.builds(sl.Dpmpp2mSampler),
            st.builds(sl.Dpmpp2mSdeSampler, eta=eta, solver_type=st.sampled_from(["midpoint", "heun"])),
        )
    )
    program = sampler.compile(sigmas)
    if draw(st.booleans()):
        program = program.fold(draw(st.sampled_from(PARAMETERIZATIONS)), keep_denoised=draw(st.booleans()))
    if draw(st.booleans()):
        start = draw(st.integers(0, len(program) - 1))
        program = program[start : draw(st.integers(start + 1, len(program)))]
    return program


@given(programs(), st.sampled_from([None, 0, 2]))
def test_json_round_trip(program, indent):
    again = sl.Program.from_json(program.to_json(indent))
    assert again == program
    assert again.digest == program.digest
    assert again.label == program.label
    assert again.to_dict() == program.to_dict() == json.loads(program.to_json())


@given(program=programs())
def test_file_round_trip(program, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "round_trip.safetensors"
    program.save(path)
    again = sl.Program.load(path)
    assert again == program
    assert again.digest == program.digest
    assert again.label == program.label
    assert list(path.parent.glob(".round_trip*")) == []


DOCUMENT = program_of("dpmpp_2m_sde", [8.0, 3.0, 1.0, 0.2]).to_dict()
WITH_SECOND = copy.deepcopy(DOCUMENT)
WITH_SECOND["operations"][0]["second"] = {"kind": "uncond", "out": 3}
assert sl.Program.from_json(json.dumps(WITH_SECOND)).operations[0].second == ("uncond", 3)


def places(value, path=()):
    """Path of everything in a document."""
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


def at(document, path):
    for key in path:
        document = document[key]
    return document


def changed(path, value):
    document = copy.deepcopy(WITH_SECOND)
    at(document, path[:-1])[path[-1]] = value
    return json.dumps(document)


WRONG = {
    dict: [None, 5, "x", [], {}],
    list: [None, 5, "x", {}],
    int: [None, "1", -1, 1.5, True, 2**32, 2**70, [1], {}],
    float: [None, "1", True, [1.0], {}, math.nan, math.inf, -math.inf],
    str: [None, 5, "nonsense", "", [], {}],
    bool: [None, 0, 1, "false", [], {}],
}
NULLABLE = {"noise_range", "denoised", "second"}


def wrong_values():
    for path in places(WITH_SECOND):
        old = at(WITH_SECOND, path)
        if not path or old is None:
            continue
        for new in WRONG[type(old)]:
            a_label = path == ("name",) and isinstance(new, str)
            if not a_label and not (new is None and path[-1] in NULLABLE):
                yield path, new


def check_refused(text, what):
    try:
        sl.Program.from_json(text)
    except (FileFormatError, ProgramError):
        return
    pytest.fail(f"{what} was accepted")


def test_every_wrong_value_is_refused():
    """Anywhere in a document: null, another type, NaN, a negative or huge number."""
    tried = 0
    for path, new in wrong_values():
        check_refused(changed(path, new), f"{path} = {new!r}")
        tried += 1
    assert tried > 500


def test_every_missing_or_extra_field_is_refused():
    objects = [path for path in places(WITH_SECOND) if isinstance(at(WITH_SECOND, path), dict)]
    assert len(objects) > 20
    for path in objects:
        for key in at(WITH_SECOND, path):
            document = copy.deepcopy(WITH_SECOND)
            del at(document, path)[key]
            with pytest.raises(FileFormatError):
                sl.Program.from_json(json.dumps(document))
        document = copy.deepcopy(WITH_SECOND)
        at(document, path)["extra"] = 1
        with pytest.raises(FileFormatError, match=r"expected exactly|names"):
            sl.Program.from_json(json.dumps(document))


def test_no_list_may_gain_null_or_lose_its_first_item():
    """But a row may lose a term: that is another valid program."""
    lists = [path for path in places(WITH_SECOND) if isinstance(at(WITH_SECOND, path), list) and at(WITH_SECOND, path)]
    assert len(lists) > 10
    for path in lists:
        longer = [*at(WITH_SECOND, path), None]
        check_refused(changed(path, longer), f"{path} = {longer}")
        if path[-1] != "terms":
            shorter = at(WITH_SECOND, path)[1:]
            check_refused(changed(path, shorter), f"{path} = {shorter}")


STEP_END = "step {} ends at operation {}; expected {} to 9, the last step at 9"
BROKEN = [
    (("version",), 2, FileFormatError, "format 'stepladder.program' version 2; this release reads"),
    (("format",), "other", FileFormatError, "format 'other' version 1; this release reads 'stepladder.program'"),
    (("calls",), "model", FileFormatError, "calls is 'model'; expected one of 'denoiser', 'network'"),
    (("operations", 0, "op"), "jump", FileFormatError, "operation 0 is 'jump'; expected 'noise', 'combine'"),
    (("operations", 0, "input"), 2, ProgramError, "operation 0 reads register 2 before anything wrote it"),
    (("operations", 0, "out"), 4, ProgramError, "operation 0 names register 4; expected one below 4"),
    (("operations", 0, "second", "out"), 1, ProgramError, "operation 0 writes register 1 twice"),
    (("operations", 0, "second", "kind"), "other", FileFormatError, "second of operation 0 is 'other'; expected"),
    (("operations", 0, "sigma"), -1.0, ProgramError, "operation 0 calls the model at sigma -1; expected a"),
    (("operations", 1, "stream"), 2, ProgramError, "unknown stream 2"),
    (("operations", 1, "sigma_to"), -1.0, ProgramError, "operation 1 has sigma -1; expected a finite number"),
    (("operations", 2, "inputs"), [0, 1, 2, 0], ProgramError, "operation 2 lists input register 0 twice"),
    (("operations", 2, "inputs", 0), 9, FileFormatError, "operation 2 has the term [0, 0.140625]; expected [register,"),
    (("operations", 2, "rows"), [], ProgramError, "operation 2 has 0 rows; expected 1 to 3"),
    (("operations", 2, "rows", 0, "terms"), [], ProgramError, "operation 2 has a row without terms"),
    (("steps", 1, "end"), 3, ProgramError, "a step's denoised value is said to be register 2 after operation 3"),
    (("steps", 1, "end"), 2, ProgramError, STEP_END.format(1, 2, 3)),
    (("steps", 2, "end"), 8, ProgramError, STEP_END.format(2, 8, 6)),
    (("steps", 2, "end"), 10, ProgramError, STEP_END.format(2, 10, 6)),
    (("steps", 2, "x"), 1, ProgramError, "the first output is not the sample that the last step ended with"),
    (("steps", 1, "sigma"), -3.0, ProgramError, "sigma -3; expected a finite number of at least 0"),
    (("steps", 0, "denoised", "operation"), 1, ProgramError, "register 1 after operation 1, which does not write it"),
    (("steps", 0, "denoised", "operation"), 3, ProgramError, "register 1 after operation 3, which does not write it"),
    (("steps",), [], FileFormatError, "sigma_start 8.0 and sigma_end 0.2 do not match the steps"),
    (("sigma_start",), 7.0, FileFormatError, "sigma_start 7.0 and sigma_end 0.2 do not match the steps"),
    (("sigma_end",), 0.3, FileFormatError, "sigma_start 8.0 and sigma_end 0.3 do not match the steps"),
    (("noise_range",), [0.0, 8.0], ProgramError, "noise range is 0 to 8; expected 0 < low <= high, both finite"),
    (("noise_range",), [3.0, 2.0], ProgramError, "noise range is 3 to 2; expected 0 < low <= high, both finite"),
    (("noise_range",), [3.0], FileFormatError, "noise_range is [3.0]; expected two numbers or null"),
    (("registers",), 0, ProgramError, "0 registers; expected 1 to 4194304"),
    (("registers",), 2**31, ProgramError, "2147483648 registers; expected 1 to 4194304"),
    (("registers",), 3, ProgramError, "operation 0 names register 3; expected one below 3"),
    (("inputs", 0, "name"), "y", FileFormatError, "inputs names 'y'; expected 'x', 'x[n]', 'result[n]'"),
    (("inputs", 0, "name"), "value[1]", FileFormatError, "inputs names 'value[1]'"),
    (("inputs", 0, "name"), "result[٣]", FileFormatError, "inputs names 'result[٣]'"),
    (("inputs", 0, "name"), "result[1][2]", FileFormatError, "inputs names 'result[1][2]'"),
    (("inputs",), [], ProgramError, "operation 0 reads register 0 before anything wrote it"),
    (("inputs",), [{"name": "x", "register": 0}] * 2, ProgramError, "operation 0 writes register 0 twice"),
    (
        ("inputs",),
        [{"name": "x", "register": 0}, {"name": "x", "register": 1}],
        ProgramError,
        "two inputs are named x",
    ),
    (("outputs",), [], ProgramError, "the first output is not x"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "error", "text"), BROKEN, ids=[f"{row[0][-1]}-{i}" for i, row in enumerate(BROKEN)]
)
def test_broken_rules(path, value, error, text):
    with pytest.raises(error, match=re.escape(text)):
        sl.Program.from_json(changed(path, value))


def test_a_step_may_not_end_with_what_nothing_wrote():
    document = copy.deepcopy(DOCUMENT) | {"registers": 5}
    document["steps"][0]["x"] = 4
    with pytest.raises(ProgramError, match="operation 3 reads register 4 before anything wrote it"):
        sl.Program.from_json(json.dumps(document))


NOT_DOCUMENTS = [
    ("{", "the program is not valid JSON: "),
    ("", "the program is not valid JSON: "),
    ("[]", "format None version None; this release reads"),
    ("null", "format None version None"),
    ('{"format": 1, "format": 2}', "the program: the key 'format' appears twice; a well-formed file"),
    ("[" * 100_000, "the program is not valid JSON: "),
    ('{"a": NaN}', "the program holds NaN; expected finite numbers"),
    ('{"a": -Infinity}', "the program holds -Infinity; expected finite numbers"),
    (f'{{"version": {"1" * 5000}}}', "the program is not valid JSON: "),
]  # fmt: skip


@pytest.mark.parametrize(("text", "says"), NOT_DOCUMENTS, ids=lambda v: v[:12])
def test_not_a_program(text, says):
    with pytest.raises(FileFormatError, match=f"^{re.escape(says)}"):
        sl.Program.from_json(text)


def test_a_key_twice_anywhere():
    text = json.dumps(DOCUMENT)
    for key in ("sigma_from", "terms", "register", "combines"):
        twice = text.replace(f'"{key}": ', f'"{key}": 0, "{key}": ', 1)
        with pytest.raises(FileFormatError, match=f"the key '{key}' appears twice"):
            sl.Program.from_json(twice)


def test_numbers_beyond_float64():
    with pytest.raises(ProgramError, match="operation 2 has coefficient inf; expected a finite number"):
        sl.Program.from_json(json.dumps(DOCUMENT).replace("0.140625", "1e400"))


@pytest.mark.parametrize("path", [("operations", 2, "rows", 0, "terms", 0, 1), ("steps", 0, "sigma")])
def test_whole_numbers_beyond_float64(path):
    with pytest.raises(FileFormatError, match="expected a number"):
        sl.Program.from_json(changed(path, 10**400))


# Every integer of an encoded program replaced by one that no short list can back, under a limit on memory: to reserve
# what a count announces would end the process.
HOSTILE = """
import itertools, resource, sys
import numpy as np
import stepladder as sl
from stepladder import _core
from stepladder.errors import ProgramError

structure, numbers = sl.sampler("dpmpp_2m_sde").compile([8.0, 3.0, 1.0, 0.2])._core.encode()
with open("/proc/self/statm") as file:
    mapped = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (mapped + (64 << 20),) * 2)
accepted = []
values = [2**31, 2**32 - 1, 2**32, 2**62, 2**63 - 1, -1, -(2**63)]
for position, value in itertools.product(range(len(structure)), values):
    hostile = structure.copy()
    hostile[position] = value
    try:
        _core.Program.decode(hostile, numbers)
    except ProgramError:
        continue
    accepted.append(value)
print(accepted)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc and a limit on address space")
def test_hostile_structures_allocate_nothing():
    done = subprocess.run([sys.executable, "-c", HOSTILE], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    # One word is free: the last ordinal, which only has to be above the others.
    assert json.loads(done.stdout) == [2**31, 2**32 - 1]


def test_structures_and_numbers_have_to_match():
    structure, numbers = program_of("heun")._core.encode()
    for k in range(len(structure)):
        with pytest.raises(ProgramError):
            _core.Program.decode(structure[:k].copy(), numbers)
    for k in range(len(numbers)):
        with pytest.raises(ProgramError, match="the list of numbers ends early"):
            _core.Program.decode(structure, numbers[:k].copy())
    with pytest.raises(ProgramError, match="the list of structure is 1 longer than its program"):
        _core.Program.decode(np.append(structure, 0), numbers)
    with pytest.raises(ProgramError, match="the list of numbers is 1 longer than its program"):
        _core.Program.decode(structure, np.append(numbers, 0.0))
    for k in range(len(numbers)):
        for bad in (math.nan, math.inf):
            hostile = numbers.copy()
            hostile[k] = bad
            with pytest.raises(ProgramError):
                _core.Program.decode(structure, hostile)


def test_a_huge_document_is_refused_without_allocating_for_it():
    text = changed(("registers",), 2**32 - 1)
    tracemalloc.start()
    try:
        with pytest.raises(ProgramError, match="4294967295 registers"):
            sl.Program.from_json(text)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


BAD_FILES = [
    ({"format": "other"}, {}, "is format 'other' version '1'; this release reads 'stepladder.program' version '1'"),
    ({"version": "2"}, {}, "is format 'stepladder.program' version '2'; this release reads"),
    ({}, {"extra": np.zeros(1)}, "expected a vector 'structure' of I64 and a vector 'numbers' of F64"),
    ({}, {"structure": np.zeros(4, np.int32)}, "expected a vector 'structure' of I64 and a vector 'numbers' of F64"),
    ({}, {"numbers": np.zeros((2, 2))}, "expected a vector 'structure' of I64 and a vector 'numbers' of F64"),
]


@pytest.mark.parametrize(("metadata", "tensors", "text"), BAD_FILES)
def test_bad_files(metadata, tensors, text, tmp_path):
    structure, numbers = program_of("euler")._core.encode()
    path = tmp_path / "program"
    labels = {"format": "stepladder.program", "version": "1", "label": "mine"}
    io.write_tensors(path, {"structure": structure, "numbers": numbers}, labels)
    assert sl.Program.load(path).label == "mine"
    io.write_tensors(path, {"structure": structure, "numbers": numbers} | tensors, labels | metadata)
    with pytest.raises(FileFormatError, match=re.escape(text)):
        sl.Program.load(path)


def test_too_many_rows():
    row = DOCUMENT["operations"][2]["rows"][0]
    with pytest.raises(ProgramError, match="operation 2 has 4 rows; expected 1 to 3"):
        sl.Program.from_json(changed(("operations", 2, "rows"), [row | {"out": out} for out in range(4)]))


# What no sampler makes, and a file must not hold.


def without_inputs():
    document = copy.deepcopy(DOCUMENT)
    noise = {"op": "noise", "out": 0, "sigma_from": 2.0, "sigma_to": 1.0, "stream": 0, "ordinal": 0}
    step = {"sigma": 2.0, "sigma_next": 1.0, "end": 1, "x": 0, "denoised": None}
    document |= {"inputs": [], "operations": [noise], "steps": [step], "sigma_start": 2.0, "sigma_end": 1.0}
    return json.dumps(document)


def sigma_gap():
    document = copy.deepcopy(DOCUMENT)
    document["steps"][1]["sigma"] = 7.0
    return json.dumps(document)


def outputs_twice():
    document = copy.deepcopy(DOCUMENT)
    document["outputs"] *= 2
    return json.dumps(document)


NEVER = {
    "no input at all, and slicing then panics": without_inputs(),
    "a first input that is not x": changed(("inputs", 0, "name"), "result[0]"),
    "a first output that is not x": changed(("outputs", 0, "name"), "result[0]"),
    "two outputs of one name": outputs_twice(),
    "a step that starts where none ended": sigma_gap(),
    "registers that nothing uses": changed(("registers",), 2**22),
    "an ordinal twice": changed(("operations", 4, "ordinal"), 0),
    "a model call at sigma 0": changed(("operations", 0, "sigma"), 0.0),
}


@pytest.mark.parametrize("what", NEVER)
def test_what_no_program_has(what):
    with pytest.raises((FileFormatError, ProgramError)):
        sl.Program.from_json(NEVER[what])


# Tracing


def fresh(levels=(3.0, 2.0, 1.0)):
    return _core.Trace(np.array(levels))


number_types = st.sampled_from([float, np.float64, np.float32])
factors = st.one_of(
    st.builds(lambda kind, v: kind(v), number_types, st.floats(-8, 8).filter(lambda v: abs(v) > 1e-3)),
    st.integers(-5, 5).filter(bool),
    st.integers(1, 5).map(np.int64),
)
expressions = st.recursive(
    st.integers(0, 3),
    lambda inner: st.one_of(
        st.tuples(st.just("+"), inner, inner),
        st.tuples(st.just("-"), inner, inner),
        st.tuples(st.just("*"), inner, factors),
        st.tuples(st.just("r*"), inner, factors),
        st.tuples(st.just("/"), inner, factors),
        st.tuples(st.just("neg"), inner),
        st.tuples(st.just("pos"), inner),
    ),
    max_leaves=20,
)


def evaluate(expression, values):
    if isinstance(expression, int):
        return values[expression]
    kind, left, *rest = expression
    left = evaluate(left, values)
    if kind in "+-":
        right = evaluate(rest[0], values)
        return left + right if kind == "+" else left - right
    unary = {"neg": lambda: -left, "pos": lambda: +left}
    binary = {"*": lambda k: left * k, "r*": lambda k: k * left, "/": lambda k: left / k}
    return binary[kind](rest[0]) if rest else unary[kind]()


@given(expressions)
def test_algebra_is_numpys(expression):
    """Coefficient by coefficient the same float64 operations in the same order, so the same bits."""
    t = fresh()
    made = evaluate(expression, [t.start(), *(t.noise(2.0, 1.0) for _ in range(3))])
    assert type(made) is _core.Linear
    coefficients = np.zeros(4)
    for value, c in made.terms:
        coefficients[value] = c
    assert len({value for value, _ in made.terms}) == len(made.terms)
    np.testing.assert_array_equal(coefficients, evaluate(expression, list(np.eye(4))))


def test_terms_that_cancel_stay():
    """The shape of a program does not depend on rounding, so neither on what happens to be zero."""
    x = fresh().start()
    assert (x - x).terms == [(0, 0.0)]
    assert repr(x * 2 - x * 0.5) == "Linear(1.5*v0)"


x_of = lambda: fresh().start()  # noqa: E731
NOT_LINEAR = [
    lambda: x_of() + 1,
    lambda: 1 - x_of(),
    lambda: x_of() * x_of(),
    lambda: x_of() / x_of(),
    lambda: 2 / x_of(),
    lambda: x_of() * None,
    lambda: x_of() * "2",
    lambda: x_of() * 1j,
    lambda: x_of() ** 2,
    lambda: abs(x_of()),
    lambda: x_of() * np.array([1.0, 2.0]),
    lambda: np.array([1.0, 2.0]) * x_of(),
    lambda: np.array([1.0, 2.0]) + x_of(),
    lambda: np.float64(1) + x_of(),
    lambda: fresh().denoise(None, 1.0),
    lambda: fresh().denoise(np.zeros(2), 1.0),
    lambda: fresh().end_step(0.0),
]


@pytest.mark.parametrize("expression", NOT_LINEAR)
def test_not_linear(expression):
    with pytest.raises(TypeError):
        expression()


def test_values_of_two_traces():
    mine, other = fresh(), fresh()
    text = "values of two different traces; use only values this trace returned"
    for mix in (lambda: mine.start() + other.start(), lambda: mine.start() - other.start()):
        with pytest.raises(ProgramError, match=f"^{text}$"):
            mix()
    text = "a value of another trace; use only values this trace returned"
    for use in (mine.end_step, mine.hold, lambda v: mine.denoise(v, 1.0), lambda v: mine.denoise_uncond(v, 1.0)):
        with pytest.raises(ProgramError, match=f"^{text}$"):
            use(other.start())


def test_a_trace_finishes_once():
    t = fresh((2.0, 1.0))
    t.end_step(t.start())
    t.finish()
    for use in (t.finish, t.start, lambda: t.noise(2.0, 1.0)):
        with pytest.raises(ProgramError, match=r"^this trace is finished; make a new one$"):
            use()


def repeat(step):
    def trace(t):
        for _ in range(2):
            step(t)

    return trace


BAD_TRACES = [
    (lambda t: None, "the sampler ended 0 steps; expected 2, one less than there are sigmas"),
    (lambda t: t.end_step(t.start()), "the sampler ended 1 steps; expected 2, one less than there are sigmas"),
    (
        lambda t: [t.end_step(t.start()) for _ in range(3)],
        "the sampler ended 3 steps; expected 2, one less than there are sigmas",
    ),
    (lambda t: (repeat(lambda t: t.end_step(t.start()))(t), t.finish()), "this trace is finished; make a new one"),
    (
        repeat(lambda t: t.end_step(t.start() / 0)),
        "operation 0 has coefficient inf; expected a finite number. The sigmas or options divide by zero there",
    ),
    (repeat(lambda t: t.end_step(t.start() * math.nan)), "operation 0 has coefficient NaN; expected a finite number"),
    (
        repeat(lambda t: t.end_step(t.denoise(t.start(), -1.0))),
        "operation 0 calls the model at sigma -1; expected a finite number above 0",
    ),
    (repeat(lambda t: t.end_step(t.noise(math.nan, 1.0))), "operation 0 has sigma NaN; expected a finite number"),
]


@pytest.mark.parametrize(("body", "text"), BAD_TRACES)
def test_bad_traces(body, text):
    class Bad(sl.Sampler):
        def trace(self, t, sigmas):
            body(t)

    with pytest.raises(ProgramError, match=f"^{re.escape(text)}"):
        Bad().compile([3.0, 2.0, 1.0])


def test_the_same_combination_twice_is_one_tensor():
    class Twice(sl.Sampler):
        def trace(self, t, sigmas):
            x = t.start()
            den = t.denoise(x * 0.5, sigmas[0])
            t.end_step(den - t.denoise(x * 0.5, sigmas[0]))

    assert Twice().compile([2.0, 1.0]).analysis.passes == 2


def test_a_network_that_takes_x_itself_needs_no_row_to_scale_it():
    program = sl.sampler("euler").compile(np.array([1.0, 0.7, 0.3, 0.0]))
    flow, scaled = program.fold(sl.parameterization("flow")), program.fold(sl.parameterization("epsilon"))
    assert flow.analysis.terms < scaled.analysis.terms
    rows = [len(operation[2]) for operation in flow._core.operations() if operation[0] == "combine"]
    assert rows == [1, 1, 1]
    assert [operation[2] for operation in flow._core.operations() if operation[0] == "denoise"] == [0, 0, 0]
