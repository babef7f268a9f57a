"""RES: exponential Runge-Kutta and exponential Adams."""

import functools
import math

from hypothesis import strategies as st
from reference import sampler_res as slow

from methods.method import Method

METHODS = [
    Method(
        "res_2s",
        slow.res_2s,
        options=({}, {"c2": 0.3}, {"c2": 1.0}),
        random=st.fixed_dictionaries({}, optional={"c2": st.floats(0.1, 1.0)}),
        ode=({}, {"c2": 0.3}, {"c2": 1.0}),
        limits=(
            ({}, "seeds_2", {"eta": 0.0, "solver_type": "phi_2"}),
            ({"c2": 1.0}, "exp_heun_2_x0", {"solver_type": "phi_2"}),
        ),
        single_step=True,
        bad=(
            ({"c2": 0.0}, "c2 is 0; expected above 0, at most 1"),
            ({"c2": 1.5}, "c2 is 1.5; expected above 0, at most 1"),
            ({"c2": math.nan}, "c2 is NaN; expected above 0, at most 1"),
        ),
    ),
    Method(
        "res_3s",
        slow.res_3s,
        options=({}, {"c2": 0.3, "c3": 0.8}),
        random=st.fixed_dictionaries({}, optional={"c2": st.floats(0.1, 0.55), "c3": st.floats(0.65, 1.0)}),
        ode=({}, {"c2": 0.3, "c3": 0.8}, {"c2": 1 / 3, "c3": 2 / 3}),
        limits=(({"c2": 1 / 3, "c3": 2 / 3}, "seeds_3", {"eta": 0.0}),),
        single_step=True,
        bad=(
            ({"c2": 0.0}, "c2 is 0; expected between 0 and 2/3"),
            ({"c2": 0.7}, "c2 is 0.7; expected between 0 and 2/3"),
            ({"c3": 0.5}, "c3 is 0.5; expected above c2, at most 1"),
            ({"c3": 1.1}, "c3 is 1.1; expected above c2, at most 1"),
        ),
    ),
    Method("res_2m", functools.partial(slow.res_m, 2)),
    Method("res_3m", functools.partial(slow.res_m, 3), ratios=(0.3, 0.8)),
]

PEER_NAMES = {}
