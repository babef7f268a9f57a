"""Published tables, diffusers' own values, and functions over lists of sigmas."""

import functools
import json
from pathlib import Path

import numpy as np
import pytest
import stepladder as sl
from hypothesis import given
from hypothesis import strategies as st
from reference import schedule as reference
from stepladder import _edit
from stepladder.errors import ScheduleError

# diffusers hands NumPy objects of torch, whose `__array__` NumPy 2 finds old-fashioned.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
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
    "lu": {"use_lu_lambdas": True},
}
TABLES_OF_DIFFUSERS = {
    "scaled_linear": {"beta_start": 0.00085, "beta_end": 0.012},
    "linear": {"beta_start": 0.0001, "beta_end": 0.02},
}
SCHEDULERS = {"euler": "EulerDiscreteScheduler", "dpmsolver": "DPMSolverMultistepScheduler"}
diffusers = pytest.importorskip("diffusers")


def host_of(variant, beta_schedule, **options):
    table = TABLES_OF_DIFFUSERS[beta_schedule]
    return getattr(diffusers, SCHEDULERS[variant])(beta_schedule=beta_schedule, **table, **options)


def assert_as_host(made, host, counts=(1, 2, 5, 20, 33, 50)):
    """Over the host's own table: it is float32, and its low levels are up to 3e-4 off."""
    process = sl.DiscreteProcess(alphas_cumprod=tuple(host.alphas_cumprod.double().tolist()))
    for steps in counts:
        host.set_timesteps(steps)
        np.testing.assert_allclose(made.sigmas(process, steps), host.sigmas.numpy(), rtol=2e-6, atol=0)


@pytest.mark.parametrize("beta_schedule", TABLES_OF_DIFFUSERS)
@pytest.mark.parametrize("convert", CONVERSIONS)
@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("spacing", ["leading", "linspace", "trailing"])
@pytest.mark.parametrize("variant", SCHEDULERS)
def test_values_of_diffusers(variant, spacing, offset, convert, beta_schedule):
    if variant == "euler" and convert == "lu":
        with pytest.raises(TypeError, match="use_lu_lambdas"):
            diffusers.EulerDiscreteScheduler(**CONVERSIONS[convert])
        return
    host = host_of(variant, beta_schedule, timestep_spacing=spacing, steps_offset=offset, **CONVERSIONS[convert])
    made = sl.DiffusersSchedule(spacing, variant, offset, convert)
    # One step by linspace is the host's lowest level for the first group: it could not take away any noise.
    counts = (2, 5, 20, 33, 50) if (variant, spacing) == ("euler", "linspace") else (1, 2, 5, 20, 33, 50)
    assert_as_host(made, host, counts)


@pytest.mark.parametrize("variant", SCHEDULERS)
def test_halves_of_trailing_steps_are_rounded_as_numpy_does(variant):
    host = host_of(variant, "linear", timestep_spacing="trailing", num_train_timesteps=35)
    assert_as_host(sl.DiffusersSchedule("trailing", variant), host, (2, 4, 10, 14, 34))


def test_one_step_by_linspace_is_the_top():
    host = host_of("euler", "scaled_linear", timestep_spacing="linspace")
    host.set_timesteps(1)
    np.testing.assert_allclose(host.sigmas.numpy(), [SD.sigma_min, 0.0], rtol=5e-5)
    np.testing.assert_array_equal(sl.DiffusersSchedule("linspace").sigmas(SD, 1), [SD.sigma_max, 0.0])


@pytest.mark.parametrize("spacing", ["leading", "trailing"])
@pytest.mark.parametrize("offset", [0, 1])
def test_steps_of_ddim(spacing, offset):
    """The second group of schedulers has no sigmas of its own: its steps stand for them."""
    host = diffusers.DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing=spacing, steps_offset=offset
    )
    made = sl.DiffusersSchedule(spacing, "ddim", offset)
    for steps in (1, 2, 5, 20, 33, 50, 999):
        host.set_timesteps(steps)
        expected = SD.sigmas[host.timesteps.numpy()]
        np.testing.assert_array_equal(made.sigmas(SD, steps), [*expected, 0.0])


