"""What every noise process is, and what those of the compiled core share."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, final

from stepladder import _core
from stepladder._number import convert_numbers
from stepladder.errors import ProcessError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Family: TypeAlias = Literal["ve", "vp", "flow"]
Floats: TypeAlias = "float | npt.NDArray[np.float64] | npt.NDArray[np.float32]"


class NoiseProcess(ABC):
    """A forward process: `t <-> sigma`, the range it was trained over, and how signal and noise mix.

    Derive from it to add a family. Every map takes a float and returns a float, or takes a C-contiguous float64 or
    float32 array of any shape and returns a float64 array of that shape. A value outside a map's domain is a
    `ProcessError`. What clamps says so: the nearest timestep, which networks are told, takes every sigma above 0 and
    stays inside the range of times, and Cosmos and Stable Cascade cap their levels.

    Sigma is the noise-to-signal ratio for the families `"ve"` (variance exploding) and `"vp"` (variance preserving),
    and the weight of the noise, in [0, 1], for `"flow"`.
    """

    __slots__ = ()

    _native: _core.NativeProcess | None = None
    """The compiled process behind a built-in family; None: compiled code calls the methods below."""

    @property
    @abstractmethod
    def family(self) -> Family:
        """How signal and noise mix: `"ve"`, `"vp"` or `"flow"`."""

    @property
    @abstractmethod
    def sigma_min(self) -> float:
        """Lowest noise level that the model was trained at, above 0."""

    @property
    @abstractmethod
    def sigma_max(self) -> float:
        """Highest noise level that the model was trained at."""

    @property
    @abstractmethod
    def sigmas(self) -> npt.NDArray[np.float64] | None:
        """The levels that table-driven schedules pick from; None where there is no such table.

        Finite, above 0 and ascending; a process that clamps its levels repeats the first and the last one. Anything
        else is a `ProcessError` where a schedule reads it.
        """

    @abstractmethod
    def sigma(self, t: Floats) -> Any:
        """Noise level at time `t`; a time outside the process's range is a `ProcessError`."""

    @abstractmethod
    def timestep(self, sigma: Floats, *, interpolate: bool = False) -> Any:
        """Time that a network is told for `sigma`, or with `interpolate` the inverse of `sigma(t)`.

        The two differ where levels are a table, whose nearest level is told, and where a process shifts its levels:
        the network is told the time without the shift. `timestep(sigma_max)` is the end of time.
        """

    @abstractmethod
    def percent_to_sigma(self, percent: float) -> float:
        """Noise level after that fraction of sampling: at 0 no sigma is above it, at 1 it is 0.

        The built-in families also map arrays.
        """

    @final
    def alpha(self, sigma: Floats, *, out: Any = None, threads: int = 1) -> Any:
        """Weight of the signal: 1 (ve), `1 / sqrt(1 + sigma**2)` (vp) or `1 - sigma` (flow).

        `out` is a float64 or float32 array of the shape of the array `sigma`, which is filled (rounded to its
        precision) and returned; `threads` is the most to share the work, 1 to 256, and changes no bit of the result.
        """
        if self._native is not None:
            return self._native.alpha(sigma, out, threads)
        return _core.alpha(self.family, sigma, out, threads)

    @final
    def half_log_snr(self, sigma: Floats, *, out: Any = None, threads: int = 1) -> Any:
        """`-ln(sigma)` (ve and vp) or `ln((1 - sigma) / sigma)` (flow; -inf at 1), for positive sigma.

        `out` and `threads` are as for `alpha`.
        """
        if self._native is not None:
            return self._native.half_log_snr(sigma, out, threads)
        return _core.half_log_snr(self.family, sigma, out, threads)

    @final
    def sigma_from_half_log_snr(self, half_log_snr: Floats, *, out: Any = None, threads: int = 1) -> Any:
        """Invert `half_log_snr`, for values from -700 to 700, and -inf for a flow.

        `out` and `threads` are as for `alpha`.
        """
        if self._native is not None:
            return self._native.sigma_from_half_log_snr(half_log_snr, out, threads)
        return _core.sigma_from_half_log_snr(self.family, half_log_snr, out, threads)


@dataclass(frozen=True, slots=True)
class CompiledProcess(NoiseProcess):
    """A family whose mathematics is in the compiled core.

    A subclass is a frozen dataclass with slots: its parameters, and `_build`. Values, pickles and hashes are those of
    the parameters.
    """

    sigma_min: float = field(init=False, repr=False, compare=False)
    sigma_max: float = field(init=False, repr=False, compare=False)
    _native: _core.NativeProcess = field(init=False, repr=False, compare=False)

    @abstractmethod
    def _build(self) -> _core.NativeProcess:
        """Make the compiled process of these parameters."""

    @final
    def __post_init__(self) -> None:
        convert_numbers(self, ProcessError)
        native = self._build()
        object.__setattr__(self, "_native", native)
        object.__setattr__(self, "sigma_min", native.sigma_min)
        object.__setattr__(self, "sigma_max", native.sigma_max)

    @final
    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, field.name) for field in dataclasses.fields(self) if field.init)

    @property
    @final
    def family(self) -> Family:
        return self._native.family

    @property
    @final
    def sigmas(self) -> npt.NDArray[np.float64] | None:
        """The levels that table-driven schedules pick from, ascending: a fresh float64 array."""
        return self._native.sigmas

    @final
    def sigma(self, t: Floats, *, out: Any = None, threads: int = 1) -> Any:
        """Noise level at time `t`; a time outside the process's range is a `ProcessError`.

        `out` and `threads` are as for `alpha`.
        """
        return self._native.sigma(t, out, threads)

    @final
    def timestep(self, sigma: Floats, *, interpolate: bool = False, out: Any = None, threads: int = 1) -> Any:
        """Time that a network is told for `sigma`, or with `interpolate` the inverse of `sigma(t)`.

        `out` and `threads` are as for `alpha`.
        """
        return self._native.timestep(sigma, interpolate, out, threads)

    @final
    def percent_to_sigma(self, percent: Floats, *, out: Any = None, threads: int = 1) -> Any:
        """Noise level after that fraction of sampling: 999999999.9 at 0 (1 for a flow), exactly 0 at 1.

        `percent` is a float, or an array of any shape; `out` and `threads` are as for `alpha`.
        """
        return self._native.percent_to_sigma(percent, out, threads)
