"""Classifier-free guidance inside a program, against a denoiser that guides."""

import math
import re

import numpy as np
import problems
import pytest
import stepladder as sl
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from methods import METHODS
from stepladder import testing
from stepladder.errors import ExecutionError, ProgramError
from stepladder.torch import ClassifierFreeGuidance, Denoiser
from test_sampler import KARRAS, close, program_of, units

COND = testing.mixture_problem()
UNCOND = testing.MixtureProblem(tuple(tuple(-v for v in m) for m in COND.means), COND.stds, COND.weights)
STEPS = len(KARRAS) - 1


def both(x, sigma):
    """(conditional, unconditional), as a guided program asks for them."""
    sigma = float(np.ravel(sigma)[0])
    return COND.denoise(x, sigma), UNCOND.denoise(x, sigma)


def guiding(scale_of, second):
    """A denoiser that guides by itself, with the unconditional value as second result where a sampler wants it."""

    def denoiser(x, sigma):
        cond, uncond = both(x, sigma)
        scale = scale_of(float(np.ravel(sigma)[0]))
        guided = uncond + scale * (cond - uncond)
        return (guided, uncond) if second else guided

    return denoiser


def run(program, denoiser, callback=None):
    x = COND.start(program.sigma_start)
    return sl.sample(program, denoiser, x, units(x.shape)[0], callback)


@pytest.mark.parametrize("name", METHODS)
@given(scale=st.floats(-1.0, 8.0), low=st.floats(0.0, 3.0), high=st.floats(3.0, 20.0))
def test_a_denoiser_that_guides(name, scale, low, high):
    program = program_of(name, {}, KARRAS)
    second = METHODS[name].second
    assume(any(low <= op.sigma <= high for op in program.operations if hasattr(op, "second")))
    inside = lambda sigma: scale if low <= sigma <= high else 1.0  # noqa: E731
    expected = run(program, guiding(inside, second))
    close(run(program.guide(scale, interval=(low, high)), both), expected, 1e-11)


def test_a_scale_per_step():
    scales = np.linspace(1.0, 9.0, STEPS)
    program = sl.sampler("heun").compile(KARRAS)
    # Heun's second call of a step is at the first sigma of the next: told apart by counting.
    per_call = [scales[k // 2] for k in range(2 * STEPS - 1)]
    count = iter(per_call)
    expected = run(program, guiding(lambda sigma: next(count), False))
    close(run(program.guide(scales), both), expected, 1e-12)
    close(run(program.guide(list(scales)), both), expected, 1e-12)


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if not method.second])
def test_what_it_costs(name):
    program = program_of(name, {}, KARRAS)
    guided = program.guide(4.0)
    assert guided.analysis.passes <= program.analysis.passes + 1  # a last step to zero is a combination now
    assert guided.analysis.model_calls == program.analysis.model_calls
    assert program.guide(1.0) == program


def test_outside_the_interval_one_result_is_asked_for():
    program = sl.sampler("euler").compile(KARRAS).guide(4.0, interval=(0.5, 5.0))
    asked = [(op.sigma, op.second) for op in program.operations if hasattr(op, "second")]
    for sigma, second in asked:
        assert (second is not None and second[0] == "branches") == (0.5 <= sigma <= 5.0)


@pytest.mark.parametrize("name", ["epsilon", "v_prediction", "edm", "x0"])
@pytest.mark.parametrize("sampler", METHODS)
def test_guided_and_folded(sampler, name):
    """One combination of the network's two outputs, equal to guidance on denoised values."""
    parameterization = sl.parameterization(name)
    program = program_of(sampler, {}, KARRAS)

    def network(x, c_noise, label):
        return torch.tanh(0.3 * x + label[:, None] + 0.01 * c_noise[:, None].to(x.dtype))

    process = sl.process("discrete")
    make = lambda guidance: Denoiser(  # noqa: E731
        network, parameterization, process=process, conditioning={"label": torch.full((16,), 0.2)}, guidance=guidance
    )
    unconditional = {"label": torch.full((16,), -0.1)}
    x = torch.from_numpy(COND.start(program.sigma_start))
    runs = [
        sl.sample(p, make(ClassifierFreeGuidance(scale, unconditional)), x, noise_of(x))
        for p, scale in ((program, 3.5), (program.guide(3.5), None))
    ]
    close(runs[1].numpy(), runs[0].numpy(), 1e-10)


