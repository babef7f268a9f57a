"""Processes on a table of training steps."""

from __future__ import annotations

import itertools
from collections.abc import Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from stepladder import _core
from stepladder._number import real
from stepladder._processes.base import CompiledProcess
from stepladder.errors import ProcessError

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_TIMESTEPS = 1_000_000


@final
@dataclass(frozen=True, slots=True, repr=False)
class DiscreteProcess(CompiledProcess):
    """Variance preserving, on a table of training steps: Stable Diffusion, SDXL, DeepFloyd and their relatives.

    Time is the zero-based index into the table, and may be fractional; `sigma(t)` is log-linear between levels.
    `timestep(sigma)` is the index of the nearest log sigma, so outside the range it is the end of the table;
    interpolated, a sigma outside the range by more than a float32 rounding is an error.

    Parameters
    ----------
    beta_schedule : str
        How the noise grows: `"linear"` (evenly spaced betas), `"scaled_linear"` (evenly spaced square roots),
        `"cosine"` (squared-cosine signal, betas capped at 0.999), `"sqrt"` (square roots of evenly spaced values), or
        one of the field's second names, `"sqrt_linear"` (linear) and `"squaredcos_cap_v2"` (cosine).
    beta_start, beta_end : float
        First and last beta, in (0, 1); the cosine schedules do not use them.
    timesteps : int
        Training steps, 2 to 1 000 000. With an explicit table: its length, or left alone.
    betas : iterable of float, optional
        The table itself, values in (0, 1), in place of the four above: a list, an array or a tensor of one dimension,
        kept as a tuple. None: computed from them.
    alphas_cumprod : iterable of float, optional
        The table as cumulative products of `1 - beta`, strictly descending in (0, 1), in place of `betas`.
    table : iterable of float, optional
        The table as noise levels, positive and strictly ascending, in place of `betas`.
    zero_terminal_snr : str, optional
        Rescale the table so that its last level keeps no signal (Lin et al., arXiv 2305.08891, algorithm 1). The last
        sigma would be infinite, and is `"comfyui"`'s 4518.76 or `"diffusers"`' 4096. None: the table as it is.

    Attributes
    ----------
    sigma_min, sigma_max : float
        Ends of the table.

    Raises
    ------
    ProcessError
        For values outside these limits, or more than one way to give the table.

    Notes
    -----
    Ho et al., "Denoising Diffusion Probabilistic Models" (arXiv 2006.11239), equation 4: `sigma_t = sqrt((1 - a) / a)`
    with `a` the product of `1 - beta` up to t. The cosine: Nichol & Dhariwal (arXiv 2102.09672), equation 17.
    What hosts call the `sigma_data` of a discrete process is a parameter of the parameterization here.
    """

    beta_schedule: str = "scaled_linear"
    beta_start: float = 0.00085
    beta_end: float = 0.012
    timesteps: int = 1000
    betas: tuple[float, ...] | None = None
    alphas_cumprod: tuple[float, ...] | None = None
    table: tuple[float, ...] | None = None
    zero_terminal_snr: str | None = None

    def _build(self) -> _core.NativeProcess:
        tables = self._tables()
        if len(tables) > 1:
            given = " and ".join(tables)
            raise ProcessError(f"{given} are {'both' if len(tables) == 2 else 'all'} given; expected one table")
        if not tables:
            return _core.NativeProcess.discrete(
                self.beta_schedule, self.beta_start, self.beta_end, self.timesteps, self.zero_terminal_snr
            )
        name, values = tables.popitem()
        table = _table(name, values)
        if (self.beta_schedule, self.beta_start, self.beta_end) != ("scaled_linear", 0.00085, 0.012):
            raise ProcessError(f"{name} is given; expected beta_schedule, beta_start and beta_end left alone")
        if self.timesteps not in (1000, len(table)):
            raise ProcessError(f"timesteps is {self.timesteps}; expected {len(table)}, the length of {name}")
        from_table = {
            "betas": _core.NativeProcess.from_betas,
            "alphas_cumprod": _core.NativeProcess.from_alphas_cumprod,
            "table": _core.NativeProcess.from_sigmas,
        }
        native = from_table[name](table, self.zero_terminal_snr)
        object.__setattr__(self, name, table)
        object.__setattr__(self, "timesteps", len(table))
        return native

    def _tables(self) -> dict[str, tuple[float, ...]]:
        given = {"betas": self.betas, "alphas_cumprod": self.alphas_cumprod, "table": self.table}
        return {name: values for name, values in given.items() if values is not None}

    def __repr__(self) -> str:
        rescaled = "" if self.zero_terminal_snr is None else f", zero_terminal_snr={self.zero_terminal_snr!r}"
        for name, values in self._tables().items():
            return f"DiscreteProcess({name}=<{len(values)} values, {values[0]!r} to {values[-1]!r}>{rescaled})"
        return (
            f"DiscreteProcess(beta_schedule={self.beta_schedule!r}, beta_start={self.beta_start!r}, "
            f"beta_end={self.beta_end!r}, timesteps={self.timesteps!r}{rescaled})"
        )


@final
@dataclass(frozen=True, slots=True)
class DistilledDiscreteProcess(CompiledProcess):
    """The levels a consistency-distilled network knows: every 20th of its teacher's 1000, as LCM's.

    Time counts the teacher's steps, and may be fractional, from the time of the first level kept to the teacher's last;
    `sigma(t)` is log-linear between the levels kept, and `timestep(sigma)` the time of the nearest one.

    Parameters
    ----------
    original_timesteps : int
        Levels kept, counted from the noisy end at an even stride, 2 to `timesteps`.
    beta_schedule, beta_start, beta_end, timesteps
        The teacher's table, as for `DiscreteProcess`.

    Attributes
    ----------
    sigma_min, sigma_max : float
        Ends of the table.

    Raises
    ------
    ProcessError
        For values outside these limits.

    Notes
    -----
    Luo et al., "Latent Consistency Models" (arXiv 2310.04378), section 4.3.
    """

    original_timesteps: int = 50
    beta_schedule: str = "scaled_linear"
    beta_start: float = 0.00085
    beta_end: float = 0.012
    timesteps: int = 1000

    def _build(self) -> _core.NativeProcess:
        teacher = (self.beta_schedule, self.beta_start, self.beta_end, self.timesteps)
        return _core.NativeProcess.distilled(*teacher, self.original_timesteps)


def _table(name: str, values: Iterable[float]) -> tuple[float, ...]:
    """Make a given table a tuple of floats; a longer one than a table may be is not read to its end."""
    if getattr(values, "ndim", 1) != 1:  # an array or a tensor
        raise ProcessError(f"{name} has {getattr(values, 'ndim', 1)} dimensions; expected 1")
    if isinstance(values, Sized) and len(values) > _MAX_TIMESTEPS:
        raise ProcessError(f"{name} has {len(values)} values; expected 2 to {_MAX_TIMESTEPS}")
    values = getattr(values, "tolist", lambda: values)()
    if isinstance(values, str | bytes):
        raise ProcessError(f"{name} is {type(values).__name__}; expected an iterable of numbers")
    try:
        listed = list(itertools.islice(values, _MAX_TIMESTEPS + 1))
    except TypeError:
        raise ProcessError(f"{name} is {type(values).__name__}; expected an iterable of numbers") from None
    return tuple(real(f"{name}[{index}]", value, ProcessError) for index, value in enumerate(listed))
