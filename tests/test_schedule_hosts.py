"""Schedules against the values their hosts give, case by case."""

import collections
import functools
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import stepladder as sl
import torch
from reference import process as exact_process
from reference import schedule as reference
from reference.process import MP
from test_process import DATA as PROCESS_DATA
from test_process import from_spec


def load(name):
    return json.loads((Path(__file__).parent / "data" / f"{name}.json").read_text())


SD = sl.DiscreteProcess()
CASES = load("schedules_process")["cases"]
AYS = load("align_your_steps")
TABLES = load("published_tables")
CLOSE = {"rtol": 2e-5, "atol": 0}
# ComfyUI's nine.
SCHEDULES = [
    "simple", "sgm_uniform", "karras", "exponential", "ddim_uniform", "beta", "normal", "linear_quadratic",
    "kl_optimal",
]  # fmt: skip
AS_HOST = {"simple", "ddim_uniform", "beta"}


@dataclass(frozen=True)
class Lost:
    """A row of peer values that its float32 moved outside the tolerance.

    `peer` repeats the peer's arithmetic, which shows that nothing else moved them; `exact` are the values without it;
    `counts` are how many levels differ at a number of steps.
    """

    reason: str
    source: str
    peer: Callable[[int], np.ndarray]
    exact: Callable[[int], np.ndarray]
    counts: dict[int, int]


def process_of(name):
    return from_spec(PROCESS_DATA["cases"][name]["spec"])


def over(formula, process):
    """A formula over the exact ends of a process."""
    return lambda steps: formula(steps, *EXACT_ENDS[process]())


# --- what the peers' float32 makes of the formulas ---


def list_of(levels):
    """A schedule in NumPy of a float32 tensor without its zero."""
    return np.append(levels.numpy().astype(np.float64), 0.0)


def karras_in_float32(steps, low, high, rho=7.0):
    """`a + ramp * (b - a)` leaves a rounding of a where b should be, when b is far below."""
    low, high = low ** (1 / rho), high ** (1 / rho)
    return list_of((high + torch.linspace(0, 1, steps) * (low - high)) ** rho)


def kl_optimal_in_float32(steps, low, high):
    """A float32 angle close to a right one stands for many levels."""
    ramp = torch.arange(steps, dtype=torch.float32) / (steps - 1)
    return list_of(torch.tan(ramp * math.atan(low) + (1 - ramp) * math.atan(high)))


def continuous_v_in_float32(steps, points):
    """The time of the highest level is `2 / pi atan(500)`, again an angle close to a right one."""
    start, end = (torch.atan(torch.tensor(end)) / math.pi * 2 for end in (500.0, 0.03))
    return list_of(torch.tan(torch.linspace(start, end, points)[:steps] * math.pi / 2))


def cascade_in_float32(t, shift):
    """`(1 - a) / a` of a cumulative alpha that is within 2e-4 of 1 in float32."""
    s = torch.tensor(0.008)
    start = torch.cos(s / (1 + s) * math.pi * 0.5) ** 2
    alpha = torch.cos((t + s) / (1 + s) * math.pi * 0.5) ** 2 / start
    if shift != 1:
        alpha = alpha.clamp(0, 1)
        alpha = ((alpha / (1 - alpha)).log() + 2 * math.log(1 / shift)).sigmoid()
    alpha = alpha.clamp(0.0001, 0.9999)
    return ((1 - alpha) / alpha) ** 0.5


def cascade_time_in_float32(sigma):
    s = torch.tensor(0.008)
    start = torch.cos(s / (1 + s) * math.pi * 0.5) ** 2
    alpha = 1 / (sigma * sigma + 1)
    return ((alpha * start) ** 0.5).acos() / (math.pi * 0.5) * (1 + s) - s


@functools.cache
def cascade_table_in_float32(shift):
    return cascade_in_float32(torch.arange(1, 10_001) / 10_000, shift).numpy().astype(np.float64)


@functools.cache
def cascade_table(shift):
    return np.array([float(exact_process.stable_cascade(MP.mpf(k) / 10_000, shift)) for k in range(1, 10_001)])


def cascade_ends():
    return cascade_table(1)[[0, -1]]


def cascade_in_time(shift, extra):
    """`normal` and, with a point more, `sgm_uniform`; the time of a level does not undo the shift."""

    def levels(steps):
        start, end = map(cascade_time, cascade_ends()[::-1])
        times = ((k * end + (steps + extra - 1 - k) * start) / (steps + extra - 1) for k in range(steps))
        return np.array([*(float(exact_process.stable_cascade(t, shift)) for t in times), 0.0])

    return levels


