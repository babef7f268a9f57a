"""The built-in model loaders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder.hookspecs import hookimpl

if TYPE_CHECKING:
    from stepladder._model import ModelLoader
    from stepladder.hookspecs import Register


def digits() -> ModelLoader:
    """The embedded model of handwritten digits, 8x8 pixels, ten classes; or weights retrained from its script."""
    from stepladder.demo.loader import DigitsLoader

    return DigitsLoader()


@hookimpl
def register_model_loaders(register: Register) -> None:
    """Register the model loaders."""
    register(
        "digits", digits, source="Karras et al. 2022, arXiv:2206.00364, on scikit-learn's digits (UCI, Alpaydin 1998)"
    )
