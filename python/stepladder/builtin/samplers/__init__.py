"""The built-in samplers. Orders are the cited papers': of the update formula, then of a run with its start-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder.builtin.samplers import consistency, ddim, dpm_solver_pp, dpmpp, euler, score_sde_vp
from stepladder.hookspecs import hookimpl

if TYPE_CHECKING:
    from stepladder.hookspecs import Register


@hookimpl
def register_samplers(register: Register) -> None:
    """Register the samplers."""
    for family in (euler, ddim, dpmpp, dpm_solver_pp, consistency, score_sde_vp):
        family.register(register)
