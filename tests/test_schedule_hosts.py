"""Schedules against the values their hosts give, case by case."""

import collections
import functools
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import stepladder as sl
from reference import schedule as reference
from test_process import DATA as PROCESS_DATA
from test_process import from_spec


def load(name):
    return json.loads((Path(__file__).parent / "data" / f"{name}.json").read_text())


SD = sl.DiscreteProcess()
CASES = load("schedules_process")["cases"]
AYS = load("align_your_steps")
TABLES = load("published_tables")
CLOSE = {"rtol": 2e-5, "atol": 0}
# Processes of the cases that do not exist here yet, with their cases: as soon as one exists, its cases are compared.
MISSING = {
    "continuous_v": 71,
    "cosmos_rflow": 71,
    "flow_shift1": 71,
    "flow_shift3": 71,
    "flux_shift1.15": 71,
    "stable_cascade_shift1": 71,
    "stable_cascade_shift2": 71,
}
AVAILABLE = [case for case in CASES if case["process"] in PROCESS_DATA["cases"]]


def compare(sigmas, case, exact):
    """Compare with a peer's float32 values; return how many of them are nearer to `exact` than to ours.

    A value that the peer lost to float32 must be ours to 1e-9 in the exact formula.
    """
    assert len(sigmas) == len(case["sigmas"])
    far = np.abs(sigmas - case["sigmas"]) > CLOSE["rtol"] * np.abs(case["sigmas"])
    if far.any():
        np.testing.assert_allclose(sigmas[far], exact()[far], rtol=1e-9, atol=0)
    return int(far.sum())


def test_processes_that_cases_wait_for():
    waiting = collections.Counter(case["process"] for case in CASES if case["process"] not in PROCESS_DATA["cases"])
    assert waiting == MISSING
    assert len(CASES) == 1136
    assert len(AVAILABLE) == 1136 - sum(MISSING.values())


# Cases whose peer values are partly lost to float32, and their number: karras evaluates `a + ramp * (b - a)`, which
# near the ramp's end leaves a rounding of a where b should be; kl_optimal the tangent of an angle that float32 cannot
# tell from a right one. Those values are compared with the exact formula instead.
LOST = {
    ("karras", "discrete_sqrt"): 7,
    ("kl_optimal", "discrete_cosine"): 7,
    ("kl_optimal", "discrete_squaredcos_cap_v2"): 7,
    ("kl_optimal", "discrete_zsnr"): 7,
}
EXACT = {"karras": functools.partial(reference.karras, rho=7.0), "kl_optimal": reference.kl_optimal}
AS_HOST = {"simple", "ddim_uniform", "beta"}


@pytest.mark.parametrize("process", sorted({case["process"] for case in AVAILABLE}))
@pytest.mark.parametrize("schedule", sorted({case["schedule"] for case in AVAILABLE}))
def test_peer_values(schedule, process):
    ours = from_spec(PROCESS_DATA["cases"][process]["spec"])
    lost = 0
    for case in AVAILABLE:
        if (case["schedule"], case["process"]) != (schedule, process):
            continue
        steps = case["steps"]
        if case.get("peer_wrong") == "negative":
            sigmas = sl.sigmas(schedule, ours, steps)
            assert len(sigmas) == steps + 1
            assert (np.diff(sigmas) < 0).all()
            continue
        made = sl.schedule(schedule, **({"convention": "comfyui"} if schedule in AS_HOST else {}))
        formula = {
            "karras": lambda n, low, high: reference.karras(n, low, high, 7.0),
            "kl_optimal": reference.kl_optimal,
        }
        exact = formula.get(schedule)
        lost += bool(
            compare(made.sigmas(ours, steps), case, lambda n=steps, f=exact: f(n, ours.sigma_min, ours.sigma_max))
        )
        # Our own form is the host's wherever that descends in as many steps as were asked for.
        own = sl.sigmas(schedule, ours, steps)
        assert len(own) == steps + 1
        if len(case["sigmas"]) == steps + 1 and (np.diff(made.sigmas(ours, steps)) < 0).all():
            np.testing.assert_array_equal(own, made.sigmas(ours, steps))
    assert lost == LOST.get((schedule, process), 0)


# Peer cases of karras whose last level is lost to float32.
CANCELLED = {(0.6434563283287317, 20), (0.964678521915623, 31), (0.7089819134540836, 50)}


@pytest.mark.parametrize("case", load("schedules_closed_form")["cases"], ids=lambda c: f"{c['schedule']}-{c['steps']}")
def test_peer_values_over_a_range(case):
    options = {**case["kwargs"], **({"convention": "comfyui"} if case["schedule"] == "laplace" else {})}
    sigmas = sl.schedule(case["schedule"], **options).sigmas(SD, case["steps"])
    lost = compare(sigmas, case, lambda: reference.karras(case["steps"], *case["kwargs"].values()))
    assert lost == int((case["kwargs"].get("rho"), case["steps"]) in CANCELLED)


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
