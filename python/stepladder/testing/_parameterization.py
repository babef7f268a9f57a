"""What every parameterization has to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stepladder import _plugins
from stepladder.testing._common import check_entry, check_frozen
from stepladder.testing._ensure import ensure

if TYPE_CHECKING:
    from stepladder._parameterization import Parameterization
    from stepladder._process import NoiseProcess


def check_parameterization(parameterization: str | Parameterization, *, process: str | NoiseProcess = "edm") -> None:
    """Check that a parameterization keeps the contract of every parameterization.

    `scalings` gives c_skip, c_out and c_in, finite float64 arrays of the sigmas' shape, with c_in positive (and 1 where
    the input is not scaled) and c_out never 0 at a positive sigma; each value depends on its own sigma alone; `c_noise`
    is finite and monotone; `inverse_noise_scaling` gives back a latent that `noise_scaling` added no noise to, unless
    it never adds any. A name is also checked for a documented entry and for refusing a parameter it does not have.

    Parameters
    ----------
    parameterization
        A registered name, or a parameterization.
    process
        Name of a process, or a process, whose range of sigmas is tried.

    Raises
    ------
    AssertionError
        One of these does not hold; the text says which.
    """
    made = parameterization
    if isinstance(made, str):
        check_entry(_plugins.parameterizations(), "parameterization", made)
        made = _plugins.parameterization(made)
    check_frozen(made)
    over = _plugins.process(process) if isinstance(process, str) else process
    top = min(over.sigma_max, 1 - 1e-9) if over.family == "flow" else over.sigma_max
    sigmas = np.geomspace(over.sigma_min, top, 41)[1:-1]
    scalings = dict(zip(("c_skip", "c_out", "c_in"), made.scalings(sigmas), strict=True))
    for name, values in scalings.items():
        ensure(isinstance(values, np.ndarray), f"{made!r}: {name} of an array is {values!r}, expected an array")
        ensure(values.dtype == np.float64, f"{made!r}: {name} is {values.dtype}, expected float64")
        ensure(values.shape == sigmas.shape, f"{made!r}: {name} maps shape {sigmas.shape} to {values.shape}")
        ensure(bool(np.all(np.isfinite(values))), f"{made!r}: {name} is not finite: {values}")
    ensure(bool(np.all(scalings["c_in"] > 0)), f"{made!r}: c_in is not positive: {scalings['c_in']}")
    ensure(bool(np.all(scalings["c_out"] != 0)), f"{made!r}: c_out is 0 somewhere, so the network is not heard")
    ensure(
        made.scales_input or bool(np.all(scalings["c_in"] == 1)), f"{made!r}: scales_input is False, and c_in is not 1"
    )
    alone = made.scalings(sigmas[7:8].copy())
    for (name, values), value in zip(scalings.items(), alone, strict=True):
        text = f"{made!r}: {name} is {values[7]} among other sigmas and {value[0]} alone"
        ensure(bool(np.isclose(value[0], values[7], rtol=1e-12, atol=0)), text)
    told = np.asarray(made.c_noise(sigmas, over))
    ensure(bool(np.all(np.isfinite(told))), f"{made!r}: c_noise is not finite: {told}")
    steps = np.diff(told)
    ensure(bool(np.all(steps >= 0) or np.all(steps <= 0)), f"{made!r}: c_noise is not monotone in sigma: {told}")
    latent = np.linspace(-1, 1, 5)
    for sigma in sigmas[::10].tolist():
        quiet = made.noise_scaling(sigma, np.zeros(5), latent)
        if np.array_equal(quiet, made.noise_scaling(sigma, np.ones(5), latent)):
            continue  # noise is never added, so there is nothing to take back
        back = made.inverse_noise_scaling(sigma, quiet)
        text = f"{made!r}: at sigma {sigma} inverse_noise_scaling does not give a latent without noise back"
        ensure(bool(np.allclose(back, latent, rtol=1e-9, atol=1e-12)), f"{text}: {back}, expected {latent}")