@pytest.mark.parametrize("steps", [2, 5, 20, 33])
def test_linspace_steps_of_ddim(steps):
    host = diffusers.DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="linspace"
    )
    host.set_timesteps(steps)
    made = sl.DiffusersSchedule("linspace", "ddim")
    np.testing.assert_array_equal(made.sigmas(SD, steps), [*SD.sigmas[host.timesteps.numpy()], 0.0])


@pytest.mark.parametrize("variant", SCHEDULERS)
def test_a_final_level_of_diffusers(variant):
    host = host_of(variant, "scaled_linear", timestep_spacing="leading", final_sigmas_type="sigma_min")
    assert_as_host(sl.DiffusersSchedule("leading", variant, final="sigma_min"), host)


@pytest.mark.parametrize("convert", ["karras", "exponential", "beta"])
@pytest.mark.parametrize("ends", [{"sigma_min": 0.1}, {"sigma_max": 10.0}, {"sigma_min": 0.1, "sigma_max": 10.0}])
def test_ends_of_a_conversion_of_diffusers(convert, ends):
    host = host_of("euler", "scaled_linear", timestep_spacing="leading", **CONVERSIONS[convert], **ends)
    assert_as_host(sl.DiffusersSchedule("leading", convert=convert, **ends), host, (2, 5, 20))


