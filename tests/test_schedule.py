import dataclasses
import functools
import json
import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import stepladder as sl
from hypothesis import given
from hypothesis import strategies as st
from reference import schedule as reference
from stepladder import (
    AlignYourStepsSchedule,
    ExponentialSchedule,
    KarrasSchedule,
    NormalSchedule,
    Schedule,
    SimpleSchedule,
    loglinear_interp,
)
from stepladder._process import DiscreteProcess, EDMProcess, NoiseProcess
from stepladder.errors import ProcessError, ScheduleError


def load(name):
    return json.loads((Path(__file__).parent / "data" / f"{name}.json").read_text())


CLASSES = {
    "karras": KarrasSchedule,
    "exponential": ExponentialSchedule,
    "simple": SimpleSchedule,
    "normal": NormalSchedule,
    "align_your_steps": AlignYourStepsSchedule,
}
SD = DiscreteProcess()
EDM = EDMProcess()
FAMILIES = ["sd15", "sdxl", "svd", "deepfloyd"]
AYS = load("align_your_steps")
TABLES = load("published_tables")
# Every schedule with its parameters, for what must hold of all of them.
ALL = [
    KarrasSchedule(),
    KarrasSchedule(rho=0.5),
    KarrasSchedule(rho=2.5, sigma_min=0.01, sigma_max=100.0),
    ExponentialSchedule(),
    ExponentialSchedule(sigma_min=0.01),
    SimpleSchedule(),
    NormalSchedule(),
    *map(AlignYourStepsSchedule, FAMILIES),
    sl.SGMUniformSchedule(),
    sl.DDIMUniformSchedule(),
    sl.BetaSchedule(),
    sl.BetaSchedule(alpha=2.0, beta=5.0),
    sl.Beta57Schedule(),
    sl.SmoothstepSchedule(),
    sl.PolyexponentialSchedule(),
    sl.PolyexponentialSchedule(rho=3.0),
    sl.LaplaceSchedule(),
    sl.LaplaceSchedule(mu=1.0, beta=0.2),
    sl.KLOptimalSchedule(),
    sl.BetaOverRangeSchedule(),
    sl.CosineSchedule(),
    sl.TangentSchedule(),
    sl.TangentSchedule(pivot=0.0, slope=1.0),
    sl.VPSchedule(),
    sl.LinearQuadraticSchedule(),
    sl.BongTangentSchedule(),
    sl.BongTangentSchedule(2.0, 0.3, 0.2, 0.9, 0.1, 1.5),
    sl.LogitNormalSchedule(),
    sl.LogitNormalSchedule(mu=-2.0, std=4.0, width=512, height=512),
    sl.FluxSchedule(),
    sl.Flux2Schedule(),
    sl.Flux2Schedule(2048, 2048),
    sl.LTXVSchedule(),
    sl.LTXVSchedule(tokens=100, stretch=False),
    sl.AlignYourStepsSchedule("sd15", points=32),
    sl.AlignYourStepsSchedule("svd", sigma_min=0.01, sigma_max=80.0),
    sl.AlignYourStepsSchedule(convention="a1111"),
    sl.GITSSchedule(),
    sl.OptimalStepsSchedule(),
    sl.TabulatedSchedule((3.0, 1.0, 0.1)),
    sl.DiffusersSchedule(),
    sl.DiffusersSchedule("linspace", "ddim"),
    sl.DiffusersSchedule("trailing", "dpmsolver", convert="beta"),
    sl.FlowShiftSchedule(3.0),
    sl.FlowShiftSchedule(mu=1.15, terminal=0.02, grid="flow_match_euler"),
]


def assert_schedule(sigmas, steps):
    assert sigmas.dtype == np.float64
    assert sigmas.shape == (steps + 1,)
    assert np.isfinite(sigmas).all()
    assert (np.diff(sigmas) < 0).all()
    assert sigmas[-1] == 0.0
    assert not np.signbit(sigmas[-1])


# --- the independent version -----------------------------------------------------------------------------------------

STEPS = st.integers(1, 200)
RANGES = st.tuples(st.floats(1e-4, 1.0), st.floats(1.05, 1e5)).map(lambda pair: (pair[0], pair[0] * pair[1]))


