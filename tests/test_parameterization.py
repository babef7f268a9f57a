import dataclasses
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import stepladder as sl
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference import parameterization as reference
from stepladder._parameterization import (
    ConsistencyParameterization,
    CosmosRflowParameterization,
    EDMParameterization,
    EpsilonParameterization,
    FlowParameterization,
    ImgToImgFlowParameterization,
    ImgToImgParameterization,
    LCMParameterization,
    Parameterization,
    RawVPredictionParameterization,
    TrigFlowParameterization,
    VPredictionParameterization,
    X0Parameterization,
    add_noise,
)
from stepladder._process import DiscreteProcess, DistilledDiscreteProcess, EDMProcess, FlowProcess
from stepladder.errors import ParameterizationError
from stepladder.testing import check_parameterization

CASES = json.loads((Path(__file__).parent / "data" / "parameterizations.json").read_text())["cases"]
CLASSES = {
    "epsilon": EpsilonParameterization,
    "v_prediction": VPredictionParameterization,
    "edm": EDMParameterization,
    "x0": X0Parameterization,
    "consistency": ConsistencyParameterization,
    "trigflow": TrigFlowParameterization,
    "lcm": lambda sigma_data=1.0: LCMParameterization(sigma_data=sigma_data),
}
FIXED = {
    "v_prediction_ddpm": RawVPredictionParameterization,
    "img_to_img": ImgToImgParameterization,
    "cosmos_rflow": CosmosRflowParameterization,
    "flow": FlowParameterization,
    "img_to_img_flow": ImgToImgFlowParameterization,
}
FLOWS = ("flow", "img_to_img_flow")
EVERY = {**CLASSES, **FIXED}
SD = DiscreteProcess()


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['name']}-{case['sigma_data']}")
def test_peer_values(case, library):
    def array(name):
        values = np.array(case[name]).reshape(case["shape"] if name != "sigma" else -1)
        return values if library == "numpy" else torch.from_numpy(values)

    name = {"sample": "x0"}.get(case["name"], case["name"])
    p = CLASSES[name](case["sigma_data"]) if name in CLASSES else FIXED[name]()
    sigma, x = array("sigma"), array("x")
    if name == "lcm":
        denoised = p.denoised(x, array("model_output"), sigma)
        assert type(denoised) is type(x)
        np.testing.assert_allclose(np.asarray(denoised).ravel(), case["calculate_denoised"], rtol=1e-5)
        return
    latent = array("latent")
    results = {
        "calculate_input": p.scale_input(x, sigma),
        "calculate_denoised": p.denoised(x, array("model_output"), sigma),
        "noise_scaling_max_denoise_false": p.noise_scaling(sigma, x, latent),
        "noise_scaling_max_denoise_true": p.noise_scaling(sigma, x, latent, max_denoise=True),
        "inverse_noise_scaling": p.inverse_noise_scaling(sigma, latent),
    }
    for name, result in results.items():
        assert type(result) is type(x)
        np.testing.assert_allclose(np.asarray(result), case[name] and np.reshape(case[name], case["shape"]), rtol=1e-10)
    back = p.model_output_from(results["calculate_denoised"], x, sigma)
    np.testing.assert_allclose(np.asarray(back), np.asarray(array("model_output")), rtol=1e-10, atol=1e-12)