@pytest.mark.parametrize("convert", ["none", "karras", "exponential", "beta"])
@pytest.mark.parametrize(
    "options",
    [
        {"shift": 3.0},
        {"shift": 1.0, "shift_terminal": 0.1},
        {"shift": 5.0, "shift_terminal": 0.02},
        {"mu": 0.8},
        {"mu": 2.5, "time_shift_type": "linear"},
        {"mu": 1.15, "time_shift_type": "exponential", "shift_terminal": 0.02},
    ],
    ids=str,
)
def test_flow_values_of_diffusers(options, convert):
    own = {key: value for key, value in options.items() if key != "mu"}
    mu = options.get("mu")
    host = diffusers.FlowMatchEulerDiscreteScheduler(**own, use_dynamic_shifting=mu is not None, **CONVERSIONS[convert])
    made = functools.partial(
        sl.FlowShiftSchedule,
        options.get("shift", 1.0),
        mu,
        options.get("time_shift_type", "exponential"),
        options.get("shift_terminal"),
        convert=convert,
    )
    for steps in (2, 4, 20):
        host.set_timesteps(sigmas=np.linspace(1, 1 / steps, steps), mu=mu)
        np.testing.assert_allclose(made().sigmas(SD, steps), host.sigmas.numpy(), rtol=2e-5, atol=1e-7)
        host.set_timesteps(steps, mu=mu)
        grid = made(grid="flow_match_euler").sigmas(SD, steps)
        np.testing.assert_allclose(grid, host.sigmas.numpy(), rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize("family", ["sd15", "sdxl", "svd"])
def test_lists_given_to_diffusers(family):
    published = pytest.importorskip("diffusers.schedulers").AysSchedules
    name = {"sd15": "StableDiffusion", "sdxl": "StableDiffusionXL", "svd": "StableDiffusionVideo"}[family]
    host = host_of("euler", "scaled_linear")
    levels = published[f"{name}Sigmas"]
    host.set_timesteps(sigmas=levels)
    np.testing.assert_allclose(sl.CustomSchedule(levels=levels).sigmas(SD, 10), host.sigmas.numpy(), rtol=1e-7)
    if family != "svd":  # which has no discrete timesteps
        times = published[f"{name}Timesteps"]
        host.set_timesteps(timesteps=times)
        np.testing.assert_allclose(sl.CustomSchedule(timesteps=times).sigmas(SD, 10), host.sigmas.numpy(), rtol=5e-5)


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_published_levels_are_those_of_the_published_steps(family):
    times = TABLES["align_your_steps_timesteps"][family]
    exact = sl.AlignYourStepsSchedule(family, convention="nvidia").sigmas(SD, len(times) - 1)
    np.testing.assert_allclose(SD.sigma(np.array(times, dtype=np.float64)), exact, rtol=5e-8)


def test_published_levels_of_deepfloyd_are_those_of_its_steps():
    """As printed, to a unit of the last digit, over the cosine table that DeepFloyd was trained on."""
    times = np.array(TABLES["align_your_steps_timesteps"]["deepfloyd_stage1"], dtype=np.float64)
    printed = TABLES["align_your_steps_11"]["deepfloyd_stage1"]
    levels = sl.DiscreteProcess("squaredcos_cap_v2").sigma(times)
    for level, shown in zip(levels, printed, strict=True):
        assert abs(level - shown) < 10.0 ** -len(repr(shown).split(".")[1])


@pytest.mark.parametrize("family", ["sd15", "sdxl", "svd"])
def test_printed_levels(family):
    """Table 3 as printed: what diffusers ships; the lowest level gives way to 0."""
    printed = TABLES["align_your_steps_11"][family]
    ours = sl.AlignYourStepsSchedule(family, convention="diffusers").sigmas(SD, 10)
    np.testing.assert_array_equal(ours, [*printed[:-1], 0.0])


def test_every_published_table_is_compared():
    """The tests above and below name them; a new one must be added there."""
    assert {name: list(TABLES[name]) for name in TABLES if name != "about"} == {
        "gits": [f"{k * 0.05:.2f}" for k in range(16, 31)],
        "optimal_steps": ["FLUX", "Wan", "Chroma"],
        "align_your_steps_11": ["sdxl", "sd15", "svd", "deepfloyd_stage1"],
        "align_your_steps_timesteps": ["sd15", "sdxl", "deepfloyd_stage1"],
        "align_your_steps_gits": ["sdxl", "sd15"],
        "align_your_steps_32": ["sdxl", "sd15"],
    }
    deepfloyd = sl.AlignYourStepsSchedule("deepfloyd", convention="nvidia").sigmas(SD, 10)
    np.testing.assert_array_equal(deepfloyd, TABLES["align_your_steps_11"]["deepfloyd_stage1"])


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


FUNCTIONS = {
    "split_sigmas": (5,),
    "split_sigmas_denoise": (0.5,),
    "flip_sigmas": (),
    "concatenate_sigmas": ([0.0],),
    "extend_sigmas": (2, 10.0, 1.0, "sine"),
    "set_first_sigma": (20.0,),
    "rescale_sigmas": (1.0, 0.0),
    "truncate_sigmas": (5.0, 0.1),
    "strength_sigmas": (0.6, "a1111"),
    "step_range_sigmas": (1, 5, False),
}
LISTS = st.sets(st.floats(1e-6, 1e6), min_size=1, max_size=30).map(lambda s: [*sorted(s, reverse=True), 0.0])


def test_every_function_over_lists_has_a_row():
    assert set(FUNCTIONS) == {name for name in sl.__all__ if name in dir(_edit)}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_over_lists_are_pure(name):
    sigmas = sl.sigmas("karras", SD, 10)
    before = sigmas.copy()
    made = [getattr(sl, name)(kind, *FUNCTIONS[name]) for kind in (sigmas, sigmas.tolist(), tuple(sigmas.tolist()))]
    np.testing.assert_array_equal(sigmas, before)
    for result in made:
        for part, first in zip(*((r if isinstance(r, tuple) else (r,)) for r in (result, made[0])), strict=True):
            assert part.dtype == np.float64
            np.testing.assert_array_equal(part, first)
            assert not np.shares_memory(part, sigmas)


LEVEL = "a finite value, 0 or above"


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(
    ("sigmas", "text"),
    [
        ([], "has 0 values; expected 1 to 10000001"),
        ([1.0, float("nan")], f"[1] is NaN; expected {LEVEL}"),
        ([float("inf"), 1.0], f"[0] is inf; expected {LEVEL}"),
        ([1.0, -1.0], f"[1] is -1; expected {LEVEL}"),
        (np.ones((2, 2)), " has 2 dimensions; expected 1"),
        ("10", " is str; expected a list or tuple of floats, or a float64 or float32 array"),
        (3.0, " is float; expected a list or tuple of floats, or a float64 or float32 array"),
    ],
    ids=str,
)
def test_bad_lists_are_named(name, sigmas, text):
    with pytest.raises(ScheduleError) as caught:
        getattr(sl, name)(sigmas, *FUNCTIONS[name])
    assert text in str(caught.value)


@given(sigmas=LISTS, data=st.data())
def test_a_split_joins_again(sigmas, data):
    step = data.draw(st.integers(0, len(sigmas) - 1))
    high, low = sl.split_sigmas(sigmas, step)
    np.testing.assert_array_equal(sl.concatenate_sigmas(high, low), sigmas)
    denoise = data.draw(st.floats(0.0, 1.0))
    high, low = sl.split_sigmas_denoise(sigmas, denoise)
    assert len(low) - 1 == round((len(sigmas) - 1) * denoise)
    np.testing.assert_array_equal(sl.concatenate_sigmas(high, low), sigmas)


@given(sigmas=LISTS, start=st.floats(0.5, 1e3), end=st.floats(0.0, 0.4))
def test_rescaling_keeps_proportions(sigmas, start, end):
    moved = sl.rescale_sigmas(sigmas, start, end)
    assert (moved[0], moved[-1]) == (pytest.approx(start, rel=1e-15), pytest.approx(end, rel=1e-15))
    parts = np.array(sigmas) / sigmas[0]
    np.testing.assert_allclose(moved, end + parts * (start - end), rtol=1e-12)


@given(sigmas=LISTS, parts=st.integers(1, 5), spacing=st.sampled_from(["linear", "cosine", "sine"]))
def test_an_extended_list_has_the_old_one_in_it(sigmas, parts, spacing):
    extended = sl.extend_sigmas(sigmas, parts, end_at=0.0, spacing=spacing)
    assert len(extended) == parts * (len(sigmas) - 1) + 1
    np.testing.assert_array_equal(extended[::parts], sigmas)
    assert (np.diff(extended) <= 0).all()


@given(sigmas=LISTS, bounds=st.tuples(st.floats(0.0, 1e6), st.floats(0.0, 1e6)).map(sorted))
def test_a_truncated_list_is_what_lies_between(sigmas, bounds):
    inside = [sigma for sigma in sigmas if bounds[0] <= sigma <= bounds[1]]
    if inside:
        np.testing.assert_array_equal(sl.truncate_sigmas(sigmas, bounds[1], bounds[0]), inside)
    else:
        with pytest.raises(ScheduleError, match="expected a range with at least one level of sigmas"):
            sl.truncate_sigmas(sigmas, bounds[1], bounds[0])


@given(sigmas=LISTS)
def test_a_flipped_list_ascends_and_is_no_schedule(sigmas):
    flipped = sl.flip_sigmas(sigmas)
    assert flipped[0] == 1e-4
    np.testing.assert_array_equal(flipped[1:], sigmas[-2::-1])
    with pytest.raises(
        ScheduleError, match=r"^levels\[1\] is .*; expected positive, finite, strictly descending values"
    ):
        sl.CustomSchedule(levels=[1e-5, *flipped])


@given(steps=st.integers(1, 200), strength=st.floats(0.0, 1.0))
def test_strengths_of_hosts(steps, strength):
    sigmas = np.linspace(10.0, 0.0, steps + 1)
    run = {
        "diffusers": min(int(steps * strength), steps),
        "a1111": int(min(strength, 0.999) * steps) + 1,
        "stable_diffusion_cpp": (int(steps * strength) - (int(steps * strength) == steps)) + 1,
    }
    for host, count in run.items():
        np.testing.assert_array_equal(sl.strength_sigmas(sigmas, strength, host), sigmas[steps - count :])


BAD_ARGUMENTS = [
    ("split_sigmas", (4,), "step is 4; expected 0 to 2, the steps of the list"),
    ("split_sigmas", (-1,), "step is -1; expected an int from 0 to the number of steps"),
    ("split_sigmas", (1.5,), "step is 1.5 (float); expected an int from 0 to the number of steps"),
    ("split_sigmas", (True,), "step is True (bool); expected an int from 0 to the number of steps"),
    ("split_sigmas_denoise", (1.5,), "denoise is 1.5; expected 0 to 1"),
    ("split_sigmas_denoise", (float("nan"),), "denoise is NaN; expected 0 to 1"),
    ("split_sigmas_denoise", (True,), "denoise is True (bool); expected a float"),
    ("concatenate_sigmas", ([5.0, 0.0],), "the second list starts at 5; expected at most 0, the end of the first"),
    ("concatenate_sigmas", ([],), "sigmas has 0 values; expected 1 to 10000001"),
    ("extend_sigmas", (0,), "parts is 0; expected 1 or more, and at most 10000000 steps in all"),
    ("extend_sigmas", (10_000_000,), "parts is 10000000; expected 1 or more, and at most 10000000 steps in all"),
    ("extend_sigmas", (2.0,), "parts is 2.0 (float); expected an int from 1 to 10000000"),
    ("extend_sigmas", (True,), "parts is True (bool); expected an int from 1 to 10000000"),
    ("extend_sigmas", (2, "1"), "start_at is '1' (str); expected a float"),
    ("extend_sigmas", (2, 1.0, True), "end_at is True (bool); expected a float"),
    ("extend_sigmas", (2, float("nan")), "start_at is NaN and end_at 12; expected start_at at or above end_at"),
    ("extend_sigmas", (2, 1.0, 5.0), "start_at is 1 and end_at 5; expected start_at at or above end_at"),
    ("extend_sigmas", (2, 9.0, 1.0, "cubic"), 'spacing is "cubic"; expected one of linear, cosine, sine'),
    ("extend_sigmas", (2, 9.0, 1.0, 3), "spacing is 3 (int); expected a str"),
    ("set_first_sigma", (-1.0,), f"sigma is -1; expected {LEVEL}"),
    ("set_first_sigma", (True,), "sigma is True (bool); expected a float"),
    ("rescale_sigmas", (float("inf"), 0.0), f"start is inf; expected {LEVEL}"),
    ("rescale_sigmas", (1.0, True), "end is True (bool); expected a float"),
    ("truncate_sigmas", (float("nan"), 0.0), f"start is NaN; expected {LEVEL}"),
    ("truncate_sigmas", (0.3, 0.2), "start is 0.3 and end 0.2; expected a range with at least one level of sigmas"),
    ("strength_sigmas", (1.5,), "strength is 1.5; expected 0 to 1"),
    ("strength_sigmas", (True,), "strength is True (bool); expected a float"),
    ("strength_sigmas", (0.5, "comfyui"), 'host is "comfyui"; expected one of diffusers, a1111, stable_diffusion_cpp'),
    ("strength_sigmas", (0.5, None), "host is None (NoneType); expected a str"),
    ("step_range_sigmas", (-1,), "start_step is -1; expected an int from 0 to the number of steps"),
    ("step_range_sigmas", (0, 1.5), "last_step is 1.5 (float); expected an int from 0 to the number of steps"),
    ("step_range_sigmas", (0, 1, 1), "force_full_denoise is 1 (int); expected True or False"),
]


@pytest.mark.parametrize(("name", "arguments", "text"), BAD_ARGUMENTS)
def test_bad_arguments_are_named(name, arguments, text):
    with pytest.raises(ScheduleError) as caught:
        getattr(sl, name)([4.0, 1.0, 0.0], *arguments)
    assert str(caught.value) == text


def test_what_has_no_two_ends_is_not_rescaled():
    with pytest.raises(ScheduleError, match=r"^sigmas starts and ends at 1; expected two different ends to rescale"):
        sl.rescale_sigmas([1.0], 2.0, 1.0)


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