def cascade_in_time_in_float32(shift, extra):
    def levels(steps):
        ends = torch.tensor(cascade_table_in_float32(shift)[[-1, 0]], dtype=torch.float32)
        start, end = cascade_time_in_float32(ends)
        return list_of(cascade_in_float32(torch.linspace(start, end, steps + extra)[:steps], shift))

    return levels


def cascade_time(sigma):
    """Time of an unshifted level: the inverse of equation 17."""
    s = MP.mpf("0.008")
    alpha = 1 / (1 + MP.mpf(sigma) ** 2)
    angle = MP.acos(MP.sqrt(alpha) * MP.cos(s / (1 + s) * MP.pi / 2))
    return angle / (MP.pi / 2) * (1 + s) - s


def exact_table(name):
    return lambda: np.array(exact_process.discrete_table(name, 0.00085, 0.012))[[0, -1]]


def zero_snr_ends():
    alphas = exact_process.zero_terminal_snr(
        exact_process.alphas_cumprod(exact_process.betas("scaled_linear", 0.00085, 0.012, 1000))
    )
    return np.array([float(sigma) for sigma in exact_process.sigmas(alphas)])[[0, -1]]


EXACT_ENDS = {
    "discrete_sqrt": exact_table("sqrt"),
    "discrete_cosine": exact_table("cosine"),
    "discrete_squaredcos_cap_v2": exact_table("squaredcos_cap_v2"),
    "discrete_zsnr": zero_snr_ends,
    "continuous_v": lambda: (0.03, 500.0),
    "stable_cascade_shift1": cascade_ends,
    "stable_cascade_shift2": cascade_ends,
}
COMFYUI = "ComfyUI comfy/k_diffusion/sampling.py, get_sigmas_karras"
KL = "ComfyUI comfy/samplers.py, kl_optimal_scheduler"
TIMES = "ComfyUI comfy/samplers.py, normal_scheduler"
CASCADE = "ComfyUI comfy/model_sampling.py, StableCascadeSampling"
LAST_ONLY = dict.fromkeys((2, 3, 5, 10, 20, 31, 50), 1)


def row_of_kl(process):
    def peer(steps):
        return kl_optimal_in_float32(steps, *EXACT_ENDS[process]())

    return Lost("tan of an angle that float32 holds to 6e-8", KL, peer, over(reference.kl_optimal, process), LAST_ONLY)


def rows_of_cascade(shift):
    """Every schedule over Stable Cascade starts from a lowest level that is 8e-5 off in float32."""
    process = f"stable_cascade_shift{shift}"
    low, high = cascade_table_in_float32(shift)[[0, -1]]
    reason = "the lowest level is 8e-5 off: 1 - a in float32, where a is 0.9999"
    ranged = {
        "karras": (
            functools.partial(reference.karras, rho=7.0),
            {2: 1, 3: 1, 5: 2, 10: 5, 20: 9, 31: 15, 50: 23},
        ),
        "exponential": (reference.exponential, {2: 1, 3: 2, 5: 4, 10: 7, 20: 15, 31: 23, 50: 38}),
        "kl_optimal": (reference.kl_optimal, LAST_ONLY),
    }
    rows = {
        (schedule, process): Lost(
            reason, CASCADE, functools.partial(formula, sigma_min=low, sigma_max=high), over(formula, process), counts
        )
        for schedule, (formula, counts) in ranged.items()
    }
    reason = "levels below 0.1 are up to 8e-5 off: 1 - a in float32"
    rows["ddim_uniform", process] = Lost(
        reason,
        CASCADE,
        lambda steps: reference.ddim_uniform_comfyui(steps, cascade_table_in_float32(shift)),
        lambda steps: reference.ddim_uniform_comfyui(steps, cascade_table(shift)),
        dict.fromkeys((1, 2, 3, 5, 10, 20, 31, 50), 1),
    )
    rows["beta", process] = Lost(
        reason,
        CASCADE,
        lambda steps: reference.beta_comfyui(steps, cascade_table_in_float32(shift), 0.6, 0.6),
        lambda steps: reference.beta_comfyui(steps, cascade_table(shift), 0.6, 0.6),
        {20: 1, 31: 1, 50: {1: 2, 2: 3}[shift]},
    )
    rows["sgm_uniform", process] = Lost(
        reason, CASCADE, cascade_in_time_in_float32(shift, 1), cascade_in_time(shift, 1), {20: 1}
    )
    if shift == 1:
        rows["normal", process] = Lost(
            reason, CASCADE, cascade_in_time_in_float32(shift, 0), cascade_in_time(shift, 0), LAST_ONLY
        )
    return rows


