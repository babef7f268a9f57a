import dataclasses
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import process as reference
from stepladder._process import DiscreteProcess, EDMProcess, NoiseProcess
from stepladder.errors import ProcessError

DATA = json.loads((Path(__file__).parent / "data" / "processes.json").read_text())
NAMES = ["linear", "scaled_linear", "cosine", "squaredcos_cap_v2", "sqrt_linear", "sqrt"]
# (process, percent) whose peer value is lost to float32.
PEER_ROUNDING = {("discrete_cosine", 0.001), ("discrete_squaredcos_cap_v2", 0.001)}
SD = DiscreteProcess()
EDM = EDMProcess()


def from_spec(spec):
    """One of our two families as a reference case describes it."""
    if spec["kind"] == "continuous_edm":
        return EDMProcess(spec["sigma_min"], spec["sigma_max"])
    if spec["kind"] == "discrete_distilled":
        full = reference.alphas_cumprod(reference.betas("scaled_linear", 0.00085, 0.012, 1000))
        skip = 1000 // spec["original_timesteps"]
        return DiscreteProcess(alphas_cumprod=full[skip - 1 :: skip])
    names = ("beta_schedule", "beta_start", "beta_end", "timesteps")
    if spec.get("zero_terminal_snr"):
        products = reference.alphas_cumprod(reference.betas(*(spec[name] for name in names)))
        return DiscreteProcess(alphas_cumprod=reference.zero_terminal_snr([float(a) for a in products]))
    return DiscreteProcess(**{name: spec[name] for name in names})


@pytest.mark.parametrize("name", DATA["cases"])
def test_peer_values(name):
    case = DATA["cases"][name]
    process = from_spec(case["spec"])
    close = {"rtol": 2e-5, "atol": 0}
    assert len(process.sigmas) == case["num_sigmas"]
    np.testing.assert_allclose(process.sigmas[::37], case["sigmas_every_37th"], **close)
    np.testing.assert_allclose([process.sigma_min, process.sigma_max], [case["sigma_min"], case["sigma_max"]], **close)
    if case["spec"]["kind"] == "discrete_distilled":
        return  # there time counts the teacher's steps; its table is all that a table of ours shares
    sigma, timestep = case["timestep_of_sigma"]
    np.testing.assert_allclose(process.timestep(np.array(sigma)), timestep, rtol=2e-5, atol=1e-6)
    timestep, sigma = case["sigma_of_timestep"]
    np.testing.assert_allclose(process.sigma(np.array(timestep)), sigma, **close)
    percents, sigmas = case["percent_to_sigma"]
    for percent, sigma in zip(percents, sigmas, strict=True):
        if (name, percent) in PEER_ROUNDING:
            # Exact value in place of the peer's: its float32 time is 3e-5 off where sigma grows 30-fold per step.
            sigma = reference.sigma(process.sigmas, (1 - percent) * 999)
        np.testing.assert_allclose(process.percent_to_sigma(percent), sigma, **close)


@pytest.mark.parametrize("timesteps", [2, 50, 1000])
@pytest.mark.parametrize("name", NAMES)
def test_tables_match_the_formula(name, timesteps):
    process = DiscreteProcess(name, timesteps=timesteps)
    np.testing.assert_allclose(process.sigmas, reference.discrete_table(name, timesteps=timesteps), rtol=1e-12, atol=0)


def test_tables_of_betas_and_products_match_the_formula():
    betas = [0.001, 0.1, 0.02, 0.5]
    products = reference.alphas_cumprod(betas)
    expected = [float(s) for s in reference.sigmas(products)]
    np.testing.assert_allclose(DiscreteProcess(betas=betas).sigmas, expected, rtol=1e-13)
    np.testing.assert_allclose(DiscreteProcess(alphas_cumprod=products).sigmas, expected, rtol=1e-12)


@given(t=st.lists(st.floats(0, 999), min_size=1, max_size=30))
def test_sigma_matches_the_formula(t):
    np.testing.assert_allclose(SD.sigma(np.array(t)), reference.sigma(SD.sigmas, t), rtol=1e-12)