@given(steps=STEPS, ends=RANGES, rho=st.one_of(st.integers(1, 1000).map(float), st.floats(0.1, 1000)))
def test_karras_matches_the_formula(steps, ends, rho):
    sigmas = KarrasSchedule(rho, *ends).sigmas(SD, steps)
    assert_schedule(sigmas, steps)
    np.testing.assert_allclose(sigmas, reference.karras(steps, *ends, rho), rtol=1e-12, atol=0)
    assert sigmas[0] == ends[1]
    assert steps == 1 or sigmas[-2] == ends[0]


@given(steps=STEPS, ends=RANGES)
def test_exponential_matches_the_formula(steps, ends):
    sigmas = ExponentialSchedule(*ends).sigmas(SD, steps)
    assert_schedule(sigmas, steps)
    np.testing.assert_allclose(sigmas, reference.exponential(steps, *ends), rtol=1e-12, atol=0)
    assert sigmas[0] == ends[1]
    assert steps == 1 or sigmas[-2] == ends[0]


PROCESSES = st.one_of(
    st.builds(
        DiscreteProcess,
        st.sampled_from(["linear", "scaled_linear", "cosine", "sqrt"]),
        st.floats(1e-5, 1e-3),
        st.floats(2e-3, 2e-2),
        st.integers(2, 400),
    ),
    RANGES.map(lambda ends: EDMProcess(*ends)),
)


@given(process=PROCESSES, steps=st.integers(1, 1500))
def test_simple_matches_the_formula(process, steps):
    sigmas = SimpleSchedule().sigmas(process, steps)
    assert_schedule(sigmas, steps)
    np.testing.assert_allclose(sigmas, reference.simple(steps, process.sigmas), rtol=1e-12, atol=0)
    assert sigmas[0] == process.sigma_max


@given(process=PROCESSES, steps=st.integers(1, 1500))
def test_normal_matches_the_formula(process, steps):
    sigmas = NormalSchedule().sigmas(process, steps)
    assert_schedule(sigmas, steps)
    start, end = process.timestep(process.sigma_max), process.timestep(process.sigma_min)
    expected = reference.normal(steps, start, end, lambda t: process.sigma(np.clip(t, end, start)))
    np.testing.assert_allclose(sigmas, expected, rtol=1e-12, atol=0)
    assert sigmas[0] == process.sigma_max


@given(family=st.sampled_from(FAMILIES), steps=st.integers(1, 1500))
def test_align_your_steps_matches_the_formula(family, steps):
    sigmas = AlignYourStepsSchedule(family).sigmas(SD, steps)
    assert_schedule(sigmas, steps)
    names = {"sd15": "SD1", "sdxl": "SDXL", "svd": "SVD"}
    deepfloyd = TABLES["align_your_steps_11"]["deepfloyd_stage1"]
    table = AYS["noise_levels"][names[family]] if family in names else deepfloyd
    expected = reference.loglinear_interp(table, steps + 1)
    np.testing.assert_allclose(sigmas[:-1], expected[:-1], rtol=1e-12, atol=0)


@given(levels=st.sets(st.floats(1e-6, 1e6), min_size=2, max_size=40), n=st.integers(1, 500))
def test_loglinear_interp_matches_the_formula(levels, n):
    table = sorted(levels, reverse=True)
    ours = loglinear_interp(table, n)
    np.testing.assert_allclose(ours, reference.loglinear_interp(table, n), rtol=1e-12, atol=0)
    assert ours[-1] == table[-1]
    assert n == 1 or ours[0] == table[0]


# --- what holds of every schedule ------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 999, 1000, 1001, 10_000])
@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_exactly_the_steps_asked_for(schedule, steps):
    for process in (SD, EDM, DiscreteProcess(timesteps=2)):
        assert_schedule(schedule.sigmas(process, steps), steps)


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_results_are_fresh_and_steps_may_be_any_integer(schedule):
    first = schedule.sigmas(SD, 10)
    first[:] = -1
    for steps in (10, np.int64(10), np.uint8(10)):
        assert_schedule(schedule.sigmas(SD, steps), 10)


