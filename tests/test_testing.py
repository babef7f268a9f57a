"""The conformance kit itself: its oracles are right, and it catches what is wrong."""

from __future__ import annotations

import copy
import itertools
import json
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import stepladder as sl
from scipy.integrate import solve_ivp
from stepladder import NoiseProcess, Parameterization, Sampler, Schedule, make_manager, testing
from stepladder.errors import ScheduleError
from stepladder.hookspecs import Claims

CLAIMS = Claims(formula_order=1, global_order=1, weak_order=None, evaluations=1, stochastic=False)

# Problems


def log_density(problem, x, sigma):
    """Log density of the noised mixture, straight from its definition."""
    total = 0.0
    for mean, std, weight in zip(problem.means, problem.stds, problem.weights, strict=True):
        variance = std**2 + sigma**2
        distance = sum((a - b) ** 2 for a, b in zip(x, mean, strict=True))
        total += weight * math.exp(-0.5 * distance / variance) / (2 * math.pi * variance) ** (len(mean) / 2)
    return math.log(total)


@pytest.mark.parametrize("sigma", [0.1, 0.7, 3.0])
def test_mixture_denoiser_is_tweedies_formula(sigma):
    problem = testing.mixture_problem()
    assert sum(problem.weights) == pytest.approx(1)
    for x in problem.start(0.5)[:4]:
        h = 1e-5
        for axis in range(2):
            shift = h * np.eye(2)[axis]
            slope = (log_density(problem, x + shift, sigma) - log_density(problem, x - shift, sigma)) / (2 * h)
            denoised = problem.denoise(x[None], sigma)[0, axis]
            assert denoised == pytest.approx(x[axis] + sigma**2 * slope, rel=1e-6, abs=1e-8)


def test_a_mixture_of_one_is_the_gaussian():
    mixture, gaussian = testing.MixtureProblem(((0.4,),), (0.6,), (1.0,)), testing.gaussian_problem(0.4, 0.6)
    x = gaussian.start(5.0)[:, None]
    np.testing.assert_allclose(mixture.denoise(x, 1.3), gaussian.denoise(x, 1.3), rtol=1e-14)
    np.testing.assert_allclose(mixture.flow(x, 5.0, 0.2), gaussian.flow(x, 5.0, 0.2), rtol=0, atol=1e-11)


