"""The digits model: a small diffusion model of scikit-learn's 8x8 digits that comes with stepladder.

It is there to try samplers on something real without downloading anything: `load_network` gives the raw network,
`stepladder.demo.generate` draws with it, ``python -m stepladder.demo.evaluate`` says how good the digits are, and
``python -m stepladder.demo.train`` trains it again in some minutes on one CPU core. Importing this package imports
torch.
"""

from __future__ import annotations

from stepladder.errors import MissingExtraError, OutputError

try:
    import torch as _torch  # noqa: F401  (only to say which extra is missing, before anything else needs it)
except ImportError as error:
    raise MissingExtraError(
        "the digits model needs torch, which is not installed; run: pip install 'stepladder[demo]'"
    ) from error

from stepladder.demo.data import DigitsSplit, load_digits_split, measure_sigma_data, to_model_range, to_pixels
from stepladder.demo.model import count_parameters, load_network, save_network
from stepladder.demo.network import NULL_LABEL, DigitsConfig, DigitsNetwork

__all__ = [
    "NULL_LABEL",
    "DigitsConfig",
    "DigitsNetwork",
    "DigitsSplit",
    "MissingExtraError",
    "OutputError",
    "count_parameters",
    "load_digits_split",
    "load_network",
    "measure_sigma_data",
    "save_network",
    "to_model_range",
    "to_pixels",
]
