"""Published tables, diffusers' own values, and functions over lists of sigmas."""

import json
from pathlib import Path

import numpy as np
import pytest
import stepladder as sl
from reference import schedule as reference
from stepladder.errors import ScheduleError

TABLES = json.loads((Path(__file__).parent / "data" / "published_tables.json").read_text())
SD = sl.DiscreteProcess()


@pytest.mark.parametrize("coefficient", TABLES["gits"])
def test_gits(coefficient):
    rows = TABLES["gits"][coefficient]
    made = sl.GITSSchedule(float(coefficient))
    for steps, row in enumerate(rows, 2):
        np.testing.assert_array_equal(made.sigmas(SD, steps), [*row[:-1], 0.0])
    np.testing.assert_allclose(made.sigmas(SD, 33)[:-1], reference.loglinear_interp(rows[-1], 34)[:-1], rtol=1e-12)


@pytest.mark.parametrize("model", TABLES["optimal_steps"])
def test_optimal_steps(model):
    table = TABLES["optimal_steps"][model]
    made = sl.OptimalStepsSchedule(model.lower())
    np.testing.assert_array_equal(made.sigmas(SD, len(table) - 1), [*table[:-1], 0.0])
    np.testing.assert_allclose(made.sigmas(SD, 7)[:-1], reference.loglinear_interp(table, 8)[:-1], rtol=1e-12)


@pytest.mark.parametrize("family", TABLES["align_your_steps_32"])
def test_align_your_steps_with_32_points(family):
    table = TABLES["align_your_steps_32"][family]
    comfyui, a1111, nvidia = (sl.AlignYourStepsSchedule(family, 32, host) for host in ("comfyui", "a1111", "nvidia"))
    np.testing.assert_array_equal(comfyui.sigmas(SD, 31), [*table[:-1], 0.0])
    np.testing.assert_array_equal(a1111.sigmas(SD, 32), [*table, 0.0])
    np.testing.assert_array_equal(nvidia.sigmas(SD, 31), table)


@pytest.mark.parametrize("family", TABLES["align_your_steps_gits"])
def test_anybodys_table(family):
    table = tuple(TABLES["align_your_steps_gits"][family])
    kept, replaced = sl.TabulatedSchedule(table), sl.TabulatedSchedule(table, last="replace")
    np.testing.assert_array_equal(kept.sigmas(SD, 11), [*table, 0.0])
    np.testing.assert_array_equal(replaced.sigmas(SD, 10), [*table[:-1], 0.0])
    np.testing.assert_allclose(kept.sigmas(SD, 20)[:-1], reference.loglinear_interp(table, 20), rtol=1e-12)
    assert sl.TabulatedSchedule([*table, 0]) == kept


def test_align_your_steps_over_another_range():
    table = np.log(sl.AlignYourStepsSchedule("sdxl", convention="nvidia").sigmas(SD, 10))
    moved = np.log(sl.AlignYourStepsSchedule("sdxl", 11, "nvidia", 0.01, 80.0).sigmas(SD, 10))
    expected = np.log(0.01) + (table - table[-1]) / (table[0] - table[-1]) * np.log(8000)
    np.testing.assert_allclose(moved, expected, rtol=1e-12, atol=1e-13)


def test_align_your_steps_of_diffusers():
    published = pytest.importorskip("diffusers.schedulers").AysSchedules
    names = {"sd15": "StableDiffusion", "sdxl": "StableDiffusionXL", "svd": "StableDiffusionVideo"}
    for family, name in names.items():
        ours = sl.AlignYourStepsSchedule(family, convention="diffusers").sigmas(SD, 10)
        np.testing.assert_array_equal(ours, published[f"{name}Sigmas"])


