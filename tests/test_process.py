import dataclasses
import itertools
import json
import pickle
import threading
from pathlib import Path

import installed
import numpy as np
import pytest
import stepladder as sl
from hypothesis import given
from hypothesis import strategies as st
from reference import process as reference
from stepladder._process import (
    ContinuousVProcess,
    CosmosProcess,
    DiscreteProcess,
    DistilledDiscreteProcess,
    EDMProcess,
    FlowProcess,
    FluxProcess,
    NoiseProcess,
    StableCascadeProcess,
    TrigFlowProcess,
    VPSDEProcess,
)
from stepladder.errors import ProcessError
from stepladder.testing import check_process

DATA = json.loads((Path(__file__).parent / "data" / "processes.json").read_text())
NAMES = ["linear", "scaled_linear", "cosine", "squaredcos_cap_v2", "sqrt_linear", "sqrt"]
SD = DiscreteProcess()
EDM = EDMProcess()


KINDS = {
    "discrete": DiscreteProcess,
    "discrete_distilled": DistilledDiscreteProcess,
    "continuous_edm": EDMProcess,
    "continuous_v": ContinuousVProcess,
    "flow": FlowProcess,
    "flux": FluxProcess,
    "stable_cascade": StableCascadeProcess,
    "cosmos_rflow": CosmosProcess,
}
# Families without a reference case of the peers; `test_<name>` below has their values.
WITHOUT_CASES = {"vp_sde": "ComfyUI has none", "trigflow": "ComfyUI has none"}


def from_spec(spec):
    """The process that a reference case describes."""
    options = {name: value for name, value in spec.items() if name not in ("kind", "sigma_data")}
    if spec["kind"] == "flux":
        options["mu"] = options.pop("shift")
    if options.pop("zero_terminal_snr", False):
        options["zero_terminal_snr"] = "comfyui"
    return KINDS[spec["kind"]](**options)


# Values of the peer outside the tolerance of the file, each compared with the exact one: (case, quantity, index)
# -> why, where the peer computes it, and the exact value at 1e-12.
COSINE = (
    "the peer's time is float32, 3e-5 off at 998, where sigma grows 30-fold per step",
    "ComfyUI comfy/model_sampling.py, ModelSamplingDiscrete.percent_to_sigma",
)
CASCADE = (
    "the peer takes 1 - a in float32, where a is within 2e-4 of 1",
    "ComfyUI comfy/model_sampling.py, StableCascadeSampling.sigma",
)


def cosine_level():
    return reference.sigma(reference.discrete_table("cosine"), [0.999 * 999])[0]


EXCLUSIONS = {
    ("discrete_cosine", "percent_to_sigma", 1): (*COSINE, cosine_level),
    ("discrete_squaredcos_cap_v2", "percent_to_sigma", 1): (*COSINE, cosine_level),
    ("stable_cascade_shift1", "table", 0): (*CASCADE, lambda: reference.stable_cascade(1 / 10_000, 1)),
    ("stable_cascade_shift1", "table", 1): (*CASCADE, lambda: reference.stable_cascade(38 / 10_000, 1)),
    ("stable_cascade_shift1", "ends", 0): (*CASCADE, lambda: reference.stable_cascade(1 / 10_000, 1)),
    ("stable_cascade_shift1", "percent_to_sigma", 7): (*CASCADE, lambda: reference.stable_cascade(1 - 0.999, 1)),
    ("stable_cascade_shift2", "table", 0): (*CASCADE, lambda: reference.stable_cascade(1 / 10_000, 2)),
    ("stable_cascade_shift2", "table", 1): (*CASCADE, lambda: reference.stable_cascade(38 / 10_000, 2)),
    ("stable_cascade_shift2", "ends", 0): (*CASCADE, lambda: reference.stable_cascade(1 / 10_000, 2)),
    ("stable_cascade_shift2", "percent_to_sigma", 7): (*CASCADE, lambda: reference.stable_cascade(1 - 0.999, 2)),
}


def assert_peer(name, quantity, ours, theirs):
    for i, (our, their) in enumerate(zip(np.atleast_1d(ours), np.atleast_1d(theirs), strict=True)):
        within = our == pytest.approx(their, rel=2e-5, abs=0)
        if (name, quantity, i) not in EXCLUSIONS:
            assert within, (name, quantity, i, our, their)
            continue
        *_, exact = EXCLUSIONS[name, quantity, i]
        assert our == pytest.approx(float(exact()), rel=1e-12, abs=0)
        assert not within, f"{name} {quantity} {i} agrees with the peer: the exclusion is not needed"


