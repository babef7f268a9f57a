"""UniPC."""

import math

from hypothesis import strategies as st
from reference.sampler_uni_pc import uni_pc, uni_pc_bh2

from methods.method import NUMBER, Method

RANDOM = st.fixed_dictionaries(
    {},
    optional={
        "order": st.integers(1, 4),
        "predictor": st.booleans(),
        "corrector": st.booleans(),
        "disable_corrector": st.sets(st.integers(0, 8)).map(tuple),
        "lower_order_final": st.booleans(),
        "time": st.sampled_from(["half_log_snr", "log_sigma"]),
    },
)
OPTIONS = (
    {},
    {"order": 2, "sigma_end": 0.02, "disable_corrector": (0,)},
    {"order": 1, "time": "log_sigma"},
    {"order": 4, "lower_order_final": False},
    {"predictor": False},
    {"corrector": False},
)
OFF = {"lower_order_final": False}
OTHER_ORDERS = (
    ({"order": 1, **OFF}, 2),
    ({"order": 2, **OFF}, 3),
    ({"order": 1, "corrector": False, **OFF}, 1),
    ({"order": 2, "corrector": False, **OFF}, 2),
    ({"order": 3, "corrector": False, **OFF}, 2),  # 3 by formula, 2 after the start with order 1
    ({"predictor": False, **OFF}, 2),
)
BAD = (
    ({"order": 0}, "order is 0; expected at least 1"),
    ({"sigma_end": -1.0}, f"sigma_end is -1; {NUMBER}"),
    ({"sigma_end": math.inf}, f"sigma_end is inf; {NUMBER}"),
    ({"time": "t"}, 'time is "t"; expected one of half_log_snr, log_sigma'),
    ({"disable_corrector": 0}, "disable_corrector is 0; expected steps, whole numbers from 0"),
    ({"disable_corrector": (-1,)}, "disable_corrector is (-1,); expected steps, whole numbers from 0"),
    ({"disable_corrector": "01"}, "disable_corrector is '01'; expected steps, whole numbers from 0"),
)


def method(name, slow, limits):
    return Method(
        name,
        slow,
        options=OPTIONS,
        random=RANDOM,
        ode=(OFF,),
        formula=(OFF,),
        orders=OTHER_ORDERS,
        limits=(({"order": 1, "corrector": False}, "euler", {}), *limits),
        scaled=("sigma_end",),
        bad=BAD,
        ratios=(0.3, 0.8),
    )


METHODS = [
    method("uni_pc", uni_pc, (({"corrector": False, "order": 1}, "uni_pc_bh2", {"corrector": False, "order": 1}),)),
    method("uni_pc_bh2", uni_pc_bh2, (({"order": 2, "corrector": False}, "dpmpp_2m", {}),)),
]

HOST = {"time": "log_sigma", "sigma_end": 0.001}
PEER_NAMES: dict[str, tuple[str, dict[str, object]]] = {name: (name, HOST) for name in ("uni_pc", "uni_pc_bh2")}