LOST = {
    ("karras", "discrete_sqrt"): Lost(
        "a + ramp * (b - a) in float32 leaves a rounding of a where b should be",
        COMFYUI,
        lambda steps: karras_in_float32(steps, *EXACT_ENDS["discrete_sqrt"]()),
        over(functools.partial(reference.karras, rho=7.0), "discrete_sqrt"),
        {2: 1, 3: 1, 5: 1, 10: 1, 20: 1, 31: 2, 50: 1},
    ),
    **{
        ("kl_optimal", process): row_of_kl(process)
        for process in ("discrete_cosine", "discrete_squaredcos_cap_v2", "discrete_zsnr", "continuous_v")
    },
    **{
        (schedule, "continuous_v"): Lost(
            "the highest level is a tangent of an angle that float32 holds to 6e-8",
            TIMES,
            lambda steps, extra=extra: continuous_v_in_float32(steps, steps + extra),
            lambda steps, extra=extra: even_angles(steps, steps + extra),
            dict.fromkeys((1, 2, 3, 5, 10, 20, 31, 50), 1),
        )
        for schedule, extra in (("normal", 0), ("sgm_uniform", 1))
    },
    **rows_of_cascade(1),
    **rows_of_cascade(2),
}


def even_angles(steps, points):
    """`tan` of even angles, which is what even times are for a continuous v process."""
    high, low = MP.atan(500), MP.atan(MP.mpf("0.03"))
    angles = [high + (low - high) * k / max(points - 1, 1) for k in range(steps)]
    return np.array([*(float(MP.tan(angle)) for angle in angles), 0.0])


def test_every_case_of_a_peer_is_compared():
    assert len(CASES) == 1136
    count = collections.Counter((case["schedule"], case["process"]) for case in CASES)
    assert {schedule for schedule, _ in count} == set(SCHEDULES)
    assert {process for _, process in count} <= set(PROCESS_DATA["cases"])
    assert len(load("schedules_closed_form")["cases"]) == 120
    assert len(load("sigmas_for_sampler")["cases"]) == 60
    assert {name: len(AYS[name]) for name in ("noise_levels", "get_sigmas", "loglinear_interp")} == {
        "noise_levels": 3,
        "get_sigmas": 147,
        "loglinear_interp": 12,
    }
    assert set(LOST) <= set(count)


@pytest.mark.parametrize("process", sorted({case["process"] for case in CASES}))
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_peer_values(schedule, process):
    ours = process_of(process)
    lost = {}
    compared = 0
    for case in CASES:
        if (case["schedule"], case["process"]) != (schedule, process):
            continue
        compared += 1
        steps = case["steps"]
        own = sl.sigmas(schedule, ours, steps)
        assert len(own) == steps + 1
        assert (np.diff(own) < 0).all()
        if case.get("peer_wrong") == "negative":  # infinite in float32: there is nothing to compare
            assert min(case["sigmas"]) < 0
            continue
        made = sl.schedule(schedule, **({"convention": "comfyui"} if schedule in AS_HOST else {}))
        sigmas, theirs = made.sigmas(ours, steps), np.array(case["sigmas"])
        assert len(sigmas) == len(theirs)
        far = np.abs(sigmas - theirs) > CLOSE["rtol"] * np.abs(theirs)
        if far.any():
            row = LOST[schedule, process]
            lost[steps] = int(far.sum())
            np.testing.assert_allclose(sigmas, row.exact(steps), rtol=1e-12, atol=0)
            np.testing.assert_allclose(row.peer(steps), theirs, **CLOSE)
        repeats = (np.diff(sigmas) == 0).any()
        assert repeats == (case.get("peer_wrong") == "repeats")
        # Our own form is the host's wherever that descends in as many steps as were asked for.
        if len(theirs) == steps + 1 and not repeats:
            np.testing.assert_array_equal(own, sigmas)
    assert compared == COUNTS[schedule, process]
    assert lost == (LOST[schedule, process].counts if (schedule, process) in LOST else {})


COUNTS = collections.Counter((case["schedule"], case["process"]) for case in CASES)


# Peer cases of karras whose last level is lost as over the process `sqrt` above: (rho, steps).
CANCELLED = {(0.6434563283287317, 20), (0.964678521915623, 31), (0.7089819134540836, 50)}


