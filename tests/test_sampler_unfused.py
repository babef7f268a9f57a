"""Methods whose steps are not linear in their inputs, and noise that is cut."""

import itertools

import numpy as np
import problems
import pytest
import stepladder as sl
import torch
from hypothesis import given
from hypothesis import strategies as st
from reference import sampler_unfused as slow
from stepladder.errors import ExecutionError, NonFiniteError, SamplerError
from test_sampler import FLOW, schedules

SIGMAS = [9.0, 4.0, 1.5, 0.6, 0.2, 0.0]
VP = sl.process("discrete")


def smooth(x, s):
    """Some denoiser that is not linear, value by value."""
    return 0.8 * np.tanh(x / (1 + s))


def with_variance(x, s):
    return smooth(x, s), np.cos(3 * x)


DENOISERS = {"score_sde_ve": smooth, "ddpm_learned_variance": with_variance}
OPTIONS = {
    "score_sde_ve": [{}, {"snr": 0.3, "corrector_steps": 2}, {"corrector_steps": 0}],
    "ddpm_learned_variance": [{}, {"s_noise": 0.5}],
}
RUNS = [(name, options) for name, rows in OPTIONS.items() for options in rows]


def numbered(rows, size):
    """Draw k of every sample, and a source that draws so."""
    made = np.random.default_rng(5).standard_normal((40, rows, size))
    counter = iter(range(40))
    return made, lambda like, sigma_from, sigma_to: made[next(counter)]


@pytest.mark.parametrize(("name", "options"), RUNS, ids=str)
@given(sigmas=schedules(st.booleans(), (0.2, 0.9)).filter(lambda s: len(s) < 10))
def test_agrees_with_the_slow_version(name, options, sigmas):
    """Each sample of a batch is what it is alone."""
    x = np.random.default_rng(1).standard_normal((2, 6)) * sigmas[0]
    noises, draw = numbered(2, 6)
    result = sl.sample_unfused(sl.sampler(name, **options), problems.plain(DENOISERS[name]), x, sigmas, draw)
    for row in range(2):
        expected = getattr(slow, name)(
            DENOISERS[name], x[row], list(sigmas), lambda k, row=row: noises[k, row], **options
        )
        np.testing.assert_allclose(result[row], expected, rtol=0, atol=1e-12 * np.max(np.abs(expected)))


@pytest.mark.parametrize("name", OPTIONS)
def test_torch_gives_what_numpy_gives(name):
    x = np.random.default_rng(1).standard_normal((3, 6)) * SIGMAS[0]
    noises, draw = numbered(3, 6)
    expected = sl.sample_unfused(sl.sampler(name), problems.plain(DENOISERS[name]), x, SIGMAS, draw)
    order = iter(range(40))

    def denoise(x, sigma):
        made = DENOISERS[name](x.numpy(), float(sigma[0]))
        return tuple(map(torch.from_numpy, made)) if isinstance(made, tuple) else torch.from_numpy(made)

    given_x = torch.from_numpy(x.copy())
    seen = []
    result = sl.sample_unfused(
        sl.sampler(name),
        denoise,
        given_x,
        SIGMAS,
        lambda like, a, b: torch.from_numpy(noises[next(order)]),
        seen.append,
    )
    np.testing.assert_allclose(result.numpy(), expected, rtol=1e-13, atol=1e-13)
    assert torch.equal(given_x, torch.from_numpy(x))
    assert [(i.step, i.sigma, i.sigma_next) for i in seen] == [
        (k, *pair) for k, pair in enumerate(itertools.pairwise(SIGMAS))
    ]
    assert torch.equal(seen[-1].x, result)


def test_float32_stays_float32():
    x = np.ones((1, 4), np.float32)
    result = sl.sample_unfused(
        sl.sampler("score_sde_ve"),
        lambda x, s: 0.5 * x,
        x,
        SIGMAS,
        lambda like, a, b: np.full(like.shape, 0.5, np.float32),
    )
    assert result.dtype == np.float32


def test_smallest_variance_is_ddpm():
    x = np.random.default_rng(1).standard_normal((1, 6)) * SIGMAS[0]
    noises, draw = numbered(1, 6)
    order = iter(range(40))
    expected = sl.sample(
        sl.sampler("ddpm").compile(SIGMAS), problems.plain(smooth), x, lambda like, a, b: noises[next(order)]
    )
    result = sl.sample_unfused(
        sl.sampler("ddpm_learned_variance"),
        problems.plain(lambda x, s: (smooth(x, s), np.full_like(x, -1.0))),
        x,
        SIGMAS,
        draw,
    )
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12 * np.max(np.abs(expected)))


@pytest.mark.parametrize("name", OPTIONS)
def test_there_is_no_program(name):
    sampler = sl.sampler(name)
    message = rf"^{type(sampler).__name__} .*, so it has no program; run it with sl\.sample_unfused\(sampler"
    with pytest.raises(SamplerError, match=message):
        sampler.compile(SIGMAS)
    with pytest.raises(SamplerError, match="the process is of family 'flow'"):
        sl.sample_unfused(sampler, problems.plain(DENOISERS[name]), np.ones((1, 2)), [0.9, 0.5, 0.0], process=FLOW)


def noise(like, sigma_from, sigma_to):
    return np.ones_like(like)


