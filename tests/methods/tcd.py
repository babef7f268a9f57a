"""Trajectory consistency distillation."""

import stepladder as sl
from hypothesis import strategies as st
from reference.sampler_tcd import tcd

from methods.method import Method

METHODS = [
    Method(
        "tcd",
        tcd,
        options=({}, {"eta": 1.0}, {"eta": 0.0}),
        random=st.fixed_dictionaries({}, optional={"eta": st.floats(0.0, 1.0)}),
        ode=(),
        limits=(({"eta": 0.0}, "euler", {}),),
        single_step=True,
        process=sl.process("discrete"),
        bad=(
            ({"eta": -0.1}, "eta is -0.1; expected 0 to 1"),
            ({"eta": 1.1}, "eta is 1.1; expected 0 to 1"),
            (
                {},
                "tcd steps through the times of a process, got no process; give compile a discrete process",
            ),
        ),
    ),
]

PEER_NAMES: dict[str, tuple[str, dict[str, object]]] = {}
