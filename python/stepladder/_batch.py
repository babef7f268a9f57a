"""Many schedules in one call: arrays of steps and parameters in, one packed array out."""

from __future__ import annotations

import contextlib
import itertools
import operator
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Final, cast, final

import numpy as np
import numpy.typing as npt

from stepladder import _core
from stepladder._number import real
from stepladder._plugins import shared
from stepladder._process import NoiseProcess
from stepladder._schedules.discrete import NormalSchedule, SGMUniformSchedule, SimpleSchedule
from stepladder._schedules.optimised import AlignYourStepsSchedule
from stepladder._schedules.range import ExponentialSchedule, KarrasSchedule, PolyexponentialSchedule
from stepladder._schedules.trigonometric import KLOptimalSchedule
from stepladder.errors import ProcessError, ScheduleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from stepladder._schedule import Schedule

    Values = npt.NDArray[np.float64] | npt.NDArray[np.float32]
    Column = float | npt.NDArray[np.float64]
    Steps = int | npt.NDArray[np.int64]
    Allocate = Callable[[int], Values]
    Ragged = tuple[Values, npt.NDArray[np.int64]]

_DTYPES: Final = (np.dtype(np.float64), np.dtype(np.float32))

# Schedules over a range whose batches are compiled, with the default of rho where they have one.
_RANGES: Final[Mapping[Any, tuple[Callable[..., Ragged], float | None]]] = {
    KarrasSchedule: (_core.batch_karras, 7.0),
    PolyexponentialSchedule: (_core.batch_polyexponential, 1.0),
    ExponentialSchedule: (_core.batch_exponential, None),
    KLOptimalSchedule: (_core.batch_kl_optimal, None),
}
# Schedules over a process alone.
_PROCESSES: Final[Mapping[Any, Callable[..., Ragged]]] = {
    SimpleSchedule: _core.batch_simple,
    NormalSchedule: _core.batch_normal,
    SGMUniformSchedule: _core.batch_sgm_uniform,
}
_MOST: Final = 2**40  # values, as in the compiled core
_MAX_INT64: Final = np.iinfo(np.int64).max


@final
@dataclass(frozen=True, eq=False, repr=False)
class SigmasBatch:
    """Schedules of different lengths, packed one behind the other; made by `sigmas_batch`.

    `batch[i]` and iteration give the schedules as views into `values`, without a copy: writing to one writes to the
    batch.

    Attributes
    ----------
    values : ndarray
        All schedules, (total,) float64 or float32; the caller's array where `out` was given.
    offsets : ndarray
        Where each schedule begins, and the end of the last: (n + 1,) int64, read-only.
    """

    values: Values
    offsets: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        self.offsets.flags.writeable = False

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> Values:
        try:
            position = operator.index(index)
        except TypeError:
            hint = ": take them one by one" if isinstance(index, slice) else ""
            raise TypeError(f"index is {_kind(index)}; expected an int, one schedule{hint}") from None
        if not -len(self) <= position < len(self):
            msg = f"schedule {position} of a batch of {len(self)}"
            raise IndexError(msg)
        position %= len(self)
        return self.values[self.offsets[position] : self.offsets[position + 1]]

    def __iter__(self) -> Iterator[Values]:
        bounds = self.offsets.tolist()
        return (self.values[start:stop] for start, stop in itertools.pairwise(bounds))

    def __repr__(self) -> str:
        return f"SigmasBatch({len(self)} schedules, {len(self.values)} values of {self.values.dtype})"

    def __reduce__(self) -> tuple[type[SigmasBatch], tuple[Values, npt.NDArray[np.int64]]]:
        return SigmasBatch, (self.values, self.offsets)

    def padded(self, fill: float = 0.0) -> Values:
        """Return a fresh (n, longest) array of the schedules, each followed by `fill`.

        Raises
        ------
        ScheduleError
            `fill` is no number, or the array is larger than memory.
        """
        value = real("fill", fill, ScheduleError)
        lengths = np.diff(self.offsets)
        width = int(lengths.max(initial=0))
        try:
            out = np.full((len(self), width), value, self.values.dtype)
        except (MemoryError, ValueError):
            raise ScheduleError(
                f"the padded batch has {len(self)} x {width} values, more than memory; expected fewer: pad parts of it"
            ) from None
        out[np.arange(width) < lengths[:, None]] = self.values
        return out

    def to_torch(self) -> tuple[Any, Any]:
        """Return `values` and `offsets` as torch tensors.

        `values` shares memory with the batch, unless its array is read-only; `offsets` is a copy. The pair is what
        `torch.nested.nested_tensor_from_jagged` takes.
        """
        import torch

        values = self.values if self.values.flags.writeable else self.values.copy()
        return torch.from_numpy(values), torch.from_numpy(self.offsets.copy())


