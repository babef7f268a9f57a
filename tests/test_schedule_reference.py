"""Every registered schedule against its independent version, what holds of all of them, and what they refuse."""

import inspect
import re

import numpy as np
import pytest
import stepladder as sl
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from reference import process as exact
from reference import schedule as exact_schedule
from schedule_cases import AYS, CASES, SD
from stepladder.errors import ProcessError, ScheduleError, UnknownNameError
from test_schedule import RANGES, assert_schedule

NAMES = sorted(CASES)
PROCESSES = [
    SD,
    sl.EDMProcess(),
    sl.DiscreteProcess("linear", timesteps=37),
    sl.DistilledDiscreteProcess(),
    sl.ContinuousVProcess(),
    sl.FlowProcess(3.0),
    sl.FluxProcess(),
    sl.StableCascadeProcess(2.0),
    sl.CosmosProcess(),
    sl.TrigFlowProcess(),
    sl.VPSDEProcess(),
]
LEVELS = st.sets(st.integers(1, 10**6), min_size=1, max_size=30).map(
    lambda levels: tuple(level / 1000 for level in sorted(levels, reverse=True))
)
RANDOM = st.one_of(
    st.sampled_from(PROCESSES),
    st.builds(
        sl.DiscreteProcess,
        st.sampled_from(["linear", "scaled_linear", "sqrt_linear"]),
        st.floats(1e-5, 1e-3),
        st.floats(2e-3, 2e-2),
        st.integers(2, 400),
    ),
    RANGES.map(lambda ends: sl.EDMProcess(*ends)),
    st.builds(sl.FlowProcess, st.floats(0.2, 12.0)),
)


def test_every_registered_schedule_has_a_case():
    assert set(CASES) == set(sl.schedules())