@given(
    name=st.sampled_from(sorted(EVERY)),
    sigma=st.lists(st.floats(0, 1) | st.floats(0, 1e4), min_size=1, max_size=20),
    sigma_data=st.floats(0.05, 20),
)
def test_scalings_match_the_formula(name, sigma, sigma_data):
    if name in FLOWS:
        sigma = [s % 1.0 for s in sigma]
    p = CLASSES[name](sigma_data) if name in CLASSES else FIXED[name]()
    sigmas = np.array(sigma)
    told = [LCMParameterization().process.timestep(s) for s in sigma]
    expected = np.array([reference.scalings(name, s, sigma_data, t=t) for s, t in zip(sigma, told, strict=True)]).T
    plain = (p.c_skip(sigmas), p.c_out(sigmas), p.c_in(sigmas))
    tensors = [f(torch.from_numpy(sigmas)).numpy() for f in (p.c_skip, p.c_out, p.c_in)]
    floats = np.array([(p.c_skip(s), p.c_out(s), p.c_in(s)) for s in sigma]).T
    for want, *ours in zip(expected, p.scalings(sigmas), plain, tensors, floats, strict=True):
        for got in ours:
            # sigma - sigma_min of a consistency network is rounded where the two are near.
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-17 if name == "consistency" else 1e-300)
        compiled, plain, tensors, floats = ours
        np.testing.assert_array_equal(plain, compiled)
        np.testing.assert_array_equal(floats, compiled)
        # torch divides a number by a tensor as a product with the reciprocal: one rounding more.
        np.testing.assert_allclose(tensors, compiled, rtol=3e-16, atol=0)


def test_every_parameterization_has_its_formulas():
    assert sorted(EVERY) == sorted(sl.parameterizations())


@pytest.mark.parametrize("name", sorted(EVERY))
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_whole_schedule_in_one_call(name, dtype):
    p = EVERY[name]()
    process = FlowProcess(3.0) if name in FLOWS else SD
    sigmas = sl.sigmas("karras", process, 23).astype(dtype).reshape(2, 3, 4)
    result = p.preconditioning(sigmas, process)
    for i, sigma in enumerate(sigmas.ravel().tolist()):
        t = LCMParameterization().process.timestep(sigma)
        expected = reference.scalings(name, sigma, getattr(p, "sigma_data", 1.0), t=t)
        for got, want in zip(result[:3], expected, strict=True):
            assert got.dtype == np.float64
            assert got.shape == sigmas.shape
            np.testing.assert_allclose(
                got.ravel()[i], want, rtol=1e-12, atol=1e-17 if name == "consistency" else 1e-300
            )
        if sigma == 0:
            assert np.isnan(result.c_noise.ravel()[i])
        else:
            told = reference.told(name, sigma, getattr(p, "sigma_data", 1.0), process.timestep(sigma))
            assert result.c_noise.ravel()[i] == pytest.approx(float(told), rel=1e-12)
    np.testing.assert_array_equal(result.c_noise[0], p.c_noise(sigmas[0], process))
    for kind in (np.float64, np.float32):
        out = tuple(np.empty(sigmas.shape, kind) for _ in range(4))
        filled = p.preconditioning(sigmas, process, out=out)
        for got, target, want in zip(filled, out, result, strict=True):
            assert got is target
            np.testing.assert_array_equal(got, want.astype(kind))
    inside = p.preconditioning(sigmas[0], process, out=tuple(np.empty((3, 4)) for _ in range(4)))
    for got, want in zip(inside, result, strict=True):
        np.testing.assert_array_equal(got, want[0])


@pytest.mark.parametrize("name", sorted(EVERY))
def test_threads_change_no_bit(name):
    p, process = EVERY[name](), FlowProcess(3.0) if name in FLOWS else SD
    sigmas = np.geomspace(process.sigma_min, process.sigma_max, 100_003)
    alone = p.preconditioning(sigmas, process)
    for threads in (2, 3):
        for got, want in zip(p.preconditioning(sigmas, process, threads=threads), alone, strict=True):
            np.testing.assert_array_equal(got, want)
        for got, want in zip(p.scalings(sigmas, threads=threads), alone, strict=False):
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("name", sorted(EVERY))
def test_c_noise_of_tensors(name):
    p, process = EVERY[name](), FlowProcess(3.0) if name in FLOWS else SD
    sigmas = np.array([[0.25, 0.5, 0.75], [0.125, 0.375, 1.0]])
    expected = p.c_noise(sigmas, process)
    for dtype, got in ((torch.float64, torch.float64), (torch.float32, torch.float32), (torch.bfloat16, torch.float32)):
        told = p.c_noise(torch.tensor(sigmas, dtype=dtype), process)
        assert told.dtype == got
        np.testing.assert_array_equal(told, expected.astype(np.float64 if got == torch.float64 else np.float32))
    assert p.c_noise(torch.tensor(sigmas).T, process).shape == (3, 2)
    assert p.c_noise(torch.tensor(0.5, dtype=torch.float64), process) == p.c_noise(0.5, process)


