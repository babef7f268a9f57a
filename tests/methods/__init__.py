"""Every built-in sampler as the tests see it. One module per family; `METHODS` joins them."""

from methods import consistency, ddim, dpm_solver_pp, dpmpp, euler, score_sde_vp
from methods.method import Method as Method

FAMILIES = (euler, ddim, dpmpp, dpm_solver_pp, consistency, score_sde_vp)
METHODS = {method.name: method for family in FAMILIES for method in family.METHODS}

# Name in the incumbents' reference file -> our name, and options that make it the same method.
PEER_NAMES = {name: (name, {}) for name in METHODS} | {
    name: made for family in FAMILIES for name, made in family.PEER_NAMES.items()
}