@pytest.mark.parametrize("name", NAMES)
def test_equals_the_independent_version(name):
    case = CASES[name]

    @settings(max_examples=settings.default.max_examples * 3 // 5)
    @given(process=RANDOM, params=case.params, steps=st.integers(1, case.most or 60))
    def check(process, params, steps):
        assume(len(process.sigmas) >= (case.most or 0))  # fewer levels than points: see below
        params = {**case.required, **params}
        sigmas = sl.schedule(name, **params).sigmas(process, steps)
        assert_schedule(sigmas, steps)
        np.testing.assert_allclose(sigmas, case.reference(steps, process, **params), rtol=1e-12, atol=0)
        if case.top:
            assert sigmas[0] == pytest.approx(case.top(process, **params), rel=4e-16)
        if case.bottom and steps > 1 and (bottom := case.bottom(process, **params)) is not None:
            assert sigmas[-2] == pytest.approx(bottom, rel=4e-16)

    check()


@pytest.mark.parametrize(("name", "points"), [("lcm", 50), ("sd_turbo", 10)])
def test_points_that_a_table_cannot_tell_apart(name, points):
    process = sl.DiscreteProcess("linear", timesteps=2)
    with pytest.raises(ScheduleError, match=rf"^{points} steps do not fit: sigmas\[\d+\] would be"):
        sl.sigmas(name, process, points)


@given(process=st.sampled_from(PROCESSES), levels=LEVELS)
def test_a_list_of_ones_own_is_kept(process, levels):
    for given_levels in (levels, list(levels), np.array(levels), (*levels, 0.0)):
        made = sl.CustomSchedule(levels=given_levels)
        np.testing.assert_array_equal(made.sigmas(process, len(levels)), [*levels, 0.0])


@given(times=st.sets(st.integers(0, 999), min_size=1, max_size=50))
def test_times_of_ones_own_are_looked_up(times):
    times = sorted(times, reverse=True)
    expected = np.append(exact.discrete_table()[times], 0.0)
    np.testing.assert_allclose(sl.CustomSchedule(timesteps=times).sigmas(SD, len(times)), expected, rtol=1e-12)


@pytest.mark.parametrize("process", PROCESSES, ids=lambda p: type(p).__name__)
@pytest.mark.parametrize("name", NAMES)
def test_any_number_of_steps(name, process):
    """One, two, as many as the table has and more, and 10 000: valid, or an error that says why there are no more."""
    made = sl.schedule(name, **CASES[name].required)
    size = len(process.sigmas)
    for steps in (1, 2, size - 1, size, size + 1, 3 * size // 2, 10_000):
        if (most := CASES[name].most) and steps > most:
            with pytest.raises(ScheduleError, match=rf"^steps is {steps}; expected (at most )?{most}: \S+ "):
                made.sigmas(process, steps)
        else:
            assert_schedule(made.sigmas(process, steps), steps)


@pytest.mark.parametrize("name", [name for name in NAMES if not CASES[name].most])
def test_ten_thousand_steps_of_any_parameters(name):
    """Some parameters leave float64 no room for so many levels: then that is what the error says."""

    @settings(max_examples=settings.default.max_examples // 5)
    @given(process=RANDOM, params=CASES[name].params)
    def check(process, params):
        made = sl.schedule(name, **{**CASES[name].required, **params})
        try:
            sigmas = made.sigmas(process, 10_000)
        except ScheduleError as error:
            assert re.match(r"10000 steps do not fit: sigmas\[\d+\] would be", str(error))  # noqa: PT017  # not raising is right too
        else:
            assert_schedule(sigmas, 10_000)

    check()


# --- what hosts do differently: any count, repeats and no zero are theirs ---------------------------------------------


def counts(size):
    return [1, 2, 3, 7, size // 2, size, size + 1, 2 * size + 3]


TABLES_OF = {"SD": SD, "short": sl.DiscreteProcess("linear", timesteps=37), "distilled": sl.DistilledDiscreteProcess()}


@pytest.mark.parametrize("process", TABLES_OF.values(), ids=TABLES_OF)
def test_host_forms_over_a_table(process):
    table = process.sigmas
    for steps in counts(len(table)):
        host = np.array([*(table[-(1 + int(k * (len(table) / steps)))] for k in range(steps)), 0.0])
        np.testing.assert_array_equal(sl.SimpleSchedule("comfyui").sigmas(process, steps), host)
        host = exact_schedule.ddim_uniform_comfyui(steps, table)
        np.testing.assert_array_equal(sl.DDIMUniformSchedule("comfyui").sigmas(process, steps), host)
        host = exact_schedule.smoothstep_rounded(steps, table)
        np.testing.assert_array_equal(sl.SmoothstepSchedule("stable_diffusion_cpp").sigmas(process, steps), host)
        if steps <= 60:
            for alpha, beta, made in ((0.6, 0.6, sl.BetaSchedule), (0.5, 0.7, sl.Beta57Schedule)):
                host = exact_schedule.beta_comfyui(steps, table, alpha, beta)
                np.testing.assert_array_equal(made(convention="comfyui").sigmas(process, steps), host)


@given(ends=RANGES, mu=st.floats(-2.0, 2.0), beta=st.floats(0.2, 3.0), steps=st.integers(1, 60))
def test_host_form_of_laplace(ends, mu, beta, steps):
    sigmas = sl.LaplaceSchedule(mu, beta, *ends, convention="comfyui").sigmas(SD, steps)
    expected = [float(level) for level in exact_schedule.laplace_levels(steps, *ends, mu, beta)]
    assert len(sigmas) == steps
    np.testing.assert_allclose(sigmas, expected, rtol=1e-12, atol=0)


@given(ends=RANGES, steps=st.integers(1, 60))
def test_host_form_of_kl_optimal(ends, steps):
    """A1111 divides the angles into `steps` intervals and ends at the lowest level."""
    sigmas = sl.KLOptimalSchedule(*ends, convention="a1111").sigmas(SD, steps)
    np.testing.assert_allclose(sigmas, exact_schedule.kl_optimal(steps + 1, *ends)[:-1], rtol=1e-12, atol=0)


@pytest.mark.parametrize("family", AYS)
def test_host_forms_of_align_your_steps(family):
    for steps in (1, 2, 9, 10, 11, 40):
        nvidia = sl.AlignYourStepsSchedule(family, convention="nvidia").sigmas(SD, steps)
        np.testing.assert_allclose(nvidia, exact_schedule.loglinear_interp(AYS[family], steps + 1), rtol=1e-12)
        a1111 = sl.AlignYourStepsSchedule(family, convention="a1111").sigmas(SD, steps)
        assert a1111[-1] == 0
        if steps > 1:
            np.testing.assert_allclose(a1111[:-1], exact_schedule.loglinear_interp(AYS[family], steps), rtol=1e-12)


def test_laplace_keeps_inside_the_range_where_clamping_would_repeat():
    host = sl.LaplaceSchedule(mu=1.0, beta=2.0, sigma_min=0.5, sigma_max=5.0, convention="comfyui").sigmas(SD, 40)
    assert (np.diff(host) == 0).sum() > 10
    own = sl.LaplaceSchedule(mu=1.0, beta=2.0, sigma_min=0.5, sigma_max=5.0).sigmas(SD, 40)
    assert_schedule(own, 40)
    assert own[0] == 5.0
    assert own[-2] == 0.5
    assert ((own[1:-2] > 0.5) & (own[1:-2] < 5.0)).all()


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "params", "text"),
    [(name, params, text) for name in NAMES for params, text in CASES[name].bad],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "",
)
def test_bad_parameters_are_named(name, params, text):
    required = {} if name == "custom" else CASES[name].required
    for make in (sl.schedules()[name].factory, lambda **given: sl.schedule(name, **given)):
        with pytest.raises(ScheduleError) as caught:
            make(**{**required, **params})
        assert type(caught.value) is ScheduleError
        assert text in str(caught.value)


def test_every_parameter_has_a_row_of_bad_values():
    for name, entry in sl.schedules().items():
        parameters = set(inspect.signature(entry.factory).parameters)
        assert parameters == {key for params, _ in CASES[name].bad for key in params}, name


@pytest.mark.parametrize("name", NAMES)
def test_bad_steps_denoise_and_processes_are_named(name):
    made = sl.schedule(name, **CASES[name].required)
    for steps in (0, -1, 10_000_001, 2.0, True, "20", None):
        with pytest.raises(ScheduleError, match=rf"^steps is {re.escape(repr(steps))}"):
            made.sigmas(SD, steps)
    for denoise in (-0.1, 1.5, True, "1", None):
        with pytest.raises(
            ScheduleError, match=rf"^denoise is {re.escape(repr(denoise))}.*; expected (0 to 1|a float)$"
        ):
            made.sigmas(SD, 1, denoise=denoise)
    if name not in WITHOUT_PROCESS:
        with pytest.raises(ProcessError, match=r"^process is str; expected a NoiseProcess"):
            made.sigmas("discrete", 1)


# Their levels are their own: no process is asked for anything.
WITHOUT_PROCESS = {
    "align_your_steps", "bong_tangent", "custom", "flow_shift", "flux", "flux2", "gits", "logit_normal", "ltxv",
    "optimal_steps", "tabulated", "vp",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(WITHOUT_PROCESS))
def test_some_schedules_take_nothing_from_the_process(name):
    made = sl.schedule(name, **CASES[name].required)
    np.testing.assert_array_equal(made.sigmas(SD, 1), made.sigmas(sl.EDMProcess(), 1))


class WithoutTable(sl.NoiseProcess):
    """A process that has no table."""

    family = "ve"
    sigma_min, sigma_max, sigmas = 0.1, 10.0, None

    def sigma(self, t):
        return np.exp(np.asarray(t))

    def timestep(self, sigma, *, interpolate=False):
        return np.log(sigma)

    def percent_to_sigma(self, percent):
        return 1.0


@pytest.mark.parametrize("name", NAMES)
def test_a_schedule_over_a_table_says_that_there_is_none(name):
    made = sl.schedule(name, **CASES[name].required)
    if CASES[name].needs_table:
        with pytest.raises(
            ScheduleError, match=r"^the process has no table of sigmas; expected one .* such as karras$"
        ):
            made.sigmas(WithoutTable(), 1)
    else:
        assert_schedule(made.sigmas(WithoutTable(), 1), 1)


def test_unknown_names_say_what_was_meant():
    with pytest.raises(UnknownNameError, match=r"^unknown schedule 'Karras' \(did you mean 'karras'\?\)"):
        sl.schedule("Karras")
    with pytest.raises(UnknownNameError, match=r"^unknown schedule 'karas'; close: 'karras'"):
        sl.schedule("karas")
