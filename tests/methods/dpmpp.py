"""DPM-Solver++."""

import functools
import math

from hypothesis import strategies as st
from reference import sampler as slow

from methods.method import NUMBER, Method, small

METHODS = [
    Method("dpmpp_2m", slow.dpmpp_2m),
    Method(
        "dpmpp_2m_sde",
        slow.dpmpp_2m_sde,
        options=({}, {"eta": 0.4, "s_noise": 1.1, "solver_type": "heun"}),
        random=st.fixed_dictionaries(
            {}, optional={"eta": small, "s_noise": small, "solver_type": st.sampled_from(["midpoint", "heun"])}
        ),
        ode=({"eta": 0.0}, {"eta": 0.0, "solver_type": "heun"}),
        weak=({}, {"eta": 0.5}, {"solver_type": "heun"}),
        limits=(({"eta": 0.0}, "dpmpp_2m", {}),),
        bad=(
            ({"eta": -0.1}, f"eta is -0.1; {NUMBER}"),
            ({"eta": math.inf}, f"eta is inf; {NUMBER}"),
            ({"s_noise": -0.1}, f"s_noise is -0.1; {NUMBER}"),
            ({"solver_type": "rk4"}, 'solver_type is "rk4"; expected one of midpoint, heun'),
        ),
    ),
    Method(
        "dpmpp_2m_sde_heun",
        functools.partial(slow.dpmpp_2m_sde, solver_type="heun"),
        options=({}, {"eta": 0.4, "s_noise": 1.1}),
        random=st.fixed_dictionaries({}, optional={"eta": small, "s_noise": small}),
        ode=({"eta": 0.0},),
        weak=({}, {"eta": 0.5}),
        limits=(
            ({"eta": 0.0}, "res_multistep", {}),
            ({"s_noise": 0.0, "eta": 0.0}, "dpmpp_2m_sde", {"eta": 0.0, "solver_type": "heun"}),
        ),
        bad=(({"eta": -0.1}, f"eta is -0.1; {NUMBER}"), ({"s_noise": -0.1}, f"s_noise is -0.1; {NUMBER}")),
    ),
]

PEER_NAMES = {}