@pytest.mark.parametrize("case", load("schedules_closed_form")["cases"], ids=lambda c: f"{c['schedule']}-{c['steps']}")
def test_peer_values_over_a_range(case):
    steps, given, theirs = case["steps"], case["kwargs"], np.array(case["sigmas"])
    options = {**given, **({"convention": "comfyui"} if case["schedule"] == "laplace" else {})}
    sigmas = sl.schedule(case["schedule"], **options).sigmas(SD, steps)
    assert len(sigmas) == len(theirs)
    far = np.abs(sigmas - theirs) > CLOSE["rtol"] * np.abs(theirs)
    assert far.any() == ((given.get("rho"), steps) in CANCELLED)
    if far.any():
        low, high, rho = (given[name] for name in ("sigma_min", "sigma_max", "rho"))
        np.testing.assert_allclose(sigmas, reference.karras(steps, low, high, rho), rtol=1e-12, atol=0)
        np.testing.assert_allclose(karras_in_float32(steps, low, high, rho), theirs, **CLOSE)


@pytest.mark.parametrize("case", AYS["get_sigmas"], ids=lambda c: f"{c['model_type']}-{c['steps']}-{c['denoise']}")
def test_peer_values_of_align_your_steps(case):
    family = {"SD1": "sd15", "SDXL": "sdxl", "SVD": "svd"}[case["model_type"]]
    sigmas = sl.AlignYourStepsSchedule(family).sigmas(SD, case["steps"], denoise=case["denoise"])
    assert len(sigmas) == len(case["sigmas"])
    np.testing.assert_allclose(sigmas, case["sigmas"], **CLOSE)


@pytest.mark.parametrize("case", AYS["loglinear_interp"], ids=lambda c: f"{len(c['t_steps'])}-{c['num_steps']}")
def test_peer_values_of_loglinear_interp(case):
    for table in (case["t_steps"], tuple(case["t_steps"]), np.array(case["t_steps"])):
        sigmas = sl.loglinear_interp(table, case["num_steps"])
        np.testing.assert_allclose(sigmas, case["result"], rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    "case",
    load("sigmas_for_sampler")["cases"],
    ids=lambda c: f"{c['sampler']}-{c['schedule']}-{c['steps']}-{c['denoise']}",
)
def test_peer_values_of_tail_and_penultimate_rules(case):
    sampler = SimpleNamespace(discards_penultimate=case["sampler"] in ("dpm_2", "dpm_2_ancestral", "uni_pc"))
    sigmas = sl.sigmas(case["schedule"], SD, case["steps"], denoise=case["denoise"], sampler=sampler)
    np.testing.assert_allclose(sigmas, case["sigmas"], **CLOSE)


# Values at 10 steps that the hosts' formulas give in float64 on Stable Diffusion's table, to the digits quoted.
QUOTED = {
    "bong_tangent": [1, 0.978045, 0.947931, 0.904317, 0.836365, 0.719834, 0.5, 0.25743, 0.117461, 0.0432651, 0],
    "logit_normal": [
        0.999877, 0.949591, 0.897153, 0.833529, 0.757037, 0.666667, 0.562125, 0.444096, 0.314387, 0.175149, 0,
    ],
    "ltxv": [1, 0.976354, 0.947717, 0.912325, 0.867467, 0.808758, 0.728613, 0.61267, 0.430046, 0.1, 0],
    "vp": [152.167, 53.3098, 21.0956, 9.4032, 4.68064, 2.54943, 1.46197, 0.822899, 0.381702, 0.010486, 0],
    "laplace": [14.6146, 2.12127, 1.49998, 1.22474, 1.06065, 0.942814, 0.816503, 0.666674, 0.471415, 0.0291672, 0],
}  # fmt: skip


@pytest.mark.parametrize("schedule", QUOTED)
def test_quoted_values(schedule):
    np.testing.assert_allclose(sl.sigmas(schedule, SD, 10), QUOTED[schedule], rtol=4e-6, atol=0)


def test_quoted_indices_of_beta57():
    indices = SD.timestep(sl.sigmas("beta57", SD, 10)[:-1])
    np.testing.assert_allclose(indices, [999, 918, 790, 645, 499, 361, 238, 137, 62, 16], rtol=0, atol=1e-9)


