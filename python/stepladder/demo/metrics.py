"""Is a set of generated images as good as a set of real ones? NumPy alone; every image is flattened to a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def frechet_distance_gaussian(mean_a: ArrayLike, cov_a: ArrayLike, mean_b: ArrayLike, cov_b: ArrayLike) -> float:
    r"""Fréchet (2-Wasserstein) distance, squared, between two Gaussians.

    .. math:: d^2 = |m_a - m_b|^2 + \mathrm{tr}\,(C_a + C_b - 2 (C_a^{1/2} C_b C_a^{1/2})^{1/2})

    (Dowson and Landau 1982, "The Fréchet distance between multivariate normal distributions"; it is what the Fréchet
    Inception distance of Heusel et al. 2017, arXiv:1706.08500, computes, squared as there.) The form that is symmetric
    inside the root needs only symmetric eigenvalue problems, where the usual ``sqrtm(C_a @ C_b)`` needs a general one
    that goes complex on nearly singular covariances. Digits are nearly singular: some pixels are never inked.

    Parameters
    ----------
    mean_a, mean_b : array of floats, shape (features,)
        Means.
    cov_a, cov_b : array of floats, shape (features, features)
        Covariances, symmetric and positive semidefinite.

    Returns
    -------
    float
        At least 0, in the square of the data's unit.

    Raises
    ------
    ValueError
        The shapes do not fit together.
    """
    m_a, m_b = np.asarray(mean_a, dtype=np.float64), np.asarray(mean_b, dtype=np.float64)
    c_a, c_b = np.asarray(cov_a, dtype=np.float64), np.asarray(cov_b, dtype=np.float64)
    square = (*m_a.shape, *m_a.shape)
    if m_a.ndim != 1 or m_b.shape != m_a.shape or c_a.shape != square or c_b.shape != square:
        raise ValueError(
            f"got means of shapes {m_a.shape} and {m_b.shape} and covariances of shapes {c_a.shape} and {c_b.shape}; "
            "expected two (features,) and two (features, features)"
        )
    values, vectors = np.linalg.eigh(c_a)
    root = (vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T
    product = root @ c_b @ root
    overlap = np.sqrt(np.clip(np.linalg.eigvalsh((product + product.T) / 2), 0.0, None)).sum()
    difference = m_a - m_b
    distance = float(difference @ difference + np.trace(c_a) + np.trace(c_b) - 2 * overlap)
    # Rounding can leave a distance of zero a little below it.
    return max(distance, 0.0)


def frechet_distance(a: ArrayLike, b: ArrayLike) -> float:
    """Squared Fréchet distance between the Gaussians with the means and covariances of two sets of images.

    Estimates from few images are biased upwards, by an amount that depends on how many there are: compare only
    distances between sets of equal sizes.

    Parameters
    ----------
    a, b : array of floats, shapes (n, …) and (m, …)
        At least two images each, with equally many pixels.

    Raises
    ------
    ValueError
        Fewer than two images, or different numbers of pixels.
    """
    rows_a, rows_b = _rows(a), _rows(b)
    for rows in (rows_a, rows_b):
        if len(rows) < 2:
            raise ValueError(f"got {len(rows)} images; a covariance needs at least 2")
    return frechet_distance_gaussian(rows_a.mean(axis=0), _covariance(rows_a), rows_b.mean(axis=0), _covariance(rows_b))


def pairwise_distances(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Euclidean distances between all images of one set and all of another.

    Parameters
    ----------
    a, b : array of floats, shapes (n, …) and (m, …)
        Images with equally many pixels.

    Returns
    -------
    ndarray of float64, shape (n, m)
        ``sqrt(sum((a[i] - b[j])**2))``, from the differences themselves: the cheaper expansion
        ``a**2 + b**2 - 2ab`` cancels badly for close images, which are the ones of interest.

    Raises
    ------
    ValueError
        Different numbers of pixels.
    """
    rows_a, rows_b = _rows(a), _rows(b)
    if rows_a.shape[1] != rows_b.shape[1]:
        raise ValueError(f"got images of {rows_a.shape[1]} and of {rows_b.shape[1]} pixels; expected equally many")
    distances = np.empty((len(rows_a), len(rows_b)))
    for i, row in enumerate(rows_a):
        difference = rows_b - row
        distances[i] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return distances


def class_diversity(images: ArrayLike, labels: ArrayLike) -> float:
    """Mean Euclidean distance between two different images of one class, averaged over the classes.

    Parameters
    ----------
    images : array of floats, shape (n, …)
        Images.
    labels : array of integers, shape (n,)
        Their classes; one with a single image has no pair and is left out.

    Raises
    ------
    ValueError
        Labels and images differ in number, or no class has two images.
    """
    rows, classes = _rows(images), np.asarray(labels)
    if classes.shape != (len(rows),):
        raise ValueError(f"got labels of shape {classes.shape} for {len(rows)} images; expected ({len(rows)},)")
    means = []
    for label in np.unique(classes):
        members = rows[classes == label]
        pairs = len(members) * (len(members) - 1)
        if pairs:
            means.append(pairwise_distances(members, members).sum() / pairs)
    if not means:
        raise ValueError("no class has two images; diversity is a distance within pairs")
    return float(np.mean(means))


def nearest_distance(images: ArrayLike, reference: ArrayLike) -> float:
    """Mean Euclidean distance from an image to the nearest one of a reference set.

    Parameters
    ----------
    images : array of floats, shape (n, …)
        Images to look up, at least one.
    reference : array of floats, shape (m, …)
        The set to find neighbours in, at least one image; a model that recites its training images comes out near
        zero against them.

    Raises
    ------
    ValueError
        A set is empty, or the numbers of pixels differ.
    """
    distances = pairwise_distances(images, reference)
    if distances.size == 0:
        raise ValueError(f"got sets of {distances.shape[0]} and {distances.shape[1]} images; expected at least 1 each")
    return float(distances.min(axis=1).mean())


def _rows(images: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(images, dtype=np.float64)
    if array.ndim < 2:
        raise ValueError(f"got an array of shape {array.shape}; expected (images, …)")
    return array.reshape(len(array), int(np.prod(array.shape[1:])))


def _covariance(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = rows - rows.mean(axis=0)
    covariance: NDArray[np.float64] = centred.T @ centred / (len(rows) - 1)
    return covariance