def test_simple_is_the_table_when_it_has_as_many_levels():
    np.testing.assert_array_equal(SimpleSchedule().sigmas(SD, 1000)[:-1], SD.sigmas[::-1])


def test_normal_ends_with_a_process_that_reaches_zero():
    sigmas = NormalSchedule().sigmas(EDMProcess(1e-6, 10.0), 4)
    np.testing.assert_allclose(sigmas, [10.0 * (1e-7) ** (k / 4) for k in range(4)] + [0.0], rtol=1e-12)


@given(steps=st.integers(1, 100), denoise=st.floats(0.02, 1.0), schedule=st.sampled_from(ALL))
def test_denoise_keeps_the_end(steps, denoise, schedule):
    sigmas = schedule.sigmas(SD, steps, denoise=denoise)
    if schedule.tail_rule == "round":
        expected = schedule.sigmas(SD, steps)[steps - round(steps * denoise) :]
    else:
        total = steps if denoise > 0.9999 else int(steps / denoise)
        expected = schedule.sigmas(SD, total)[total - steps :]
    np.testing.assert_array_equal(sigmas, expected)


def test_penultimate_level_is_left_out():
    sampler = SimpleNamespace(discards_penultimate=True)
    for schedule in ALL:
        full = schedule.sigmas(SD, 11)
        np.testing.assert_array_equal(schedule.sigmas(SD, 10, sampler=sampler), np.append(full[:-2], 0.0))
        keeps = schedule.sigmas(SD, 10, sampler=SimpleNamespace(discards_penultimate=False))
        np.testing.assert_array_equal(keeps, schedule.sigmas(SD, 10))


def test_nothing_to_denoise_is_an_empty_schedule():
    for schedule in ALL:
        assert schedule.sigmas(SD, 10, denoise=0.0).shape == (0,)


def test_schedules_are_values():
    for schedule in ALL:
        assert pickle.loads(pickle.dumps(schedule)) == schedule
        assert sum(schedule == other for other in ALL) == 1
        assert hash(dataclasses.replace(schedule)) == hash(schedule)
        with pytest.raises(dataclasses.FrozenInstanceError):
            schedule.rho = 1.0


# --- plugins ---------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Given(Schedule):
    """A plugin's schedule that returns what it is told to."""

    values: object = None

    def generate(self, process, steps):
        return self.values if self.values is not None else np.append(np.linspace(2.0, 1.0, steps), 0.0)


def test_plugin_schedules_get_the_rules():
    np.testing.assert_array_equal(Given().sigmas(SD, 3), [2.0, 1.5, 1.0, 0.0])
    np.testing.assert_allclose(Given().sigmas(SD, 2, denoise=0.5), [4 / 3, 1.0, 0.0], rtol=1e-15)


BROKEN_PLUGINS = [
    ([2.0, 1.0, 0.0], "sigmas is list; expected a float64 array"),
    (np.array([2.0, 1.0, 0.0], np.float32), "sigmas is an array of float32; expected a float64 array"),
    (np.array([[2.0, 1.0, 0.0]]), "sigmas has 2 dimensions; expected 1"),
    (
        np.array([2.0, 9.0, 1.0, 9.0, 0.0])[::2],
        "sigmas is not C-contiguous and aligned; expected numpy.ascontiguousarray(sigmas)",
    ),
    (np.array([2.0, 0.0]), "sigmas has 2 values; expected steps + 1 = 3"),
    (np.array([2.0, np.nan, 0.0]), "sigmas[1] is NaN; expected a finite value, 0 or above"),
    (np.array([np.inf, 1.0, 0.0]), "sigmas[0] is inf; expected a finite value, 0 or above"),
    (np.array([2.0, -1.0, 0.0]), "sigmas[1] is -1; expected a finite value, 0 or above"),
    (np.array([2.0, 2.0, 0.0]), "sigmas[1] is 2; expected strictly descending values"),
    (np.array([2.0, 0.0, 0.0]), "sigmas[2] is 0; expected strictly descending values"),
    (np.array([2.0, 1.0, 0.5]), "sigmas[2] is 0.5; expected exactly 0 at the end"),
]