def sigmas_batch(
    name: str,
    process: NoiseProcess | None = None,
    *,
    steps: Any,
    denoise: Any = 1.0,
    dtype: npt.DTypeLike | None = None,
    out: Values | None = None,
    threads: int = 1,
    **params: Any,
) -> SigmasBatch:
    """Make many schedules of one kind, each with its own steps and parameters.

    A number holds for all schedules; a one-dimensional NumPy array has a value for each. Arrays have one length, which
    is the length of the batch; an array of one value counts as a number. Everything else among `params`, such as
    `family`, is one option for all.

    Parameters
    ----------
    name
        One of `schedules()`. karras, exponential, polyexponential, kl_optimal, simple, normal, sgm_uniform and
        align_your_steps are computed in compiled code without a Python object per schedule. Every other one works
        too, and slower: its `sigmas` is called once per distinct set of steps and parameters.
    process
        What the model was trained on; not needed where the schedule is given its whole range, or has levels of its own.
    steps : int or ndarray of int
        Sampling steps, 1 to 10 000 000.
    denoise : float or ndarray
        Part of the noise to start from, 0 to 1, as for `Schedule.sigmas`; at 0 a schedule is empty.
    dtype
        float64 or float32. float32 levels are within 6.1e-8 of the float64 ones, relative, half the distance of
        neighbouring float32 values. None: that of `out`, or float64.
    out : ndarray, optional
        Where to write the values: one-dimensional, C-contiguous, of exactly the total size. Of no use if this raises.
    threads
        Threads to compute with, 1 to 256. Their number changes no bit of the result.
    **params
        The schedule's own parameters, such as `sigma_min`, `sigma_max`, `rho`.

    Returns
    -------
    SigmasBatch
        The schedules, equal to those of `sigmas`: bit for bit, but for karras within `(rho + 8) * 2**-51` and for
        exponential within 2e-14, relative. Ends of the range and the trailing zero are exact everywhere.

    Raises
    ------
    UnknownNameError
        No schedule has that name; the text lists what is close.
    ScheduleError
        Arguments outside their limits, with the index of the first schedule concerned; arrays of different lengths; a
        total size above 2**40 values or memory; an `out` that does not fit. All of it is checked before any schedule
        is built; only the size of a host's own list (`convention`) shows when it is there.
    ProcessError
        A process is needed, or this is none.
    """
    if not isinstance(name, str):
        msg = f"name is {type(name).__name__}; expected the name of a schedule, one of schedules()"
        raise ScheduleError(msg)
    entry = shared().entry("schedule", name)
    if process is not None and not isinstance(process, NoiseProcess):
        raise ProcessError(f"process is {type(process).__name__}; expected a NoiseProcess")
    for key, value in (("steps", steps), ("denoise", denoise), *params.items()):
        if isinstance(value, np.ndarray) and value.size > _MOST:
            raise ScheduleError(f"{key} has {value.size} values; expected at most {_MOST}, so split the batch")
    counts, part = _steps(steps), _column("denoise", denoise)
    columns = {"steps": steps, "denoise": denoise, **params}
    allocate = _allocator(dtype, out, columns)
    compiled, default_rho = _RANGES.get(entry.factory, (None, None))
    known = {"sigma_min", "sigma_max"} | ({"rho"} if default_rho is not None else set())
    if compiled is not None and "convention" not in params:
        _refuse_unknown(name, params, known)
        ends = [_end(end, name, params, process) for end in ("sigma_min", "sigma_max")]
        rho = [] if default_rho is None else [_column("rho", params.get("rho", default_rho))]
        made = compiled(counts, part, *ends, *rho, allocate, threads)
    elif entry.factory is AlignYourStepsSchedule and params.keys() <= {"family"}:
        schedule = shared().make("schedule", name, params)
        made = _core.batch_align_your_steps(counts, part, schedule.family, allocate, threads)
    elif not params and entry.factory in _PROCESSES:
        made = _PROCESSES[entry.factory](counts, part, _required(process, name), allocate, threads)
    else:
        made = _one_by_one(name, process, {"steps": counts, "denoise": part}, params, allocate)
    return SigmasBatch(*made)


