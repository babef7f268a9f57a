"""The digits model's Fréchet distance, for some samplers, schedules and numbers of steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import stepladder as sl

from writer.text import page, table

FIGURES: Final = Path(__file__).resolve().parent.parent / "data" / "digits.json"
HOST_FORM: Final = "dpmpp_3m_sde, form k_diffusion"
SAMPLERS: Final = (
    "euler", "euler_ancestral", "heun", "dpmpp_2m", "dpmpp_2m_sde", "dpmpp_3m_sde", HOST_FORM, "deis", "er_sde",
    "uni_pc_bh2",
)  # fmt: skip
SCHEDULES: Final = ("karras", "exponential", "beta")
STEPS: Final = (5, 10, 20)
SETS, SEED = 1, 0

Figures = dict[str, dict[str, dict[str, float]]]


def measure(
    samplers: tuple[str, ...] = SAMPLERS, schedules: tuple[str, ...] = SCHEDULES, steps: tuple[int, ...] = STEPS
) -> Figures:
    """Fréchet distance to the held-out half by sampler, schedule and steps, to three digits.

    `SETS` images for each of the training half, with its labels, from `SEED` on, by `stepladder.demo.generate`. The
    model's guidance is the one recorded with its weights.
    """
    from stepladder.demo.data import load_digits_split, to_model_range, to_pixels
    from stepladder.demo.evaluate import balanced_labels
    from stepladder.demo.generate import generate
    from stepladder.demo.metrics import frechet_distance
    from stepladder.demo.model import load_network
    from torch import as_tensor

    network, split = load_network(), load_digits_split()
    labels = as_tensor(balanced_labels(split, SETS * len(split.labels)))
    made: Figures = {}
    for sampler in samplers:
        for schedule in schedules:
            for count in steps:
                images = generate(network, labels, sampler=made_by(sampler), schedule=schedule, steps=count, seed=SEED)
                shown = to_model_range(to_pixels(images.numpy()))
                distance = frechet_distance(shown, split.held_out_images)
                made.setdefault(sampler, {}).setdefault(schedule, {})[str(count)] = float(f"{distance:.3g}")
    return made


def made_by(row: str) -> sl.Sampler:
    """The sampler of a row."""
    return sl.sampler("dpmpp_3m_sde", form="k_diffusion") if row == HOST_FORM else sl.sampler(row)


def figures() -> Figures:
    """What `measure` gave when it was last stored."""
    stored: Figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    return stored


def store() -> None:
    """Measure, and store the figures."""
    rows = ",\n".join(f" {json.dumps(name)}: {json.dumps(of)}" for name, of in measure().items())
    FIGURES.write_text("{\n" + rows + "\n}\n", encoding="utf-8")


def digits_page() -> str:
    """The table, and how to read it."""
    made = figures()
    head = ("sampler", *(f"{schedule}, {count}" for schedule in SCHEDULES for count in STEPS))
    rows = [
        (f"`{name}`", *(f"{made[name][schedule][str(count)]:.3g}" for schedule in SCHEDULES for count in STEPS))
        for name in SAMPLERS
    ]
    ranked = sorted((made[n][s][str(c)], n, s, c) for n in SAMPLERS for s in SCHEDULES for c in STEPS)
    best = "; ".join(f"{distance:.3g}: `{n}`, `{s}`, {c} steps" for distance, n, s, c in ranked[:5])
    return page(
        "Samplers on the digits model",
        "Squared Fréchet distance, in pixel space, of images of the [digits model](digits.md) to the held-out half of "
        f"the real ones: as many images as the training half has, seeds from {SEED} on, the guidance recorded with "
        "the weights. Lower is better; two halves of real digits are 0.224 apart, and so few images drawn from the "
        "training half with replacement 0.347 from the other. `docs/data/digits.json` has the "
        "figures; `make docs-digits` makes them anew, in about five minutes on one core.",
        table(head, rows),
        f"Columns are schedule and steps. `heun` calls the network twice per step, the others once. The "
        f"lowest: {best}.",
        "`dpmpp_3m_sde` has a formula of order 3; the hosts' form, of order 2, errs less at few steps.",
        "This ranks methods on one small network, which more steps do not always serve: a lower distance need not be a "
        "better solution of its ODE. [Orders](orders.md) has exact problems.",
    )