def test_every_exclusion_is_of_a_case():
    assert {name for name, _, _ in EXCLUSIONS} <= set(DATA["cases"])


@pytest.mark.parametrize("name", DATA["cases"])
def test_peer_values(name):
    case = DATA["cases"][name]
    process = from_spec(case["spec"])
    assert len(process.sigmas) == case["num_sigmas"]
    assert_peer(name, "table", process.sigmas[::37], case["sigmas_every_37th"])
    assert_peer(name, "ends", [process.sigma_min, process.sigma_max], [case["sigma_min"], case["sigma_max"]])
    sigma, timestep = case["timestep_of_sigma"]
    np.testing.assert_allclose(process.timestep(np.array(sigma)), timestep, rtol=2e-5, atol=1e-6)
    timestep, sigma = case["sigma_of_timestep"]
    assert_peer(name, "sigma", process.sigma(np.array(timestep)), sigma)
    percents, sigmas = case["percent_to_sigma"]
    assert_peer(name, "percent_to_sigma", [process.percent_to_sigma(percent) for percent in percents], sigmas)


@pytest.mark.parametrize("name", sorted(sl.processes()))
def test_every_process_is_complete(name):
    entry = sl.processes()[name]
    assert entry.doc
    assert entry.source
    made = sl.process(name)
    assert (type(made) in {type(from_spec(case["spec"])) for case in DATA["cases"].values()}) != (name in WITHOUT_CASES)
    check_process(name)


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


ALL = [
    (DiscreteProcess(), reference.sigma),
    (ContinuousVProcess(), reference.continuous_v),
    (CosmosProcess(), reference.cosmos),
    (TrigFlowProcess(), reference.trigflow),
    (VPSDEProcess(), reference.vp_sde),
    (VPSDEProcess(0.2, 0.0), lambda t: reference.vp_sde(t, 0.2, 0.0)),
    (StableCascadeProcess(), reference.stable_cascade),
    (StableCascadeProcess(2.0, 0.02), lambda t: reference.stable_cascade(t, 2.0, 0.02)),
    (FluxProcess(), lambda t: reference.flow(t, MP_EXP_MU, 1)),
    (FlowProcess(3.0), lambda t: reference.flow(t, 3, 1000)),
    (FlowProcess(0.25, 1.0), lambda t: reference.flow(t, 0.25, 1)),
]
MP_EXP_MU = reference.MP.exp(reference.MP.mpf(1.15))