@given(sigma=st.lists(st.floats(1e-4, 1e3), min_size=1, max_size=30))
def test_nearest_timestep_matches_the_formula(sigma):
    ours, theirs = SD.timestep(np.array(sigma)), reference.nearest_timestep(SD.sigmas, np.array(sigma))
    np.testing.assert_array_equal(ours, theirs)


@given(t=st.floats(0, 999), name=st.sampled_from(NAMES))
def test_times_round_trip(t, name):
    process = DiscreteProcess(name)
    sigma = process.sigma(t)
    assert process.timestep(sigma, interpolate=True) == pytest.approx(t, rel=1e-9, abs=1e-9)
    expected = reference.interpolated_timestep(process.sigmas, sigma)
    assert process.timestep(sigma, interpolate=True) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert abs(process.timestep(sigma) - t) <= 0.5 + 1e-9


@given(sigma=st.floats(1e-5, 1e5))
def test_edm_times_round_trip(sigma):
    assert EDM.timestep(sigma) == pytest.approx(0.25 * np.log(sigma), rel=1e-12, abs=1e-15)
    assert EDM.sigma(EDM.timestep(sigma)) == pytest.approx(sigma, rel=1e-12)
    assert EDM.timestep(sigma, interpolate=True) == EDM.timestep(sigma)


@given(a=st.floats(0, 999), b=st.floats(0, 999))
def test_sigma_is_monotone(a, b):
    assert SD.sigma(min(a, b)) <= SD.sigma(max(a, b))


def test_ends_are_exact():
    assert SD.sigma(0) == SD.sigma_min == SD.sigmas[0]
    assert SD.sigma(999) == SD.sigma_max == SD.sigmas[-1]
    assert SD.timestep(SD.sigma_max) == SD.timestep(1e9) == 999.0
    assert SD.timestep(SD.sigma_min) == SD.timestep(0.0) == 0.0
    assert (EDM.sigmas[0], EDM.sigmas[-1]) == (EDM.sigma_min, EDM.sigma_max) == (0.002, 120.0)
    assert SD.percent_to_sigma(0) == 999999999.9
    assert SD.percent_to_sigma(1) == 0.0
    assert SD.sigma_max == pytest.approx(14.614641229333639, rel=1e-13)
    assert SD.sigma_min == pytest.approx(0.029167158151720367, rel=1e-13)


def test_sigmas_from_float32_are_inside():
    for sigma, t in ((SD.sigma_min, 0.0), (SD.sigma_max, 999.0)):
        assert SD.timestep(float(np.nextafter(np.float32(sigma), np.float32(sigma > 1) * 100)), interpolate=True) == t


@pytest.mark.parametrize("sigma", [0.1, 1.0, 7.0])
def test_families(sigma):
    assert (SD.family, EDM.family) == ("vp", "ve")
    assert EDM.alpha(sigma) == 1.0
    assert SD.alpha(sigma) == pytest.approx(1 / np.sqrt(1 + sigma**2), rel=1e-15)
    for process in (SD, EDM):
        assert process.half_log_snr(sigma) == pytest.approx(-np.log(sigma), rel=1e-15)
        assert process.sigma_from_half_log_snr(process.half_log_snr(sigma)) == pytest.approx(sigma, rel=1e-14)


class Rectified(NoiseProcess):
    """A plugin's process: the identity flow, without a table."""

    family = "flow"
    sigma_min = 1e-3
    sigma_max = 0.999
    sigmas = None

    def sigma(self, t):
        return t

    def timestep(self, sigma, *, interpolate=False):
        return sigma

    def percent_to_sigma(self, percent):
        return 1.0 - percent


def test_plugin_families_get_what_follows_from_the_family():
    flow = Rectified()
    assert flow.alpha(0.25) == 0.75
    assert flow.half_log_snr(0.25) == pytest.approx(np.log(3), rel=1e-15)
    assert flow.sigma_from_half_log_snr(np.log(3)) == pytest.approx(0.25, rel=1e-15)
    with pytest.raises(ProcessError, match=r"sigma is 1\.5; expected 0 to 1"):
        flow.alpha(1.5)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (1, 2, 1, 3), (3000,)])
