"""Every built-in sampler as the tests see it. One module per family; `METHODS` joins them."""

from methods import adams, cfg_pp, deis, dpmpp, euler, gradient_estimation, pndm, res_multistep, singlestep
from methods.method import Method as Method

FAMILIES = (euler, dpmpp, singlestep, adams, pndm, deis, res_multistep, gradient_estimation, cfg_pp)
METHODS = {method.name: method for family in FAMILIES for method in family.METHODS}

# Name in the incumbents' reference file -> our name, and options that make it the same method.
PEER_NAMES = {name: (name, {}) for name in METHODS} | {
    name: made for family in FAMILIES for name, made in family.PEER_NAMES.items()
}

# Reference case -> why its values are not those of the formula: they are compared with the slow version instead.
LOST = singlestep.LOST

# Registered samplers without a program: they have tests of their own.
UNFUSED = {"dpm_adaptive"}