@pytest.mark.parametrize(("process", "formula"), ALL[1:], ids=lambda value: repr(value)[:40])
@given(part=st.floats(0, 1))
def test_levels_match_the_formula(process, formula, part):
    low, high = process.timestep(np.array([process.sigma_min, process.sigma_max]), interpolate=True)
    t = min(low + (high - low) * part, high)
    assert process.sigma(t) == pytest.approx(float(formula(t)), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("process", [process for process, _ in ALL], ids=repr)
@given(part=st.floats(0.001, 0.999))
def test_maps_invert_each_other(process, part):
    sigma = process.sigma_min * (process.sigma_max / process.sigma_min) ** part
    t = process.timestep(sigma, interpolate=True)
    assert process.sigma(t) == pytest.approx(sigma, rel=1e-10)
    assert process.sigma_from_half_log_snr(process.half_log_snr(sigma)) == pytest.approx(sigma, rel=1e-11)
    later = sigma * (1 + 1e-6) * (sigma * (1 + 1e-6) <= process.sigma_max) or sigma
    assert process.timestep(later, interpolate=True) >= t
    assert process.timestep(later) >= process.timestep(sigma)


@pytest.mark.parametrize(
    "process", [process for process, _ in ALL] + [DistilledDiscreteProcess(), EDMProcess()], ids=repr
)
def test_batches_equal_single_values(process):
    sigmas = np.geomspace(process.sigma_min * (1 + 1e-12), process.sigma_max * (1 - 1e-12), 5000)
    times = process.timestep(sigmas, interpolate=True)
    maps = {
        "time": lambda s: process.timestep(s, interpolate=True),
        "told": process.timestep,
        "alpha": process.alpha,
        "half_log_snr": process.half_log_snr,
    }
    for f in maps.values():
        np.testing.assert_allclose(f(sigmas), [f(s) for s in sigmas.tolist()], rtol=1e-12, atol=1e-13)
    singles = [process.sigma(t) for t in times.tolist()]
    np.testing.assert_allclose(process.sigma(times), singles, rtol=2e-15)


# Of every registered process as `process(name)` makes it: sigma of a time, and of a fraction of sampling.
FORMULAS = {
    "discrete": (reference.discrete, lambda p: reference.discrete((1 - p) * 999)),
    "discrete_distilled": (reference.distilled, lambda p: reference.distilled(max((1 - p) * 999, 19))),
    "edm": (reference.edm, lambda p: reference.log_spaced(p, 0.002, 120)),
    "continuous_v": (reference.continuous_v, lambda p: reference.log_spaced(p, 0.03, 500)),
    "cosmos_rflow": (reference.cosmos, lambda p: reference.log_spaced(p, 0.002, 80)),
    "trigflow": (reference.trigflow, lambda p: reference.log_spaced(p, 0.004, 160)),
    "flow": (lambda t: reference.flow(t, 1, 1000), lambda p: reference.flow(1 - p, 1, 1)),
    "flux": (lambda t: reference.flow(t, MP_EXP_MU, 1), lambda p: reference.flow(1 - p, MP_EXP_MU, 1)),
    "stable_cascade": (reference.stable_cascade, lambda p: reference.stable_cascade(1 - p)),
    "vp_sde": (reference.vp_sde, lambda p: reference.vp_sde(1e-3 * p + (1 - p))),
}


def test_every_process_has_its_formulas():
    assert sorted(FORMULAS) == sorted(sl.processes())


@pytest.mark.parametrize("name", sorted(FORMULAS))
@given(part=st.floats(0, 1))
def test_every_map_matches_its_formula(name, part):
    process = sl.process(name)
    of_time, of_percent = FORMULAS[name]
    low, high = process.timestep(np.array([process.sigma_min, process.sigma_max]), interpolate=True)
    t = min(low + (high - low) * part, high)
    sigma = process.sigma(t)
    assert sigma == pytest.approx(float(of_time(t)), rel=1e-12, abs=1e-300)
    assert process.alpha(sigma) == pytest.approx(float(reference.alpha(process.family, sigma)), rel=1e-13, abs=0)
    if sigma < 1 or process.family != "flow":
        expected = float(reference.half_log_snr(process.family, sigma))
        assert process.half_log_snr(sigma) == pytest.approx(expected, rel=1e-12, abs=1e-15)
    if 1e-9 < part < 1:
        assert process.percent_to_sigma(part) == pytest.approx(float(of_percent(MPF(part))), rel=1e-12, abs=0)


MPF = reference.MP.mpf


@pytest.mark.parametrize("name", sorted(sl.processes()))
@given(part=st.floats(0, 1))
def test_every_process_inverts_its_maps(name, part):
    process = sl.process(name)
    sigma = min(
        max(process.sigma_min * (process.sigma_max / process.sigma_min) ** part, process.sigma_min), process.sigma_max
    )
    assert process.sigma(process.timestep(sigma, interpolate=True)) == pytest.approx(sigma, rel=2e-10)
    back = process.sigma_from_half_log_snr(process.half_log_snr(sigma))
    assert back == pytest.approx(sigma, rel=1e-12)
    nearest = process.timestep(sigma)
    if process.sigmas is not None and name.startswith("discrete"):
        distance = np.abs(np.log(process.sigmas) - np.log(sigma))
        index = np.searchsorted(process.sigmas, process.sigma(nearest) * (1 - 1e-12))
        assert distance[index] == pytest.approx(distance.min(), abs=1e-12)


@pytest.mark.parametrize("name", sorted(sl.processes()))
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_map_takes_arrays_of_any_shape(name, dtype):
    process = sl.process(name)
    levels = np.geomspace(process.sigma_min * 1.001, process.sigma_max * 0.999, 60).astype(dtype)
    maps = {
        process.timestep: levels,
        process.sigma: process.timestep(levels, interpolate=True).astype(dtype),
        process.percent_to_sigma: np.linspace(0, 1, 60).astype(dtype),
        process.alpha: levels,
        process.half_log_snr: levels,
        process.sigma_from_half_log_snr: process.half_log_snr(levels).astype(dtype),
    }
    for f, values in maps.items():
        singles = [f(value) for value in values.tolist()]
        for shape in ((60,), (3, 4, 5), (1, 60, 1)):
            got = f(values.reshape(shape))
            assert got.shape == shape
            assert got.dtype == np.float64
            np.testing.assert_array_equal(got.ravel(), singles)
        for kind in (np.float64, np.float32):
            out = np.empty((6, 10), kind)
            assert f(values.reshape(6, 10), out=out) is out
            np.testing.assert_array_equal(out.ravel(), np.array(singles, kind))
        assert f(values[:0]).shape == (0,)
        assert f(values[:1].reshape(())).shape == ()


@pytest.mark.parametrize("name", sorted(sl.processes()))
def test_threads_change_no_bit(name):
    process = sl.process(name)
    levels = np.geomspace(process.sigma_min * 1.001, process.sigma_max * 0.999, 100_003)
    maps = {
        process.timestep: levels,
        process.sigma: process.timestep(levels, interpolate=True),
        process.percent_to_sigma: np.linspace(0, 1, 100_003),
        process.alpha: levels,
        process.half_log_snr: levels,
        process.sigma_from_half_log_snr: process.half_log_snr(levels),
    }
    for f, values in maps.items():
        for given_as in (values, values.astype(np.float32)):
            alone = f(given_as)
            for threads in (2, 3, 256):
                np.testing.assert_array_equal(f(given_as, threads=threads), alone)
    levels[77_777] = -1.0
    with pytest.raises(ProcessError, match=r"^sigma\[77777\] is -1; expected"):
        process.timestep(levels, threads=3)


def test_a_million_values_let_other_threads_run():
    values = np.linspace(0.03, 14.0, 1_000_000)
    turns, done = 0, threading.Event()

    def work():
        for _ in range(20):
            SD.timestep(values, interpolate=True)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    while not done.wait(1e-3):
        turns += 1
    thread.join()
    assert turns >= 20


@pytest.mark.parametrize("quantize", [True, False])
def test_sigma_to_t_of_k_diffusion(quantize):
    torch = pytest.importorskip("torch")
    external = installed.k_diffusion("external")
    theirs = external.DiscreteSchedule(torch.tensor(SD.sigmas), quantize)
    sigmas = np.geomspace(SD.sigma_min, SD.sigma_max, 999)
    t = theirs.sigma_to_t(torch.tensor(sigmas)).double()
    np.testing.assert_allclose(SD.timestep(sigmas, interpolate=not quantize), t.numpy(), rtol=0, atol=1e-10)
    times = np.arange(0, 999.1, 0.125)  # they round times to float32: these are exact
    np.testing.assert_allclose(SD.sigma(times), theirs.t_to_sigma(torch.tensor(times)).numpy(), rtol=1e-12)


def test_tables_of_diffusers():
    diffusers = pytest.importorskip("diffusers")
    for schedule in ("linear", "scaled_linear"):
        theirs = diffusers.DDPMScheduler(beta_schedule=schedule, beta_start=0.00085, beta_end=0.012)
        ours = 1 / (1 + DiscreteProcess(schedule).sigmas ** 2)
        np.testing.assert_allclose(ours, theirs.alphas_cumprod.numpy(), rtol=2e-5)
    options = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
    theirs = diffusers.EulerDiscreteScheduler(**options, rescale_betas_zero_snr=True).alphas_cumprod.double().numpy()
    ours = 1 / (1 + DiscreteProcess(zero_terminal_snr="diffusers").sigmas ** 2)
    # They round square roots to float32 (2**-24 of 1) and subtract: what is left of the smallest has few digits.
    np.testing.assert_allclose(np.sqrt(ours), np.sqrt(theirs), rtol=2e-5, atol=0)
    assert theirs[-1] == pytest.approx(ours[-1], rel=1e-12)


@given(
    table=st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=60, unique=True).map(sorted),
    sigmas=st.lists(st.floats(0, 2e6), min_size=1, max_size=30),
)
def test_any_table_finds_the_nearest_level(table, sigmas):
    process = DiscreteProcess(table=table)
    boundaries = np.sqrt(table[:-1]) * np.sqrt(table[1:])
    at = np.array(sigmas + table + boundaries.tolist())
    np.testing.assert_array_equal(process.timestep(at), np.searchsorted(boundaries, at))
    inside = np.clip(at, table[0], table[-1])
    whole = process.timestep(inside, interpolate=True)
    assert np.all(
        np.abs(np.floor(whole) + 1 - np.searchsorted(table, inside, side="right")) <= (whole == np.floor(whole))
    )