def test_arrays_keep_their_shape(dtype, shape):
    sigma = np.linspace(0.1, 5.0, int(np.prod(shape)), dtype=dtype).reshape(shape)
    for f in (SD.timestep, EDM.timestep, SD.alpha, SD.half_log_snr):
        result = f(sigma)
        assert result.shape == shape
        assert result.dtype == np.float64
        np.testing.assert_array_equal(result.ravel(), [f(float(s)) for s in sigma.ravel()])


def test_numbers_give_floats():
    for t in (3, 3.0, np.float64(3), np.float32(3), np.int64(3)):
        assert type(SD.sigma(t)) is float
        assert SD.sigma(t) == SD.sigmas[3]


BAD_VALUES = [
    (lambda: SD.sigma(-1e-9), "t is -0.000000001; expected 0 to 999 (timesteps - 1)"),
    (lambda: SD.sigma(999.001), "t is 999.001; expected 0 to 999 (timesteps - 1)"),
    (lambda: SD.sigma(np.array([0.0, np.nan])), "t[1] is NaN; expected 0 to 999 (timesteps - 1)"),
    (lambda: SD.timestep(float("nan")), "sigma is NaN; expected a finite value, 0 or above"),
    (lambda: SD.timestep(float("inf")), "sigma is inf; expected a finite value, 0 or above"),
    (lambda: SD.timestep(-1.0), "sigma is -1; expected a finite value, 0 or above"),
    (
        lambda: SD.timestep(15.0, interpolate=True),
        f"sigma is 15; expected {SD.sigma_min} to {SD.sigma_max} (sigma_min to sigma_max); nearest lookup takes any "
        "sigma",
    ),
    (lambda: EDM.timestep(0.0), "sigma is 0; expected a positive finite value"),
    (lambda: EDM.sigma(float("nan")), "t is NaN; expected ln(sigma) / 4, within -175 to 175"),
    (lambda: SD.percent_to_sigma(1.01), "percent is 1.01; expected 0 to 1"),
    (lambda: SD.percent_to_sigma(float("nan")), "percent is NaN; expected 0 to 1"),
    (lambda: SD.half_log_snr(0.0), "sigma is 0; expected 0 to infinity, both excluded"),
    (lambda: SD.sigma_from_half_log_snr(1e3), "half_log_snr is 1000; expected -700 to 700"),
    (lambda: SD.sigma(True), "t is bool; expected a float, or a float64 or float32 array"),
    (lambda: SD.sigma("1"), "t is str; expected a float, or a float64 or float32 array"),
    (lambda: SD.sigma([1.0]), "t is list; expected a float, or a float64 or float32 array"),
    (
        lambda: SD.sigma(np.zeros(2, np.float16)),
        "t is an array of float16; expected a float, or a float64 or float32 array",
    ),
    (lambda: SD.sigma(np.zeros(2, int)), "t is an array of int64; expected a float, or a float64 or float32 array"),
    (
        lambda: SD.sigma(np.array([None])),
        "t is an array of object; expected a float, or a float64 or float32 array",
    ),
    (lambda: SD.sigma(np.zeros(4)[::2]), "t is not C-contiguous and aligned; expected numpy.ascontiguousarray(t)"),
    (
        lambda: SD.sigma(np.zeros((2, 2)).T),
        "t is not C-contiguous and aligned; expected numpy.ascontiguousarray(t)",
    ),
]


@pytest.mark.parametrize(("call", "text"), BAD_VALUES)
def test_bad_values_are_named(call, text):
    with pytest.raises(ProcessError) as caught:
        call()
    assert type(caught.value) is ProcessError
    assert str(caught.value) == text


