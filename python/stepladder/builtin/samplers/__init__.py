"""The built-in samplers. Orders are the cited papers': of the update formula, then of a run with its start-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder.builtin.samplers import (
    adams,
    cfg_pp,
    deis,
    dpmpp,
    euler,
    gradient_estimation,
    pndm,
    res_multistep,
)
from stepladder.hookspecs import hookimpl

if TYPE_CHECKING:
    from stepladder.hookspecs import Register


@hookimpl
def register_samplers(register: Register) -> None:
    """Register the samplers."""
    for family in (euler, dpmpp, adams, pndm, deis, res_multistep, gradient_estimation, cfg_pp):
        family.register(register)