def test_crowded_tables_find_the_nearest_level():
    table = np.concatenate([1 + np.arange(500) * 1e-9, np.geomspace(2, 1e5, 500)])
    process = DiscreteProcess(table=table)
    boundaries = np.sqrt(table[:-1]) * np.sqrt(table[1:])
    at = np.sort(np.concatenate([table, boundaries, [0.0, 1e9]]))
    np.testing.assert_array_equal(process.timestep(at), np.searchsorted(boundaries, at))
    np.testing.assert_array_equal(process.timestep(table), np.arange(1000))


def test_results_go_to_out():
    t = np.linspace(0, 999, 6000).reshape(2, 3000)
    for dtype in (np.float64, np.float32):
        out = np.empty(t.shape, dtype)
        assert SD.sigma(t, out=out) is out
        np.testing.assert_allclose(out, SD.sigma(t), rtol=1e-7 if dtype is np.float32 else 1e-15)
        sigma = SD.sigma(t).astype(np.float32)
        assert SD.timestep(sigma, out=out) is out
        np.testing.assert_array_equal(out, SD.timestep(sigma))


def test_discrete_forms_of_zero_terminal_snr():
    for form, last in (("comfyui", 4518.7636986558555), ("diffusers", np.sqrt(2**24 - 1))):
        process = DiscreteProcess(zero_terminal_snr=form)
        assert process.sigma_max == pytest.approx(last, rel=1e-13)
        assert process.sigma_min == SD.sigma_min
        products = reference.zero_terminal_snr(
            reference.alphas_cumprod(reference.betas("scaled_linear", 0.00085, 0.012, 1000))
        )
        expected = [float(s) for s in reference.sigmas(products)]
        np.testing.assert_allclose(process.sigmas[:-1], expected[:-1], rtol=1e-12)
        products = reference.alphas_cumprod(reference.betas("scaled_linear", 0.00085, 0.012, 1000))
        given = DiscreteProcess(alphas_cumprod=products, zero_terminal_snr=form)
        np.testing.assert_allclose(given.sigmas, process.sigmas, rtol=1e-11)