@pytest.mark.parametrize("name", sorted(set(EVERY) - {"lcm"}))
def test_tensors_are_not_looked_at(name):
    p = EVERY[name]()
    x = torch.ones(2, 3, 4, device="meta")  # without values: reading one raises
    for sigma in (torch.full((2,), 0.5, device="meta"), 0.5):
        results = [p.scale_input(x, sigma), p.denoised(x, x, sigma), p.model_output_from(x, x, sigma)]
        results += [p.convert(x, x, sigma, EpsilonParameterization()), p.noise_scaling(sigma, x, x, max_denoise=True)]
        for result in [*results, p.inverse_noise_scaling(sigma, x)]:
            assert result.device.type == "meta"
            assert result.shape == x.shape


@pytest.mark.parametrize("library", [np.asarray, torch.tensor])
@given(name=st.sampled_from(sorted(EVERY)), sigma=st.lists(st.floats(0.01, 0.99), min_size=3, max_size=3))
def test_each_sample_has_its_sigma(library, name, sigma):
    p, rng = EVERY[name](), np.random.default_rng(0)
    x, y = (rng.standard_normal((3, 2, 2)) for _ in range(2))
    calls = {
        "scale_input": lambda x, y, s: p.scale_input(x, s),
        "denoised": lambda x, y, s: p.denoised(x, y, s),
        "model_output_from": lambda x, y, s: p.model_output_from(y, x, s),
        "convert": lambda x, y, s: p.convert(y, x, s, VPredictionParameterization()),
        "noise_scaling": lambda x, y, s: p.noise_scaling(s, x, y),
        "max_denoise": lambda x, y, s: p.noise_scaling(s, x, y, max_denoise=True),
        "inverse_noise_scaling": lambda x, y, s: p.inverse_noise_scaling(s, x),
    }
    for f in calls.values():
        together = f(library(x), library(y), library(np.array(sigma)))
        spread = f(library(x), library(y), library(np.array(sigma).reshape(3, 1, 1)))
        np.testing.assert_array_equal(np.asarray(together), np.asarray(spread))
        for i, level in enumerate(sigma):
            alone = f(library(x[i : i + 1]), library(y[i : i + 1]), level)
            np.testing.assert_allclose(np.asarray(together[i : i + 1]), np.asarray(alone), rtol=1e-14, atol=1e-14)
    if name in FLOWS or name == "cosmos_rflow":
        return
    latent = p.inverse_noise_scaling(0.5, p.noise_scaling(0.5, np.zeros((3, 2, 2)), x))
    np.testing.assert_allclose(latent, x, rtol=1e-14)


@given(name=st.sampled_from(sorted(EVERY)), sigma=st.floats(3e-3, 1) | st.floats(1, 1e3), data=st.floats(-10, 10))
def test_model_outputs_round_trip(name, sigma, data):
    p = EVERY[name]()
    sigma = min(sigma, 1.0) if name in FLOWS else sigma
    x, output = np.full((1, 2), data), np.array([[0.5, -2.0]])
    back = p.model_output_from(p.denoised(x, output, sigma), x, sigma)
    scale = 1 + abs(data * p.c_skip(sigma) / p.c_out(sigma))
    np.testing.assert_allclose(back, output, atol=1e-13 * scale)


@pytest.mark.parametrize("library", [np.asarray, torch.tensor])
@pytest.mark.parametrize("p", [cls() for cls in EVERY.values()], ids=list(EVERY))
def test_float_sigma_keeps_float32(p, library):
    x = library(np.ones((2, 3, 4), np.float32))
    level = 1 if isinstance(p, FlowParameterization | ImgToImgFlowParameterization) else 2
    for sigma in (level, float(level), np.float64(level)):
        for result in (p.scale_input(x, sigma), p.denoised(x, x, sigma), p.noise_scaling(sigma, x, x)):
            assert result.dtype == x.dtype
            assert tuple(result.shape) == (2, 3, 4)