@pytest.mark.parametrize(("values", "text"), BROKEN_PLUGINS)
def test_broken_plugin_schedules_are_named(values, text):
    with pytest.raises(ScheduleError) as caught:
        Given(values).sigmas(SD, 2)
    assert str(caught.value) == f"Given.generate: {text}"


class Halving(NoiseProcess):
    """A plugin's process: `sigma = 2 ** t`."""

    family = "ve"
    sigma_min = 0.25
    sigma_max = 4.0

    def __init__(self, table=None, broken=None):
        self.table = table
        self.broken = broken

    @property
    def sigmas(self):
        return self.table

    def sigma(self, t):
        return np.exp2(t) if self.broken is None else self.broken(t)

    def timestep(self, sigma, *, interpolate=False):
        return np.log2(sigma)

    def percent_to_sigma(self, percent):
        return 2.0


def test_plugin_processes():
    np.testing.assert_allclose(NormalSchedule().sigmas(Halving(), 5), [4.0, 2.0, 1.0, 0.5, 0.25, 0.0])
    # Long enough that the interpreter is released around the work and taken again to call back.
    assert_schedule(NormalSchedule().sigmas(Halving(), 5000), 5000)
    np.testing.assert_allclose(KarrasSchedule(1.0).sigmas(Halving(), 2), [4.0, 0.25, 0.0])
    for table in ([0.25, 1.0, 4.0], np.array([0.25, 1.0, 4.0])):
        np.testing.assert_allclose(SimpleSchedule().sigmas(Halving(table), 5), [4.0, 2.0, 1.0, 0.5, 0.25, 0.0])
    with pytest.raises(ScheduleError, match="the process has no table of sigmas; expected one"):
        SimpleSchedule().sigmas(Halving(), 5)


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ([0.1, np.nan, 10.0], "[1] is NaN; expected finite levels above 0"),
        ([0.1, 1.0, np.inf], "[2] is inf; expected finite levels above 0"),
        ([0.0, 1.0, 10.0], "[0] is 0; expected finite levels above 0"),
        ([-1.0, 1.0, 10.0], "[0] is -1; expected finite levels above 0"),
        ([0.1, 5.0, 1.0, 10.0], "[2] is 1 after 5; expected ascending levels"),
        ([10.0, 1.0, 0.1], "[1] is 1 after 10; expected ascending levels"),
        ([0.1, 1.0, 1.0, 10.0], "[2] is 1 after 1; expected ascending levels"),
        ([], " is empty; expected at least one level, or None where there is no table"),
    ],
)
def test_tables_of_plugin_processes_are_checked(table, text):
    calls = [
        *(
            functools.partial(sl.sigmas, name, steps=5, **options)
            for name, options in [
                ("simple", {}), ("beta", {}), ("ddim_uniform", {}), ("smoothstep", {}), ("diffusers", {}),
                ("normal", {}), ("sgm_uniform", {}), ("lcm", {}), ("sd_turbo", {}),
                ("simple", {"convention": "comfyui"}), ("beta", {"convention": "comfyui"}),
            ]
        ),
        *(functools.partial(sl.sigmas_batch, name, steps=5) for name in ("simple", "normal", "beta")),
    ]  # fmt: skip
    for call in calls:
        for levels in (table, np.array(table)):
            with pytest.raises(ProcessError) as caught:
                call(process=Halving(levels))
            assert str(caught.value) == f"Halving.sigmas{text}"


def test_a_table_of_a_plugin_process_may_repeat_its_ends():
    table = [0.25, 0.25, 0.5, 1.0, 2.0, 4.0, 4.0]
    np.testing.assert_allclose(SimpleSchedule().sigmas(Halving(table), 3), [4.0, 2.0, 0.5, 0.0])


def test_exceptions_of_plugin_processes_come_through():
    def fails(t):
        raise KeyError("a plugin's own")

    with pytest.raises(KeyError, match="a plugin's own"):
        NormalSchedule().sigmas(Halving(broken=fails), 5)
    with pytest.raises(ProcessError, match="the result is list; expected a float64 array"):
        NormalSchedule().sigmas(Halving(broken=lambda t: [1.0]), 5)
    with pytest.raises(ProcessError, match="the result has 2 values; expected 1"):
        NormalSchedule().sigmas(Halving(broken=lambda t: np.ones(2)), 5)
    with pytest.raises(ScheduleError, match="5 steps do not fit"):
        NormalSchedule().sigmas(Halving(broken=np.ones_like), 5)


