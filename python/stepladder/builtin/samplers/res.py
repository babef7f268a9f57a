"""RES: exponential Runge-Kutta and exponential Adams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._samplers.res import Res2mSampler, Res2sSampler, Res3mSampler, Res3sSampler
from stepladder.builtin.samplers._families import ALL
from stepladder.hookspecs import Claims

if TYPE_CHECKING:
    from stepladder.hookspecs import Register

_STAGES = "Hochbruck and Ostermann 2005, doi:10.1137/040611434"


def _claims(order: int, evaluations: int, note: str) -> Claims:
    return Claims(
        families=ALL,
        formula_order=order,
        global_order=order,
        weak_order=None,
        evaluations=evaluations,
        stochastic=False,
        note=note,
    )


def register(register: Register) -> None:
    """Register this family."""
    register(
        "res_2s",
        Res2sSampler,
        source=f"{_STAGES}, section 5.1; Zhang et al. 2023, arXiv:2308.02157, algorithm 1",
        aliases={"res4lyf": ("res_2s_ode",), "stable_diffusion_cpp": ("res_2s",)},
        claims=_claims(2, 2, "one call in a step to zero"),
    )
    register(
        "res_3s",
        Res3sSampler,
        source=f"{_STAGES}, section 5.2",
        aliases={"res4lyf": ("res_3s_ode",)},
        claims=_claims(3, 3, "one call in a step to zero"),
    )
    register(
        "res_2m",
        Res2mSampler,
        source="Zhang et al. 2023, arXiv:2308.02157, algorithm 2; start of RES4LYF's res_2m",
        aliases={"res4lyf": ("res_2m_ode",)},
        claims=_claims(2, 1, "two calls in the first step"),
    )
    register(
        "res_3m",
        Res3mSampler,
        source="Hochbruck and Ostermann 2010, doi:10.1017/S0962492910000048, section 2.5; start of RES4LYF's res_3m",
        aliases={"res4lyf": ("res_3m_ode",)},
        claims=_claims(3, 1, "three calls in the first two steps"),
    )