def test_quoted_counts_of_ddim_uniform():
    quoted = [
        1,
        2,
        3,
        4,
        5,
        7,
        8,
        8,
        9,
        10,
        12,
        13,
        14,
        15,
        16,
        17,
        18,
        19,
        20,
        20,
        22,
        23,
        24,
        25,
        25,
        27,
        27,
        29,
        30,
        31,
    ]
    made = sl.DDIMUniformSchedule(convention="comfyui")
    assert [len(made.sigmas(SD, n)) - 1 for n in range(1, 31)] == quoted
    assert [len(sl.sigmas("ddim_uniform", SD, n)) - 1 for n in range(1, 31)] == list(range(1, 31))


def test_quoted_counts_of_beta():
    made = sl.BetaSchedule(convention="comfyui")
    assert [len(made.sigmas(SD, n)) - 1 for n in (150, 300, 500, 1000)] == [149, 293, 475, 847]


@pytest.mark.parametrize(
    ("width", "height", "steps", "mu"), [(1024, 1024, 20, 2.1980220725551165), (1024, 1024, 50, 2.0233511571292637)]
)
def test_quoted_mu_of_flux2(width, height, steps, mu):
    t = np.linspace(1, 0, steps + 1)[1:-1]
    expected = np.exp(mu) / (np.exp(mu) + (1 / t - 1))
    np.testing.assert_allclose(sl.Flux2Schedule(1024, 1024).sigmas(SD, steps)[1:-1], expected, rtol=1e-13)


def test_quoted_values_of_flux():
    np.testing.assert_allclose(sl.sigmas("flux", SD, 4), [1, 0.904531, 0.759511, 0.512844, 0], rtol=2e-6)


def test_conventions_and_tails():
    made = sl.DDIMUniformSchedule(convention="comfyui")
    full = made.sigmas(SD, 14)
    np.testing.assert_array_equal(made.sigmas(SD, 7, denoise=0.5), full[-8:])
    sampler = SimpleNamespace(discards_penultimate=True)
    np.testing.assert_array_equal(made.sigmas(SD, 13, sampler=sampler), np.append(full[:-2], 0.0)[-14:])
    assert made.sigmas(SD, 7, denoise=0.0).shape == (0,)


@pytest.mark.parametrize("process", [sl.DiscreteProcess(), sl.EDMProcess(), sl.FlowProcess(shift=3.0)])
@pytest.mark.parametrize("steps", [1, 2, 3, 5, 7, 10, 20, 33, 200, 10_000])
def test_bong_tangent_of_stable_diffusion_cpp(process, steps):
    levels = sl.sigmas("bong_tangent", process, steps, convention="stable_diffusion_cpp")
    low, high = process.sigma_min, process.sigma_max
    np.testing.assert_allclose(
        levels, reference.bong_tangent_stable_diffusion_cpp(steps, low, high), rtol=1e-12, atol=0
    )
    assert levels.shape == (steps + 1,)
    assert levels[-1] == 0.0
    assert (np.diff(levels) < 0).all()
    mean = low + 0.5 * (high - low)
    assert levels[0] == (mean if steps == 1 else high)
    assert mean in levels
    assert steps == 1 or levels[-2] > low


def test_bong_tangent_of_stable_diffusion_cpp_has_its_numbers():
    # In float32, as the host computes: places 12, seven of them above the mean.
    f = np.float32
    low, high = f(0.029167158), f(14.614641)
    slope = f(0.2) / (f(12) / f(40))

    def curve(count, pivot, start, end):
        v = (f(2 / np.pi) * np.arctan(-slope * (np.arange(count, dtype=f) - f(pivot))) + f(1)) * f(0.5)
        return (v - v[-1]) / (v[0] - v[-1]) * (start - end) + end

    middle = low + (high - low) * f(0.5)
    expected = np.concatenate([curve(7, 7, high, middle)[:-1], curve(5, 0, middle, low)])
    expected[-1] = 0
    given = sl.sigmas("bong_tangent", sl.DiscreteProcess(), 10, convention="stable_diffusion_cpp")
    np.testing.assert_allclose(given, expected, rtol=1e-5)


def test_bong_tangent_of_a_host_takes_no_other_parameters():
    for given in ({"start": 2.0}, {"middle": 0.4}, {"pivot_1": 0.5}, {"slope_2": 0.1}):
        (name,) = given
        with pytest.raises(
            sl.errors.ScheduleError, match=f"^{name} is .* with convention='stable_diffusion_cpp'; expected its"
        ):
            sl.schedule("bong_tangent", convention="stable_diffusion_cpp", **given)
    with pytest.raises(sl.errors.ScheduleError, match="expected one of stable_diffusion_cpp"):
        sl.schedule("bong_tangent", convention="comfyui")
