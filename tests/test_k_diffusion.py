"""Third parties' functions of k-diffusion's shape."""

import itertools
import re

import installed
import numpy as np
import problems
import pytest
import stepladder as sl
import torch
from stepladder import testing
from stepladder.errors import ExecutionError, NonFiniteError, PluginError, SamplerError
from stepladder.hookspecs import Claims, hookimpl

MIXTURE = testing.mixture_problem()
DENOISER = problems.for_torch(problems.plain(MIXTURE.denoise))
SIGMAS = [10.0, 4.0, 1.5, 0.5, 0.0]
X = torch.from_numpy(MIXTURE.start(SIGMAS[0]))


def sample_plain(model, x, sigmas, extra_args=None, callback=None, disable=None, weight=1.0):
    """Euler's method."""
    extra_args = extra_args or {}
    assert disable is True
    for i in range(len(sigmas) - 1):
        denoised = model(x, sigmas[i] * x.new_ones([x.shape[0]]), **extra_args)
        if callback is not None:
            callback({"x": x, "i": i, "sigma": sigmas[i], "sigma_hat": sigmas[i], "denoised": denoised})
        x = x + weight * (x - denoised) / sigmas[i] * (sigmas[i + 1] - sigmas[i])
    return x


def sample_noisy(model, x, sigmas, extra_args=None, callback=None, disable=None, noise_sampler=None):
    """Denoises, and adds the noise of the next level."""
    for s, s_next in itertools.pairwise(sigmas):
        x = model(x, s * x.new_ones([len(x)])) + s_next * (noise_sampler(s, s_next) if s_next > 0 else 0)
    return x


PLAIN = sl.KDiffusionSampler(sample_plain)


def test_it_is_the_compiled_method():
    seen = []
    ours = sl.sample(sl.sampler("euler").compile(SIGMAS), DENOISER, X)
    result = sl.sample_k_diffusion(PLAIN, DENOISER, X, SIGMAS, callback=seen.append)
    torch.testing.assert_close(result, ours, rtol=1e-13, atol=1e-13)
    assert [info["i"] for info in seen] == [0, 1, 2, 3]
    weighted = sl.sample_k_diffusion(sl.KDiffusionSampler(sample_plain, {"weight": 0.9}), DENOISER, X, SIGMAS)
    assert not torch.allclose(weighted, result)


def test_dtypes_and_extra_arguments():
    given = []

    def denoiser(x, sigma, shift):
        given.append((x.dtype, sigma.dtype))
        return torch.zeros_like(x) + shift

    for dtype, level in ((torch.float64, torch.float64), (torch.float32, torch.float32), (torch.float16, None)):
        result = sl.sample_k_diffusion(PLAIN, denoiser, X.to(dtype), SIGMAS, extra_args={"shift": 0.25})
        assert result.dtype == dtype
        torch.testing.assert_close(result, torch.full_like(result, 0.25), rtol=0, atol=1e-2)
        assert level is None or given[-1] == (dtype, level)


def test_noise():
    intervals = []

    def recorded(like, sigma_from, sigma_to):
        intervals.append((sigma_from, sigma_to))
        return torch.ones_like(like)

    sampler = sl.KDiffusionSampler(sample_noisy)
    assert sampler.takes_noise
    sl.sample_k_diffusion(sampler, DENOISER, X, SIGMAS, recorded)
    assert intervals == list(itertools.pairwise(SIGMAS[:4]))
    runs = [sl.sample_k_diffusion(sampler, DENOISER, X, SIGMAS, sl.noise_source("iid", seed=s)) for s in (3, 3, 4)]
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


@pytest.mark.parametrize(
    ("theirs", "options"),
    [
        ("sample_euler", {}),
        ("sample_heun", {}),
        ("sample_dpmpp_2m", {}),
        ("sample_lms", {"order": 3}),
        ("sample_dpmpp_2m_sde", {"eta": 0.7}),
    ],
)
def test_k_diffusions_own(theirs, options):
    sampler = sl.KDiffusionSampler(getattr(installed.k_diffusion("sampling"), theirs), options)
    noise = (lambda: problems.drawn(tuple(X.shape), 7)) if "eta" in options else (lambda: None)
    tensors = lambda source: source and (lambda *a: torch.from_numpy(source(*a)))  # noqa: E731
    result = sl.sample_k_diffusion(sampler, DENOISER, X, SIGMAS, tensors(noise()))
    found = sl.resolve(theirs, host="k_diffusion")
    ours = sl.sampler(found.sampler, **found.sampler_options | options)
    expected = sl.sample(ours.compile(SIGMAS), DENOISER, X, tensors(noise()))
    torch.testing.assert_close(result, expected, rtol=1e-7, atol=1e-7)