def _one_by_one(
    name: str,
    process: NoiseProcess | None,
    given: Mapping[str, Any],
    params: Mapping[str, Any],
    allocate: Allocate,
) -> Ragged:
    """Call a schedule once per distinct set of arguments, and pack the results."""
    arguments = {**given, **{key: _option(key, value) for key, value in params.items()}}
    arrays = {key: value for key, value in arguments.items() if isinstance(value, np.ndarray)}
    lengths = {key: len(value) for key, value in arrays.items()}
    length = next(iter(lengths.values()), 1)
    for key, got in lengths.items():
        if got != length:
            raise ScheduleError(f"{key} has {got} values; expected {length}, as {next(iter(lengths))}")
    # Which distinct set each schedule has: column by column, so that codes stay below the square of the length.
    codes = np.zeros(length, np.int64)
    for values in arrays.values():
        distinct, code = np.unique(values, return_inverse=True)
        codes = np.unique(codes * len(distinct) + code.reshape(-1), return_inverse=True)[1].reshape(-1)
    _, first, which = np.unique(codes, return_index=True, return_inverse=True)
    which = which.reshape(-1).astype(np.int64, copy=False)
    order = [(item, int(first[item])) for item in np.argsort(first).tolist()]
    planned: list[tuple[Schedule, int, float]] = []
    sizes: list[int | None] = [None] * len(first)
    for item, index in order:
        chosen = {key: value[index].item() if key in arrays else value for key, value in arguments.items()}
        count, part = chosen.pop("steps"), chosen.pop("denoise")
        with _at(name, process, index):
            schedule: Schedule = shared().make("schedule", name, chosen)
            sizes[item] = schedule._size(cast("NoiseProcess", process), count, part)
        planned.append((schedule, count, part))
    # Every size is known, but for a host's own form: room for all before any is built.
    known = [size for size in sizes if size is not None]
    if len(known) == len(sizes):
        total = sum(size * times for size, times in zip(known, np.bincount(which).tolist(), strict=True))
        if total > _MOST:
            raise ScheduleError(f"the batch has {total} values; expected at most {_MOST}, so split the batch")
        room = allocate(total)
        return _core.batch_pack(_built(name, process, order, planned), which, lambda _: room)
    return _core.batch_pack(_built(name, process, order, planned), which, allocate)


def _built(
    name: str,
    process: NoiseProcess | None,
    order: list[tuple[int, int]],
    planned: list[tuple[Schedule, int, float]],
) -> list[npt.NDArray[np.float64]]:
    """Make the schedules of a plan, each at its place among the distinct ones."""
    items: list[Any] = [None] * len(order)
    for (item, index), (schedule, count, part) in zip(order, planned, strict=True):
        with _at(name, process, index):
            items[item] = schedule.sigmas(cast("NoiseProcess", process), count, denoise=part)
    return items


@contextlib.contextmanager
def _at(name: str, process: NoiseProcess | None, index: int) -> Iterator[None]:
    """Name the schedule of the batch that an error is about; and the process where there is none and it needs one."""
    try:
        yield
    except ScheduleError as error:
        raise ScheduleError(f"schedule {index}: {error}") from error
    except ProcessError:
        _required(process, name)
        raise


def _option(name: str, value: Any) -> Any:
    """Tell an array with a value for each schedule from an option for all."""
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.kind not in "iuf" or value.ndim > 1:
        raise ScheduleError(f"{name} is {_kind(value)}; expected a number for each schedule, in one dimension")
    return value.item() if value.size == 1 else value