@pytest.mark.parametrize("sampler", [3, b"euler", object(), SimpleNamespace(), sl.EulerSampler, {}])
def test_a_sampler_that_is_none_is_refused(sampler):
    with pytest.raises(ScheduleError, match=r"^sampler is .*; expected a Sampler, the name of one, or None$"):
        sl.sigmas("karras", SD, 5, sampler=sampler)


def test_long_numbers_have_exponents():
    for call, text in [
        (lambda: sl.sigmas("karras", SD, 5, sigma_max=1e-300), "sigma_max is 1e-300"),
        (lambda: sl.sigmas("karras", SD, 5, rho=1e300), "rho is 1e300; expected"),
        (lambda: sl.sigmas("karras", SD, 5, denoise=-1e-300), "denoise is -1e-300; expected 0 to 1"),
        (lambda: SD.sigma(1e300), "t is 1e300; expected 0 to 999"),
    ]:
        with pytest.raises((ScheduleError, ProcessError)) as caught:
            call()
        assert text in str(caught.value)
        assert len(str(caught.value)) < 200


def test_unsorted_timesteps_are_named():
    with pytest.raises(ScheduleError, match=r"^timesteps\[1\] is 700.*not below .* of timesteps\[0\] = 500"):
        sl.sigmas("custom", SD, 3, timesteps=[500, 700, 20])
    with pytest.raises(ScheduleError, match=r"^timesteps\[2\] is 20"):
        sl.sigmas("custom", SD, 3, timesteps=[500, 20, 20])


# --- what is refused -------------------------------------------------------------------------------------------------

BAD_STEPS = [
    (0, "steps is 0; expected 1 to 10000000"),
    (-1, "steps is -1; expected an int from 1 to 10000000"),
    (10_000_001, "steps is 10000001; expected 1 to 10000000"),
    (10**30, "steps is 1000000000000000000000000000000; expected an int from 1 to 10000000"),
    (2.0, "steps is 2.0 (float); expected an int from 1 to 10000000"),
    (np.float64(2.0), "steps is np.float64(2.0) (float64); expected an int from 1 to 10000000"),
    (True, "steps is True (bool); expected an int from 1 to 10000000"),
    ("20", "steps is '20' (str); expected an int from 1 to 10000000"),
    (None, "steps is None (NoneType); expected an int from 1 to 10000000"),
]


@pytest.mark.parametrize(("steps", "text"), BAD_STEPS)
@pytest.mark.parametrize("denoise", [1.0, 0.5])
@pytest.mark.parametrize("schedule", [*ALL, Given()], ids=repr)
def test_bad_steps_are_named(schedule, denoise, steps, text):
    with pytest.raises(ScheduleError) as caught:
        schedule.sigmas(SD, steps, denoise=denoise)
    assert type(caught.value) is ScheduleError
    assert str(caught.value) == text


