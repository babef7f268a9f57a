"""Train the digits model: ``python -m stepladder.demo.train``, some minutes on one CPU core."""

from __future__ import annotations

import copy
import io
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from stepladder.demo.augmentation import augment
from stepladder.demo.data import SPLIT_SEED, DigitsSplit, load_digits_split, measure_sigma_data
from stepladder.demo.model import count_parameters, save_network
from stepladder.demo.network import NULL_LABEL, DigitsConfig, DigitsNetwork
from stepladder.demo.preconditioning import denoise
from stepladder.errors import MissingExtraError, StepladderError
from stepladder.io import check_writable, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

STEPS = 6000
"""Optimiser steps of the shipped weights."""

_BATCH = 256
_LEARNING_RATE = 1.5e-3
_WARM_UP_STEPS = 200
_DROPOUT = 0.1
_EMA_DECAY = 0.999
_GRADIENT_NORM = 1.0
# ln(sigma) is drawn as EDM draws it (Karras et al. 2022, table 1), with a higher mean than its -1.2 and a wider spread
# than its 1.2: these images have so few pixels that what a digit looks like is decided at more noise.
_LOG_SIGMA_MEAN = -0.4
_LOG_SIGMA_STD = 1.4
# Share of labels replaced by the null label, so that one network learns both halves of guidance (Ho and Salimans 2022,
# arXiv:2207.12598, algorithm 1, within the 0.1 to 0.2 that they find best).
_LABEL_DROPOUT = 0.1
_RECORDS = 60


@dataclass(frozen=True)
class TrainingRecord:
    """Losses at one moment of the training.

    Attributes
    ----------
    step : int
        Optimiser steps taken.
    loss : float
        Weighted denoising loss on augmented training images, averaged since the last record.
    held_out_loss : float
        The same loss of the averaged weights on the held-out half, with fixed noise. It is for the plot: nothing is
        decided by it.
    """

    step: int
    loss: float
    held_out_loss: float


