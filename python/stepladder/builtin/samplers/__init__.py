"""The built-in samplers. Orders are the cited papers': of the update formula, then of a run with its start-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder.builtin.samplers import dpm_adaptive, dpmpp, euler, singlestep
from stepladder.hookspecs import hookimpl

if TYPE_CHECKING:
    from stepladder.hookspecs import Register


@hookimpl
def register_samplers(register: Register) -> None:
    """Register the samplers."""
    for family in (euler, dpmpp, singlestep, dpm_adaptive):
        family.register(register)