def test_c_noise():
    sigmas = np.array([0.5, 2.0])
    for p in (EpsilonParameterization(), VPredictionParameterization()):
        np.testing.assert_array_equal(p.c_noise(sigmas, SD), SD.timestep(sigmas))
        assert p.c_noise(2.0, EDMProcess()) == EDMProcess().timestep(2.0)
    edm = EDMParameterization()
    np.testing.assert_allclose(edm.c_noise(sigmas, SD), np.log(sigmas) / 4, rtol=1e-15)
    with pytest.raises(ParameterizationError, match="sigma is 0; expected 0 to 1e150, 0 excluded"):
        edm.c_noise(0.0, SD)
    with pytest.raises(ValueError, match="process is str; expected a NoiseProcess"):
        edm.c_noise(1.0, "discrete")


def test_add_noise_at_the_top_of_the_range():
    p, top = EpsilonParameterization(), SD.sigma_max
    latent, noise = np.full((1, 4), 0.5), np.ones((1, 4))
    pure, partial = 0.5 + np.sqrt(1 + top**2), 0.5 + top
    cases = [
        ({}, top, partial),
        ({"max_denoise": True}, top, pure),
        ({"sigma_max": top}, top, pure),
        ({"sigma_max": top * (1 + 0.9e-5)}, top, pure),
        ({"sigma_max": top * (1 - 0.9e-5)}, top, pure),
        ({"sigma_max": top / 2}, top, pure),
        ({"sigma_max": top * (1 + 1.1e-5)}, top, partial),
    ]
    for options, sigma, expected in cases:
        np.testing.assert_allclose(add_noise(latent, noise, sigma, p, **options), expected, rtol=1e-12)


@pytest.mark.parametrize("name", sorted(sl.parameterizations()))
def test_every_parameterization_is_complete(name):
    entry = sl.parameterizations()[name]
    assert entry.doc
    assert entry.source
    cases = {{"sample": "x0"}.get(case["name"], case["name"]) for case in CASES}
    assert (name in cases) != (name in WITHOUT_CASES)
    assert type(sl.parameterization(name)) is type(EVERY[name]())
    check_parameterization(name, process="flow" if name in FLOWS else "edm")


@given(
    names=st.tuples(st.sampled_from(sorted(EVERY)), st.sampled_from(sorted(EVERY))),
    sigma=st.lists(st.floats(0.01, 1), min_size=2, max_size=2),
    library=st.sampled_from([np.asarray, torch.tensor]),
)
def test_outputs_convert_between_any_two(names, sigma, library):
    ours, theirs = (EVERY[name]() for name in names)
    x, output = library(np.array([[0.5, -2.0], [1.0, 3.0]])), library(np.array([[1.5, 0.25], [-1.0, 0.0]]))
    for level in (library(np.array(sigma)), sigma[0]):
        converted = ours.convert(output, x, level, theirs)
        assert type(converted) is type(x)
        got, want = theirs.denoised(x, converted, level), ours.denoised(x, output, level)
        np.testing.assert_allclose(np.asarray(got), np.asarray(want), rtol=1e-10, atol=1e-11)


def test_raw_v_prediction_is_v_prediction_of_a_preserved_variance():
    sigma, x, output = 1.7, np.array([[0.3, -0.4]]), np.array([[1.0, 2.0]])
    alpha, noise = 1 / np.sqrt(1 + sigma**2), sigma / np.sqrt(1 + sigma**2)
    p = RawVPredictionParameterization()
    np.testing.assert_allclose(p.denoised(x, output, sigma), alpha * x - noise * output, rtol=1e-14)
    assert p.scale_input(x, sigma) is x