BAD_PROCESSES = [
    ({"beta_schedule": "quadratic"}, f'beta_schedule is "quadratic"; expected one of {", ".join(NAMES)}'),
    ({"beta_start": 0.0}, "beta_start is 0; expected 0 to 1, both excluded"),
    ({"beta_end": 1.0}, "beta_end is 1; expected 0 to 1, both excluded"),
    ({"beta_end": float("nan")}, "beta_end is NaN; expected 0 to 1, both excluded"),
    ({"timesteps": 1}, "timesteps is 1; expected 2 to 1000000"),
    ({"timesteps": 1_000_001}, "timesteps is 1000001; expected 2 to 1000000"),
    ({"timesteps": -3}, "timesteps is -3; expected an int from 2 to 1000000"),
    ({"timesteps": 10.0}, "timesteps is 10.0 (float); expected an int from 2 to 1000000"),
    ({"timesteps": True}, "timesteps is True (bool); expected an int from 2 to 1000000"),
    ({"betas": [0.1]}, "betas has 1 values; expected 2 to 1000000"),
    ({"betas": [0.1, 1.0]}, "betas[1] is 1; expected a value from 0 to 1, both excluded"),
    ({"betas": [0.1, "x"]}, "betas is not an iterable of numbers: could not convert string to float: 'x'"),
    ({"betas": 0.1}, "betas is not an iterable of numbers: 'float' object is not iterable"),
    (
        {"betas": [0.1, 0.2], "alphas_cumprod": [0.5, 0.4]},
        "betas and alphas_cumprod are both given; expected one table",
    ),
    ({"betas": [0.1, 0.2], "timesteps": 3}, "timesteps is 3; expected 2, the length of betas"),
    (
        {"betas": [0.1, 0.2], "beta_start": 0.1},
        "betas is given; expected beta_schedule, beta_start and beta_end left alone",
    ),
]


@pytest.mark.parametrize(("arguments", "text"), BAD_PROCESSES)
def test_bad_discrete_processes_are_named(arguments, text):
    with pytest.raises(ProcessError) as caught:
        DiscreteProcess(**arguments)
    assert str(caught.value) == text


@pytest.mark.parametrize("table", [[1.0, 0.5], [0.5, 0.5], [0.5, 0.6], [0.5, 0.0], [0.5, float("nan")], [0.5, -0.1]])
def test_bad_products_are_named(table):
    with pytest.raises(ProcessError, match=r"alphas_cumprod\[\d\] is .*; expected strictly descending values"):
        DiscreteProcess(alphas_cumprod=table)


@pytest.mark.parametrize("ends", [(0, 1), (1, 1), (2, 1), (-1, 1), (1, float("inf")), (float("nan"), 1)])
def test_bad_edm_ranges_are_named(ends):
    with pytest.raises(ProcessError, match="expected 0 < sigma_min < sigma_max, both finite"):
        EDMProcess(*ends)


PROCESSES = [
    SD,
    DiscreteProcess("cosine", timesteps=10),
    DiscreteProcess(betas=[0.1, 0.2]),
    EDM,
    EDMProcess(0.01, 80.0),
]


@pytest.mark.parametrize("process", PROCESSES, ids=repr)
def test_processes_are_values(process):
    copy = pickle.loads(pickle.dumps(process))
    assert copy == process
    assert hash(copy) == hash(process)
    assert repr(copy) == repr(process)
    np.testing.assert_array_equal(copy.sigmas, process.sigmas)
    assert dataclasses.replace(process) == process
    assert sum(process == other for other in PROCESSES) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        process.sigma_min = 1.0
    process.sigmas[:] = 0.0  # a fresh array: the process keeps its own
    assert process.sigmas[-1] == process.sigma_max


def test_given_tables_are_kept_immutable():
    betas = np.array([0.1, 0.2, 0.3])
    process = DiscreteProcess(betas=betas)
    betas[:] = 0.9
    assert process.betas == (0.1, 0.2, 0.3)
    assert process.timesteps == 3
    assert repr(process) == "DiscreteProcess(betas=<3 values, 0.1 to 0.3>)"
