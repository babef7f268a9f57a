"""The built-in noise sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


@hookimpl
def register_noise_sources(register: Register) -> None:
    """Register the noise sources."""
    register(
        "iid",
        iid,
        source="torch's CPU generator: MT19937 (Matsumoto & Nishimura 1998) with Box-Muller, one per sample",
    )
