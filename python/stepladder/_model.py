"""Loaders of array models: networks over plain arrays that the command line can sample from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from stepladder._process import NoiseProcess
    from stepladder.torch.denoiser import Denoiser


class ArrayModel(ABC):
    """A loaded network over arrays of one shape, with labels as its only condition."""

    @property
    @abstractmethod
    def process(self) -> NoiseProcess:
        """The noise process it was trained with."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample, without the batch."""

    @property
    @abstractmethod
    def labels(self) -> tuple[str, ...]:
        """Names of the labels, in the order of their numbers; empty for an unconditional model."""

    @property
    @abstractmethod
    def guidance(self) -> float:
        """Guidance scale the model is meant to be used with; 1 is none."""

    @abstractmethod
    def denoiser(self, labels: Sequence[int] | None, guidance: float) -> Denoiser:
        """Return a denoiser for a batch with these labels; None: unconditional."""

    @abstractmethod
    def images(self, x: Any) -> NDArray[np.uint8]:
        """Return samples of shape (batch, …) as images of shape (batch, height, width) or (batch, height, width, 3)."""


class ModelLoader(ABC):
    """Turns a file into a model."""

    @abstractmethod
    def load(self, path: str | os.PathLike[str] | None = None, *, device: str = "cpu") -> ArrayModel:
        """Load a model.

        Parameters
        ----------
        path : path-like, optional
            None: the weights the loader ships, if it ships any.
        device : str
            Where to put the network.

        Raises
        ------
        FileFormatError
            The file is not a model of this loader's kind.
        OSError
            The file cannot be read.
        """
