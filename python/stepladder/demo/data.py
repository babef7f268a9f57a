"""The data: scikit-learn's 8x8 digits, divided into a half to train on and a half nobody trains on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stepladder.errors import MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPLIT_SEED = 0
"""Seed of the division the shipped weights were trained on."""

CLASSES = 10
"""Number of classes, the digits 0 to 9."""

PIXEL_MAX = 16.0
"""Largest value of a pixel in the data set, whose pixels are whole numbers from 0."""


@dataclass(frozen=True)
class DigitsSplit:
    """Both halves of the digits, in [-1, 1], sorted by class.

    Attributes
    ----------
    images : ndarray of float32, shape (n, 1, 8, 8)
        The training half.
    labels : ndarray of int64, shape (n,)
        Digits of the training half.
    held_out_images : ndarray of float32, shape (m, 1, 8, 8)
        The other half.
    held_out_labels : ndarray of int64, shape (m,)
        Digits of the held-out half.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    held_out_images: NDArray[np.float32]
    held_out_labels: NDArray[np.int64]


def to_model_range(pixels: NDArray[np.floating]) -> NDArray[np.float32]:
    """Scale pixels from the data set's 0 to 16 to the model's -1 to 1.

    Parameters
    ----------
    pixels : ndarray of floats
        Any shape; 0 is paper, 16 is ink.

    Returns
    -------
    ndarray of float32
        The same shape; ``pixels / 8 - 1``.
    """
    return np.asarray(np.asarray(pixels, dtype=np.float64) / (PIXEL_MAX / 2) - 1, dtype=np.float32)


def to_pixels(images: NDArray[np.floating]) -> NDArray[np.float64]:
    """Scale images from the model's -1 to 1 to the data set's 0 to 16, cutting off what lies outside.

    Parameters
    ----------
    images : ndarray of floats
        Any shape. A sampler ends near the data, not on it, so values a little outside [-1, 1] are usual.

    Returns
    -------
    ndarray of float64
        The same shape, within 0 and 16; not rounded to whole numbers.
    """
    return np.clip((np.asarray(images, dtype=np.float64) + 1) * (PIXEL_MAX / 2), 0.0, PIXEL_MAX)


def measure_sigma_data(images: NDArray[np.floating]) -> float:
    """Root mean square of the pixels about zero.

    EDM's scalings (Karras et al. 2022, arXiv:2206.00364, appendix B.6) give the network unit-variance inputs and
    targets when sigma_data squared is the second moment of the data. These images keep their mean, so it is the second
    moment about zero that counts, not the variance.

    Parameters
    ----------
    images : ndarray of floats
        Images in [-1, 1], any shape.
    """
    return float(np.sqrt(np.mean(np.square(np.asarray(images, dtype=np.float64)))))


def load_digits_split(seed: int = SPLIT_SEED) -> DigitsSplit:
    """Load the digits and divide every class in two.

    The first ``ceil(n / 2)`` images of each class train, in an order drawn from the seed. The draw uses NumPy's raw
    PCG64 words, whose stream NumPy promises to keep (NEP 19), so the halves are the same with every NumPy.

    Parameters
    ----------
    seed : int
        Seed of the division, at least 0.

    Raises
    ------
    MissingExtraError
        scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingExtraError(
            "the digits come with scikit-learn, which is not installed; run: pip install 'stepladder[demo]'"
        ) from error
    data = load_digits()
    images = to_model_range(data.images)[:, None]
    labels = np.asarray(data.target, dtype=np.int64)
    keys = np.asarray(np.random.PCG64(seed).random_raw(len(labels)))
    training: list[NDArray[np.intp]] = []
    held_out: list[NDArray[np.intp]] = []
    for digit in range(CLASSES):
        members = np.flatnonzero(labels == digit)
        members = members[np.argsort(keys[members], kind="stable")]
        half = (len(members) + 1) // 2
        training.append(members[:half])
        held_out.append(members[half:])
    kept, left = np.concatenate(training), np.concatenate(held_out)
    return DigitsSplit(images[kept], labels[kept], images[left], labels[left])
