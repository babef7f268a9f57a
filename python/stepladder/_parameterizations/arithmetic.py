"""What parameterizations compute with: floats, NumPy arrays and torch tensors alike, each by its own library."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from stepladder._number import real
from stepladder.errors import ParameterizationError

if TYPE_CHECKING:
    from collections.abc import Callable

HIGHEST = 1e150
"""Highest sigma of a noise-to-signal ratio: its square stays inside float64."""


def samples(name: str, value: Any) -> Any:
    """Refuse what is no NumPy array, torch tensor or number."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "fiu":
            raise ParameterizationError(f"{name} is an array of {value.dtype}; expected real numbers")
    elif not is_tensor(value) and (isinstance(value, bool) or not isinstance(value, Real)):
        kind = type(value).__name__
        raise ParameterizationError(f"{name} is {kind}; expected a NumPy array or torch tensor")
    return value


def per_sample(sigma: Any, x: Any, name: str = "x") -> Any:
    """Give `sigma` of shape `(batch,)` the shape `(batch, 1, ...)` of one value per sample of `x`; floats pass."""
    sigma = scalar(sigma)
    samples(name, x)
    if isinstance(sigma, float):
        return sigma
    if isinstance(sigma, np.ndarray) != isinstance(x, np.ndarray) or is_tensor(sigma) != is_tensor(x):
        kinds = f"sigma is {type(sigma).__name__} and {name} is {type(x).__name__}"
        raise ParameterizationError(f"{kinds}; expected both of one library, or sigma a float")
    if sigma.ndim == 0:
        return sigma
    same_device("sigma", sigma, name, x)
    if x.ndim == 0:
        raise ParameterizationError(f"sigma has shape {tuple(sigma.shape)}; expected a float, as {name} has no batch")
    if sigma.shape == (len(x), *(1,) * (x.ndim - 1)):
        return sigma
    if sigma.ndim != 1 or sigma.shape[0] not in (1, len(x)):
        shape = tuple(sigma.shape)
        raise ParameterizationError(f"sigma has shape {shape}; expected a float or ({len(x)},), one per sample")
    return sigma.reshape((-1,) + (1,) * (x.ndim - 1))


def same_shape(name: str, value: Any, x: Any, other: str = "x") -> Any:
    """Refuse a `value` of another library, device or shape than x, rather than let a library convert or stretch it."""
    samples(name, value)
    if is_tensor(value) != is_tensor(x):
        kinds = f"{name} is {type(value).__name__} and {other} is {type(x).__name__}"
        raise ParameterizationError(f"{kinds}; expected both of one library")
    same_device(name, value, other, x)
    got, expected = getattr(value, "shape", None), getattr(x, "shape", None)
    if got != expected:
        shown = type(value).__name__ if got is None else f"of shape {tuple(got)}"
        wanted = f"a number, as {other} is" if expected is None else f"{tuple(expected)}, as {other} has"
        raise ParameterizationError(f"{name} is {shown}; expected {wanted}")
    return value


def same_device(name: str, value: Any, other: str, x: Any) -> None:
    """Refuse two tensors on different devices; what is no tensor passes."""
    if is_tensor(value) and value.device != x.device:
        where = f"{name} is on {value.device} and {other} on {x.device}"
        raise ParameterizationError(f"{where}; expected one device: move one with .to")


def flag(name: str, value: Any) -> bool:
    """Refuse what only counts as True or False."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise ParameterizationError(f"{name} is {value!r}; expected True or False")


def scalar(sigma: Any) -> Any:
    """Make a number a plain float, as a NumPy float64 would widen a float32 array; arrays and tensors pass."""
    if type(sigma) is float:
        return sigma
    if isinstance(sigma, np.ndarray):
        if sigma.dtype.kind not in "fiu":
            raise ParameterizationError(f"sigma is an array of {sigma.dtype}; expected real numbers")
        return sigma
    if isinstance(sigma, Real):
        return real("sigma", sigma, ParameterizationError)
    if not is_tensor(sigma):
        kind = type(sigma).__name__
        raise ParameterizationError(f"sigma is {kind}; expected a float, or a NumPy array or torch tensor (batch,)")
    return sigma


def is_tensor(value: Any) -> bool:
    """Whether this is a torch tensor: asked without importing torch, which only who has one has imported."""
    return hasattr(value, "detach")


def on_host(sigma: Any, f: Callable[[Any], Any]) -> Any:
    """`f` of a tensor's values as a float64 array, back on its device: float64 for float64, else float32."""
    values = np.array(sigma.detach().double().cpu().numpy(), order="C")
    like = sigma if sigma.element_size() == 8 and sigma.is_floating_point() else sigma.float()
    return like.new_tensor(f(values))


def checked(sigma: Any, top: float = HIGHEST) -> Any:
    """Refuse a sigma that is not from 0 to `top`; tensors pass, since looking at one would stall its device."""
    sigma = scalar(sigma)
    if isinstance(sigma, float):
        if not 0.0 <= sigma <= top:
            raise ParameterizationError(f"sigma is {sigma}; expected {_range(top)}")
    elif isinstance(sigma, np.ndarray):
        valid = (sigma >= 0.0) & (sigma <= top)
        if not valid.all():
            index = int(np.argmin(valid.ravel()))
            got = sigma.ravel()[index]
            raise ParameterizationError(f"sigma[{index}] is {got}; expected {_range(top)}")
    return sigma


def _range(top: float) -> str:
    return "0 to 1e150" if top == HIGHEST else f"0 to {top:g}"


def weight(sigma: Any) -> Any:
    """Check a sigma that is the weight of the noise."""
    return checked(sigma, 1.0)


def constant(sigma: Any, value: float) -> Any:
    """`value` in the shape of `sigma`."""
    return sigma * 0.0 + value


def variance(sigma: Any, sigma_data: float) -> Any:
    """`sigma**2 + sigma_data**2`."""
    return sigma * sigma + sigma_data * sigma_data


def noised(sigma: Any, noise: Any, latent: Any, *, max_denoise: bool) -> Any:
    """`latent + noise * sigma`, or with `max_denoise` `latent + noise * sqrt(1 + sigma**2)`."""
    full = flag("max_denoise", max_denoise)
    sigma = per_sample(checked(sigma), latent, "latent")
    return latent + same_shape("noise", noise, latent, "latent") * (sqrt(1.0 + sigma * sigma) if full else sigma)


def sqrt(value: Any) -> Any:
    """Square root by whoever owns the value; all of them round correctly, as IEEE 754 asks."""
    if isinstance(value, float):
        return math.sqrt(value)
    return np.sqrt(value) if isinstance(value, np.ndarray) else value.sqrt()
