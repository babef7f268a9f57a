"""The predictor of score-based models."""

import math

from hypothesis import strategies as st
from reference.sampler_score_sde_vp import score_sde_vp

from methods.method import NUMBER, Method, small

METHODS = [
    Method(
        "score_sde_vp",
        score_sde_vp,
        options=({}, {"beta_min": 0.2, "beta_max": 9.0, "s_noise": 0.7}, {"time_step": "uniform"}),
        random=st.fixed_dictionaries(
            {},
            optional={
                "beta_min": st.floats(0.01, 2.0),
                "beta_max": st.floats(2.0, 30.0),
                "time_step": st.sampled_from(["levels", "uniform"]),
                "s_noise": small,
            },
        ),
        ode=(),
        weak=({}, {"beta_min": 0.2, "beta_max": 9.0}),
        lands=False,
        keeps_mean=False,
        bound=100.0,  # Euler's steps of the length that "uniform" says
        bad=(
            ({"beta_min": 0.0}, "beta_min is 0; expected a finite number above 0"),
            ({"beta_min": math.nan}, "beta_min is NaN; expected a finite number above 0"),
            ({"beta_max": 0.05}, "beta_max is 0.05; expected a finite number of at least beta_min"),
            ({"beta_max": math.inf}, "beta_max is inf; expected a finite number of at least beta_min"),
            ({"time_step": "short"}, 'time_step is "short"; expected one of levels, uniform'),
            ({"s_noise": -1.0}, f"s_noise is -1; {NUMBER}"),
        ),
    ),
]

PEER_NAMES: dict[str, tuple[str, dict[str, object]]] = {}