def test_image_to_image_flows_add_no_noise():
    p, latent = ImgToImgFlowParameterization(), np.array([[0.25, -1.0]])
    assert p.noise_scaling(0.5, np.ones((1, 2)), latent, max_denoise=True) is latent
    np.testing.assert_array_equal(p.inverse_noise_scaling(0.5, latent), [[0.75, 2.0]])
    np.testing.assert_array_equal(p.denoised(latent, latent + 3, 0.5), latent + 3)


def test_consistency_networks_are_exact_at_sigma_min():
    p, x = ConsistencyParameterization(), np.array([[0.3, -0.4]])
    np.testing.assert_array_equal(p.denoised(x, x + 100, 0.002), x)
    assert p.c_noise(2.0, None) == 250 * np.log(2.0)


def test_trigflow_is_told_its_angle():
    p = TrigFlowParameterization(0.5)
    assert p.c_noise(0.5, None) == np.pi / 4
    sigma, x, output = 0.5 * np.tan(0.3), np.array([[0.7]]), np.array([[-0.2]])
    expected = np.cos(0.3) * (np.cos(0.3) * x) - np.sin(0.3) * 0.5 * output
    np.testing.assert_allclose(p.denoised(x, output, sigma), expected, rtol=1e-14)


def test_flow_noise():
    latent, noise = np.full((2, 3), 2.0), np.ones((2, 3))
    sigma = np.array([0.25, 1.0])
    for options in ({}, {"max_denoise": True}):
        expected = [[1.75] * 3, [1.0] * 3]
        np.testing.assert_array_equal(FlowParameterization().noise_scaling(sigma, noise, latent, **options), expected)
    np.testing.assert_array_equal(FlowParameterization(8.0).noise_scaling(0.5, noise, latent), np.full((2, 3), 5.0))
    assert FlowParameterization().c_noise(0.5, FlowProcess(3.0)) == 500.0


def test_lcm_asks_its_process():
    process = DiscreteProcess()
    p = LCMParameterization(process=process, timestep_scaling=1.0)
    assert p.c_noise(2.0, None) == process.timestep(2.0)
    assert p.c_noise(2.0, DistilledDiscreteProcess()) == DistilledDiscreteProcess().timestep(2.0)
    t = process.timestep(2.0)
    assert p.c_out(2.0) == pytest.approx(-2.0 * t / np.sqrt(t**2 + 0.25), rel=1e-15)


# Without a reference case of the peers; the formula and the test named here have their values.
WITHOUT_CASES = {
    "v_prediction_ddpm": test_raw_v_prediction_is_v_prediction_of_a_preserved_variance,
    "img_to_img_flow": test_image_to_image_flows_add_no_noise,
    "consistency": test_consistency_networks_are_exact_at_sigma_min,
    "trigflow": test_trigflow_is_told_its_angle,
}


@dataclasses.dataclass(frozen=True)
class Sample(Parameterization):
    """A plugin's parameterization: the network predicts the clean sample."""

    def c_in(self, sigma):
        return 1.0

    def c_skip(self, sigma):
        return 0.0

    def c_out(self, sigma):
        return 1.0

    def c_noise(self, sigma, process):
        return process.timestep(sigma)

    def noise_scaling(self, sigma, noise, latent, *, max_denoise=False):
        return latent + noise * sigma

    def inverse_noise_scaling(self, sigma, latent):
        return latent


def test_plugin_parameterizations_get_the_rest():
    p, x = Sample(), np.ones((2, 3))
    for got, want in zip(p.scalings(np.array([1.0, 2.0])), (0.0, 1.0, 1.0), strict=True):
        assert got.dtype == np.float64
        np.testing.assert_array_equal(got, [want, want])
    np.testing.assert_array_equal(p.denoised(x, 3 * x, np.array([1.0, 2.0])), 3 * x)
    np.testing.assert_array_equal(add_noise(x, x, 2.0, p), 3 * x)


