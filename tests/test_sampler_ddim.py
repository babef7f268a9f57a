"""DDIM where a denoiser clips, DDIM upwards, and what the name means in other programs."""

import json
import math

import numpy as np
import problems
import pytest
import stepladder as sl
import torch
from reference.sampler_ddim import ddim, ddim_inverse
from stepladder.errors import AmbiguousNameError, ExecutionError, ProgramError, SamplerError
from stepladder.torch import ClippedDenoiser
from test_sampler import FLOW, KARRAS, MIXTURE, close, numbers, run, units

SIGMAS = [9.0, 4.0, 1.5, 0.4, 0.0]


def clipped(x, sigma):
    """The denoised value in a range that cuts it off, and the value itself."""
    value = MIXTURE.denoise(x, sigma)
    return np.clip(value, -0.5, 0.5), value


# The direction before clipping


@pytest.mark.parametrize("eta", [0.0, 0.6, 1.0])
def test_direction_before_clipping(eta):
    x = MIXTURE.start(SIGMAS[0])
    noise, numbered = units(x.shape)
    program = sl.sampler("ddim", eta=eta, direction="unclipped").compile(SIGMAS)
    ours = sl.sample(program, problems.plain(clipped), x, noise)
    theirs = ddim(clipped, x, SIGMAS, numbered, eta=eta, direction="unclipped")
    close(ours, theirs, 1e-12)
    one = sl.sampler("ddim", eta=eta).compile(SIGMAS)
    other = sl.sample(one, problems.plain(lambda x, s: clipped(x, s)[0]), x, units(x.shape)[0])
    close(other, ddim(lambda x, s: clipped(x, s)[0], x, SIGMAS, numbered, eta=eta), 1e-12)
    assert not np.allclose(ours, other, rtol=1e-3)


def test_where_nothing_is_clipped_the_rules_agree():
    twice = lambda x, s: (MIXTURE.denoise(x, s),) * 2  # noqa: E731
    close(
        run(sl.sampler("ddim", direction="unclipped").compile(KARRAS), twice),
        run(sl.sampler("ddim").compile(KARRAS)),
        1e-13,
    )


def test_every_number_of_the_two_results():
    """One number that is wrong by a thousandth is noticed, whichever it is."""
    x = MIXTURE.start(SIGMAS[0])
    expected = ddim(clipped, x, SIGMAS, units(x.shape)[1], eta=0.6, direction="unclipped")
    document = sl.sampler("ddim", eta=0.6, direction="unclipped").compile(SIGMAS).to_dict()
    places = list(numbers(document))
    assert len(places) == 4 + 3 * 4
    for container, key in places:
        right = container[key]
        container[key] = 1.001 * right
        program = sl.Program.from_json(json.dumps(document))
        assert not np.allclose(sl.sample(program, problems.plain(clipped), x, units(x.shape)[0]), expected, rtol=1e-9)
        container[key] = right


def test_two_results_do_not_fold():
    program = sl.sampler("ddim", direction="unclipped").compile(SIGMAS)
    with pytest.raises(ProgramError, match="unclipped second result, and clipping is not linear"):
        program.fold(sl.parameterization("epsilon"))


def test_the_second_result_is_asked_for():
    program = sl.sampler("ddim", direction="unclipped").compile(SIGMAS)
    with pytest.raises(ExecutionError, match="the denoised value and the unconditional or unclipped one"):
        sl.sample(program, problems.plain(MIXTURE.denoise), MIXTURE.start(9.0))


# The denoiser that clips


