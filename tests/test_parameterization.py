import dataclasses
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference import parameterization as reference
from stepladder._parameterization import (
    EDMParameterization,
    EpsilonParameterization,
    Parameterization,
    VPredictionParameterization,
    add_noise,
)
from stepladder._process import DiscreteProcess, EDMProcess
from stepladder.errors import ParameterizationError

CASES = json.loads((Path(__file__).parent / "data" / "parameterizations.json").read_text())["cases"]
CLASSES = {
    "epsilon": EpsilonParameterization,
    "v_prediction": VPredictionParameterization,
    "edm": EDMParameterization,
}
SD = DiscreteProcess()


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['name']}-{case['sigma_data']}")
def test_peer_values(case, library):
    def array(name):
        values = np.array(case[name]).reshape(case["shape"] if name != "sigma" else -1)
        return values if library == "numpy" else torch.from_numpy(values)

    p = CLASSES[case["name"]](case["sigma_data"])
    sigma, x, latent = array("sigma"), array("x"), array("latent")
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
    name=st.sampled_from(sorted(CLASSES)),
    sigma=st.lists(st.floats(0, 1e4), min_size=1, max_size=20),
    sigma_data=st.floats(0.05, 20),
)
def test_scalings_match_the_formula(name, sigma, sigma_data):
    p = CLASSES[name](sigma_data)
    sigmas = np.array(sigma)
    expected = np.array([reference.scalings(name, s, sigma_data) for s in sigma]).T
    plain = (p.c_skip(sigmas), p.c_out(sigmas), p.c_in(sigmas))
    tensors = [f(torch.from_numpy(sigmas)).numpy() for f in (p.c_skip, p.c_out, p.c_in)]
    floats = np.array([(p.c_skip(s), p.c_out(s), p.c_in(s)) for s in sigma]).T
    for want, *ours in zip(expected, p.scalings(sigmas), plain, tensors, floats, strict=True):
        for got in ours:
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-300)
        compiled, plain, tensors, floats = ours
        np.testing.assert_array_equal(plain, compiled)
        np.testing.assert_array_equal(floats, compiled)
        # torch divides a number by a tensor as a product with the reciprocal: one rounding more.
        np.testing.assert_allclose(tensors, compiled, rtol=3e-16, atol=0)


@given(name=st.sampled_from(sorted(CLASSES)), sigma=st.floats(1e-3, 1e3), data=st.floats(-10, 10))
def test_model_outputs_round_trip(name, sigma, data):
    p = CLASSES[name]()
    x, output = np.full((1, 2), data), np.array([[0.5, -2.0]])
    back = p.model_output_from(p.denoised(x, output, sigma), x, sigma)
    scale = 1 + abs(data * p.c_skip(sigma) / p.c_out(sigma))
    np.testing.assert_allclose(back, output, atol=1e-13 * scale)


@pytest.mark.parametrize("library", [np.asarray, torch.tensor])
@pytest.mark.parametrize("p", [cls() for cls in CLASSES.values()], ids=sorted(CLASSES))
def test_float_sigma_keeps_float32(p, library):
    x = library(np.ones((2, 3, 4), np.float32))
    for sigma in (2, 2.0, np.float64(2.0)):
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
    with pytest.raises(ParameterizationError, match="sigma is 0; expected a positive finite value"):
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
BAD_CALLS = [
    (lambda: P.scale_input(X, -1.0), "sigma is -1.0; expected a finite value, 0 or above"),
    (lambda: P.scale_input(X, float("nan")), "sigma is nan; expected a finite value, 0 or above"),
    (lambda: P.noise_scaling(float("inf"), X, X), "sigma is inf; expected a finite value, 0 or above"),
    (lambda: P.c_out(np.array([1.0, -2.0])), "sigma[1] is -2.0; expected a finite value, 0 or above"),
    (lambda: P.scalings(np.array([1.0, np.nan])), "sigma[1] is NaN; expected a finite value, 0 or above"),
    (
        lambda: P.scalings(np.array([1, 2])),
        "sigma is an array of int64; expected a float, or a float64 or float32 array",
    ),
    (lambda: P.scale_input(X, np.ones(3)), "sigma has shape (3,); expected a float or (2,), one per sample"),
    (lambda: P.model_output_from(X, X, 0.0), "sigma is 0; expected values above 0, where the network's output matters"),
    (
        lambda: P.model_output_from(X, X, np.array([1.0, 0.0])),
        "sigma is 0; expected values above 0, where the network's output matters",
    ),
    (lambda: add_noise(X, X, X[:, 0], P, sigma_max=1.0), "sigma is ndarray; expected a float where sigma_max decides"),
    (lambda: EpsilonParameterization(0.0), "sigma_data is 0; expected a positive finite value"),
    (lambda: VPredictionParameterization(float("nan")), "sigma_data is NaN; expected a positive finite value"),
    (lambda: EDMParameterization(-0.5), "sigma_data is -0.5; expected a positive finite value"),
]


@pytest.mark.parametrize(("call", "text"), BAD_CALLS)
def test_bad_values_are_named(call, text):
    with pytest.raises(ParameterizationError) as caught:
        call()
    assert type(caught.value) is ParameterizationError
    assert str(caught.value) == text


def test_parameterizations_are_values():
    everything = [cls(sd) for cls in CLASSES.values() for sd in (0.5, 1.0)]
    for p in everything:
        copy = pickle.loads(pickle.dumps(p))
        assert copy == p
        assert hash(copy) == hash(p)
        assert dataclasses.replace(p) == p
        assert sum(p == other for other in everything) == 1
        with pytest.raises(dataclasses.FrozenInstanceError):
            p.sigma_data = 2.0
        np.testing.assert_array_equal(copy.scalings(np.ones(1)), p.scalings(np.ones(1)))
