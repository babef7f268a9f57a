"""SA-Solver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._samplers.sa_solver import SASolverPECESampler, SASolverSampler
from stepladder.builtin.samplers._families import ALL
from stepladder.hookspecs import Claims

if TYPE_CHECKING:
    from stepladder.hookspecs import Register

_NOTE = "orders without noise; of the default predictor 3 and corrector 4, whose first step has local error h^3"
_PEC = Claims(families=ALL, formula_order=4, global_order=3, weak_order=1, evaluations=1, stochastic=True, note=_NOTE)
_PECE = Claims(
    families=ALL,
    formula_order=4,
    global_order=3,
    weak_order=1,
    evaluations=2,
    stochastic=True,
    note=f"{_NOTE}; one call in the first step",
)

_COMFYUI = {"sde_start": 0.2, "sde_end": 0.8}


def register(register: Register) -> None:
    """Register this family."""
    register(
        "sa_solver",
        SASolverSampler,
        source="Xue et al. 2023, arXiv:2309.05019, algorithm 1",
        aliases={"comfyui": ("sa_solver",), "diffusers": ("SASolverScheduler",)},
        alias_options={
            "comfyui": {"sa_solver": _COMFYUI},
            "diffusers": {"SASolverScheduler": {"predictor_order": 2, "corrector_order": 2, "simple_order_2": True}},
        },
        claims=_PEC,
    )
    register(
        "sa_solver_pece",
        SASolverPECESampler,
        source="Xue et al. 2023, arXiv:2309.05019, algorithm 1, with ComfyUI's second evaluation",
        aliases={"comfyui": ("sa_solver_pece",)},
        alias_options={"comfyui": {"sa_solver_pece": _COMFYUI}},
        claims=_PECE,
    )
