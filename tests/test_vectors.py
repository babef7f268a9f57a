"""exp, ln and pow of the compiled core against mpmath: errors in units of the last place, as documented in the core."""

import math

import numpy as np
import pytest
from stepladder import _core

mpmath = pytest.importorskip("mpmath")

RNG = np.random.default_rng(0)


def ulps(values, exact):
    """Largest error of `values`; `exact` computes the truth of each index."""
    with mpmath.workdps(40):
        return max(
            float(abs(mpmath.mpf(value) - exact(index)) / math.ulp(value))
            for index, value in enumerate(values.tolist())
        )


def test_exp_is_within_two_ulp():
    x = np.concatenate([RNG.uniform(-700, 700, 2000), RNG.uniform(-7, 7, 2000)])
    out = np.empty_like(x)
    _core.vector_exp(x, out)
    assert ulps(out, lambda i: mpmath.exp(mpmath.mpf(x[i].item()))) <= 2


def test_ln_is_within_two_ulp():
    x = np.concatenate([np.exp(RNG.uniform(-700, 700, 2000)), RNG.uniform(0.5, 2, 2000)])
    out = np.empty_like(x)
    _core.vector_ln(x, out)
    assert ulps(out, lambda i: mpmath.log(mpmath.mpf(x[i].item()))) <= 2


@pytest.mark.parametrize("exponent", [-16.0, -2.5, 1 / 7, 0.04, 1.5, 3.3, 6.7, 7.0, 8.0, 9.0, 12.9, 16.0])
def test_pow_is_within_eight_ulp(exponent):
    x = np.concatenate([np.exp(RNG.uniform(-13.8, 13.8, 600)), RNG.uniform(0.3, 3, 600)])
    out = np.empty_like(x)
    _core.vector_pow(x, exponent, out)
    assert ulps(out, lambda i: mpmath.power(mpmath.mpf(x[i].item()), mpmath.mpf(exponent))) <= 8


def test_lengths_are_checked():
    with pytest.raises(ValueError, match="out has 2 values; expected 3, as values"):
        _core.vector_exp(np.ones(3), np.empty(2))