def noise_of(x):
    draw, _ = units(tuple(x.shape))
    return lambda like, sigma_from, sigma_to: torch.from_numpy(draw(like, sigma_from, sigma_to))


def test_a_callback_sees_the_guided_value():
    program = sl.sampler("dpmpp_2m").compile(KARRAS)
    seen = {}
    for key, made, denoiser in (
        ("inside", program.guide(4.0), both),
        ("outside", program, guiding(lambda sigma: 4.0, False)),
    ):
        seen[key] = []
        run(made, denoiser, lambda info, to=seen[key]: to.append((info.x, info.denoised)))
    for (x, denoised), (x_expected, expected) in zip(seen["inside"], seen["outside"], strict=True):
        close(x, x_expected, 1e-12)
        close(denoised, expected, 1e-12)


def test_it_survives_being_saved(tmp_path):
    program = sl.sampler("dpmpp_2m").compile(KARRAS).guide(4.0, interval=(0.5, 5.0))
    assert sl.Program.from_json(program.to_json()) == program
    program.save(tmp_path / "guided.safetensors")
    loaded = sl.Program.load(tmp_path / "guided.safetensors")
    assert loaded == program
    np.testing.assert_array_equal(run(loaded, both), run(program, both))


def test_what_is_refused():
    program = sl.sampler("dpmpp_2m").compile(KARRAS)
    epsilon = sl.parameterization("epsilon")
    for made, text in (
        (lambda: program.guide(math.nan), "guidance scale NaN of model call 0; expected a finite number"),
        (lambda: program.guide([1.0, 2.0]), "scale is [1.0, 2.0]; expected a number, or 12, one per step"),
        (lambda: program.guide(True), "scale is True; expected a number, or 12, one per step"),
        (
            lambda: program.guide(2.0, interval=(5.0, 1.0)),
            "interval is (5.0, 1.0); expected the lowest and the highest",
        ),
        (
            lambda: program.guide(2.0, interval=(100.0, 200.0)),
            f"interval is (100.0, 200.0) and the model is called at sigma {KARRAS[0]:g} to {KARRAS[-2]:g}, none of it "
            "inside; expected an interval that holds one of them",
        ),
        (lambda: program.guide("much"), "scale is 'much' and interval (0.0, inf); expected a number or one per step"),
        (lambda: program.guide(2.0).guide(2.0), "this program is guided already"),
        (lambda: program.fold(epsilon).guide(2.0), "this program calls the network itself already; guide the program"),
        (lambda: program[3:].guide(2.0), "a slice with history cannot be guided"),
    ):
        with pytest.raises(ProgramError, match=f"^{re.escape(text)}"):
            made()


def test_exactly_one_place_scales():
    program = sl.sampler("euler").compile(KARRAS)
    x = torch.zeros(2, 2)
    make = lambda guidance: Denoiser(lambda x, c: x, sl.parameterization("edm"), guidance=guidance)  # noqa: E731
    for made, guidance, text in (
        (program.guide(2.0), None, "the program is guided; the denoiser needs a ClassifierFreeGuidance"),
        (
            program.guide(2.0),
            ClassifierFreeGuidance(3.0),
            "the program is guided, and the denoiser's guidance has scale",
        ),
        (program, ClassifierFreeGuidance(None), "the denoiser's guidance has no scale"),
    ):
        with pytest.raises(ExecutionError, match=f"^{re.escape(text)}"):
            sl.sample(made, make(guidance), x)


def test_a_model_that_returns_one_result():
    program = sl.sampler("euler").compile(KARRAS).guide(2.0)
    with pytest.raises(ExecutionError, match="the model returned ndarray at step 0; the program needs a pair"):
        run(program, problems.plain(COND.denoise))