def test_distilled_keeps_every_20th_level():
    process = DistilledDiscreteProcess()
    np.testing.assert_array_equal(process.sigmas, SD.sigmas[19::20])
    np.testing.assert_array_equal(process.timestep(process.sigmas), np.arange(19, 1000, 20))
    assert process.sigma(999) == SD.sigma_max
    assert process.percent_to_sigma(0.9999) == process.sigma_min
    uneven = DistilledDiscreteProcess(30)  # 1000 // 30 = 33 levels apart, counted from the noisy end
    np.testing.assert_array_equal(uneven.sigmas, SD.sigmas[42::33])


def test_flow_at_pure_noise():
    for process in (FlowProcess(3.0), FluxProcess()):
        assert process.sigma_max == process.percent_to_sigma(0) == process.sigma_from_half_log_snr(-np.inf) == 1.0
        assert process.half_log_snr(1.0) == -np.inf
        assert process.alpha(1.0) == 0.0
    assert FlowProcess(3.0).sigma(0.0) == 0.0
    assert FlowProcess(3.0).timestep(0.5) == 500.0
    assert FlowProcess(3.0).timestep(0.5, interpolate=True) == 250.0


def test_flux_mu():
    assert FluxProcess.for_resolution(1024, 1024) == FluxProcess(1.15)
    assert FluxProcess.for_resolution(256, 256) == FluxProcess(0.5)
    assert FluxProcess.for_resolution(1024, 512, base_shift=0.0, max_shift=1.0).mu == (2048 - 256) / (4096 - 256)
    np.testing.assert_allclose(FluxProcess().sigmas[0], 3.157511e-4, rtol=1e-6)


def test_cosmos_is_capped():
    assert CosmosProcess().sigma(1.0) == CosmosProcess().sigma(0.9999) == 80.0


def test_stable_cascade_is_clamped():
    process = StableCascadeProcess()
    assert process.sigma(1.0) == process.sigma_max == pytest.approx(np.sqrt(0.9999 / 1e-4), rel=1e-13)
    assert process.sigma(0.0) == process.sigma_min == pytest.approx(np.sqrt((1 - 0.9999) / 0.9999), rel=1e-12)


def test_vp_sde():
    process = VPSDEProcess()
    assert process.sigma_max == pytest.approx(152.167, rel=1e-5)
    assert process.sigma_min == pytest.approx(0.010486, rel=1e-4)
    assert process.timestep(1e200) == pytest.approx(float(reference.vp_sde_time(1e200)), rel=1e-13)


