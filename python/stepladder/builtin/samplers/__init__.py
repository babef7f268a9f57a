"""The built-in samplers. Orders are the cited papers': of the update formula, then of a run with its start-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder.builtin.samplers import (
    adams,
    cfg_pp,
    deis,
    dpm_adaptive,
    dpmpp,
    er_sde,
    euler,
    gradient_estimation,
    pndm,
    res_multistep,
    sa_solver,
    singlestep,
    tcd,
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
        dpmpp,
        singlestep,
        dpm_adaptive,
        adams,
        pndm,
        deis,
        res_multistep,
        gradient_estimation,
        cfg_pp,
        er_sde,
        sa_solver,
        uni_pc,
        tcd,
    ):
        family.register(register)
