"""Methods of one step each, and the multistep SDE of the third order."""

import math

from hypothesis import strategies as st
from reference import sampler_singlestep as slow

from methods.euler import BAD_CHURN, churns
from methods.method import NUMBER, Method, small

sde = {"eta": small, "s_noise": small}
ancestral = {"eta": st.floats(0.0, 1.0), "s_noise": small}
shares = st.floats(0.1, 1.0)
phis = st.sampled_from(["phi_1", "phi_2"])
BAD_NOISE = (
    ({"eta": -0.1}, f"eta is -0.1; {NUMBER}"),
    ({"eta": math.nan}, f"eta is NaN; {NUMBER}"),
    ({"s_noise": math.inf}, f"s_noise is inf; {NUMBER}"),
    ({"eta": [1.0, -1.0]}, f"eta[1] is -1; {NUMBER}"),
)
BAD_R = (
    ({"r": 0.0}, "r is 0; expected above 0, at most 1"),
    ({"r": 1.5}, "r is 1.5; expected above 0, at most 1"),
    ({"r": math.nan}, "r is NaN; expected above 0, at most 1"),
)
BAD_PHI = (({"solver_type": "phi_3"}, 'solver_type is "phi_3"; expected one of phi_1, phi_2'),)
SEGMENT = "expected (sigma_min, sigma_max, steps, times), the last two whole numbers"
RANGE = "expected 0 <= sigma_min < sigma_max, both finite, and at least 1 step and 1 time"


def of(options):
    return st.fixed_dictionaries({}, optional=options)