def _refuse_unknown(name: str, params: Mapping[str, Any], known: set[str]) -> None:
    if params.keys() - known:
        shared().make("schedule", name, {key: value for key, value in params.items() if key not in known})


def _required(process: NoiseProcess | None, name: str) -> NoiseProcess:
    if process is None:
        raise ProcessError(f"process is None; {name} places its levels over a process: give one")
    return process


def _end(end: str, name: str, params: Mapping[str, Any], process: NoiseProcess | None) -> Column:
    value = params.get(end)
    if value is not None:
        return _column(end, value)
    if process is None:
        raise ProcessError(
            f"process is None; {name} takes its range from a process: give one, or sigma_min and sigma_max"
        )
    own: float = getattr(process, end)
    return own


def _steps(value: Any) -> Steps:
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "iu" or value.ndim > 1:
            raise ScheduleError(f"steps is {_kind(value)}; expected an int, or a one-dimensional array of int")
        if value.size == 1:
            return _steps(value.item())
        counts = np.minimum(value, _MAX_INT64) if value.dtype == np.uint64 else value
        return np.ascontiguousarray(counts, np.int64)
    try:
        count = operator.index(value)
    except TypeError:
        count = None
    if count is None or isinstance(value, bool):
        raise ScheduleError(f"steps is {_kind(value)}; expected an int, or a one-dimensional array of int")
    if abs(count) > _MAX_INT64:
        raise ScheduleError(f"steps is {count}; expected 1 to 10000000")
    return count


def _column(name: str, value: Any) -> Column:
    if isinstance(value, np.ndarray) and value.dtype.kind in "iuf" and value.ndim <= 1:
        return float(value.item()) if value.size == 1 else np.ascontiguousarray(value, np.float64)
    if isinstance(value, Real) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise ScheduleError(f"{name} is {value}; expected a number that float64 can hold") from None
    raise ScheduleError(f"{name} is {_kind(value)}; expected a number, or a one-dimensional array of numbers")


def _kind(value: Any) -> str:
    if not isinstance(value, np.ndarray):
        return f"{value!r} ({type(value).__name__})"
    return f"an array of {value.dtype}" + (f" with {value.ndim} dimensions" if value.ndim > 1 else "")


def _allocator(dtype: npt.DTypeLike | None, out: Any, columns: Mapping[str, Any]) -> Allocate:
    """Check `dtype` and `out`; the function returned checks the size as well and gives the array to fill."""
    if out is not None and not isinstance(out, np.ndarray):
        raise ScheduleError(f"out is {_kind(out)}; expected a float64 or float32 array")
    own = np.dtype(np.float64) if out is None else out.dtype
    try:
        wanted = own if dtype is None else np.dtype(dtype)
    except TypeError:
        raise ScheduleError(f"dtype is {dtype!r}; expected float64 or float32") from None
    if out is None:
        if wanted not in _DTYPES:
            raise ScheduleError(f"dtype is {wanted}; expected float64 or float32")

        def fresh(total: int) -> Values:
            try:
                return np.empty(total, wanted)
            except (MemoryError, ValueError):
                raise ScheduleError(
                    f"the batch has {total} values, {total * wanted.itemsize} bytes, more than memory; expected fewer, "
                    "so split the batch"
                ) from None

        return fresh
    if own not in _DTYPES or own != wanted:
        raise ScheduleError(
            f"out is an array of {own}; expected {wanted if wanted in _DTYPES else 'float64 or float32'}"
        )
    if out.ndim != 1:
        raise ScheduleError(f"out has {out.ndim} dimensions; expected 1")
    if not (out.flags.c_contiguous and out.flags.aligned):
        raise ScheduleError("out is not C-contiguous and aligned; expected an array that is, such as numpy.empty makes")
    if not out.flags.writeable:
        raise ScheduleError("out is read-only; expected an array that can be written")
    for name, column in columns.items():
        if isinstance(column, np.ndarray) and np.may_share_memory(out, column):
            raise ScheduleError(f"out overlaps {name}; expected an array of its own")

    def given(total: int) -> Values:
        if out.size != total:
            raise ScheduleError(f"out has {out.size} values; expected {total}, the size of all schedules together")
        return cast("Values", out)

    return given