P = EpsilonParameterization()
X = np.ones((2, 3))
FLOW = FlowParameterization()
BAD_CALLS = [
    (lambda: FLOW.c_in(1.5), "sigma is 1.5; expected 0 to 1"),
    (lambda: P.denoised([1.0], [1.0], 1.0), "x is list; expected a NumPy array or torch tensor"),
    (lambda: P.denoised(X, X[:1], 1.0), "model_output is of shape (1, 3); expected (2, 3), as x has"),
    (lambda: P.model_output_from(X[:1], X, 1.0), "denoised is of shape (1, 3); expected (2, 3), as x has"),
    (lambda: P.noise_scaling(1.0, X[:, :1], X), "noise is of shape (2, 1); expected (2, 3), as latent has"),
    (lambda: FLOW.noise_scaling(1.0, [1.0], X), "noise is list; expected a NumPy array or torch tensor"),
    (lambda: P.convert(X, X, 1.0, "x0"), "to is str; expected a Parameterization"),
    (lambda: add_noise(X, X, 1.0, "x0"), "parameterization is str; expected a Parameterization"),
    (lambda: add_noise(X, X, 1.0, P, sigma_max=True), "sigma_max is True (bool); expected a number"),
    (lambda: LCMParameterization("discrete"), "process is str; expected a NoiseProcess"),
    (lambda: LCMParameterization().c_noise(1.0, "discrete"), "process is str; expected a NoiseProcess"),
    (
        lambda: P.preconditioning(np.ones(2)),
        "the network is told the timestep of its noise process, and process is None; pass the process the network was "
        "trained with",
    ),
    (lambda: FLOW.denoised(X, X, np.array([0.5, 1.5])), "sigma[1] is 1.5; expected 0 to 1"),
    (lambda: FLOW.scalings(np.array([0.5, 1.5])), "sigma[1] is 1.5; expected 0 to 1"),
    (
        lambda: FLOW.inverse_noise_scaling(1.0, X),
        "sigma is 1; expected values below 1, as pure noise holds no latent",
    ),
    (lambda: FlowParameterization(0.0), "noise_scale is 0.0; expected a positive finite value"),
    (lambda: LCMParameterization(timestep_scaling=-1.0), "timestep_scaling is -1.0; expected 1e-150 to 1e150"),
    (lambda: ConsistencyParameterization(sigma_min=-1.0), "sigma_min is -1; expected 0 to 1e150"),
    (
        lambda: ConsistencyParameterization().convert(X, X, 1.0, ConsistencyParameterization(sigma_min=1.0)),
        "c_out is 0 at sigma 1.0; expected a sigma where the network's output matters",
    ),
    (lambda: P.scale_input(X, -1.0), "sigma is -1.0; expected 0 to 1e150"),
    (lambda: P.scale_input(X, float("nan")), "sigma is nan; expected 0 to 1e150"),
    (lambda: P.noise_scaling(float("inf"), X, X), "sigma is inf; expected 0 to 1e150"),
    (lambda: P.c_out(np.array([1.0, -2.0])), "sigma[1] is -2.0; expected 0 to 1e150"),
    (lambda: P.scalings(np.array([1.0, np.nan])), "sigma[1] is NaN; expected 0 to 1e150"),
    (
        lambda: P.scalings(np.array([1, 2])),
        "sigma is an array of int64; expected a float, or a float64 or float32 array",
    ),
    (lambda: P.scale_input(X, np.ones(3)), "sigma has shape (3,); expected a float or (2,), one per sample"),
    (
        lambda: P.model_output_from(X, X, 0.0),
        "c_out is 0 at sigma 0.0; expected a sigma where the network's output matters",
    ),
    (
        lambda: P.model_output_from(X, X, np.array([1.0, 0.0])),
        "c_out is 0 at sigma 0.0; expected a sigma where the network's output matters",
    ),
    (lambda: add_noise(X, X, X[:, 0], P, sigma_max=1.0), "sigma is ndarray; expected a float where sigma_max decides"),
    (lambda: EpsilonParameterization(0.0), "sigma_data is 0; expected 1e-150 to 1e150"),
    (lambda: VPredictionParameterization(float("nan")), "sigma_data is NaN; expected 1e-150 to 1e150"),
    (lambda: EDMParameterization(-0.5), "sigma_data is -0.5; expected 1e-150 to 1e150"),
]


