"""Noise whose largest values are cut."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal, final

from stepladder._noise import NoiseSource
from stepladder.errors import ExecutionError


@final
class ClippedNoise(NoiseSource):
    """Another source's noise, each value cut at a multiple of the draw's own standard deviation.

    ComfyUI's `noise_clip_std` of `lcm`. Cutting is not linear, so it is the source's and no program's.

    Parameters
    ----------
    source : NoiseSource
        Whose draws are cut.
    limit : float
        Largest value in standard deviations of the draw, above 0. The deviation is over n - 1, as torch's.
    over : {"sample", "batch"}
        What the deviation is of. "sample": each sample's own. "batch": the whole draw's, as ComfyUI has it; a sample's
        noise then depends on what else is in its batch.

    Raises
    ------
    ExecutionError
        A parameter outside these limits, or at a draw, a sample of one element.
    """

    kind: ClassVar[str] = "clipped"
    is_path: ClassVar[bool] = False

    def __init__(self, source: NoiseSource, limit: float, *, over: Literal["sample", "batch"] = "sample") -> None:
        if not isinstance(source, NoiseSource):
            raise ExecutionError(f"source is {type(source).__name__}; expected a NoiseSource, as sl.noise_source makes")
        if isinstance(limit, bool) or not isinstance(limit, (int, float)) or not 0.0 < limit < math.inf:
            raise ExecutionError(f"limit is {limit!r}; expected a finite number above 0, in standard deviations")
        if over not in ("sample", "batch"):
            raise ExecutionError(f"over is {over!r}; expected 'sample' or 'batch'")
        self._source, self._limit, self._over = source, float(limit), over

    @property
    def independent(self) -> bool:
        """As the source."""
        return self._source.independent

    def start(self, like: Any, sigma_min: float, sigma_max: float, ordinal: int) -> None:
        """Begin a run of the source."""
        self._source.start(like, sigma_min, sigma_max, ordinal)

    def __call__(self, like: Any, sigma_from: float, sigma_to: float) -> Any:
        """Return the source's next draw, cut."""
        noise = self._source(like, sigma_from, sigma_to)
        rows = noise.reshape(len(noise) if self._over == "sample" else 1, -1)
        count = rows.shape[1]
        if count < 2:
            raise ExecutionError("a draw of one element has no standard deviation; clip larger samples, or the batch")
        mean = rows.sum(1).reshape(-1, 1) / count
        largest = (((rows - mean) ** 2).sum(1).reshape(-1, 1) / (count - 1)) ** 0.5 * self._limit
        return rows.clip(-largest, largest).reshape(noise.shape)

    def state(self) -> dict[str, Any]:
        """State of the source."""
        return self._source.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Set the source's."""
        self._source.restore(state)
