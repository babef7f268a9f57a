"""Every built-in sampler as the tests see it. One module per family; `METHODS` joins them."""

import json

import problems

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

EXCLUSIONS = json.loads((problems.DATA / "sampler_exclusions.json").read_text())["rows"]

# Reference cases whose values are not those of the formula: they are compared with the slow version instead.
LOST = {row["case"] for row in EXCLUSIONS if row["case"] is not None}

# Names in the incumbents' reference file none of whose values are ours.
PEER_EXCLUDED = {row["sampler"] for row in EXCLUSIONS if row["case"] is None}

# Registered samplers without a program: they have tests of their own.
UNFUSED = {"ddpm_learned_variance", "dpm_adaptive", "score_sde_ve"}
