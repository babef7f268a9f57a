"""Every built-in sampler as the tests see it. One module per family; `METHODS` joins them."""

from methods import dpmpp, er_sde, euler, sa_solver, tcd, uni_pc
from methods.method import Method as Method

FAMILIES = (euler, dpmpp, er_sde, sa_solver, tcd, uni_pc)
METHODS = {method.name: method for family in FAMILIES for method in family.METHODS}

# Name in the incumbents' reference file -> our name, and options that make it the same method.
PEER_NAMES = {name: (name, {}) for name in METHODS} | {
    name: made for family in FAMILIES for name, made in family.PEER_NAMES.items()
}

# Name in the incumbents' reference file -> (why its values are not ours, where that is to be seen). Each has an
# exact-value test of its own.
PEER_EXCLUDED = tcd.PEER_EXCLUDED
