"""Noise sources that draw with torch's generators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, final

import torch

from stepladder._noise import NoiseSource
from stepladder.errors import ExecutionError, FileFormatError

if TYPE_CHECKING:
    from collections.abc import Sequence

_SEEDS = 2**64


def initial_noise(shape: Sequence[int], seed: int) -> torch.Tensor:
    """Return unit noise to start a run from: sample b is the first draw of torch's CPU generator seeded `seed + b`.

    Parameters
    ----------
    shape : sequence of int
        (batch, …).
    seed : int
        As for `IidNoise`, whose `skip=1` goes on where this stops.

    Returns
    -------
    Tensor
        float32, on the CPU.

    Raises
    ------
    ExecutionError
        A seed outside its range.
    """
    like = torch.empty(tuple(shape), dtype=torch.float32, device="cpu")
    source = IidNoise(seed)
    source.start(like, 0.0, 0.0, 0)
    noise: torch.Tensor = source(like, 0.0, 0.0)
    return noise


@final
class IidNoise(NoiseSource):
    """Independent draws: sample b of the batch uses torch's CPU generator seeded with `seed + b`.

    Draw k of a run is the k-th draw of each generator, in float32, cast to the dtype and device of x: image b of a
    batch is the image made alone with seed `seed + b`. A source serves one run at a time: a run seeds it anew.

    Parameters
    ----------
    seed : int
        Seed of the first sample, 0 to 2**64 - batch. torch's generator reads its low 32 bits.
    skip : int
        Draws to discard first: 1 when the same seed already made the initial noise with its first draw.
    independent : bool
        Accept independent draws where a program's noise intervals overlap; its weak order then drops from 2 to 1.

    Raises
    ------
    ExecutionError
        A seed or a skip outside its range.
    """

    kind: ClassVar[str] = "iid"
    is_path: ClassVar[bool] = False

    def __init__(self, seed: int, *, skip: int = 0, independent: bool = False) -> None:
        if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < _SEEDS:
            msg = f"seed is {seed!r}; expected a whole number from 0 to 2**64 - 1"
            raise ExecutionError(msg)
        if not isinstance(skip, int) or isinstance(skip, bool) or skip < 0:
            msg = f"skip is {skip!r}; expected a whole number of at least 0"
            raise ExecutionError(msg)
        self._seed, self._skip, self._independent = seed, skip, independent
        self._generators: list[torch.Generator] = []

    @property
    def independent(self) -> bool:
        """As given."""
        return self._independent

    def start(self, like: Any, sigma_min: float, sigma_max: float, ordinal: int) -> None:
        """Seed one generator per sample, and discard the draws before `ordinal`."""
        batch = len(like)
        if self._seed + batch > _SEEDS:
            msg = f"seed {self._seed} + batch {batch} passes 2**64; use a smaller seed"
            raise ExecutionError(msg)
        self._generators = [torch.Generator("cpu").manual_seed(self._seed + b) for b in range(batch)]
        for _ in range(self._skip + ordinal):
            self._draw(tuple(like.shape))

    def _draw(self, shape: tuple[int, ...]) -> torch.Tensor:
        noise = torch.empty(shape, dtype=torch.float32, device="cpu")
        for row, generator in zip(noise, self._generators, strict=True):
            torch.randn(shape[1:], generator=generator, dtype=torch.float32, device="cpu", out=row)
        return noise

    def __call__(self, like: Any, sigma_from: float, sigma_to: float) -> Any:
        """Return the next draw of every generator."""
        if len(self._generators) != len(like):
            msg = f"the source was started for a batch of {len(self._generators)}; got {len(like)}"
            raise ExecutionError(msg)
        noise = self._draw(tuple(like.shape))
        if isinstance(like, torch.Tensor):
            return noise.to(dtype=like.dtype, device=like.device)
        return noise.numpy().astype(like.dtype, copy=False)

    def state(self) -> dict[str, Any]:
        """State of every generator, one row per sample."""
        return {"generators": torch.stack([g.get_state() for g in self._generators])}

    def restore(self, state: dict[str, Any]) -> None:
        """Set every generator."""
        rows = torch.as_tensor(state.get("generators", ()), device="cpu")
        expected = torch.Generator("cpu").get_state()
        if rows.ndim != 2 or rows.shape[1:] != expected.shape or rows.dtype != expected.dtype:
            msg = (
                f"the saved generators are {tuple(rows.shape)} of {rows.dtype}; expected rows of {len(expected)} bytes"
            )
            raise FileFormatError(msg)
        if len(rows) != len(self._generators):
            msg = f"the saved noise is of a batch of {len(rows)}; this run has {len(self._generators)}"
            raise ExecutionError(msg)
        for generator, row in zip(self._generators, rows, strict=True):
            generator.set_state(row.clone())