NOT_NUMBERS = [True, "1", None, [1.0], 1j, np.ones(2), torch.ones(()), 10**400, -1.0, float("nan"), float("inf")]


@pytest.mark.parametrize("name", sorted(sl.parameterizations()))
def test_every_parameter_refuses_what_is_no_number(name):
    family = type(sl.parameterization(name))
    for field in dataclasses.fields(family):
        if not field.init:
            continue
        for value in NOT_NUMBERS:
            with pytest.raises(ParameterizationError, match=rf"^{field.name} is .*; expected "):
                family(**{field.name: value})
        if field.name == "sigma_data":
            for value in (0.0, 1e-200, 1e200):
                with pytest.raises(ParameterizationError, match=r"^sigma_data is .*; expected 1e-150 to 1e150"):
                    family(sigma_data=value)


@pytest.mark.parametrize("name", sorted(sl.parameterizations()))
def test_every_method_refuses_bad_sigmas(name):
    p, top = sl.parameterization(name), 1 if name in FLOWS else 1e150
    calls = [
        lambda sigma: p.scale_input(X, sigma),
        lambda sigma: p.denoised(X, X, sigma),
        lambda sigma: p.model_output_from(X, X, sigma),
        lambda sigma: p.convert(X, X, sigma, EDMParameterization()),
        lambda sigma: p.noise_scaling(sigma, X, X),
        lambda sigma: p.inverse_noise_scaling(sigma, X),
        lambda sigma: add_noise(X, X, sigma, p),
    ]
    bad = [-1.0, float("nan"), top * 1.001, 10**400, True, "1", None, [0.5, 0.5], 1j, np.array([True, False])]
    for call in calls:
        for sigma in [*bad, np.array([0.5, np.nan]), np.array([0.5, top * 1.001])]:
            with pytest.raises(ParameterizationError, match=r"^sigma(\[1\])? is .*; expected "):
                call(sigma)
    with pytest.raises(ParameterizationError, match=r"sigma is ndarray and x is Tensor; expected both of one"):
        p.denoised(torch.ones(2, 3), torch.ones(2, 3), np.ones(2))
    for sigmas in (np.array([0.5, -1.0]), np.array([0.5, np.nan]), np.array([0.5, top * 1.001])):
        with pytest.raises(ParameterizationError, match=r"^sigma\[1\] is .*; expected 0 to 1"):
            p.scalings(sigmas)
        with pytest.raises(ParameterizationError, match=r"^sigma\[1\] is .*; expected 0 to 1"):
            p.preconditioning(sigmas, SD)
    for call in (p.scalings, p.preconditioning):
        for sigmas in ([0.5], None, "1", torch.ones(2), np.ones(2, int), np.ones(2, bool)):
            with pytest.raises(ParameterizationError, match=r"^sigmas? is .*; expected"):
                call(sigmas)
        for out in (
            (np.empty(2),),
            np.empty(2),
            tuple(np.empty(3) for _ in range(4)),
            tuple(np.empty(2, int) for _ in range(4)),
            ([0, 0],) * 4,
        ):
            with pytest.raises(ParameterizationError, match=r"^out (is|has) "):
                call(np.array([0.25, 0.5]), out=out)


@pytest.mark.parametrize(("call", "text"), BAD_CALLS)
def test_bad_values_are_named(call, text):
    with pytest.raises(ParameterizationError) as caught:
        call()
    assert type(caught.value) is ParameterizationError
    assert str(caught.value) == text


def test_parameterizations_are_values():
    everything = [cls(sd) for cls in CLASSES.values() for sd in (0.5, 1.0)] + [cls() for cls in FIXED.values()]
    for p in everything:
        copy = pickle.loads(pickle.dumps(p))
        assert copy == p
        assert hash(copy) == hash(p)
        assert dataclasses.replace(p) == p
        assert sum(p == other for other in everything) == 1
        with pytest.raises(dataclasses.FrozenInstanceError):
            p.sigma_min = 2.0
        np.testing.assert_array_equal(copy.scalings(np.ones(1)), p.scalings(np.ones(1)))