def test_mixture_flow_agrees_with_another_integrator():
    problem = testing.mixture_problem()
    start = problem.start(10.0)

    def slope(sigma, flat):
        x = flat.reshape(start.shape)
        return ((x - problem.denoise(x, sigma)) / sigma).ravel()

    solved = solve_ivp(slope, (10.0, 0.1), start.ravel(), method="DOP853", rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(problem.flow(start, 10.0, 0.1).ravel(), solved.y[:, -1], rtol=0, atol=1e-9)


def test_gaussian_flow_keeps_the_quantile_and_a_point_is_reached_on_a_line():
    problem = testing.gaussian_problem(1.0, 0.5)
    x = np.array([1.0 + 2 * math.hypot(0.5, 3.0)])
    assert problem.flow(x, 3.0, 0.2) == pytest.approx(1.0 + 2 * math.hypot(0.5, 0.2))
    point = testing.gaussian_problem(1.0, 0.0)
    assert point.denoise(x, 3.0) == 1.0
    assert point.flow(x, 3.0, 1.5) == pytest.approx((x + 1.0) / 2)


# The interpreter


def combine(*rows):
    return {"op": "combine", "rows": [{"out": out, "terms": [list(t) for t in terms]} for out, terms in rows]}


def denoise(out, source, sigma, second=None):
    return {"op": "denoise", "out": out, "input": source, "sigma": sigma, "second": second}


def noise(out, sigma_from, sigma_to, ordinal=0, stream=0):
    op = {"op": "noise", "out": out, "sigma_from": sigma_from, "sigma_to": sigma_to}
    return op | {"stream": stream, "ordinal": ordinal}


def program(*operations, registers=4, x=0, denoised=None):
    return {
        "format": "stepladder.program",
        "version": 1,
        "name": "by hand",
        "sigma_start": 2.0,
        "sigma_end": 1.0,
        "registers": registers,
        "inputs": [{"name": "x", "register": 0}],
        "operations": list(operations),
        "steps": [{"sigma": 2.0, "sigma_next": 1.0, "end": len(operations), "x": x, "denoised": denoised}],
    }


EULER = program(denoise(1, 0, 2.0), combine((2, [(0, 0.5), (1, 0.5)])), x=2, denoised={"operation": 0, "register": 1})


@pytest.mark.parametrize("form", [EULER, json.dumps(EULER)])
def test_run_program_euler(form):
    result = testing.run_program(form, lambda x, sigma: x / sigma, np.array([4.0, 8.0]))
    assert result.tolist() == [3.0, 6.0]


def test_run_program_reads_all_rows_before_it_writes_any():
    swap = program(combine((1, [(0, 2.0)])), combine((0, [(1, 1.0)]), (1, [(0, 1.0)])), x=1)
    assert testing.run_program(swap, None, np.array([3.0])) == 3.0


def test_run_program_second_result_and_noise():
    second = {"kind": "uncond", "out": 2}
    ops = [denoise(1, 0, 2.0, second), noise(3, 2.0, 1.0, 5, 1), combine((0, [(1, 1.0), (2, 10.0), (3, 100.0)]))]
    calls = []

    def draw(like, *args):
        calls.append(args)
        return np.full(like.shape, 3.0)

    result = testing.run_program(program(*ops), lambda x, _: (x, 2 * x), np.array([1.0]), draw)
    assert result.tolist() == [1.0 + 20.0 + 300.0]
    assert calls == [(2.0, 1.0, 1, 5)]


def test_run_program_refusals():
    with pytest.raises(ValueError, match="draws noise; give"):
        testing.run_program(program(noise(1, 2.0, 1.0), x=1), None, np.zeros(1))
    with pytest.raises(ValueError, match="unknown operation 'jump'"):
        testing.run_program(program({"op": "jump"}), None, np.zeros(1))
    more = EULER | {"inputs": [{"name": "x", "register": 0}, {"name": "result 3", "register": 1}]}
    with pytest.raises(ValueError, match="this one needs"):
        testing.run_program(more, None, np.zeros(1))


def broken(path, value):
    """EULER with one thing changed."""
    changed = copy.deepcopy(EULER)
    at = changed
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        (("format",), "x", "format is 'x'"),
        (("steps",), [], "no steps"),
        (("registers",), 2, "writes"),
        (("operations", 0, "input"), 3, r"operation 0 \(denoise\) reads registers \[3\] before"),
        (("operations", 0, "sigma"), 0.0, "at sigma 0.0"),
        (("operations", 0, "sigma"), math.inf, "not finite"),
        (("operations", 0, "second"), {"kind": "uncond", "out": 1}, "writes one register twice"),
        (("operations", 1, "rows", 0, "terms", 0, 1), math.nan, "not finite"),
        (("operations", 1, "op"), "jump", "unknown operation 'jump'"),
        (("steps", 0, "end"), 1, "ends at 1 of 2"),
        (("steps", 0, "x"), 3, "x is in register 3"),
        (("steps", 0, "denoised", "register"), 3, "operation 0 leaves the denoised value in register 3, which is not"),
        (("steps", 0, "denoised", "register"), 2, "in register 2, which is not written by then"),
        (("steps", 0, "denoised", "operation"), 2, "the step ends before operation 2"),
    ],
)
def test_validate_program(path, value, text):
    testing.validate_program(EULER)
    with pytest.raises(AssertionError, match=text):
        testing.validate_program(broken(path, value))


# Samplers


@dataclass(frozen=True)
class Euler(Sampler):
    """Euler's method, with room for mistakes."""

    gain: float = 1.0
    offset: float = 0.0
    eta: float = 0.0
    overlap: bool = False

    def trace(self, t, sigmas):
        x = t.start()
        for s, s_next in itertools.pairwise(sigmas):
            denoised = t.denoise(x, s)
            if s_next == 0:
                t.end_step(denoised)
                return
            down = s_next * (1 - self.eta) + self.offset
            x = denoised + (x - denoised) * (down / s) * self.gain
            if self.eta:
                up = math.sqrt(s_next**2 - down**2)
                x = x + t.noise(s, s_next) * up
            if self.overlap:
                x = x + t.noise(s, math.sqrt(s * s_next)) * 0.0
            x = t.end_step(x)


@dataclass(frozen=True)
class Ancestral(Sampler):
    """Euler's method with the ancestral noise that keeps the variance."""

    def trace(self, t, sigmas):
        x = t.start()
        for s, s_next in itertools.pairwise(sigmas):
            denoised = t.denoise(x, s)
            if s_next == 0:
                t.end_step(denoised)
                return
            up = math.sqrt(s_next**2 * (s**2 - s_next**2) / s**2)
            down = math.sqrt(s_next**2 - up**2)
            x = t.end_step(denoised + (x - denoised) * (down / s) + t.noise(s, s_next) * up)


