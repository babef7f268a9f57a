"""The digits as an array model: what `stepladder sample --model digits` loads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch

from stepladder._model import ArrayModel, ModelLoader
from stepladder._parameterization import EDMParameterization
from stepladder._process import EDMProcess
from stepladder.demo.data import PIXEL_MAX, to_pixels
from stepladder.demo.model import load_network
from stepladder.demo.network import NULL_LABEL, DigitsNetwork
from stepladder.errors import ExecutionError
from stepladder.torch.denoiser import Denoiser
from stepladder.torch.guidance import ClassifierFreeGuidance

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import NDArray


def guided_denoiser(network: DigitsNetwork, labels: torch.Tensor, guidance: float) -> Denoiser:
    """Return a denoiser for a batch with these labels, an int64 tensor that may hold `NULL_LABEL`."""
    anything = {"labels": torch.full_like(labels, NULL_LABEL)}
    return Denoiser(
        network,
        EDMParameterization(sigma_data=network.config.sigma_data),
        conditioning={"labels": labels},
        guidance=None if guidance == 1 else ClassifierFreeGuidance(guidance, anything),
    )


@final
class DigitsModel(ArrayModel):
    """The digits network with its process, parameterization and labels.

    Parameters
    ----------
    network : DigitsNetwork
        From `stepladder.demo.load_network`.
    """

    def __init__(self, network: DigitsNetwork) -> None:
        self.network = network
        self._process = EDMProcess(sigma_min=network.config.sigma_min, sigma_max=network.config.sigma_max)

    @property
    def process(self) -> EDMProcess:
        """EDM over the range the network was trained on."""
        return self._process

    @property
    def shape(self) -> tuple[int, ...]:
        """One channel of 8x8 pixels."""
        return (1, 8, 8)

    @property
    def labels(self) -> tuple[str, ...]:
        """The ten digits."""
        return tuple(str(digit) for digit in range(NULL_LABEL))

    @property
    def guidance(self) -> float:
        """The scale recorded with the weights."""
        return self.network.config.guidance

    def denoiser(self, labels: Sequence[int] | None, guidance: float) -> Denoiser:
        """Return a denoiser for a batch with these digits; None: any digit, for a batch of any size.

        Raises
        ------
        ExecutionError
            A label that is not a digit.
        """
        if labels is None:
            return Denoiser(self._unlabelled, EDMParameterization(sigma_data=self.network.config.sigma_data))
        wrong = [label for label in labels if not 0 <= label < NULL_LABEL]
        if wrong:
            msg = f"labels hold {wrong[0]}; expected digits 0 to {NULL_LABEL - 1}"
            raise ExecutionError(msg)
        device = next(self.network.parameters()).device
        return guided_denoiser(self.network, torch.tensor(list(labels), dtype=torch.int64, device=device), guidance)

    def _unlabelled(self, x: torch.Tensor, c_noise: torch.Tensor) -> Any:
        return self.network(x, c_noise, torch.full((len(x),), NULL_LABEL, dtype=torch.int64, device=x.device))

    def images(self, x: Any) -> NDArray[np.uint8]:
        """Return dark digits on light paper, as uint8 of shape (batch, 8, 8)."""
        ink = to_pixels(x.detach().cpu().numpy())[:, 0] / PIXEL_MAX
        return np.rint(255 * (1 - ink)).astype(np.uint8)


@final
class DigitsLoader(ModelLoader):
    """Loads the shipped weights, or those that `python -m stepladder.demo.train` wrote."""

    def load(self, path: str | os.PathLike[str] | None = None, *, device: str = "cpu") -> DigitsModel:
        """Load a digits model.

        Raises
        ------
        FileFormatError
            The file is damaged or does not hold digits weights.
        OSError
            The file cannot be read.
        """
        return DigitsModel(load_network(path, device))