CONVERSIONS = {
    "none": {},
    "karras": {"use_karras_sigmas": True},
    "exponential": {"use_exponential_sigmas": True},
    "beta": {"use_beta_sigmas": True},
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("convert", CONVERSIONS)
@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("spacing", ["leading", "linspace", "trailing"])
@pytest.mark.parametrize(
    ("variant", "name"), [("euler", "EulerDiscreteScheduler"), ("dpmsolver", "DPMSolverMultistepScheduler")]
)
def test_values_of_diffusers(variant, name, spacing, offset, convert):
    diffusers = pytest.importorskip("diffusers")
    host = getattr(diffusers, name)(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        timestep_spacing=spacing,
        steps_offset=offset,
        **CONVERSIONS[convert],
    )
    made = sl.DiffusersSchedule(spacing, variant, offset, convert)
    for steps in (2, 5, 20, 33):
        host.set_timesteps(steps)
        np.testing.assert_allclose(made.sigmas(SD, steps), host.sigmas.numpy(), rtol=5e-5, atol=0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("options", [{"shift": 3.0}, {"shift": 1.0, "shift_terminal": 0.1}, {"mu": 0.8}])
def test_flow_values_of_diffusers(options):
    diffusers = pytest.importorskip("diffusers")
    mu = options.get("mu")
    own = {key: value for key, value in options.items() if key != "mu"}
    host = diffusers.FlowMatchEulerDiscreteScheduler(**own, use_dynamic_shifting=mu is not None)
    terminal = options.get("shift_terminal")
    for steps in (2, 4, 20):
        made = sl.FlowShiftSchedule(options.get("shift", 1.0), mu, terminal=terminal)
        host.set_timesteps(sigmas=np.linspace(1, 1 / steps, steps), mu=mu)
        np.testing.assert_allclose(made.sigmas(SD, steps), host.sigmas.numpy(), rtol=2e-5, atol=1e-7)
        made = sl.FlowShiftSchedule(options.get("shift", 1.0), mu, terminal=terminal, grid="flow_match_euler")
        host.set_timesteps(steps, mu=mu)
        np.testing.assert_allclose(made.sigmas(SD, steps), host.sigmas.numpy(), rtol=2e-5, atol=1e-7)


def test_lists_of_ones_own():
    np.testing.assert_array_equal(sl.CustomSchedule(levels=[3, 2, 0]).sigmas(SD, 2), [3.0, 2.0, 0.0])
    times = TABLES["align_your_steps_timesteps"]["sdxl"][:-1]
    expected = sl.AlignYourStepsSchedule("sdxl").sigmas(SD, 10)
    np.testing.assert_allclose(sl.CustomSchedule(timesteps=times).sigmas(SD, 10), expected, rtol=5e-8)


def test_functions_over_lists():
    sigmas = sl.sigmas("karras", SD, 10)
    high, low = sl.split_sigmas(sigmas, 3)
    np.testing.assert_array_equal(high, sigmas[:4])
    np.testing.assert_array_equal(low, sigmas[3:])
    np.testing.assert_array_equal(sl.concatenate_sigmas(high, low), sigmas)
    for denoise in (0.0, 0.25, 0.5, 1.0):
        steps = round(10 * denoise)
        high, low = sl.split_sigmas_denoise(sigmas, denoise)
        np.testing.assert_array_equal(high, sigmas[: 11 - steps])
        np.testing.assert_array_equal(low, sigmas[10 - steps :])
    np.testing.assert_array_equal(sl.flip_sigmas(sigmas), [1e-4, *sigmas[-2::-1]])
    np.testing.assert_array_equal(sl.set_first_sigma(sigmas, 136.0), [136.0, *sigmas[1:]])
    np.testing.assert_allclose(sl.rescale_sigmas(sigmas, 1.0, 0.0), sigmas / sigmas[0], rtol=1e-15)
    np.testing.assert_array_equal(sl.truncate_sigmas(sigmas, 5.0, 0.1), sigmas[(sigmas <= 5) & (sigmas >= 0.1)])
    x = np.array([0.25, 0.5, 0.75])
    for spacing, part in (("linear", x), ("cosine", np.sin(x * np.pi / 2)), ("sine", 1 - np.cos(x * np.pi / 2))):
        extended = sl.extend_sigmas([4.0, 2.0, 0.0], 4, 3.0, 1.0, spacing)
        np.testing.assert_allclose(extended, [4.0, 2.0, *(2.0 - 2.0 * part), 0.0], rtol=1e-14)
    for host, steps in (("diffusers", 7), ("a1111", 8), ("stable_diffusion_cpp", 8)):
        np.testing.assert_array_equal(sl.strength_sigmas(sigmas, 0.75, host), sigmas[10 - steps :])
        assert len(sl.strength_sigmas(sigmas, 1.0, host)) == 11
    np.testing.assert_array_equal(sl.step_range_sigmas(sigmas, 2, 6), [*sigmas[2:6], 0.0])
    np.testing.assert_array_equal(sl.step_range_sigmas(sigmas, 2, 6, False), sigmas[2:7])
    assert sl.step_range_sigmas(sigmas, 10).shape == (0,)


BAD = [
    (lambda: sl.GITSSchedule(1.22), "coefficient is 1.22; expected 0.80 to 1.50 in steps of 0.05"),
    (lambda: sl.OptimalStepsSchedule("sd3"), 'model is "sd3"; expected one of flux, wan, chroma'),
    (
        lambda: sl.AlignYourStepsSchedule("sdxl", convention="forge"),
        'convention is "forge"; expected one of comfyui, a1111, nvidia, diffusers',
    ),
    (
        lambda: sl.AlignYourStepsSchedule(convention="diffusers").sigmas(SD, 11),
        "steps is 11; expected 10: diffusers does not interpolate its lists",
    ),
    (lambda: sl.AlignYourStepsSchedule(points=12), "points is 12; expected 11 or 32"),
    (lambda: sl.BetaSchedule(convention="a1111"), 'convention is "a1111"; expected one of comfyui'),
    (lambda: sl.BetaSchedule(alpha=0.0), "alpha is 0; expected 0.01 to 100"),
    (lambda: sl.LaplaceSchedule(beta=0.0), "beta is 0; expected 0 (excluded) to 10"),
    (lambda: sl.VPSchedule(eps_s=1.0), "eps_s is 1; expected 0 to 1, both excluded"),
    (lambda: sl.LinearQuadraticSchedule(1.5), "threshold_noise is 1.5; expected 0 to 1, both excluded"),
    (
        lambda: sl.LinearQuadraticSchedule(linear_steps=4).sigmas(SD, 4),
        "linear_steps is 4; expected 1 to steps - 1 = 3",
    ),
    (lambda: sl.BongTangentSchedule(middle=1.0), "middle is 1; expected 0 to start, both excluded"),
    (lambda: sl.TangentSchedule(pivot=-0.1), "pivot is -0.1; expected 0 to 1"),
    (lambda: sl.FluxSchedule(width=0), "width is 0; expected an int from 1 to 1000000"),
    (lambda: sl.FlowShiftSchedule(shift=0.0), "shift is 0; expected 0.000001 to 1000000"),
    (lambda: sl.FlowShiftSchedule(shift=2.0, mu=1.0), "shift is 2.0 and mu 1.0; expected one of them"),
    (
        lambda: sl.DiffusersSchedule("even"),
        'spacing is "even"; expected one of leading, linspace, trailing',
    ),
    (
        lambda: sl.TabulatedSchedule((2.0, float("nan"))),
        "table[1] is NaN; expected positive, finite, strictly descending values",
    ),
    (
        lambda: sl.TabulatedSchedule((1.0, 2.0)),
        "table[1] is 2; expected positive, finite, strictly descending values",
    ),
    (
        lambda: sl.CustomSchedule(levels=[2.0, 1.0]).sigmas(SD, 3),
        "steps is 3; expected 2: a list of one's own is not stretched",
    ),
    (
        lambda: sl.sigmas("sd_turbo", SD, 11),
        "steps is 11; expected at most 10: sd_turbo exists only at the 10 training steps its models were distilled on",
    ),
    (
        lambda: sl.sigmas("lcm", SD, 51),
        "steps is 51; expected at most 50: lcm exists only at the 50 training steps its models were distilled on",
    ),
    (lambda: sl.split_sigmas([1.0, 0.0], 2), "step is 2; expected 0 to 1, the steps of the list"),
    (
        lambda: sl.concatenate_sigmas([2.0, 1.0], [1.5, 0.0]),
        "the second list starts at 1.5; expected at most 1, the end of the first",
    ),
]


@pytest.mark.parametrize(("call", "text"), BAD)
def test_bad_values_are_named(call, text):
    with pytest.raises(ScheduleError) as caught:
        call()
    assert str(caught.value) == text


def test_every_schedule_is_documented():
    for name, entry in sl.schedules().items():
        assert entry.source, name
        assert entry.doc, name
