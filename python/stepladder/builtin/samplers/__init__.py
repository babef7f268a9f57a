"""The built-in samplers. Orders are the cited papers': of the update formula, then of a run with its start-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder.builtin.samplers import dpmpp, er_sde, euler, sa_solver, tcd, uni_pc
from stepladder.hookspecs import hookimpl

if TYPE_CHECKING:
    from stepladder.hookspecs import Register


@hookimpl
def register_samplers(register: Register) -> None:
    """Register the samplers."""
    for family in (euler, dpmpp, er_sde, sa_solver, tcd, uni_pc):
        family.register(register)
