"""Pseudo numerical methods."""

from hypothesis import strategies as st
from reference import sampler_adams as slow

from methods.method import Method

STARTS = ("improved_euler", "runge_kutta")

METHODS = [
    Method(
        "pndm",
        slow.pndm,
        options=tuple({"start": start} for start in STARTS),
        random=st.fixed_dictionaries({}, optional={"start": st.sampled_from(STARTS)}),
        ode=tuple({"start": start} for start in STARTS),
        bad=(({"start": "heun"}, 'start is "heun"; expected one of improved_euler, runge_kutta'),),
    )
]

PEER_NAMES: dict[str, tuple[str, dict[str, object]]] = {}