RANGE = "expected 0 < sigma_min < sigma_max, both finite"
BAD_CALLS = [
    (lambda: KarrasSchedule(rho=0), "rho is 0; expected 0 (excluded) to 1000"),
    (lambda: KarrasSchedule(rho=-1), "rho is -1; expected 0 (excluded) to 1000"),
    (lambda: KarrasSchedule(rho=1000.1), "rho is 1000.1; expected 0 (excluded) to 1000"),
    (lambda: KarrasSchedule(rho=float("nan")), "rho is NaN; expected 0 (excluded) to 1000"),
    (
        lambda: KarrasSchedule(rho=1e-3).sigmas(SD, 5),
        "rho is 0.001; expected a value whose sigma^(1/rho) stays inside float64 at both ends of the range; raise rho",
    ),
    (lambda: KarrasSchedule(sigma_min=1, sigma_max=1), f"sigma_min is 1 and sigma_max is 1; {RANGE}"),
    (lambda: ExponentialSchedule(sigma_min=2, sigma_max=1), f"sigma_min is 2 and sigma_max is 1; {RANGE}"),
    (lambda: ExponentialSchedule(0.0, 1.0), f"sigma_min is 0 and sigma_max is 1; {RANGE}"),
    (lambda: ExponentialSchedule(float("nan"), 1.0), f"sigma_min is NaN and sigma_max is 1; {RANGE}"),
    (lambda: ExponentialSchedule(0.1, float("inf")), f"sigma_min is 0.1 and sigma_max is inf; {RANGE}"),
    (
        lambda: KarrasSchedule(sigma_min=20.0).sigmas(SD, 5),
        f"sigma_min is 20 and sigma_max is {SD.sigma_max}; {RANGE}",
    ),
    (
        lambda: ExponentialSchedule(1.0, 1.0 + 2**-52).sigmas(SD, 5),
        "5 steps do not fit: sigmas[0] would be 1.0000000000000002 and sigmas[1] 1.0000000000000002; expected strictly "
        "descending float64 values, so ask for fewer steps or a wider range",
    ),
    (
        lambda: AlignYourStepsSchedule("flux"),
        'family is "flux"; expected one of sd15, sdxl, svd, deepfloyd',
    ),
    (lambda: KarrasSchedule().sigmas(SD, 5, denoise=-0.1), "denoise is -0.1; expected 0 to 1"),
    (lambda: KarrasSchedule().sigmas(SD, 5, denoise=1.5), "denoise is 1.5; expected 0 to 1"),
    (lambda: KarrasSchedule().sigmas(SD, 5, denoise=float("nan")), "denoise is NaN; expected 0 to 1"),
    (
        lambda: KarrasSchedule().sigmas(SD, 5, denoise=1e-7),
        "steps / denoise is 50000000; expected at most 10000000: raise denoise (1e-7) or lower steps (5)",
    ),
    (lambda: SimpleSchedule().sigmas("discrete", 5), "process is str; expected a NoiseProcess"),
    (lambda: KarrasSchedule().sigmas("discrete", 5), "process is str; expected a NoiseProcess"),
    (lambda: loglinear_interp([2.0, 1.0], 0), "n is 0; expected 1 to 10000001"),
    (lambda: loglinear_interp([2.0, 1.0], -1), "n is -1; expected an int from 1 to 10000001"),
    (lambda: loglinear_interp([2.0, 1.0], 2.5), "n is 2.5 (float); expected an int from 1 to 10000001"),
    (lambda: loglinear_interp([2.0], 5), "table has 1 values; expected at least 2"),
    (
        lambda: loglinear_interp([2.0, np.nan], 5),
        "table[1] is NaN; expected positive, finite, strictly descending values",
    ),
    (
        lambda: loglinear_interp([np.inf, 1.0], 5),
        "table[0] is inf; expected positive, finite, strictly descending values",
    ),
    (lambda: loglinear_interp([1.0, 2.0], 5), "table[1] is 2; expected positive, finite, strictly descending values"),
    (lambda: loglinear_interp([1.0, 1.0], 5), "table[1] is 1; expected positive, finite, strictly descending values"),
    (lambda: loglinear_interp([1.0, 0.0], 5), "table[1] is 0; expected positive, finite, strictly descending values"),
    (lambda: loglinear_interp([2.0, "1"], 5), "a value of table is str; expected a float"),
    (lambda: loglinear_interp(np.ones((2, 2)), 5), "table has 2 dimensions; expected 1"),
    (
        lambda: loglinear_interp(np.array([2, 1]), 5),
        "table is an array of int64; expected a list or tuple of floats, or a float64 or float32 array",
    ),
    (
        lambda: loglinear_interp(np.array([3.0, 2.0, 1.0])[::2], 5),
        "table is not C-contiguous and aligned; expected numpy.ascontiguousarray(table)",
    ),
    (
        lambda: loglinear_interp("abc", 5),
        "table is str; expected a list or tuple of floats, or a float64 or float32 array",
    ),
]


@pytest.mark.parametrize(("call", "text"), BAD_CALLS)
def test_bad_values_are_named(call, text):
    with pytest.raises((ScheduleError, ProcessError)) as caught:
        call()
    assert str(caught.value) == text
    assert type(caught.value) is ScheduleError or text.startswith("process is")
