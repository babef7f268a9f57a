"""DPM-Solver and DPM-Solver++ of any order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stepladder._samplers.dpm_solver_pp import (
    DpmSolverPpSampler,
    DpmSolverPpSinglestepSampler,
    DpmSolverSampler,
    DpmSolverSinglestepSampler,
)
from stepladder.builtin.samplers._families import ALL
from stepladder.hookspecs import Claims

if TYPE_CHECKING:
    from stepladder.hookspecs import Register


def _claims(weak_order: int, note: str) -> Claims:
    return Claims(
        families=ALL,
        formula_order=2,
        global_order=2,
        weak_order=weak_order,
        evaluations=1,
        stochastic=False,
        note=note,
    )


_MULTISTEP: Final = "orders of order=2; order=3 has formula order 3, and 2 over a run"
_SINGLESTEP: Final = "orders of order=2; order=3 has 3 over whole blocks"


def register(register: Register) -> None:
    """Register this family."""
    register(
        "dpm_solver",
        DpmSolverSampler,
        source="Lu et al. 2022, arXiv:2206.00927, eq. 3.4; multistep as in arXiv:2211.01095, appendix B",
        claims=_claims(1, _MULTISTEP),
    )
    register(
        "dpm_solver_pp",
        DpmSolverPpSampler,
        source="Lu et al. 2022, arXiv:2211.01095, algorithm 2 and section 5",
        aliases={"diffusers": ("DPMSolverMultistepScheduler", "EDMDPMSolverMultistepScheduler")},
        claims=_claims(2, _MULTISTEP),
    )
    register(
        "dpm_solver_singlestep",
        DpmSolverSinglestepSampler,
        source="Lu et al. 2022, arXiv:2206.00927, algorithms 1 and 2",
        claims=_claims(1, f"{_SINGLESTEP}; with eta it needs noise of one path"),
    )
    register(
        "dpm_solver_pp_singlestep",
        DpmSolverPpSinglestepSampler,
        source="Lu et al. 2022, arXiv:2211.01095, algorithm 1 and section 5",
        aliases={"diffusers": ("DPMSolverSinglestepScheduler",)},
        claims=_claims(1, f"{_SINGLESTEP}; with eta it needs noise of one path"),
    )
