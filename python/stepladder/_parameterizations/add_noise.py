"""Noise a clean latent to the level that a run starts from."""

from __future__ import annotations

from numbers import Real

from stepladder import _core
from stepladder._number import real
from stepladder._parameterizations.arithmetic import flag
from stepladder._parameterizations.base import Array, Parameterization, Sigma
from stepladder.errors import ParameterizationError


def add_noise(
    latent: Array,
    noise: Array,
    sigma: Sigma,
    parameterization: Parameterization,
    *,
    max_denoise: bool = False,
    sigma_max: float | None = None,
) -> Array:
    """Noise a clean latent to the level that a run starts from.

    Parameters
    ----------
    latent, noise : ndarray or Tensor
        Clean latent (zeros for a picture from nothing) and unit noise, both `(batch, ...)`.
    sigma : float, or ndarray or Tensor of shape (batch,)
        The level: the first one of the schedule.
    parameterization : Parameterization
        Of the model that will denoise it.
    max_denoise : bool
        Scale as for a run that starts from pure noise (see `Parameterization.noise_scaling`).
    sigma_max : float, optional
        Top of the model's range: decides `max_denoise` by the hosts' rule, true within 1e-5 (relative) of it or above.
        Needs a float `sigma`. None: `max_denoise` is as given.

    Returns
    -------
    ndarray or Tensor
        Of the shape of `latent`.

    Raises
    ------
    ParameterizationError
        For a sigma outside the parameterization's range, or one per sample together with `sigma_max`; a latent, noise
        and sigma that are not arrays of one library, device and shape; a `max_denoise` that is no bool.

    Notes
    -----
    The rule is ComfyUI's: `isclose(sigma, sigma_max, 1e-5) or sigma > sigma_max`.
    """
    if not isinstance(parameterization, Parameterization):
        kind = type(parameterization).__name__
        raise ParameterizationError(f"parameterization is {kind}; expected a Parameterization")
    if sigma_max is not None:
        if not isinstance(sigma, Real):
            raise ParameterizationError(f"sigma is {type(sigma).__name__}; expected a float where sigma_max decides")
        level, top = (
            real(name, value, ParameterizationError) for name, value in (("sigma", sigma), ("sigma_max", sigma_max))
        )
        max_denoise = flag("max_denoise", max_denoise) or _core.is_max_denoise(level, top)
    return parameterization.noise_scaling(sigma, noise, latent, max_denoise=max_denoise)
