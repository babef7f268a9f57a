"""Noise sources: unit noise as a function of seed, sample and interval or ordinal."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar


class NoiseSource(ABC):
    """Unit noise for one run. Never a function of batch size or timing.

    A run calls `start` once, then the source itself for each draw, in order.
    """

    kind: ClassVar[str]
    """Name under which state is saved."""

    is_path: ClassVar[bool]
    """Whether draws over overlapping intervals belong to one path."""

    @property
    @abstractmethod
    def independent(self) -> bool:
        """Whether the user accepts independent draws where a program's intervals overlap."""

    @abstractmethod
    def start(self, like: Any, sigma_min: float, sigma_max: float, ordinal: int) -> None:
        """Begin a run.

        Parameters
        ----------
        like : tensor or ndarray of shape (batch, …)
            Shape, dtype and device of every draw.
        sigma_min, sigma_max : float
            Range of the whole program's positive sigmas.
        ordinal : int
            Position of the first draw to come among the draws of the whole program.
        """

    @abstractmethod
    def __call__(self, like: Any, sigma_from: float, sigma_to: float) -> Any:
        """Return the next draw: unit noise of the shape, dtype and device of `like`."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return everything a resumed run needs, as tensors or arrays by name."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Take up a saved state, after `start`."""
