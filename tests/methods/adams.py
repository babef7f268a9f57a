"""Linear multistep methods."""

from hypothesis import strategies as st
from reference import sampler_adams as slow

from methods.method import Method

ONE_TO_FOUR = "expected 1 to 4"
BAD_MAX_ORDER = (
    ({"max_order": 0}, f"max_order is 0; {ONE_TO_FOUR}"),
    ({"max_order": 5}, f"max_order is 5; {ONE_TO_FOUR}"),
    ({"max_order": -2}, f"max_order is -2; {ONE_TO_FOUR}"),
    ({"max_order": 2.0}, "max_order is 2.0; expected a whole number"),
    ({"max_order": True}, "max_order is True; expected a whole number"),
)
orders = st.integers(1, 4)

METHODS = [
    Method(
        "lms",
        slow.lms,
        options=({}, {"order": 6}, {"order": 2, "lower_order_final": False}),
        random=st.fixed_dictionaries({}, optional={"order": orders, "lower_order_final": st.booleans()}),
        ratios=(0.5, 0.9),
        ode=({}, {"order": 2}, {"order": 3}, {"order": 8}),
        orders=(({"order": 1}, 1.0),),
        limits=(({"order": 1}, "euler", {}), ({"order": 100_000}, "lms", {"order": 12})),
        bad=(
            ({"order": 0}, "order is 0; expected a whole number of at least 1"),
            ({"order": -3}, "order is -3; expected a whole number of at least 1"),
            ({"order": 2.5}, "order is 2.5; expected a whole number"),
            ({"lower_order_final": 1}, "lower_order_final is 1; expected True or False"),
        ),
    ),
    Method(
        "ipndm",
        slow.ipndm,
        options=({}, {"max_order": 3}, {"max_order": 2}),
        random=st.fixed_dictionaries({}, optional={"max_order": orders}),
        ode=({}, {"max_order": 2}, {"max_order": 3}),
        orders=(({"max_order": 1}, 1.0),),
        limits=(({"max_order": 1}, "euler", {}),),
        bad=BAD_MAX_ORDER,
    ),
    Method(
        "ipndm_v",
        slow.ipndm_v,
        options=({}, {"form": "comfyui"}, {"form": "comfyui", "max_order": 3}),
        random=st.fixed_dictionaries({}, optional={"max_order": orders, "form": st.sampled_from(["exact", "comfyui"])}),
        ratios=(0.5, 0.9),
        ode=({}, {"max_order": 2}, {"max_order": 3}, {"max_order": 2, "form": "comfyui"}),
        orders=(({"max_order": 1}, 1.0),),
        limits=(
            ({}, "lms", {}),
            ({"max_order": 3}, "lms", {"order": 3}),
            ({"max_order": 2, "form": "comfyui"}, "lms", {"order": 2}),
            ({"max_order": 1, "form": "comfyui"}, "euler", {}),
        ),
        bad=(*BAD_MAX_ORDER, ({"form": "host"}, 'form is "host"; expected one of exact, comfyui')),
    ),
]

PEER_NAMES = {"ipndm_v": ("ipndm_v", {"form": "comfyui"})}
