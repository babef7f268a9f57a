"""CFG++."""

import math

from hypothesis import strategies as st
from reference import sampler_cfg_pp as slow

from methods.method import NUMBER, Method, small

BAD_ETA = (
    ({"eta": -1.0}, f"eta is -1; {NUMBER}"),
    ({"eta": math.nan}, f"eta is NaN; {NUMBER}"),
    ({"s_noise": -0.5}, f"s_noise is -0.5; {NUMBER}"),
    ({"s_noise": [1.0, -1.0]}, f"s_noise[1] is -1; {NUMBER}"),
)
ZERO_TO_ONE = "expected 0 to 1"
share = st.floats(0.0, 1.0)
NO_HISTORY = {"history_weight": 0.0, "uncond_history_weight": 0.0, "zero_weight": 0.0}

METHODS = [
    Method(
        "euler_cfg_pp",
        slow.euler_cfg_pp,
        ode=(),
        orders=(({}, 1.0),),
        second=True,
        single_step=True,
        unguided=(({}, "euler", {}),),
    ),
    Method(
        "euler_ancestral_cfg_pp",
        slow.euler_ancestral_cfg_pp,
        options=({}, {"eta": 0.4, "s_noise": 0.9}),
        random=st.fixed_dictionaries({}, optional={"eta": small, "s_noise": small}),
        ode=(),
        orders=(({"eta": 0.0}, 1.0),),
        limits=(({"eta": 0.0}, "euler_cfg_pp", {}),),
        second=True,
        single_step=True,
        unguided=(({}, "euler_ancestral", {}), ({"eta": 0.3}, "euler_ancestral", {"eta": 0.3})),
        bad=BAD_ETA,
    ),
    Method(
        "dpmpp_2s_ancestral_cfg_pp",
        slow.dpmpp_2s_ancestral_cfg_pp,
        options=({}, {"eta": 0.4, "s_noise": 0.9}, {"form": "comfyui"}),
        random=st.fixed_dictionaries(
            {}, optional={"eta": small, "s_noise": small, "form": st.sampled_from(["exact", "comfyui"])}
        ),
        ode=(),
        orders=(({"eta": 0.0}, 2.0),),
        second=True,
        single_step=True,
        bad=(*BAD_ETA, ({"form": "host"}, 'form is "host"; expected one of exact, comfyui')),
    ),
    Method(
        "dpmpp_2m_cfg_pp",
        slow.dpmpp_2m_cfg_pp,
        ode=(),
        orders=(({}, 2.0),),
        second=True,
        unguided=(({}, "dpmpp_2m", {}),),
    ),
    Method(
        "cfgpp_ud10_ab",
        slow.cfgpp_ud10_ab,
        options=({}, {"history_weight": 0.6, "uncond_history_weight": 0.5, "zero_weight": 0.3}),
        random=st.fixed_dictionaries(
            {}, optional={"history_weight": share, "uncond_history_weight": share, "zero_weight": share}
        ),
        ode=(),
        limits=((NO_HISTORY, "euler_cfg_pp", {}),),
        second=True,
        unguided=((NO_HISTORY, "euler", {}),),
        bad=(
            ({"history_weight": 1.5}, f"history_weight is 1.5; {ZERO_TO_ONE}"),
            ({"uncond_history_weight": -0.1}, f"uncond_history_weight is -0.1; {ZERO_TO_ONE}"),
            ({"zero_weight": math.nan}, f"zero_weight is NaN; {ZERO_TO_ONE}"),
        ),
    ),
]

PEER_NAMES = {"dpmpp_2s_ancestral_cfg_pp": ("dpmpp_2s_ancestral_cfg_pp", {"form": "comfyui"})}
