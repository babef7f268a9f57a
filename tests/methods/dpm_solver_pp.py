"""DPM-Solver and DPM-Solver++ of order 1 to 3."""

import functools
import math

from hypothesis import strategies as st
from reference.sampler_dpm_solver_pp import dpm_solver

from methods.method import NUMBER, Method, small

BAD = (
    ({"order": 0}, "order is 0; expected 1, 2 or 3"),
    ({"order": 4}, "order is 4; expected 1, 2 or 3"),
    ({"order": 2.0}, "order is 2.0; expected a whole number"),
    ({"order": True}, "order is True; expected a whole number"),
    ({"solver_type": "rk4"}, 'solver_type is "rk4"; expected one of midpoint, heun'),
    ({"eta": -0.1}, f"eta is -0.1; {NUMBER}"),
    ({"s_noise": math.inf}, f"s_noise is inf; {NUMBER}"),
    ({"lower_order_final": 1}, "lower_order_final is 1; expected True or False"),
)
BAD_MULTISTEP = (
    ({"euler_at_final": "yes"}, "euler_at_final is 'yes'; expected True or False"),
    ({"form": "comfyui"}, 'form is "comfyui"; expected one of exact, diffusers'),
)

of_either = {
    "order": st.integers(1, 3),
    "solver_type": st.sampled_from(["midpoint", "heun"]),
    "eta": small,
    "s_noise": small,
    "lower_order_final": st.booleans(),
}
multistep = st.fixed_dictionaries(
    {}, optional=of_either | {"euler_at_final": st.booleans(), "form": st.sampled_from(["exact", "diffusers"])}
)
singlestep = st.fixed_dictionaries({}, optional=of_either)

WHOLE = {"lower_order_final": False}
MULTISTEP = (
    {},
    {"order": 3, **WHOLE},
    {"order": 3, "form": "diffusers", "eta": 0.6, **WHOLE},
    {"solver_type": "heun", "eta": 0.7, "s_noise": 1.1, **WHOLE},
    {"order": 1},
)
SINGLESTEP = (
    {},
    {"order": 3, **WHOLE},
    {"order": 3, "solver_type": "heun", "eta": 0.5, **WHOLE},
    {"solver_type": "heun", "eta": 1.0, "s_noise": 0.9, **WHOLE},
    {"order": 1},
)
HEUN = {"solver_type": "heun"}
# A divided difference over a step a hundred times shorter than the next loses that much, and its square at order 3.
DIFFERENCES = 1e-10

METHODS = [
    Method(
        "dpm_solver",
        functools.partial(dpm_solver, predicts="noise"),
        bound=100.0,  # a predicted noise is carried a long way
        options=MULTISTEP,
        random=multistep,
        ode=({}, HEUN, {"order": 3, "form": "diffusers"}),  # order 3: test_sampler_dpm_solver_pp
        weak=({"eta": 1.0}, {"eta": 0.5, **HEUN}, {"eta": 1.0, "order": 3}),
        limits=(({"order": 1}, "euler", {}),),
        bad=BAD + BAD_MULTISTEP,
        atol=DIFFERENCES,
    ),
    Method(
        "dpm_solver_pp",
        functools.partial(dpm_solver, predicts="denoised"),
        options=MULTISTEP,
        random=multistep,
        ode=({}, HEUN, {"order": 3}, {"order": 3, "form": "diffusers"}),
        weak=({"eta": 1.0}, {"eta": 0.5, **HEUN}, {"eta": 1.0, "order": 3}),
        limits=(
            ({"order": 1}, "euler", {}),
            (WHOLE, "dpmpp_2m", {}),
            (WHOLE | HEUN, "dpmpp_2m_sde", {"eta": 0.0} | HEUN),
        ),
        bad=BAD + BAD_MULTISTEP,
        atol=DIFFERENCES,
    ),
    Method(
        "dpm_solver_singlestep",
        functools.partial(dpm_solver, predicts="noise", singlestep=True),
        bound=100.0,  # a predicted noise is carried a long way
        options=SINGLESTEP,
        random=singlestep,
        ode=({}, HEUN, WHOLE),
        weak=({"eta": 1.0}, {"eta": 0.5, **HEUN}),
        limits=(({"order": 1}, "euler", {}),),
        bad=BAD,
        atol=DIFFERENCES,
    ),
    Method(
        "dpm_solver_pp_singlestep",
        functools.partial(dpm_solver, predicts="denoised", singlestep=True),
        options=SINGLESTEP,
        random=singlestep,
        ode=({}, HEUN, WHOLE),
        weak=({"eta": 1.0}, {"eta": 0.5, **HEUN}),
        limits=(({"order": 1}, "euler", {}),),
        bad=BAD,
        atol=DIFFERENCES,
    ),
]

PEER_NAMES: dict[str, tuple[str, dict[str, object]]] = {}
