"""The built-in noise sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from stepladder.hookspecs import hookimpl

if TYPE_CHECKING:
    from stepladder._noise import NoiseSource
    from stepladder.hookspecs import Register


def iid(seed: int, *, skip: int = 0, independent: bool = False) -> NoiseSource:
    """Independent draws: sample b of a batch uses torch's CPU generator seeded with seed + b.

    See `stepladder.torch.IidNoise`. Needs torch.
    """
    from stepladder.torch.noise import IidNoise

    return IidNoise(seed, skip=skip, independent=independent)


def clipped(source: NoiseSource, limit: float, *, over: Literal["sample", "batch"] = "sample") -> NoiseSource:
    """Another source's noise, each value cut at a multiple of the draw's own standard deviation.

    See `ClippedNoise`.
    """
    from stepladder._noise_sources.clipped import ClippedNoise

    return ClippedNoise(source, limit, over=over)


@hookimpl
def register_noise_sources(register: Register) -> None:
    """Register the noise sources."""
    register(
        "iid",
        iid,
        source="torch's CPU generator: MT19937 (Matsumoto & Nishimura 1998) with Box-Muller, one per sample",
    )
    register("clipped", clipped, source="ComfyUI's `noise_clip_std` of `lcm`")
