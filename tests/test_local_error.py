"""Estimates of the error of single steps."""

import itertools
import json
import math
import re

import numpy as np
import problems
import pytest
import scipy.integrate
import stepladder as sl
import torch
from stepladder import testing
from stepladder.cli import app
from stepladder.errors import SamplerError
from typer.testing import CliRunner

MIXTURE = testing.mixture_problem()
DENOISER = problems.plain(MIXTURE.denoise)
SIGMAS = [10.0, 4.0, 1.5, 0.5, 0.1]
PAIRS = {"bogacki_shampine": (scipy.integrate.RK23, 2), "dormand_prince": (scipy.integrate.RK45, 4)}


def slope(u, flat, shape):
    x = flat.reshape(shape)
    return (x - MIXTURE.denoise(x, math.exp(u))).ravel()


@pytest.mark.parametrize("name", PAIRS)
def test_scipys_pairs(name):
    """Result and error of each step by SciPy's coefficients and formulas."""
    method, _ = PAIRS[name]
    x = MIXTURE.start(SIGMAS[0])
    found = sl.local_errors(sl.sampler(name), DENOISER, x, SIGMAS)
    for (s, t), error in zip(itertools.pairwise(SIGMAS), found.errors, strict=True):
        h = math.log(t) - math.log(s)
        slopes = []
        for row, c in zip(method.A, method.C, strict=True):
            y = x + h * sum((a * k for a, k in zip(row, slopes, strict=False)), np.zeros_like(x))
            slopes.append(slope(math.log(s) + c * h, y, x.shape).reshape(x.shape))
        x = x + h * sum(b * k for b, k in zip(method.B, slopes, strict=True))
        slopes.append(slope(math.log(t), x, x.shape).reshape(x.shape))
        expected = h * sum(e * k for e, k in zip(method.E, slopes, strict=True))
        assert error == pytest.approx(float(np.sqrt(np.mean(expected**2))), rel=1e-9)
    assert found.estimate == "embedded"
    assert found.model_calls == 4 * (len(method.C) + 1)
    assert found.total == sum(found.errors)


def test_heuns_pair_is_eulers_step():
    x = MIXTURE.start(SIGMAS[0])
    found = sl.local_errors(sl.sampler("heun_2s", variable="sigma"), DENOISER, x, SIGMAS[:2])
    heun, euler = (sl.sample(sl.sampler(n).compile(SIGMAS[:2]), DENOISER, x) for n in ("heun", "euler"))
    assert found.errors == (pytest.approx(float(np.sqrt(np.mean((heun - euler) ** 2))), rel=1e-12),)
    assert found.model_calls == 2


@pytest.mark.parametrize(
    ("name", "order"), [("bogacki_shampine", 2), ("dormand_prince", 4), ("euler", 1), ("heun", 2), ("res_3s", 3)]
)
def test_an_error_shrinks_with_the_step(name, order):
    """Of one step: by order plus one. The estimate is that of the lower of the two results."""
    errors = []
    for h in (0.2, 0.1, 0.05):
        sigmas = [1.0, math.exp(-h)]
        found = sl.local_errors(sl.sampler(name), DENOISER, MIXTURE.flow(MIXTURE.start(10.0), 10.0, 1.0), sigmas)
        errors.append(found.errors[0])
    assert min(math.log2(a / b) for a, b in itertools.pairwise(errors)) > order + 1 - 0.3


@pytest.mark.parametrize("name", ["euler", "heun", "res_2s", "rk4"])
def test_half_steps_are_the_error_up_to_a_factor(name):
    """By Richardson: the difference is 1 - 2^-p of the error of the whole step, within a third here."""
    order = sl.samplers()[name].claims.formula_order
    x = MIXTURE.flow(MIXTURE.start(10.0), 10.0, 1.0)
    found = sl.local_errors(sl.sampler(name), DENOISER, x, [1.0, 0.85])
    result = sl.sample(sl.sampler(name).compile([1.0, 0.85]), DENOISER, x)
    error = float(np.sqrt(np.mean((result - MIXTURE.flow(x, 1.0, 0.85)) ** 2)))
    assert found.estimate == "halves"
    assert found.errors[0] / (1 - 0.5**order) == pytest.approx(error, rel=0.34)


def test_torch_and_a_last_step_to_zero():
    x = MIXTURE.start(SIGMAS[0])
    for name in ("heun", "dormand_prince"):
        ours = sl.local_errors(sl.sampler(name), DENOISER, x, [*SIGMAS, 0.0])
        tensors = sl.local_errors(
            sl.sampler(name), problems.for_torch(DENOISER), torch.from_numpy(x), torch.tensor([*SIGMAS, 0.0]).tolist()
        )
        assert ours.errors[-1] is tensors.errors[-1] is None
        np.testing.assert_allclose(ours.errors[:-1], tensors.errors[:-1], rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("dpmpp_2m", "Dpmpp2mSampler has no error estimate: its steps use more than their own two levels and x"),
        ("heunpp2", "Heunpp2Sampler has no error estimate"),
        ("dpm_fast", "DpmFastSampler has no error estimate"),
        ("ddim_inverse", "DdimInverseSampler has no error estimate"),
        ("euler_ancestral", "EulerAncestralSampler draws noise"),
        ("dpm_adaptive", "dpm_adaptive chooses its steps from the data"),
    ],
)
def test_refusals(name, start):
    with pytest.raises(SamplerError, match=f"^{re.escape(start)}"):
        sl.local_errors(sl.sampler(name), DENOISER, MIXTURE.start(10.0), SIGMAS)


def test_what_is_no_sampler_or_has_no_pair():
    with pytest.raises(SamplerError, match=r"^sampler is str; expected a Sampler, as sl\.sampler makes$"):
        sl.local_errors("heun", DENOISER, MIXTURE.start(10.0), SIGMAS)
    with pytest.raises(SamplerError, match=r"^tableau rk4 has no embedded weights; expected heun_2s, "):
        sl.sampler("rk4").embedded_pair(2.0, 1.0)
    with pytest.raises(SamplerError, match=r"^sigmas\[1\] is 0; expected a positive number"):
        sl.sampler("heun_2s").embedded_pair(2.0, 0.0)
    with pytest.raises(SamplerError, match=r"^sigmas\[1\] is 3; expected a value below"):
        sl.sampler("heun_2s").embedded_pair(2.0, 3.0)


@pytest.mark.parametrize("process", ["discrete", "flow", "edm"])
def test_as_many_steps_as_the_command_says(process):
    """A run of the number of steps that it names has a sum of about the tolerance."""
    schedule = "simple" if process == "flow" else "karras"

    def printed(steps):
        command = ["program", "heun", "-n", str(steps), "--error", "--process", process, "--schedule", schedule]
        return CliRunner().invoke(app, command).stdout

    data = json.loads(CliRunner().invoke(app, ["program", "heun", "-n", "60", "--error", "--json"]).stdout)
    assert len(data["errors"]) == len(data["sigmas"]) - 1 == 60
    assert data["sum"] == pytest.approx(sum(error for error in data["errors"] if error is not None))
    assert data["estimate"] == "halves"
    enough = int(re.search(r"steps for 0.01  about (\d+)", printed(60))[1])
    total = float(re.search(r"sum +(\S+)", printed(enough))[1])
    assert 0.005 < total < 0.02
