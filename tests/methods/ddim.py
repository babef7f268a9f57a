"""DDIM and its inverse. The options that clip, and diffusers' inverse, are in test_sampler_ddim."""

import math

from hypothesis import strategies as st
from reference.sampler_ddim import ddim, ddim_inverse

from methods.method import Method

METHODS = [
    Method(
        "ddim",
        ddim,
        options=({}, {"eta": 1.0}, {"eta": 0.4}),
        random=st.fixed_dictionaries({}, optional={"eta": st.floats(0.0, 1.0)}),
        weak=({"eta": 1.0}, {"eta": 0.5}),
        limits=(({}, "euler", {}),),
        single_step=True,
        bad=(
            ({"eta": -0.5}, "eta is -0.5; expected 0 to 1"),
            ({"eta": 1.5}, "eta is 1.5; expected 0 to 1"),
            ({"eta": math.nan}, "eta is NaN; expected 0 to 1"),
            ({"eta": [1.0, 2.0]}, "eta[1] is 2; expected 0 to 1"),
            ({"direction": "clipped"}, 'direction is "clipped"; expected one of denoised, unclipped'),
        ),
    ),
    Method(
        "ddim_inverse",
        ddim_inverse,
        single_step=True,
        upward=True,
        lands=False,
        bad=(({"form": "ddim"}, 'form is "ddim"; expected one of euler, diffusers'),),
    ),
]

PEER_NAMES: dict[str, tuple[str, dict[str, object]]] = {}