def test_static_clipping():
    x, sigma = torch.tensor([[0.5, -3.0], [2.0, 0.1]]), torch.ones(2)
    denoiser = ClippedDenoiser(lambda x, sigma: x, 1.5)
    torch.testing.assert_close(denoiser(x, sigma), torch.tensor([[0.5, -1.5], [1.5, 0.1]]), rtol=0, atol=0)
    both = ClippedDenoiser(lambda x, sigma: x, 1.5, unclipped=True)(x, sigma)
    assert isinstance(both, tuple)
    torch.testing.assert_close(both[1], x, rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_dynamic_thresholding(dtype):
    """Per sample: the quantile of the magnitudes, at least 1 and at most the limit, divides."""
    x = torch.tensor([[0.2, -0.4, 0.8], [1.0, -2.0, 3.0], [4.0, -8.0, 16.0]], dtype=dtype).reshape(3, 1, 3)
    result = ClippedDenoiser(lambda x, sigma: x, 6.0, quantile=0.5)(x, torch.ones(3))
    expected = torch.tensor([[0.2, -0.4, 0.8], [0.5, -1.0, 1.0], [4 / 6, -1.0, 1.0]], dtype=dtype).reshape(3, 1, 3)
    torch.testing.assert_close(result, expected, rtol=torch.finfo(dtype).eps, atol=0)


def test_clipping_in_a_run():
    """Through the executor: a run with torch tensors is the slow one."""
    x = MIXTURE.start(SIGMAS[0])
    raw = problems.for_torch(problems.plain(MIXTURE.denoise))
    program = sl.sampler("ddim", direction="unclipped").compile(SIGMAS)
    denoiser = ClippedDenoiser(raw, 0.5, unclipped=True)
    result = sl.sample(program, denoiser, torch.from_numpy(x))
    close(result.numpy(), ddim(clipped, x, SIGMAS, direction="unclipped"), 1e-12)


@pytest.mark.parametrize(
    ("arguments", "options", "text"),
    [
        ((3,), {}, r"denoiser is int; expected a callable \(x, sigma\) -> denoised"),
        ((abs, 0.0), {}, "limit is 0.0; expected a number above 0"),
        ((abs, math.nan), {}, "limit is nan; expected a number above 0"),
        ((abs, True), {}, "limit is True; expected a number above 0"),
        ((abs, math.inf), {}, "limit is inf, which clips nothing; give a number, or a quantile"),
        ((abs, 1.0), {"quantile": 0.0}, "quantile is 0.0; expected a number above 0 and at most 1, or None"),
        ((abs, 1.0), {"quantile": 99.5}, "quantile is 99.5; expected a number above 0 and at most 1, or None"),
        ((abs, 0.5), {"quantile": 0.9}, "limit is 0.5; dynamic thresholding clips to 1 at least"),
    ],
)
def test_what_clipping_refuses(arguments, options, text):
    with pytest.raises(ExecutionError, match=text):
        ClippedDenoiser(*arguments, **options)


def test_a_denoiser_that_returns_no_tensor():
    with pytest.raises(ExecutionError, match="the denoiser returned float; expected a torch tensor"):
        ClippedDenoiser(lambda x, sigma: 1.0)(torch.zeros(2, 3), torch.ones(2))


# Upwards


def test_the_inverse_of_a_line_is_exact():
    """Where D does not depend on sigma, nor on x, the flow is a line: down and up again is the same point."""
    constant = lambda x, sigma: np.full_like(x, 0.3)  # noqa: E731
    x = MIXTURE.start(KARRAS[0])
    down = run(sl.sampler("ddim").compile(KARRAS[:-1]), constant, x)
    close(run(sl.sampler("ddim_inverse").compile(KARRAS[:-1]), constant, down), x, 1e-13)


@pytest.mark.parametrize("sigmas", [SIGMAS, SIGMAS[:-1], [2.0, 1.0]], ids=str)
def test_diffusers_form_of_the_inverse(sigmas):
    x = MIXTURE.start(sigmas[-1])
    program = sl.sampler("ddim_inverse", form="diffusers").compile(sigmas)
    assert (program.sigma_start, program.sigma_end) == (sigmas[-1], sigmas[0])
    expected = ddim_inverse(MIXTURE.denoise, x, sigmas, form="diffusers")
    close(run(program), expected, 1e-12)
    document = program.to_dict()
    for container, key in numbers(document):
        right = container[key]
        if right == 0.0:  # the second output of the last call is not read
            continue
        container[key] = 1.001 * right
        wrong = run(sl.Program.from_json(json.dumps(document)))
        assert not np.allclose(wrong, expected, rtol=1e-9, atol=1e-9 * np.max(np.abs(expected)))
        container[key] = right


def test_diffusers_form_of_the_inverse_is_not_for_flows():
    sampler = sl.sampler("ddim_inverse", form="diffusers")
    text = 'form is "diffusers", which is defined for a variance-preserving process; the process is a flow. Use form'
    with pytest.raises(SamplerError, match=text):
        sampler.compile([0.9, 0.5, 0.0], FLOW)


# Flows, and names


def test_ddim_of_a_flow_is_ddim_in_sigma_over_alpha():
    """Scaled by its signal's weight a flow is variance exploding: the same steps there."""
    sigmas = np.array([0.97, 0.8, 0.5, 0.2, 0.05])
    x = MIXTURE.start(sigmas[0] / 0.03)
    ve = run(sl.sampler("ddim", eta=0.7).compile(sigmas / (1 - sigmas)), x=x)
    flow = run(sl.sampler("ddim", eta=0.7).compile(sigmas, FLOW), problems.for_flow(MIXTURE), x * 0.03)
    close(flow / 0.95, ve, 1e-12)


def test_ddim_of_variance_preserving_noise_is_euler_ancestral():
    for eta in (0.0, 0.3, 1.0):
        ours = run(sl.sampler("ddim", eta=eta).compile(KARRAS))
        close(ours, run(sl.sampler("euler_ancestral", eta=eta).compile(KARRAS)), 1e-12)


def test_the_name_ddim():
    with pytest.raises(AmbiguousNameError) as caught:
        sl.resolve("ddim")
    assert "sampler 'ddim'" in str(caught.value)
    assert "comfyui → sampler 'euler'" in str(caught.value)
    assert sl.resolve("ddim", host="comfyui").sampler == "euler"
    assert sl.resolve("ddim", host="stepladder").sampler == "ddim"
    assert sl.resolve("DDIMScheduler", host="diffusers").sampler == "ddim"
