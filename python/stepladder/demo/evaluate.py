"""Is the digits model any good? ``python -m stepladder.demo.evaluate`` measures what it draws against real digits."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path  # noqa: TC003  (typer reads the annotation at run time)
from typing import TYPE_CHECKING, Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table

from stepladder.demo.data import CLASSES, DigitsSplit, load_digits_split, to_model_range, to_pixels
from stepladder.demo.generate import generate
from stepladder.demo.metrics import class_diversity, frechet_distance, nearest_distance
from stepladder.demo.model import load_network
from stepladder.errors import MissingExtraError, StepladderError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stepladder.demo.network import DigitsNetwork

MIN_ACCURACY = 0.98
"""Least share of generated digits that a classifier of real digits reads as their labels."""

MAX_FRECHET_RATIO = 1.5
"""Largest Fréchet distance of generated digits from the held-out half, as a multiple of the real halves' distance."""

MIN_DIVERSITY_RATIO = 0.85
"""Least diversity within a class, as a share of the held-out half's."""

MIN_NEAREST_RATIO = 0.7
"""Least distance to the nearest training image, as a share of the held-out images'."""


SETS = 10
"""How many images are drawn for each of the training half, unless asked otherwise."""

_RECITALS = 5


@dataclass(frozen=True)
class Evaluation:
    """Figures of generated digits beside those of real ones; distances are in pixels scaled to [-1, 1].

    The Fréchet distance of finite sets is biased upwards, so it matters how many images stand on each side. The real
    halves' distance holds the sampling error of both halves. A model that learned from one half carries that half's
    error already, as its idea of the digits; drawing only as many images as the half has adds a third error that the
    real distance does not hold, and even a recital of the training half, image by image at random, then comes out at
    about 1.55 times the real distance. Therefore `frechet` is taken from all images drawn, many more than the half has,
    so that the model stands in the place of the half it learned from. The distance at equal numbers is here too,
    beside that of the recital.

    Attributes
    ----------
    count : int
        Generated images.
    accuracy : float
        Share of generated images that the classifier reads as their labels.
    classifier_accuracy : float
        The classifier's own accuracy on the held-out half.
    frechet : float
        Squared Fréchet distance of all generated images to the held-out half.
    frechet_real : float
        Squared Fréchet distance between the two real halves.
    frechet_equal : float
        Squared Fréchet distance to the held-out half of as many generated images as the training half has (or of all
        of them, if they are fewer), averaged over the disjoint sets of that size.
    frechet_recital : float
        The same for equally many training images drawn at random with replacement.
    diversity, diversity_real : float
        Mean distance within a class, of the generated images and of the held-out half.
    nearest, nearest_real : float
        Mean distance to the nearest training image, of the generated images and of the held-out half.
    """

    count: int
    accuracy: float
    classifier_accuracy: float
    frechet: float
    frechet_real: float
    frechet_equal: float
    frechet_recital: float
    diversity: float
    diversity_real: float
    nearest: float
    nearest_real: float

    @property
    def frechet_ratio(self) -> float:
        """Generated over real; 1 is as far from unseen digits as the real digits learned from."""
        return self.frechet / self.frechet_real

    @property
    def frechet_equal_ratio(self) -> float:
        """Generated at equal numbers over real; to be read beside `frechet_recital_ratio`, not beside 1."""
        return self.frechet_equal / self.frechet_real

    @property
    def frechet_recital_ratio(self) -> float:
        """Recital of the training half over real, at equal numbers."""
        return self.frechet_recital / self.frechet_real

    @property
    def diversity_ratio(self) -> float:
        """Generated over real."""
        return self.diversity / self.diversity_real

    @property
    def nearest_ratio(self) -> float:
        """Generated over real; near 0 would mean that the model recites its training images."""
        return self.nearest / self.nearest_real

    def missed(self) -> list[str]:
        """Say which requirements are not met, one sentence each; an empty list means all are."""
        checks = [
            ("accuracy", self.accuracy, self.accuracy >= MIN_ACCURACY, "at least", MIN_ACCURACY),
            (
                "Fréchet ratio",
                self.frechet_ratio,
                self.frechet_ratio <= MAX_FRECHET_RATIO,
                "at most",
                MAX_FRECHET_RATIO,
            ),
            (
                "diversity ratio",
                self.diversity_ratio,
                self.diversity_ratio >= MIN_DIVERSITY_RATIO,
                "at least",
                MIN_DIVERSITY_RATIO,
            ),
            (
                "nearest ratio",
                self.nearest_ratio,
                self.nearest_ratio >= MIN_NEAREST_RATIO,
                "at least",
                MIN_NEAREST_RATIO,
            ),
        ]
        return [f"{name} is {got:.4f}; expected {bound} {limit}" for name, got, met, bound, limit in checks if not met]


