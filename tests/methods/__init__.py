"""Every built-in sampler as the tests see it. One module per family; `METHODS` joins them."""

from methods import (
    adams,
    cfg_pp,
    consistency,
    ddim,
    deis,
    dpm_solver_pp,
    dpmpp,
    er_sde,
    euler,
    gradient_estimation,
    pndm,
    res,
    res_multistep,
    runge_kutta,
    sa_solver,
    score_sde_vp,
    singlestep,
    tcd,
    uni_pc,
)
from methods.method import Method as Method

FAMILIES = (
    euler,
    ddim,
    dpmpp,
    dpm_solver_pp,
    singlestep,
    adams,
    pndm,
    deis,
    res,
    res_multistep,
    runge_kutta,
    gradient_estimation,
    cfg_pp,
    er_sde,
    sa_solver,
    uni_pc,
    consistency,
    tcd,
    score_sde_vp,
)
METHODS = {method.name: method for family in FAMILIES for method in family.METHODS}

# Name in the incumbents' reference file -> our name, and options that make it the same method.
PEER_NAMES = {name: (name, {}) for name in METHODS} | {
    name: made for family in FAMILIES for name, made in family.PEER_NAMES.items()
}

# Reference case -> why its values are not those of the formula: they are compared with the slow version instead.
LOST = singlestep.LOST

# Registered samplers without a program: they have tests of their own.
UNFUSED = {"dpm_adaptive"}

# Name in the incumbents' reference file -> (why its values are not ours, where that is to be seen). Each has an
# exact-value test of its own.
PEER_EXCLUDED = tcd.PEER_EXCLUDED