STOCHASTIC = Claims(formula_order=1, global_order=None, weak_order=1, evaluations=1, stochastic=True)


def test_right_samplers_pass():
    testing.check_sampler(Euler(), claims=CLAIMS)
    testing.check_sampler(Euler(), claims=CLAIMS, grid="karras", processes=["edm"])
    testing.check_sampler(Ancestral(), claims=STOCHASTIC)
    testing.check_sampler(Ancestral(), claims=replace(STOCHASTIC, global_order=1), order_variant=Euler())


@pytest.mark.parametrize(
    ("sampler", "claims", "text"),
    [
        (Euler(), replace(CLAIMS, global_order=2), r"converges with order 1.0\d; it claims a global order of 2"),
        (Euler(), replace(CLAIMS, evaluations=2), "makes 1 model calls per step; it claims 2"),
        (Euler(), replace(CLAIMS, stochastic=True, global_order=None), "draws noise 0 times in 20 steps"),
        (Euler(), replace(CLAIMS, needs_path=True), "intervals overlap: False; it claims needs_path=True"),
        (Euler(gain=1.001), CLAIMS, "misses the straight line"),
        (Euler(offset=0.001), CLAIMS, "it claims scale_free=True"),
        (Euler(offset=0.001), replace(CLAIMS, scale_free=False), "misses the straight line"),
        (Ancestral(), CLAIMS, "draws noise 20 times in 20 steps; it claims stochastic=False"),
        (Ancestral(), replace(STOCHASTIC, weak_order=2), r"converges with order \S+; it claims a weak order of 2"),
        (
            Euler(eta=0.5, overlap=True),
            replace(STOCHASTIC, weak_order=None),
            "overlap: True; it claims needs_path=False",
        ),
    ],
)
def test_wrong_samplers_fail(sampler, claims, text):
    with pytest.raises(AssertionError, match=text):
        testing.check_sampler(sampler, claims=claims)


def test_check_sampler_says_what_it_needs():
    with pytest.raises(ValueError, match="without claims"):
        testing.check_sampler(Euler())
    with pytest.raises(ValueError, match="order_variant"):
        testing.check_sampler(Ancestral(), claims=replace(STOCHASTIC, global_order=1))
    with pytest.raises(ValueError, match="give processes of these families"):
        testing.check_sampler(Euler(), claims=replace(CLAIMS, families=("flow",)))
    with pytest.raises(AssertionError, match="no sampler is registered under the name 'nothing'"):
        testing.check_sampler("nothing")
    with pytest.raises(AssertionError, match="not claimed"):
        testing.check_sampler(Euler(), claims=replace(CLAIMS, families=("flow",)), processes=["edm"])


def test_mutable_samplers_fail():
    @dataclass
    class Mutable(Sampler):
        """Not frozen."""

        def trace(self, t, sigmas):
            """Never called."""

    with pytest.raises(AssertionError, match="make it frozen"):
        testing.check_sampler(Mutable(), claims=CLAIMS)


# Schedules


@dataclass(frozen=True)
class Line(Schedule):
    """A straight line from sigma_max to sigma_min, and 0, with room for mistakes."""

    top: float = 1.0
    bottom: float = 1.0
    only: str = "ve"

    def generate(self, process, steps):
        if process.family != self.only:
            raise ScheduleError(f"Line serves {self.only}")
        return np.append(np.linspace(process.sigma_max * self.top, process.sigma_min * self.bottom, steps), 0.0)


def test_right_schedules_pass():
    testing.check_schedule(Line(), endpoints="exact", processes=["edm"])
    testing.check_schedule(Line())


@pytest.mark.parametrize("name", make_manager(entry_points=False).schedules)
def test_built_in_schedules_pass(name):
    """Those that are nothing without a table are given one; the others that are one are checked over its process."""
    own = {
        "tabulated": (sl.TabulatedSchedule((80.0, 9.0, 1.0, 0.1)), ["edm"]),
        "custom": (sl.CustomSchedule(levels=(9.0, 3.0, 1.0)), ["edm"]),
        "align_your_steps": ("align_your_steps", ["discrete"]),
    }
    schedule, processes = own.get(name, (name, None))
    testing.check_schedule(schedule, processes=processes)


