"""Explicit Runge-Kutta methods by their tableau."""

import functools

from hypothesis import strategies as st
from reference import sampler_runge_kutta as slow
from stepladder import _core

from methods.method import Method

SIGMA = {"variable": "sigma"}
LIMITS = {"heun_2s": ((SIGMA, "heun", {}),)}

METHODS = [
    Method(
        tableau,
        functools.partial(slow.runge_kutta, tableau=tableau),
        options=({}, SIGMA),
        random=st.fixed_dictionaries({}, optional={"variable": st.sampled_from(["log_sigma", "sigma"])}),
        ode=({}, SIGMA),
        limits=LIMITS.get(tableau, ()),
        single_step=True,
        bad=(({"variable": "time"}, 'variable is "time"; expected one of log_sigma, sigma'),),
    )
    for tableau in _core.tableau_names()
]

PEER_NAMES = {}
