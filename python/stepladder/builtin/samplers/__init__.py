"""The built-in samplers. Orders are the cited papers': of the update formula, then of a run with its start-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder.builtin.samplers import (
    adams,
    cfg_pp,
    consistency,
    ddim,
    deis,
    dpm_adaptive,
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
    unfused,
    uni_pc,
)
from stepladder.hookspecs import hookimpl

if TYPE_CHECKING:
    from stepladder.hookspecs import Register


@hookimpl
def register_samplers(register: Register) -> None:
    """Register the samplers."""
    for family in (
        euler,
        ddim,
        dpmpp,
        dpm_solver_pp,
        singlestep,
        dpm_adaptive,
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
        unfused,
    ):
        family.register(register)