def test_a_schedule_that_makes_more_steps_than_it_says_is_found():
    @dataclass(frozen=True)
    class Short(Line):
        """A line that says it ends at five steps, and goes on."""

        @property
        def steps_range(self):
            return 1, 5

    with pytest.raises(AssertionError, match="6 steps"):
        testing.check_schedule(Short(), processes=["edm"])


@pytest.mark.parametrize(
    ("schedule", "endpoints", "text"),
    [
        (Line(top=1.1), "inside", "is not within"),
        (Line(bottom=0.9), "inside", "is not within"),
        (Line(top=0.9), "exact", "expected sigma_max"),
        (Line(bottom=1.1), "exact", "expected sigma_min"),
    ],
)
def test_wrong_schedules_fail(schedule, endpoints, text):
    with pytest.raises(AssertionError, match=text):
        testing.check_schedule(schedule, endpoints=endpoints, processes=["edm"])


def test_a_schedule_has_to_serve_what_it_is_said_to():
    with pytest.raises(ScheduleError, match="Line serves nothing"):
        testing.check_schedule(Line(only="nothing"), processes=["edm"])
    with pytest.raises(AssertionError, match="serves none of"):
        testing.check_schedule(Line(only="nothing"))


# Processes and parameterizations


@dataclass(frozen=True)
class LogProcess(NoiseProcess):
    """Sigma as the exponential of time, with room for mistakes."""

    family: str = "ve"
    sigma_min: float = 0.01
    sigma_max: float = 50.0
    skew: float = 1.0
    end: float = 0.0

    @property
    def sigmas(self):
        return None

    def sigma(self, t):
        return math.exp(t) if isinstance(t, float) else np.exp(t)

    def timestep(self, sigma, *, interpolate=False):
        return self.skew * (math.log(sigma) if isinstance(sigma, float) else np.log(sigma))

    def percent_to_sigma(self, percent):
        if percent in (0, 1):
            return 999_999_999.9 if percent == 0 else self.end
        return self.sigma_max ** (1 - percent) * self.sigma_min**percent


@pytest.mark.parametrize(
    ("process", "text"),
    [
        (LogProcess(family="wave"), "family is 'wave'"),
        (LogProcess(sigma_min=60.0), "expected 0 < sigma_min < sigma_max"),
        (LogProcess(skew=1.01), "is off by a factor"),
        (LogProcess(skew=-1.0), "timestep does not ascend"),
        (LogProcess(end=0.001), "expected exactly 0"),
    ],
)
def test_wrong_processes_fail(process, text):
    testing.check_process(LogProcess())
    with pytest.raises(AssertionError, match=text):
        testing.check_process(process)


@dataclass(frozen=True)
class Epsilon(Parameterization):
    """Epsilon prediction, with room for mistakes."""

    sign: float = 1.0
    floor: float = 0.0
    jump: float = 0.0
    shrink: float = 1.0

    def c_in(self, sigma):
        return self.sign / np.sqrt(1 + sigma**2)

    def c_skip(self, sigma):
        return 1.0 + self.jump * np.size(sigma)

    def c_out(self, sigma):
        return -np.maximum(sigma - self.floor, 0.0)

    def c_noise(self, sigma, process):
        return process.timestep(sigma)

    def noise_scaling(self, sigma, noise, latent, *, max_denoise=False):
        return latent + noise * sigma

    def inverse_noise_scaling(self, sigma, latent):
        return latent * self.shrink


@pytest.mark.parametrize(
    ("parameterization", "text"),
    [
        (Epsilon(sign=-1.0), "c_in is not positive"),
        (Epsilon(floor=1.0), "the network is not heard"),
        (Epsilon(jump=0.1), "among other sigmas"),
        (Epsilon(sign=math.nan), "c_in is not finite"),
        (Epsilon(shrink=0.9), "inverse_noise_scaling does not give a latent without noise back"),
    ],
)
def test_wrong_parameterizations_fail(parameterization, text):
    testing.check_parameterization(Epsilon(), process=LogProcess())
    with pytest.raises(AssertionError, match=text):
        testing.check_parameterization(parameterization, process=LogProcess())


def test_builtins_pass():
    testing.check_process("edm")
    testing.check_schedule("karras", endpoints="exact", processes=["edm"])
    testing.check_sampler("euler")
    testing.check_sampler("heun")
    testing.check_parameterization("epsilon")