class Plugin:
    """Registers a function."""

    @hookimpl
    def register_samplers(self, register):
        def plain_euler(weight=1.0):
            """Euler's method, by a function of k-diffusion's shape."""
            return sl.KDiffusionSampler(sample_plain, {"weight": weight})

        claims = Claims(formula_order=1, global_order=1, weak_order=None, evaluations=1, stochastic=False)
        register("plain_euler", plain_euler, source="this test", claims=claims)


def test_registered():
    manager = sl.make_manager(entry_points=False)
    manager.register_plugin(Plugin(), "kd")
    made = manager.make("sampler", "plain_euler", {"weight": 0.5})
    assert made == sl.KDiffusionSampler(sample_plain, {"weight": 0.5})
    text = (
        "sample_plain computes its steps itself, so it has no program; run it with "
        "sl.sample_k_diffusion(sampler, denoiser, x, sigmas)"
    )
    with pytest.raises(SamplerError, match=f"^{re.escape(text)}$"):
        made.compile(SIGMAS)
    with pytest.raises(PluginError):
        manager.register_plugin(Plugin(), "again")


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        ((3,), "function is int; expected function(model, x, sigmas, extra_args=None, "),
        ((lambda model, x: x,), "<lambda>(model, x) cannot be called: too many positional arguments; expected "),
        ((sample_plain, {"wait": 1}), "sample_plain(model, x, sigmas, extra_args=None, "),
        ((sample_plain, 3), "options is int; expected a mapping of keyword arguments"),
    ],
)
def test_what_is_no_such_function(arguments, start):
    with pytest.raises(SamplerError, match=f"^{re.escape(start)}"):
        sl.KDiffusionSampler(*arguments)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"sampler": sl.EulerSampler()}, SamplerError, "sampler is EulerSampler; expected a KDiffusionSampler"),
        ({"process": sl.process("flow")}, SamplerError, "KDiffusionSampler is defined for x = x0 + sigma * noise"),
        ({"process": "flow"}, SamplerError, "process is str; expected a NoiseProcess, as sl.process makes"),
        ({"x": np.zeros((2, 2))}, ExecutionError, "x is ndarray; expected a torch tensor"),
        ({"denoiser": 3}, ExecutionError, "denoiser is int; expected a callable"),
        ({"noise": 3}, ExecutionError, "noise is int; expected sl.noise_source(…) or a callable"),
        (
            {"noise": lambda like, a, b: like},
            ExecutionError,
            "sample_plain takes no noise_sampler, so it makes its own noise; leave noise out",
        ),
        (
            {"sampler": sl.KDiffusionSampler(lambda *a, **k: a[1][:1])},
            ExecutionError,
            "the function returned (1, 2); expected a tensor of shape (16, 2), as x has",
        ),
        (
            {"sampler": sl.KDiffusionSampler(lambda *a, **k: None)},
            ExecutionError,
            "the function returned NoneType; expected a tensor of shape (16, 2), as x has",
        ),
    ],
)
def test_refusals(change, error, text):
    arguments = {"sampler": PLAIN, "denoiser": DENOISER, "x": X, "sigmas": SIGMAS} | change
    with pytest.raises(error, match=f"^{re.escape(text)}"):
        sl.sample_k_diffusion(**arguments)


def test_nan_is_said():
    def denoiser(x, sigma):
        denoised = torch.zeros_like(x)
        denoised[3] = torch.nan if sigma[0] < 2.0 else 0.0
        return denoised

    with pytest.raises(NonFiniteError, match="NaN or infinity in sample 3; the last step it reported is 3") as error:
        sl.sample_k_diffusion(PLAIN, denoiser, X, SIGMAS)
    assert (error.value.step, error.value.sample) == (3, 3)
