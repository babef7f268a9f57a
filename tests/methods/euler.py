"""Euler's method and its relatives."""

import math

from hypothesis import strategies as st
from reference import sampler as slow

from methods.method import NUMBER, Method, small

churns = st.fixed_dictionaries(
    {}, optional={"s_churn": st.floats(0.0, 10.0), "s_tmin": small, "s_tmax": st.floats(2.0, 50.0), "s_noise": small}
)
BAD_CHURN = (
    ({"s_churn": -1.0}, f"s_churn is -1; {NUMBER}"),
    ({"s_churn": math.inf}, f"s_churn is inf; {NUMBER}"),
    ({"s_churn": math.nan}, f"s_churn is NaN; {NUMBER}"),
    ({"s_tmin": -1.0}, f"s_tmin is -1; {NUMBER}"),
    ({"s_tmin": 2.0, "s_tmax": 1.0}, "s_tmax is 1; expected at least s_tmin; inf for no limit"),
    ({"s_tmax": math.nan}, "s_tmax is NaN; expected at least s_tmin; inf for no limit"),
    ({"s_noise": -0.5}, f"s_noise is -0.5; {NUMBER}"),
    ({"s_noise": math.nan}, f"s_noise is NaN; {NUMBER}"),
)

METHODS = [
    Method(
        "euler",
        slow.euler,
        options=({}, {"s_churn": 30.0, "s_tmin": 0.3, "s_tmax": 8.0, "s_noise": 1.01}),
        random=churns,
        limits=(
            ({"s_churn": 0.0, "s_noise": 3.0}, "euler", {}),
            ({"s_churn": 40.0, "s_tmin": 90.0}, "euler", {}),
        ),
        single_step=True,
        scaled=("s_tmin", "s_tmax"),
        bad=BAD_CHURN,
    ),
    Method(
        "heun",
        slow.heun,
        options=({}, {"s_churn": 5.0, "s_noise": 1.02}),
        random=churns,
        limits=(({"s_churn": 40.0, "s_tmax": 0.01}, "heun", {}),),
        single_step=True,
        scaled=("s_tmin", "s_tmax"),
        bad=BAD_CHURN,
    ),
    Method(
        "euler_ancestral",
        slow.euler_ancestral,
        options=({}, {"eta": 0.4, "s_noise": 0.9}),
        random=st.fixed_dictionaries({}, optional={"eta": st.floats(0.0, 1.0), "s_noise": small}),
        ode=({"eta": 0.0},),
        weak=({}, {"eta": 0.5}),
        limits=(({"eta": 0.0}, "euler", {}),),
        single_step=True,
        bad=(
            ({"eta": -1.0}, f"eta is -1; {NUMBER}"),
            ({"eta": math.nan}, f"eta is NaN; {NUMBER}"),
            ({"s_noise": math.inf}, f"s_noise is inf; {NUMBER}"),
            ({"eta": True}, "eta is True; expected a number, or a sequence of one per step"),
            ({"eta": [1.0, -1.0]}, f"eta[1] is -1; {NUMBER}"),
            ({"eta": "much"}, "eta is 'much'; expected a number, or a sequence of one per step"),
        ),
    ),
]

PEER_NAMES: dict[str, tuple[str, dict[str, object]]] = {}
