"""Multistep consistency sampling."""

import math

from hypothesis import strategies as st
from reference.sampler_consistency import consistency

from methods.method import NUMBER, Method, small

METHODS = [
    Method(
        "consistency",
        consistency,
        options=({}, {"sigma_min": 0.3, "s_noise": 0.8}),
        random=st.fixed_dictionaries({}, optional={"sigma_min": st.floats(0.0, 3.0), "s_noise": small}),
        ode=(),
        limits=(({"sigma_min": 20.0}, "consistency", {"sigma_min": 30.0}),),
        single_step=True,
        scaled=("sigma_min",),
        bad=(
            ({"sigma_min": -1.0}, f"sigma_min is -1; {NUMBER}"),
            ({"sigma_min": math.inf}, f"sigma_min is inf; {NUMBER}"),
            ({"s_noise": math.nan}, f"s_noise is NaN; {NUMBER}"),
        ),
    ),
]

PEER_NAMES: dict[str, tuple[str, dict[str, object]]] = {}