METHODS = [
    Method(
        "heunpp2",
        slow.heunpp2,
        options=({}, {"s_churn": 5.0, "s_noise": 1.02}),
        random=churns,
        limits=(({"s_churn": 40.0, "s_tmin": 90.0}, "heunpp2", {}),),
        scaled=("s_tmin", "s_tmax"),
        unused_draws=True,
        bad=BAD_CHURN,
    ),
    Method(
        "dpm_2",
        slow.dpm_2,
        options=({}, {"s_churn": 5.0, "s_noise": 1.02}),
        random=churns,
        limits=(({"s_churn": 40.0, "s_tmax": 0.01}, "dpm_2", {}),),
        single_step=True,
        scaled=("s_tmin", "s_tmax"),
        bad=BAD_CHURN,
    ),
    Method(
        "dpm_2_ancestral",
        slow.dpm_2_ancestral,
        options=({}, {"eta": 0.4, "s_noise": 0.9}),
        random=of(ancestral),
        ode=({"eta": 0.0},),
        weak=({}, {"eta": 0.5}),
        limits=(({"eta": 0.0}, "dpm_2", {}),),
        single_step=True,
        bad=BAD_NOISE,
    ),
    Method(
        "dpm_fast",
        slow.dpm_fast,
        options=({}, {"eta": 0.4, "s_noise": 0.9}),
        random=of(ancestral),
        counts=(81, 162, 324),
        of_flow={"eta": 0.0},
        lands=False,
        two_positive=True,
        unused_draws=True,
        bad=(
            ({"eta": -0.1}, f"eta is -0.1; {NUMBER}"),
            ({"s_noise": math.nan}, f"s_noise is NaN; {NUMBER}"),
            ({"eta": [1.0, 1.0]}, "eta is [1.0, 1.0]; expected a number"),
        ),
    ),
    Method(
        "dpmpp_2s_ancestral",
        slow.dpmpp_2s_ancestral,
        options=({}, {"eta": 0.4, "s_noise": 0.9}),
        random=of(ancestral),
        ode=({"eta": 0.0},),
        weak=({}, {"eta": 0.5}),
        limits=(({"eta": 0.0}, "dpmpp_sde", {"eta": 0.0}),),
        single_step=True,
        bad=BAD_NOISE,
    ),
    Method(
        "dpmpp_sde",
        slow.dpmpp_sde,
        options=({}, {"eta": 0.4, "s_noise": 0.9, "r": 0.3}, {"r": 1.0}),
        random=of(sde | {"r": shares}),
        ode=({"eta": 0.0}, {"eta": 0.0, "r": 0.4}, {"eta": 0.0, "r": 1.0}),
        weak=({}, {"eta": 0.5}, {"r": 1.0}),
        limits=(({"eta": 0.0}, "seeds_2", {"eta": 0.0}),),
        single_step=True,
        bad=BAD_NOISE + BAD_R,
    ),
    Method(
        "dpmpp_3m_sde",
        slow.dpmpp_3m_sde,
        options=({}, {"eta": 0.4, "s_noise": 1.1, "form": "k_diffusion"}),
        random=of(sde | {"form": st.sampled_from(["exact", "k_diffusion"])}),
        ode=({"eta": 0.0}, {"eta": 0.0, "form": "k_diffusion"}),
        weak=({}, {"eta": 0.5}, {"form": "k_diffusion"}),
        bad=(*BAD_NOISE, ({"form": "comfyui"}, 'form is "comfyui"; expected one of exact, k_diffusion')),
    ),
    Method(
        "seeds_2",
        slow.seeds_2,
        options=({}, {"eta": 0.4, "s_noise": 0.9, "r": 0.3, "solver_type": "phi_2"}, {"r": 1.0}),
        random=of(sde | {"r": shares, "solver_type": phis}),
        ode=({"eta": 0.0}, {"eta": 0.0, "r": 0.8}, {"eta": 0.0, "r": 0.3, "solver_type": "phi_2"}),
        weak=({}, {"eta": 0.5}, {"solver_type": "phi_2"}),
        limits=(({"eta": 0.0, "r": 1.0, "solver_type": "phi_2"}, "exp_heun_2_x0", {}),),
        single_step=True,
        bad=BAD_NOISE + BAD_R + BAD_PHI,
    ),
    Method(
        "seeds_3",
        slow.seeds_3,
        options=({}, {"eta": 0.4, "s_noise": 0.9, "r_1": 0.2, "r_2": 1.0}),
        random=of(sde | {"r_1": st.floats(0.1, 0.4), "r_2": st.floats(0.5, 0.95) | st.just(1.0)}),
        ode=({"eta": 0.0}, {"eta": 0.0, "r_1": 0.5}),
        weak=({}, {"eta": 0.5}),
        limits=(({"eta": 0.0, "s_noise": 3.0}, "seeds_3", {"eta": 0.0}),),
        single_step=True,
        bad=(
            *BAD_NOISE,
            ({"r_1": 0.0}, "r_1 is 0; expected between 0 and 1"),
            ({"r_1": 0.5, "r_2": 0.5}, "r_2 is 0.5; expected above r_1, at most 1"),
            ({"r_2": 1.1}, "r_2 is 1.1; expected above r_1, at most 1"),
        ),
    ),
    Method(
        "exp_heun_2_x0",
        slow.exp_heun_2_x0,
        options=({}, {"solver_type": "phi_1"}),
        random=of({"solver_type": phis}),
        ode=({}, {"solver_type": "phi_1"}),
        single_step=True,
        bad=BAD_PHI,
    ),
    Method(
        "exp_heun_2_x0_sde",
        slow.exp_heun_2_x0_sde,
        options=({}, {"eta": 0.4, "s_noise": 0.9, "solver_type": "phi_1"}),
        random=of(sde | {"solver_type": phis}),
        ode=({"eta": 0.0},),
        weak=({}, {"eta": 0.5}, {"solver_type": "phi_1"}),
        limits=(({"eta": 0.0}, "exp_heun_2_x0", {}),),
        single_step=True,
        bad=BAD_NOISE + BAD_PHI,
    ),
    Method("ddpm", slow.ddpm, ode=(), weak=({},), single_step=True),
    Method(
        "lcm",
        slow.lcm,
        options=({}, {"s_noise": 0.9, "s_noise_end": 0.2}),
        random=of({"s_noise": small, "s_noise_end": small}),
        ode=(),
        single_step=True,
        bad=(
            ({"s_noise": -0.1}, f"s_noise is -0.1; {NUMBER}"),
            ({"s_noise_end": -0.1}, f"s_noise_end is -0.1; {NUMBER}"),
            ({"s_noise_end": "0"}, "s_noise_end is '0'; expected a number, or None"),
            (
                {"s_noise": [1.0, 0.5], "s_noise_end": 0.5},
                "s_noise is one value per step and s_noise_end is given; give one or the other",
            ),
            (
                {"noise_clip_std": 2.5},
                "noise_clip_std is 2.5; expected 0: clipping noise by its own deviation is not linear, so no program "
                "holds it; the noise source `clipped` does it",
            ),
        ),
    ),
    Method(
        "restart",
        slow.restart,
        options=({}, {"segments": ((0.4, 2.0, 3, 2), (1.5, 6.0, 1, 1)), "s_noise": 1.01}),
        random=of(
            {"segments": st.tuples(st.tuples(st.just(0.0), st.just(90.0), st.integers(1, 4), st.integers(1, 2)))}
        ),
        ode=(),
        limits=(({"s_noise": 3.0}, "heun", {}),),
        bad=(
            ({"s_noise": -1.0}, f"s_noise is -1; {NUMBER}"),
            ({"segments": 3}, "segments is 3; expected a sequence of (sigma_min, sigma_max, steps, times)"),
            ({"segments": [(0.1, 2.0, 9)]}, f"segments[0] is (0.1, 2.0, 9); {SEGMENT}"),
            ({"segments": [(0.1, 2.0, 9.0, 1)]}, f"segments[0] is (0.1, 2.0, 9.0, 1); {SEGMENT}"),
            ({"segments": [(0.1, 2.0, -1, 1)]}, "segments[0] has -1 steps, 1 times; expected at least 1 of each"),
            (
                {"segments": [(0.1, 2.0, 9, 0)]},
                f"segments[0] goes from sigma 0.1 to 2 in 9 steps, 0 times; {RANGE}",
            ),
            (
                {"segments": [(0.1, 2.0, 9, 1), (2.0, 0.1, 9, 1)]},
                f"segments[1] goes from sigma 2 to 0.1 in 9 steps, 1 times; {RANGE}",
            ),
            (
                {"segments": [(math.nan, 2.0, 9, 1)]},
                f"segments[0] goes from sigma NaN to 2 in 9 steps, 1 times; {RANGE}",
            ),
            (
                {"segments": [(0.1, 0.5, 9, 1)]},
                "segments[0] restarts at the level nearest to 0.1, which is 1; expected one after the first, below its "
                "sigma_max 0.5. Change the segment or the sigmas",
            ),
        ),
    ),
]

PEER_NAMES = {"dpmpp_3m_sde": ("dpmpp_3m_sde", {"form": "k_diffusion"})}