def evaluate_images(images: NDArray[np.floating], labels: NDArray[np.integer], split: DigitsSplit) -> Evaluation:
    """Measure generated digits against both halves of the real ones.

    Parameters
    ----------
    images : ndarray of floats, shape (n, 1, 8, 8)
        Generated images, about -1 to 1; what lies outside is cut off first, as showing them would.
    labels : ndarray of integers, shape (n,)
        What each was meant to be, best from `balanced_labels`: other proportions of the classes are a distance.
    split : DigitsSplit
        The division the model was trained on.

    Raises
    ------
    MissingExtraError
        scikit-learn is not installed.
    """
    try:
        from sklearn.svm import SVC
    except ImportError as error:
        raise MissingExtraError(
            "the classifier comes with scikit-learn, which is not installed; run: pip install 'stepladder[demo]'"
        ) from error
    shown = to_model_range(to_pixels(images))
    # The usual support vector machine for this data set, whose gamma of 0.001 on pixels to 16 is 0.064 on [-1, 1].
    classifier = SVC(gamma=0.064, C=10.0).fit(split.images.reshape(len(split.images), -1), split.labels)
    held_out = split.held_out_images
    size = min(len(shown), len(split.labels))
    starts = range(0, len(shown) - size + 1, size)
    generator = np.random.default_rng(0)
    recitals = (_recite(labels[:size], split, generator) for _ in range(_RECITALS))
    return Evaluation(
        count=len(shown),
        accuracy=float(classifier.score(shown.reshape(len(shown), -1), labels)),
        classifier_accuracy=float(classifier.score(held_out.reshape(len(held_out), -1), split.held_out_labels)),
        frechet=frechet_distance(shown, held_out),
        frechet_real=frechet_distance(split.images, held_out),
        frechet_equal=float(np.mean([frechet_distance(shown[i : i + size], held_out) for i in starts])),
        frechet_recital=float(np.mean([frechet_distance(recital, held_out) for recital in recitals])),
        diversity=class_diversity(shown, labels),
        diversity_real=class_diversity(held_out, split.held_out_labels),
        nearest=nearest_distance(shown, split.images),
        nearest_real=nearest_distance(held_out, split.images),
    )


def _recite(labels: NDArray[np.integer], split: DigitsSplit, generator: np.random.Generator) -> NDArray[np.float32]:
    """Draw a training image, with replacement, for each label."""
    chosen = np.empty(len(labels), dtype=np.intp)
    for digit in range(CLASSES):
        wanted = np.flatnonzero(labels == digit)
        chosen[wanted] = generator.choice(np.flatnonzero(split.labels == digit), len(wanted))
    return split.images[chosen]


