"""exp, ln and pow on float64 that fit the second cache, beside NumPy's; figures per value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from stepladder import _core

from benches.python.harness import Case, Race, Timed

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT = 32_768


def _race(ours: Callable[..., None], theirs: tuple[Callable[..., Any], ...], low: float, high: float) -> Race:
    """Race over values evenly spaced in a shuffled order; each call writes to the same array."""
    values = np.random.default_rng(0).permutation(np.linspace(low, high, COUNT))
    out, other = np.empty(COUNT), np.empty(COUNT)

    def check() -> str:
        ours(values, out)
        for form in theirs:
            form(values, other)
            np.testing.assert_allclose(out, other, rtol=3e-15, atol=0)
        return "rtol 3e-15"

    first, *others = (Timed(lambda form=form: form(values, other), per=COUNT) for form in theirs)
    copy = Timed(lambda: np.copyto(other, values), per=COUNT)
    return Race(Timed(lambda: ours(values, out), per=COUNT), first, check, others=tuple(others), copy=copy)


def _pow(exponent: float, *, array: bool = False) -> Race:
    # NumPy's vectors want an array of exponents: with a number it is slower.
    theirs = np.full(COUNT, exponent) if array else exponent
    forms = (lambda values, out: np.power(values, theirs, out=out),)
    return _race(lambda values, out: _core.vector_pow(values, exponent, out), forms, 0.5, 2.0)


_WORK = "{} of 32,768 float64; per value"

CASES = (
    Case("exp", _WORK.format("exp"), "numpy.exp", lambda: _race(_core.vector_exp, (np.exp,), -5.0, 5.0), 1.2),
    Case("ln", _WORK.format("ln"), "numpy.log", lambda: _race(_core.vector_ln, (np.log,), 0.002, 160.0), 1.0),
    Case("pow-6.7", _WORK.format("power 6.7"), "numpy.power", lambda: _pow(6.7), 1.3),
    Case("pow-6.7-array", _WORK.format("power 6.7"), "numpy.power, array of exponents", lambda: _pow(6.7, array=True)),
    Case("pow-1/7", _WORK.format("power 1/7"), "numpy.power", lambda: _pow(1 / 7), 1.3),
    Case("pow-7", _WORK.format("power 7"), "numpy.power", lambda: _pow(7.0), 1.3),
)  # fmt: skip
