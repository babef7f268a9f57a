"""Explicit Runge-Kutta methods by their tableau, each under its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from stepladder import _core
from stepladder._samplers.runge_kutta import RungeKuttaSampler
from stepladder.builtin.samplers._families import ALL
from stepladder.hookspecs import Claims

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepladder.hookspecs import Register

_BUTCHER: Final = "Butcher 2016, Numerical Methods for Ordinary Differential Equations, section 23"
_RALSTON: Final = "Ralston 1962, doi:10.1090/S0025-5718-1962-0150954-0"
_KUTTA: Final = "Kutta 1901, Zeitschrift für Mathematik und Physik 46, 435-453"

# Tableau -> (what it is, source, names in RES4LYF).
_METHODS: Final = {
    "midpoint_2s": ("The midpoint method", _BUTCHER, ("midpoint_2s",)),
    "heun_2s": ("Heun's method of two stages", _BUTCHER, ("heun_2s",)),
    "ralston_2s": ("Ralston's method of two stages", _RALSTON, ("ralston_2s",)),
    "ralston_3s": ("Ralston's method of three stages", _RALSTON, ("ralston_3s",)),
    "heun_3s": ("Heun's method of three stages", _BUTCHER, ("heun_3s",)),
    "kutta_3s": ("Kutta's method of three stages", _KUTTA, ("kutta_3s",)),
    "houwen_wray_3s": (
        "The method of van der Houwen and Wray, of three stages",
        "Kennedy, Carpenter and Lewis 2000, doi:10.1016/S0168-9274(99)00141-5",
        ("houwen-wray_3s",),
    ),
    "ssprk3": (
        "The strong-stability-preserving method of three stages",
        "Shu and Osher 1988, doi:10.1016/0021-9991(88)90177-5, equation 2.18",
        ("ssprk3_3s",),
    ),
    "bogacki_shampine": (
        "Bogacki and Shampine's method, with an embedded one of order 2",
        "Bogacki and Shampine 1989, doi:10.1016/0893-9659(89)90079-7",
        ("bogacki-shampine_4s",),
    ),
    "rk4": ("The classical method of four stages", _KUTTA, ("rk4_4s",)),
    "rk38": ("The 3/8 rule", _KUTTA, ("rk38_4s",)),
    "ralston_4s": ("Ralston's method of four stages", _RALSTON, ("ralston_4s",)),
    "dormand_prince": (
        "Dormand and Prince's method, with an embedded one of order 4",
        "Dormand and Prince 1980, doi:10.1016/0771-050X(80)90013-3, table 2",
        ("dormand-prince_6s",),
    ),
}


def _factory(tableau: str, what: str) -> Callable[..., RungeKuttaSampler]:
    def make(variable: Literal["log_sigma", "sigma"] = "log_sigma") -> RungeKuttaSampler:
        return RungeKuttaSampler(tableau, variable)

    make.__name__ = make.__qualname__ = tableau
    make.__doc__ = f"{what}, an explicit Runge-Kutta method in log sigma or sigma."
    return make


def register(register: Register) -> None:
    """Register this family."""
    for tableau, (what, source, names) in _METHODS.items():
        order, c, _, _, embedded = _core.tableau(tableau)
        with_error = "" if embedded is None else f"; embedded method of order {embedded[0]}"
        claims = Claims(
            families=ALL,
            formula_order=order,
            global_order=order,
            weak_order=None,
            evaluations=len(c),
            stochastic=False,
            note="one call in a step to zero" + with_error,
        )
        register(tableau, _factory(tableau, what), source=source, aliases={"res4lyf": names}, claims=claims)