def train_network(
    split: DigitsSplit,
    *,
    seed: int = 0,
    split_seed: int = SPLIT_SEED,
    steps: int = STEPS,
    minutes: float = math.inf,
    progress: Callable[[int, float], None] | None = None,
) -> tuple[DigitsNetwork, list[TrainingRecord]]:
    """Train on the training half of a split.

    The loss is EDM's, ``(sigma**2 + sd**2) / (sigma sd)**2 |D(x + sigma n) - x|**2`` (Karras et al. 2022,
    arXiv:2206.00364, table 1 and equation 8), minimised by Adam with a cosine learning rate; what comes back is the
    exponential moving average of the weights.

    Parameters
    ----------
    split : DigitsSplit
        The data; only its training half is learned from.
    seed, split_seed : int
        Seed of weights, batches and noise, and the seed that `split` was made with, to be recorded.
    steps : int
        Optimiser steps, at least 1.
    minutes : float
        Time allowed. The learning rate falls with whichever of steps and time runs out first, so a slow machine ends
        with a shorter training rather than with a broken off one.
    progress : callable, optional
        Called with (steps taken, loss) after each step.

    Returns
    -------
    network : DigitsNetwork
        In evaluation mode, float32, on the CPU.
    records : list of TrainingRecord
        Losses over time; the last is at the end.

    Raises
    ------
    ValueError
        `steps` is below 1, or `minutes` is not above 0.
    """
    if steps < 1:
        raise ValueError(f"got steps={steps}; expected at least 1")
    if not minutes > 0:
        raise ValueError(f"got minutes={minutes}; expected more than 0")
    images, labels = torch.from_numpy(split.images), torch.from_numpy(split.labels)
    config = DigitsConfig(sigma_data=measure_sigma_data(split.images), training_seed=seed, split_seed=split_seed)
    generator = torch.Generator().manual_seed(seed)
    # The layers draw their first weights, and dropout its masks, from torch's global generator: borrow it.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = DigitsNetwork(config, _DROPOUT)
        average = copy.deepcopy(network).eval().requires_grad_(False)
        optimizer = torch.optim.Adam(network.parameters(), betas=(0.9, 0.99))
        probe = _Probe(split)
        records: list[TrainingRecord] = []
        started = time.monotonic()
        since, total, done = 0, 0.0, 0.0
        step = 0
        while done < 1:
            rate = _LEARNING_RATE * min(1.0, (step + 1) / _WARM_UP_STEPS) * (1 + math.cos(math.pi * done)) / 2
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss = _batch_loss(network, images, labels, generator)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), _GRADIENT_NORM)
            optimizer.step()
            step += 1
            # A short memory at first, or the average would carry the random first weights for thousands of steps.
            decay = min(_EMA_DECAY, (1 + step) / (10 + step))
            with torch.no_grad():
                for kept, new in zip(average.parameters(), network.parameters(), strict=True):
                    kept.lerp_(new, 1 - decay)
            value = float(loss.detach())
            since, total = since + 1, total + value
            done = max(step / steps, (time.monotonic() - started) / (60 * minutes))
            if done >= 1 or step % max(1, steps // _RECORDS) == 0:
                records.append(TrainingRecord(step, total / since, probe(average)))
                since, total = 0, 0.0
            if progress is not None:
                progress(step, value)
    return average, records


class _Probe:
    """The loss on the held-out half with noise that is the same every time."""

    def __init__(self, split: DigitsSplit) -> None:
        self.images, self.labels = torch.from_numpy(split.held_out_images), torch.from_numpy(split.held_out_labels)
        generator = torch.Generator().manual_seed(0)
        self.sigma = _draw_sigma(len(self.images), generator)
        self.noise = torch.randn(self.images.shape, generator=generator)

    @torch.no_grad()
    def __call__(self, network: DigitsNetwork) -> float:
        return float(_loss(network, self.images, self.labels, self.sigma, self.noise, None))


def _draw_sigma(count: int, generator: torch.Generator) -> Tensor:
    return (torch.randn(count, generator=generator) * _LOG_SIGMA_STD + _LOG_SIGMA_MEAN).exp()


def _batch_loss(network: DigitsNetwork, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    chosen = torch.randint(len(images), (_BATCH,), generator=generator)
    clean, augmentation = augment(images[chosen], generator)
    dropped = torch.rand(_BATCH, generator=generator) < _LABEL_DROPOUT
    shown = torch.where(dropped, NULL_LABEL, labels[chosen])
    sigma = _draw_sigma(_BATCH, generator)
    noise = torch.randn(clean.shape, generator=generator)
    return _loss(network, clean, shown, sigma, noise, augmentation)


def _loss(
    network: DigitsNetwork, clean: Tensor, labels: Tensor, sigma: Tensor, noise: Tensor, augmentation: Tensor | None
) -> Tensor:
    denoised = denoise(network, clean + sigma[:, None, None, None] * noise, sigma, labels, augmentation)
    weight = (sigma.square() + network.sigma_data**2) / (sigma * network.sigma_data).square()
    return (weight[:, None, None, None] * (denoised - clean).square()).mean()


def plot_losses(records: list[TrainingRecord]) -> bytes:
    """Draw the losses over the steps.

    Parameters
    ----------
    records : list of TrainingRecord
        From `train_network`.

    Returns
    -------
    bytes
        A PNG file.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            "the loss plot needs matplotlib, which is not installed; run: pip install 'stepladder[demo]'"
        ) from error
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    steps = [record.step for record in records]
    axes.plot(steps, [record.loss for record in records], label="training half, augmented, with dropout")
    axes.plot(steps, [record.held_out_loss for record in records], label="held-out half, averaged weights")
    axes.set(xlabel="optimiser step", ylabel="weighted denoising loss", yscale="log")
    axes.legend()
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120)
    return content.getvalue()


app = typer.Typer(add_completion=False)


@app.command()
def main(
    out: Annotated[Path, typer.Option(help="Weights file to write, float16 safetensors.")] = Path("digits.safetensors"),
    plot: Annotated[
        Path | None, typer.Option(help="Loss plot to write.", show_default="the weights file with .png")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of weights, batches and noise.")] = 0,
    split_seed: Annotated[int, typer.Option(min=0, help="Seed of the division into halves.")] = SPLIT_SEED,
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps.")] = STEPS,
    minutes: Annotated[float, typer.Option(help="Time allowed; the training shortens itself to fit.")] = 15.0,
    threads: Annotated[
        int, typer.Option(min=1, help="CPU threads; the layers are so small that more than one seldom pays.")
    ] = 1,
) -> None:
    """Train the digits model on one half of the digits and write its weights and a loss plot."""
    console = Console()
    plot_file = out.with_suffix(".png") if plot is None else plot
    try:
        # Before the training, not after it.
        check_writable(out)
        check_writable(plot_file)
        split = load_digits_split(split_seed)
        torch.set_num_threads(threads)
        started = time.monotonic()
        with Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:.3f}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
        ) as bar:
            task = bar.add_task("training", total=steps, loss=math.nan)
            network, records = train_network(
                split,
                seed=seed,
                split_seed=split_seed,
                steps=steps,
                minutes=minutes,
                progress=lambda step, loss: bar.update(task, completed=step, loss=loss),
            )
        picture = plot_losses(records)
        size = save_network(network, out)
        write_whole(plot_file, picture)
    except (StepladderError, ValueError, OSError) as error:
        Console(stderr=True).print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
    console.print(
        f"{records[-1].step} steps in {time.monotonic() - started:.0f} s, "
        f"held-out loss {records[-1].held_out_loss:.4f}; {count_parameters(network)} parameters",
        highlight=False,
    )
    console.print(f"wrote {out} ({size} bytes) and {plot_file}", highlight=False, markup=False, soft_wrap=True)


if __name__ == "__main__":
    app()