def test_trigflow():
    process = TrigFlowProcess()
    assert process.sigma(np.pi / 4) == pytest.approx(1.0, rel=1e-15)
    assert process.alpha(process.sigma(0.3)) == pytest.approx(np.cos(0.3), rel=1e-15)
    assert process.timestep(160.0) == pytest.approx(np.arctan(160), rel=1e-15)


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
        np.testing.assert_allclose(result.ravel(), [f(float(s)) for s in sigma.ravel()], rtol=1e-14, atol=1e-15)


def test_numbers_give_floats():
    for t in (3, 3.0, np.float64(3), np.float32(3), np.int64(3)):
        assert type(SD.sigma(t)) is float
        assert SD.sigma(t) == SD.sigmas[3]


SHARED = np.zeros(2)
BAD_VALUES = [
    (lambda: SD.sigma(-1e-9), "t is -1e-9; expected 0 to 999 (timesteps - 1)"),
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
    (lambda: FlowProcess().half_log_snr(0.0), "sigma is 0; expected 0 to 1, 0 excluded"),
    (lambda: FlowProcess().half_log_snr(1.1), "sigma is 1.1; expected 0 to 1, 0 excluded"),
    (lambda: FlowProcess().sigma_from_half_log_snr(np.inf), "half_log_snr is inf; expected -700 to 700, or -inf"),
    (lambda: FlowProcess().sigma(1000.5), "t is 1000.5; expected 0 to 1000 (the multiplier)"),
    (lambda: FlowProcess().timestep(1.5), "sigma is 1.5; expected 0 to 1"),
    (lambda: ContinuousVProcess().sigma(1.0), "t is 1; expected 0 to 1, 1 excluded"),
    (lambda: TrigFlowProcess().sigma(1.6), "t is 1.6; expected 0 to pi / 2, excluded"),
    (lambda: CosmosProcess().sigma(-0.1), "t is -0.1; expected 0 to 1"),
    (lambda: StableCascadeProcess().sigma(1.1), "t is 1.1; expected 0 to 1"),
    (lambda: StableCascadeProcess().timestep(-1.0), "sigma is -1; expected a finite value, 0 or above"),
    (lambda: VPSDEProcess().sigma(-0.1), "t is -0.1; expected 0 to 1"),
    (lambda: VPSDEProcess().timestep(np.inf), "sigma is inf; expected a finite value, 0 or above"),
    (
        lambda: DistilledDiscreteProcess().sigma(18.0),
        "t is 18; expected 19 to 999 (the teacher's times of the first and the last level)",
    ),
    (lambda: SD.sigma(np.r_[np.zeros(2000, np.float32), -1]), "t[2000] is -1; expected 0 to 999 (timesteps - 1)"),
    (
        lambda: SD.sigma(np.r_[np.zeros(2000), -1].astype(np.float32)),
        "t[2000] is -1; expected 0 to 999 (timesteps - 1)",
    ),
    (
        lambda: SD.sigma(np.zeros(2), out=np.zeros(3)),
        "out has shape [3]; expected a writeable float64 or float32 array of shape [2], C-contiguous",
    ),
    (
        lambda: SD.sigma(np.zeros(2), out=np.zeros(2, int)),
        "out is an array of int64; expected a writeable float64 or float32 array of shape [2], C-contiguous",
    ),
    (
        lambda: SD.sigma(np.zeros(2), out=[0, 0]),
        "out is list; expected a writeable float64 or float32 array of shape [2], C-contiguous",
    ),
    (
        lambda: SD.sigma(np.zeros(2), out=np.zeros(4)[::2]),
        "out is not C-contiguous; expected a writeable float64 or float32 array of shape [2], C-contiguous",
    ),
    (
        lambda: SD.sigma(np.zeros(2), out=np.frombuffer(bytes(16))),
        "out is read-only or overlaps the input; expected another, writeable array",
    ),
    (
        lambda: SD.sigma(SHARED, out=SHARED),
        "out is read-only or overlaps the input; expected another, writeable array",
    ),
    (lambda: SD.sigma(1.0, out=np.zeros(1)), "t is float; expected a float64 or float32 array"),
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
    ({"betas": [0.1, "x"]}, "betas[1] is 'x' (str); expected a number"),
    ({"betas": 0.1}, "betas is float; expected an iterable of numbers"),
    (
        {"betas": [0.1, 0.2], "alphas_cumprod": [0.5, 0.4]},
        "betas and alphas_cumprod are both given; expected one table",
    ),
    ({"betas": [0.1, "0.2"]}, "betas[1] is '0.2' (str); expected a number"),
    ({"betas": [True, 0.2]}, "betas[0] is True (bool); expected a number"),
    ({"betas": "0.1"}, "betas is str; expected an iterable of numbers"),
    ({"betas": np.full((2, 2), 0.1)}, "betas has 2 dimensions; expected 1"),
    ({"betas": itertools.repeat(0.1)}, "betas has 1000001 values; expected 2 to 1000000"),
    ({"betas": range(10**15)}, "betas has 1000000000000000 values; expected 2 to 1000000"),
    ({"beta_schedule": 3}, f"beta_schedule is 3 (int); expected one of {', '.join(NAMES)}"),
    ({"zero_terminal_snr": True}, "zero_terminal_snr is True (bool); expected one of comfyui, diffusers"),
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


BAD_FAMILIES = [
    (lambda: DiscreteProcess(table=[1.0, 1.0]), "table[1] is 1; expected positive finite values, strictly ascending"),
    (
        lambda: DiscreteProcess(table=[1.0, np.nan]),
        "table[1] is NaN; expected positive finite values, strictly ascending",
    ),
    (lambda: DiscreteProcess(table=[1.0]), "table has 1 values; expected 2 to 1000000"),
    (
        lambda: DiscreteProcess(betas=[0.1, 0.2], table=[1.0, 2.0], alphas_cumprod=[0.5, 0.4]),
        "betas and alphas_cumprod and table are all given; expected one table",
    ),
    (
        lambda: DiscreteProcess(zero_terminal_snr="zsnr"),
        'zero_terminal_snr is "zsnr"; expected one of comfyui, diffusers',
    ),
    (
        lambda: DiscreteProcess(table=[1.0, 1e6, 1e7], zero_terminal_snr="comfyui"),
        "zero_terminal_snr is given for a table up to sigma 10000000; expected one that ends well below sigma 4518.{}",
    ),
    (
        lambda: DistilledDiscreteProcess(1001),
        "original_timesteps is 1001; expected 2 to 1000, the teacher's timesteps",
    ),
    (lambda: FlowProcess(0.0), "shift is 0; expected a positive finite value"),
    (lambda: FlowProcess(multiplier=-1.0), "multiplier is -1; expected a positive finite value"),
    (lambda: FlowProcess(timesteps=1), "timesteps is 1; expected 2 to 1000000"),
    (
        lambda: FlowProcess(1e16),
        "shift is 1e16; expected one that leaves 1000 different levels from 0 to 1",
    ),
    (lambda: FluxProcess(21.0), "mu is 21; expected -20 to 20"),
    (lambda: FluxProcess.for_resolution(0, 10), "width is 0; expected a positive number of pixels"),
    (lambda: FluxProcess.for_resolution(10, 10, max_shift=np.inf), "max_shift is inf; expected a finite value"),
    (lambda: StableCascadeProcess(1000.0), "shift is 1000; expected 0.01 to 100"),
    (lambda: StableCascadeProcess(cosine_s=-0.1), "cosine_s is -0.1; expected 0 to 1"),
    (lambda: VPSDEProcess(0.0), "beta_min is 0; expected a positive value up to 500"),
    (lambda: VPSDEProcess(beta_d=-1.0), "beta_d is -1; expected 0 to 500"),
    (lambda: VPSDEProcess(time_min=1.0), "time_min is 1; expected 1e-12 to 1, 1 excluded"),
    (
        lambda: CosmosProcess(2.0, 1.0),
        "sigma_min is 2 and sigma_max is 1; expected sigma_min below sigma_max",
    ),
]


@pytest.mark.parametrize(("make", "text"), BAD_FAMILIES)
def test_bad_families_are_named(make, text):
    with pytest.raises(ProcessError) as caught:
        make()
    parts = text.split("{}")
    assert str(caught.value).startswith(parts[0])
    assert all(part in str(caught.value) for part in parts)
    assert len(parts) > 1 or str(caught.value) == text


@pytest.mark.parametrize("table", [[1.0, 0.5], [0.5, 0.5], [0.5, 0.6], [0.5, 0.0], [0.5, float("nan")], [0.5, -0.1]])
def test_bad_products_are_named(table):
    with pytest.raises(ProcessError, match=r"alphas_cumprod\[\d\] is .*; expected strictly descending values"):
        DiscreteProcess(alphas_cumprod=table)


@pytest.mark.parametrize("family", [EDMProcess, ContinuousVProcess, CosmosProcess, TrigFlowProcess])
@pytest.mark.parametrize(
    ("ends", "text"),
    [
        ((0, 1), "sigma_min is 0; expected a positive finite value"),
        ((-1, 1), "sigma_min is -1; expected a positive finite value"),
        ((float("nan"), 1), "sigma_min is NaN; expected a positive finite value"),
        ((1, float("inf")), "sigma_max is inf; expected a positive finite value"),
        ((1, -1), "sigma_max is -1; expected a positive finite value"),
        ((1, 1), "sigma_min is 1 and sigma_max is 1; expected sigma_min below sigma_max"),
        ((2, 1), "sigma_min is 2 and sigma_max is 1; expected sigma_min below sigma_max"),
    ],
)
def test_bad_ranges_are_named(family, ends, text):
    with pytest.raises(ProcessError) as caught:
        family(*ends)
    assert str(caught.value) == text


NOT_NUMBERS = [True, "1", None, [1.0], 1j, np.ones(2), np.ones(1), 10**400, float("nan"), float("inf")]


@pytest.mark.parametrize("name", sorted(sl.processes()))
def test_every_parameter_refuses_what_is_no_number(name):
    family = type(sl.process(name))
    numbers = [field for field in dataclasses.fields(family) if field.init and field.type in ("float", "int")]
    assert numbers
    for field in numbers:
        for value in NOT_NUMBERS:
            with pytest.raises(ProcessError, match=rf"^{field.name} is |^sigma_min is .* and sigma_max is "):
                family(**{field.name: value})
        beyond = (-(10**30), 10**30) if field.type == "int" else (-1e230,)
        for value in beyond:
            with pytest.raises(ProcessError, match=rf"^{field.name} is "):
                family(**{field.name: value})
    with pytest.raises(TypeError):
        family(unknown=1.0)


@pytest.mark.parametrize("name", sorted(sl.processes()))
def test_every_map_refuses_bad_values(name):
    process = sl.process(name)
    maps = {
        process.sigma: process.timestep(process.sigma_min, interpolate=True),
        process.timestep: process.sigma_min,
        process.percent_to_sigma: 0.5,
        process.alpha: process.sigma_min,
        process.half_log_snr: process.sigma_min,
        process.sigma_from_half_log_snr: 0.0,
    }
    for f, good in maps.items():
        for value in (True, "1", None, [0.5], 1j, np.ones(2, np.float16), np.ones(2, bool), 10**400):
            with pytest.raises(ProcessError, match=r" is .*; expected "):
                f(value)
        with pytest.raises(ProcessError, match=r"\[1\] is NaN; expected"):
            f(np.array([good, np.nan]))
        with pytest.raises(ProcessError, match=r"threads is 0; expected 1 to 256"):
            f(np.array([good]), threads=0)
        with pytest.raises(ProcessError, match=r"threads is 257; expected 1 to 256"):
            f(np.array([good]), threads=257)
        with pytest.raises(ProcessError, match=r"threads is True \(bool\); expected an int from 1 to 256"):
            f(np.array([good]), threads=True)
    with pytest.raises(ProcessError, match=r"interpolate is 1 \(int\); expected True or False"):
        process.timestep(process.sigma_min, interpolate=1)


def test_tables_of_any_kind():
    torch = pytest.importorskip("torch")
    betas = (0.125, 0.25, 0.5)
    for given_as in (
        list(betas), iter(betas), np.array(betas), np.array(betas, np.float32), np.array([0, *betas])[1:],
        torch.tensor(betas), torch.tensor(betas, dtype=torch.bfloat16),
    ):  # fmt: skip
        process = DiscreteProcess(betas=given_as)
        assert process == DiscreteProcess(betas=betas)
        assert process.betas == betas
    assert len(DiscreteProcess("linear", timesteps=np.int64(50)).sigmas) == 50
    assert type(DiscreteProcess("linear", timesteps=np.int64(50)).timesteps) is int


PROCESSES = [
    SD,
    DiscreteProcess("cosine", timesteps=10),
    DiscreteProcess(betas=[0.1, 0.2]),
    EDM,
    EDMProcess(0.01, 80.0),
    DiscreteProcess(table=[0.1, 0.2]),
    DiscreteProcess(zero_terminal_snr="diffusers"),
    DistilledDiscreteProcess(),
    ContinuousVProcess(),
    CosmosProcess(),
    TrigFlowProcess(),
    FlowProcess(),
    FlowProcess(3.0),
    FluxProcess(),
    StableCascadeProcess(),
    VPSDEProcess(),
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
