"""Gradient estimation."""

import math

from hypothesis import strategies as st
from reference import sampler_gradient_estimation as slow

from methods.method import Method

BAD_GAMMA = (
    ({"ge_gamma": math.nan}, "ge_gamma is NaN; expected a finite number"),
    ({"ge_gamma": math.inf}, "ge_gamma is inf; expected a finite number"),
    ({"ge_gamma": "two"}, "ge_gamma is 'two'; expected a number"),
)
gammas = st.fixed_dictionaries({}, optional={"ge_gamma": st.floats(0.5, 3.0)})

METHODS = [
    Method(
        "gradient_estimation",
        slow.gradient_estimation,
        options=({}, {"ge_gamma": 1.5}),
        random=gammas,
        orders=(({"ge_gamma": 1.5}, 2.0),),
        limits=(({"ge_gamma": 1.0}, "euler", {}), ({"ge_gamma": 1.5}, "ipndm", {"max_order": 2})),
        bad=BAD_GAMMA,
    ),
    Method(
        "gradient_estimation_cfg_pp",
        slow.gradient_estimation_cfg_pp,
        options=({}, {"ge_gamma": 1.5}),
        random=gammas,
        ode=(),
        orders=(({}, 1.0), ({"ge_gamma": 1.5}, 2.0)),
        limits=(({"ge_gamma": 1.0}, "euler_cfg_pp", {}),),
        second=True,
        unguided=(({}, "gradient_estimation", {}),),
        bad=BAD_GAMMA,
    ),
]

PEER_NAMES: dict[str, tuple[str, dict[str, object]]] = {}