class Path(sl.NoiseSource):
    kind = "path"
    is_path = True
    independent = False

    def start(self, like, sigma_min, sigma_max, ordinal): ...

    def __call__(self, like, sigma_from, sigma_to): ...

    def state(self): ...

    def restore(self, state): ...


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"sampler": sl.sampler("euler")}, SamplerError, "sampler is EulerSampler; expected an UnfusedSampler"),
        ({"denoiser": 3}, ExecutionError, "denoiser is int; expected a callable"),
        (
            {"denoiser": lambda x, s: x[:, :1]},
            ExecutionError,
            r"the model returned shape \(1, 1\) of float64 at step 0",
        ),
        ({"denoiser": lambda x, s: (x, x)}, ExecutionError, "the model returned tuple at step 0"),
        ({"noise": None}, ExecutionError, "noise is None; pass sl.noise_source"),
        ({"noise": 3}, ExecutionError, "noise is int; expected sl.noise_source"),
        ({"noise": Path()}, ExecutionError, "source 'path' would give the same noise again"),
        ({"noise": lambda like, a, b: like[:, :1]}, ExecutionError, "the noise source returned shape"),
        ({"denoiser": lambda x, s: x * np.nan}, NonFiniteError, "NaN or infinity at step 0 in sample 0"),
        ({"sigmas": [1.0, 2.0]}, SamplerError, "strictly descending"),
        ({"sigmas": [1.0, 0.0, 0.0]}, SamplerError, "only the last may be 0"),
        ({"sigmas": [float("inf"), 1.0]}, SamplerError, "must be finite"),
        ({"process": "vp"}, SamplerError, "process is str"),
        ({"process": VP}, SamplerError, "the process is of family 'vp'"),
        ({"x": [1.0]}, ExecutionError, "expected torch tensors or NumPy arrays"),
    ],
)
def test_refusals(change, error, message):
    run = {
        "sampler": sl.sampler("score_sde_ve"),
        "denoiser": lambda x, s: 0.5 * x,
        "x": np.ones((1, 2)),
        "sigmas": [2.0, 1.0],
        "noise": noise,
    }
    with pytest.raises(error, match=message):
        sl.sample_unfused(**(run | change))


def test_a_pair_that_is_none():
    with pytest.raises(ExecutionError, match=r"returned ndarray at step 0; expected the pair \(denoised, variance\)"):
        sl.sample_unfused(sl.sampler("ddpm_learned_variance"), lambda x, s: x, np.ones((1, 2)), [2.0, 1.0], noise)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("score_sde_ve", {"snr": 0.0}, "snr is 0; expected a finite number above 0"),
        ("score_sde_ve", {"corrector_steps": -1}, "corrector_steps is -1; expected at least 0"),
        ("score_sde_ve", {"norm_over": "all"}, 'norm_over is "all"; expected sample or batch'),
        ("ddpm_learned_variance", {"variance": "fixed"}, 'variance is "fixed"; expected learned_range or learned'),
        ("ddpm_learned_variance", {"s_noise": -1.0}, "s_noise is -1; expected a finite number of at least 0"),
    ],
)
def test_options_out_of_range(name, options, message):
    with pytest.raises(SamplerError, match=message):
        sl.sampler(name, **options)


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("over", ["sample", "batch"])
def test_noise_is_cut_at_its_own_deviation(over, library):
    """ComfyUI's rule of `lcm`: clamp(noise, -limit * noise.std(), limit * noise.std())."""
    like = torch.empty(3, 4, 5, dtype=torch.float64)
    plain = sl.noise_source("iid", seed=4)
    plain.start(like, 0.1, 1.0, 0)
    expected = plain(like, 1.0, 0.1)
    deviation = torch.std(expected) if over == "batch" else expected.reshape(3, -1).std(dim=1)[:, None, None]
    expected = torch.maximum(torch.minimum(expected, 1.2 * deviation), -1.2 * deviation)
    source = sl.noise_source("clipped", source=sl.noise_source("iid", seed=4), limit=1.2, over=over)
    given_like = like if library == "torch" else like.numpy()
    source.start(given_like, 0.1, 1.0, 0)
    drawn = source(given_like, 1.0, 0.1)
    assert type(drawn) is type(given_like)
    np.testing.assert_allclose(np.asarray(drawn), expected.numpy(), rtol=1e-14)


def test_cut_noise_in_a_run_that_is_resumed(tmp_path):
    program = sl.sampler("lcm").compile(SIGMAS)
    x = torch.ones(2, 8)
    source = lambda: sl.noise_source("clipped", source=sl.noise_source("iid", seed=4), limit=1.0)  # noqa: E731
    whole = sl.sample(program, lambda x, s: 0.5 * x, x, source())
    uncut = sl.sample(program, lambda x, s: 0.5 * x, x, sl.noise_source("iid", seed=4))
    assert not torch.equal(whole, uncut)
    runner = sl.Runner(program, lambda x, s: 0.5 * x, x, source())
    runner.advance()
    runner.advance()
    runner.save(tmp_path / "state.safetensors")
    resumed = sl.Runner.load(tmp_path / "state.safetensors", program, lambda x, s: 0.5 * x, noise=source())
    assert torch.equal(resumed.run(), whole)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": 3}, "source is int; expected a NoiseSource"),
        ({"limit": 0.0}, "limit is 0.0; expected a finite number above 0"),
        ({"limit": True}, "limit is True"),
        ({"over": "all"}, "over is 'all'; expected 'sample' or 'batch'"),
    ],
)
def test_cutting_refuses(change, message):
    with pytest.raises(ExecutionError, match=message):
        sl.noise_source("clipped", **({"source": sl.noise_source("iid", seed=4), "limit": 2.0} | change))


def test_one_element_has_no_deviation():
    source = sl.noise_source("clipped", source=sl.noise_source("iid", seed=4), limit=2.0)
    like = np.ones((2, 1))
    source.start(like, 0.1, 1.0, 0)
    with pytest.raises(ExecutionError, match="a draw of one element has no standard deviation"):
        source(like, 1.0, 0.1)