# --- inputs of the wrong kind ----------------------------------------------------------------------------------------

META = torch.ones(2, 3, device="meta")
ONE = np.array(1.0)


@pytest.mark.parametrize("name", sorted(sl.parameterizations()))
def test_samples_of_the_wrong_kind_are_named(name):
    p, t = sl.parameterization(name), torch.ones(2, 3)
    for call, text in [
        (lambda: p.scale_input(None, 0.5), "x is NoneType; expected a NumPy array or torch tensor"),
        (lambda: p.scale_input("a", 0.5), "x is str; expected a NumPy array or torch tensor"),
        (lambda: p.scale_input(np.array(["a"]), 0.5), "x is an array of <U1; expected real numbers"),
        (lambda: p.noise_scaling(0.5, None, None), "latent is NoneType; expected a NumPy array or torch tensor"),
        (lambda: p.noise_scaling(0.5, None, X), "noise is NoneType; expected a NumPy array or torch tensor"),
        (lambda: p.inverse_noise_scaling(0.5, None), "latent is NoneType; expected a NumPy array or torch tensor"),
        (lambda: p.denoised(ONE, ONE, np.ones(1)), "sigma has shape (1,); expected a float, as x has no batch"),
        (lambda: p.denoised(X, t, 0.5), "model_output is Tensor and x is ndarray; expected both of one library"),
        (lambda: p.denoised(t, X, 0.5), "model_output is ndarray and x is Tensor; expected both of one library"),
        (lambda: p.model_output_from(t, X, 0.5), "denoised is Tensor and x is ndarray; expected both of one library"),
        (lambda: p.noise_scaling(0.5, t, X), "noise is Tensor and latent is ndarray; expected both of one library"),
        (lambda: p.denoised(META, META, torch.ones(2)), "sigma is on cpu and x on meta; expected one device"),
        (lambda: p.denoised(t, META, 0.5), "model_output is on meta and x on cpu; expected one device"),
        *(
            (lambda flag=flag: p.noise_scaling(0.5, X, X, max_denoise=flag), f"max_denoise is {flag!r}; expected True")
            for flag in ("no", 1, None)
        ),
    ]:
        with pytest.raises(ParameterizationError) as caught:
            call()
        assert str(caught.value).startswith(text)


@pytest.mark.parametrize("p", [EpsilonParameterization(), sl.LCMParameterization()])
def test_outputs_that_overlap_are_refused(p):
    sigmas, a, b, c = np.ones(3), np.empty(3), np.empty(3), np.empty(3)
    for out, text in [
        ((a, a, a, a), "out[1] shares memory with out[0]"),
        ((a, b, c, a), "out[3] shares memory with out[0]"),
        ((a, b, c, sigmas), "out[3] shares memory with sigmas"),
    ]:
        with pytest.raises(ParameterizationError) as caught:
            p.preconditioning(sigmas, SD, out=out)
        assert str(caught.value) == f"{text}; expected an array of its own for each"
    whole = np.empty(8)
    with pytest.raises(ParameterizationError, match=r"^out\[1\] shares memory with out\[0\]"):
        p.scalings(sigmas, out=(whole[:3], whole[2:5], whole[5:]))
    np.testing.assert_array_equal(sigmas, np.ones(3))
    rows = np.empty((4, 3))
    p.preconditioning(sigmas, SD, out=tuple(rows))
    np.testing.assert_array_equal(rows, p.preconditioning(sigmas, SD))


def test_a_flag_of_add_noise_is_checked():
    with pytest.raises(ParameterizationError, match=r"^max_denoise is 'no'; expected True or False"):
        add_noise(X, X, 0.5, EpsilonParameterization(), max_denoise="no", sigma_max=10.0)