def balanced_labels(split: DigitsSplit, count: int | None = None) -> NDArray[np.int64]:
    """Labels in the proportions of the training half.

    Parameters
    ----------
    split : DigitsSplit
        The division the model was trained on.
    count : int, optional
        How many, at least 20: two of each class. None means `SETS` times the training half.

    Returns
    -------
    ndarray of int64, shape (count,)
        The training half's labels over and over, and evenly spaced ones of them for what is left of `count`.

    Raises
    ------
    ValueError
        `count` is out of range.
    """
    size = len(split.labels)
    if count is None:
        return np.tile(split.labels, SETS)
    if count < 2 * CLASSES:
        raise ValueError(f"got count={count}; expected at least {2 * CLASSES}, two images of each digit")
    whole, rest = divmod(count, size)
    # The labels are sorted, so evenly spaced ones keep the proportions.
    return np.concatenate([np.tile(split.labels, whole), split.labels[np.arange(rest) * size // max(rest, 1)]])


def evaluate_network(
    network: DigitsNetwork,
    *,
    sampler: str = "dpmpp_2m",
    schedule: str = "karras",
    steps: int = 10,
    guidance: float | None = None,
    count: int | None = None,
    seed: int = 0,
) -> Evaluation:
    """Draw digits and measure them.

    Parameters
    ----------
    network : DigitsNetwork
        From `stepladder.demo.load_network`; its recorded split seed says which half is held out.
    sampler, schedule, steps, guidance, seed
        As for `stepladder.demo.generate.generate`.
    count : int, optional
        Number of images, at least 20; None means `SETS` times the training half, which the requirements are meant
        for. Fewer make the Fréchet distance larger.

    Raises
    ------
    MissingExtraError
        scikit-learn is not installed.
    UnknownNameError
        A sampler or schedule by that name is not available.
    ValueError
        `steps` or `count` is out of range.
    """
    split = load_digits_split(network.config.split_seed)
    labels = balanced_labels(split, count)
    device = next(network.parameters()).device
    images = generate(
        network,
        torch.from_numpy(labels).to(device),
        sampler=sampler,
        schedule=schedule,
        steps=steps,
        guidance=guidance,
        seed=seed,
    )
    return evaluate_images(images.cpu().numpy(), labels, split)


def _table(evaluation: Evaluation, title: str) -> Table:
    table = Table(title=title)
    for column in ("figure", "generated", "real", "ratio", "required"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    e = evaluation
    table.add_row(
        "classifier accuracy", f"{e.accuracy:.2%}", f"{e.classifier_accuracy:.2%}", "", f"≥ {MIN_ACCURACY:.0%}"
    )
    table.add_row(
        "Fréchet distance to held-out half",
        f"{e.frechet:.4f}",
        f"{e.frechet_real:.4f}",
        f"{e.frechet_ratio:.3f}",
        f"≤ {MAX_FRECHET_RATIO}",
    )
    table.add_row(
        "  drawing as many as real ones",
        f"{e.frechet_equal:.4f}",
        f"{e.frechet_real:.4f}",
        f"{e.frechet_equal_ratio:.3f}",
        "",
    )
    table.add_row(
        "  reciting as many training images",
        f"{e.frechet_recital:.4f}",
        f"{e.frechet_real:.4f}",
        f"{e.frechet_recital_ratio:.3f}",
        "",
    )
    table.add_row(
        "diversity within a class",
        f"{e.diversity:.4f}",
        f"{e.diversity_real:.4f}",
        f"{e.diversity_ratio:.3f}",
        f"≥ {MIN_DIVERSITY_RATIO}",
    )
    table.add_row(
        "distance to nearest training image",
        f"{e.nearest:.4f}",
        f"{e.nearest_real:.4f}",
        f"{e.nearest_ratio:.3f}",
        f"≥ {MIN_NEAREST_RATIO}",
    )
    return table


app = typer.Typer(add_completion=False)


@app.command()
def main(
    weights: Annotated[Path | None, typer.Option(help="Weights file.", show_default="the shipped one")] = None,
    sampler: Annotated[str, typer.Option(help="Name of the sampler.")] = "dpmpp_2m",
    schedule: Annotated[str, typer.Option(help="Name of the schedule.")] = "karras",
    steps: Annotated[int, typer.Option(help="Model evaluations.")] = 10,
    guidance: Annotated[
        float | None, typer.Option(help="Guidance weight; 1 is none.", show_default="recorded with the weights")
    ] = None,
    count: Annotated[
        int | None, typer.Option(help="Number of images.", show_default="10 times the training images")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the noise.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Draw digits and measure them against real ones; exit code 1 when a requirement is missed."""
    console = Console()
    errors = Console(stderr=True)
    try:
        network = load_network(weights)
        weight = network.guidance if guidance is None else guidance
        evaluation = evaluate_network(
            network, sampler=sampler, schedule=schedule, steps=steps, guidance=weight, count=count, seed=seed
        )
    except (StepladderError, ValueError, OSError) as error:
        errors.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
    missed = evaluation.missed()
    if as_json:
        figures = asdict(evaluation) | {
            "frechet_ratio": evaluation.frechet_ratio,
            "frechet_equal_ratio": evaluation.frechet_equal_ratio,
            "frechet_recital_ratio": evaluation.frechet_recital_ratio,
            "diversity_ratio": evaluation.diversity_ratio,
            "nearest_ratio": evaluation.nearest_ratio,
            "sampler": sampler,
            "schedule": schedule,
            "steps": steps,
            "guidance": weight,
            "seed": seed,
            "missed": missed,
        }
        typer.echo(json.dumps(figures, indent=2))
    else:
        console.print(
            _table(evaluation, f"{evaluation.count} digits, {sampler}, {schedule}, {steps} steps, guidance {weight:g}")
        )
    if missed:
        for sentence in missed:
            errors.print(f"missed: {sentence}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
