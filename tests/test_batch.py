import os
import pickle
import re
import sys
import threading
import time
import tracemalloc
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import stepladder as sl
from hypothesis import given
from hypothesis import strategies as st
from schedule_cases import CASES
from stepladder import _core, _plugins
from stepladder.errors import ProcessError, ScheduleError, UnknownNameError
from stepladder.hookspecs import hookimpl

ROOT = Path(__file__).parent.parent
SD = sl.DiscreteProcess()
EDM = sl.EDMProcess()
FAMILIES = ["sd15", "sdxl", "svd", "deepfloyd"]


def loop(name, count, process=None, **arguments):
    """The same schedules, one at a time."""
    return [
        sl.sigmas(name, process, **{k: v[i].item() if isinstance(v, np.ndarray) else v for k, v in arguments.items()})
        for i in range(count)
    ]


def bound(name, rho=7.0):
    """Relative difference that a batch may have from single schedules."""
    return {"karras": (rho + 8) * 2**-51, "exponential": 2e-14}.get(name, 0.0)


def assert_same(batch, schedules, tolerance):
    """`tolerance`: one per schedule."""
    assert len(batch) == len(schedules)
    np.testing.assert_array_equal(batch.offsets, np.cumsum([0, *map(len, schedules)]))
    for got, expected, rtol in zip(batch, schedules, np.broadcast_to(tolerance, len(schedules)), strict=True):
        np.testing.assert_allclose(got, expected, rtol=rtol, atol=0)
        assert (got[-2:] == expected[-2:]).all()
        assert (np.diff(got) < 0).all()


def assert_exact_ends(batch, columns):
    for index, sigmas in enumerate(batch):
        assert sigmas[-1] == 0
        if columns["steps"][index] > 1:
            assert sigmas[-2] == columns["sigma_min"][index]
        if columns["denoise"][index] == 1:
            assert sigmas[0] == columns["sigma_max"][index]


sizes = st.integers(0, 20)


@st.composite
def ranged(draw, count=sizes):
    """Valid columns for a schedule over a range."""
    n = draw(count)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    low = 10 ** rng.uniform(-4, 1, n)
    columns = {
        "steps": rng.integers(1, draw(st.sampled_from([3, 60, 2000])), n),
        "sigma_min": low,
        "sigma_max": low * 10 ** rng.uniform(0.05, 5, n),
        "denoise": np.where(rng.random(n) < 0.5, 1.0, rng.uniform(0.01, 1, n)),
    }
    rho = rng.uniform(0.3, 20, n)
    columns["rho"] = np.where(rng.random(n) < 0.5, np.ceil(rho), rho)
    return columns


@given(ranged())
def test_karras_equals_a_loop(columns):
    batch = sl.sigmas_batch("karras", **columns)
    n = len(columns["steps"])
    assert_same(batch, loop("karras", n, SD, **columns), [bound("karras", rho) for rho in columns["rho"]])
    assert_exact_ends(batch, columns)


@given(ranged())
def test_exponential_equals_a_loop(columns):
    del columns["rho"]
    batch = sl.sigmas_batch("exponential", **columns)
    assert_same(batch, loop("exponential", len(columns["steps"]), SD, **columns), bound("exponential"))
    assert_exact_ends(batch, columns)


@pytest.mark.parametrize("rho", [0.001, 0.03, 1.0, 999.5, 1000.0])
@pytest.mark.parametrize("ends", [(1e-12, 1e-11), (1e-200, 1e200), (1.0, 1.0 + 1e-9), (1e11, 1e12), (0.5, 0.9)])
def test_karras_beyond_the_vectors_equals_a_loop(rho, ends):
    low, high = ends
    arguments = {"steps": np.arange(1, 40), "sigma_min": low, "sigma_max": high, "rho": rho}
    try:
        expected = loop("karras", 39, SD, **arguments)
    except ScheduleError as error:
        with pytest.raises(ScheduleError, match=rf"^schedule \d+: {re.escape(str(error))}$"):
            sl.sigmas_batch("karras", **arguments)
    else:
        assert_same(sl.sigmas_batch("karras", **arguments), expected, bound("karras", rho))


@given(ranged(), st.booleans())
def test_other_ranges_are_the_loop_bit_by_bit(columns, narrow):
    del columns["denoise"]
    columns["rho"] = np.clip(columns["rho"], 0.5, 2.0)
    columns["steps"] = np.minimum(columns["steps"], 50)
    dtype = np.float32 if narrow else np.float64
    for name in ("polyexponential", "kl_optimal"):
        own = columns if name == "polyexponential" else {k: v for k, v in columns.items() if k != "rho"}
        singles = loop(name, len(columns["steps"]), SD, **own)
        batch = sl.sigmas_batch(name, dtype=dtype, **own)
        np.testing.assert_array_equal(batch.values, np.concatenate([*singles, np.empty(0)]).astype(dtype))
        np.testing.assert_array_equal(batch.offsets, np.cumsum([0, *map(len, singles)]))


def test_host_forms_have_batches_too():
    steps = np.array([3, 10, 3])
    batch = sl.sigmas_batch("kl_optimal", SD, steps=steps, convention="a1111")
    for got, count in zip(batch, steps.tolist(), strict=True):
        np.testing.assert_array_equal(got, sl.sigmas("kl_optimal", SD, count, convention="a1111"))
    for name in ("karras", "exponential", "polyexponential"):
        with pytest.raises(ScheduleError, match="convention"):
            sl.sigmas_batch(name, SD, steps=steps, convention=None)


@given(
    st.lists(st.integers(1, 3000), max_size=20), st.sampled_from([SD, EDM]), st.one_of(st.just(0.0), st.floats(0.01, 1))
)
def test_tables_are_the_loop_bit_by_bit(steps, process, denoise):
    steps = np.array(steps, np.int64)
    for name, params in [
        ("simple", {}),
        ("normal", {}),
        ("sgm_uniform", {}),
        *(("align_your_steps", {"family": f}) for f in FAMILIES),
    ]:
        batch = sl.sigmas_batch(name, process, steps=steps, denoise=denoise, **params)
        singles = loop(name, len(steps), process, steps=steps, denoise=denoise, **params)
        np.testing.assert_array_equal(batch.values, np.concatenate([*singles, np.empty(0)]))
        np.testing.assert_array_equal(batch.offsets, np.cumsum([0, *map(len, singles)]))


FLOAT32 = 2**-24 * (1 + 1e-2)
"""Half the distance of neighbouring float32 values, and what the shorter polynomials add."""


def assert_rounded(narrow, wide):
    assert narrow.values.dtype == np.float32
    np.testing.assert_array_equal(narrow.offsets, wide.offsets)
    np.testing.assert_allclose(narrow.values.astype(np.float64), wide.values, rtol=FLOAT32, atol=0)
    for few, many in zip(narrow, wide, strict=True):
        assert (np.diff(few) < 0).all()
        np.testing.assert_array_equal(few[-2:], many[-2:].astype(np.float32))


@given(ranged())
def test_float32_is_float64_rounded(columns):
    columns["steps"] = np.minimum(columns["steps"], 60)
    del columns["denoise"]
    for name in ("karras", "exponential"):
        own = columns if name == "karras" else {k: v for k, v in columns.items() if k != "rho"}
        wide = sl.sigmas_batch(name, **own)
        assert_rounded(sl.sigmas_batch(name, dtype=np.float32, **own), wide)
        assert_rounded(sl.sigmas_batch(name, out=np.empty(len(wide.values), np.float32), **own), wide)


@pytest.mark.parametrize("rho", [0.05, 0.7, 2.5, 6.7, 30.3, 66.6, 100.5, 900.1])
def test_float32_levels_against_exact_ones(rho):
    # The widest range that is computed in vectors, and an ordinary one; exact levels by mpmath.
    mpmath = pytest.importorskip("mpmath")
    for low, high in ((1e-10, 1e10), (0.03, 14.6)):
        narrow = sl.sigmas_batch("karras", steps=30, sigma_min=low, sigma_max=high, rho=rho, dtype=np.float32)[0]
        with mpmath.workdps(40):
            a, b = (mpmath.power(x, 1 / mpmath.mpf(rho)) for x in (high, low))
            exact = [mpmath.power(((29 - k) * a + k * b) / 29, rho) for k in range(30)]
            error = max(abs(mpmath.mpf(float(x)) / y - 1) for x, y in zip(narrow, exact, strict=False))
        assert error < FLOAT32


def test_float32_refuses_what_it_cannot_tell_apart():
    steps = np.array([20, 20_000])
    arguments = {"steps": steps, "sigma_min": 1.0, "sigma_max": 1.001}
    assert (np.diff(sl.sigmas_batch("karras", **arguments)[1]) < 0).all()
    with pytest.raises(ScheduleError, match=r"^schedule 1: sigmas\[\d+\] is .* which as float32 are"):
        sl.sigmas_batch("karras", dtype="float32", **arguments)
    for low, high in [(1e-60, 1.0), (1.0, 1e60)]:
        with pytest.raises(ScheduleError, match=r"^schedule 0: .*as float32"):
            sl.sigmas_batch("exponential", dtype="float32", steps=5, sigma_min=low, sigma_max=high)


def test_numbers_and_arrays_broadcast():
    expected = sl.sigmas_batch(
        "karras", steps=np.full(3, 7), sigma_min=np.full(3, 0.1), sigma_max=np.array([9.0, 10, 11])
    )
    for steps in (7, np.int32(7), np.array(7), np.array([7]), np.full(3, 7, np.uint8), np.full(6, 7)[::2]):
        for low in (0.1, np.float64(0.1), np.array([0.1])):
            for high in (np.array([9, 10, 11]), np.array([9, 10, 11], np.float32), np.array([9.0, 0, 10, 0, 11])[::2]):
                batch = sl.sigmas_batch("karras", steps=steps, sigma_min=low, sigma_max=high)
                np.testing.assert_array_equal(batch.values, expected.values)
                np.testing.assert_array_equal(batch.offsets, expected.offsets)
    one = sl.sigmas_batch("karras", SD, steps=7)
    assert len(one) == 1
    np.testing.assert_array_equal(one[0], one.values)
    np.testing.assert_allclose(one[0], sl.sigmas("karras", SD, 7), rtol=bound("karras"))
    # A process fills in for the end that is missing.
    half = sl.sigmas_batch("exponential", SD, steps=7, sigma_max=5.0)
    np.testing.assert_allclose(half[0], sl.sigmas("exponential", SD, 7, sigma_max=5.0), rtol=bound("exponential"))


@pytest.mark.parametrize("name", ["karras", "exponential", "simple", "normal", "align_your_steps"])
def test_no_schedules(name):
    batch = sl.sigmas_batch(name, SD, steps=np.array([], np.int64))
    assert len(batch) == 0
    assert list(batch) == []
    assert batch.values.shape == (0,)
    assert batch.offsets.tolist() == [0]
    assert batch.padded().shape == (0, 0)


def test_nothing_to_denoise_is_empty():
    batch = sl.sigmas_batch("karras", SD, steps=np.array([5, 6, 7]), denoise=np.array([1.0, 0, 0.5]))
    assert [len(item) for item in batch] == [6, 0, 8]
    np.testing.assert_array_equal(batch[2], sl.sigmas_batch("karras", SD, steps=14)[0][-8:])


def test_result_is_views_padding_and_tensors():
    torch = pytest.importorskip("torch")
    batch = sl.sigmas_batch("karras", SD, steps=np.array([3, 1, 2]))
    assert len(batch) == 3
    assert [len(item) for item in batch] == [4, 2, 3]
    for index, item in enumerate(batch):
        assert np.shares_memory(item, batch.values)
        for same in (batch[index], batch[index - 3], batch[np.int64(index)]):
            np.testing.assert_array_equal(item, same)
    for index in (3, -4):
        with pytest.raises(IndexError, match=f"schedule {index} of a batch of 3"):
            batch[index]
    with pytest.raises(TypeError):
        batch[0.0]
    padded = batch.padded(-1)
    np.testing.assert_array_equal(padded[0], batch[0])
    np.testing.assert_array_equal(padded[1], [*batch[1], -1, -1])
    assert padded.dtype == batch.values.dtype
    assert not np.shares_memory(padded, batch.values)
    values, offsets = batch.to_torch()
    assert values.data_ptr() == batch.values.ctypes.data
    assert offsets.tolist() == batch.offsets.tolist()
    assert offsets.dtype == torch.int64
    batch.values.flags.writeable = False
    assert batch.to_torch()[0].tolist() == values.tolist()
    with pytest.raises(ValueError, match="read-only"):
        batch.offsets[0] = 1
    with pytest.raises(AttributeError):
        batch.values = padded
    assert repr(batch) == "SigmasBatch(3 schedules, 9 values of float64)"


def test_pickle():
    batch = sl.sigmas_batch("karras", SD, steps=np.array([3, 1, 2]), dtype=np.float32)
    again = pickle.loads(pickle.dumps(batch))
    np.testing.assert_array_equal(again.values, batch.values)
    np.testing.assert_array_equal(again.offsets, batch.offsets)
    assert not again.offsets.flags.writeable


def test_out_is_filled_and_returned():
    steps = np.array([3, 1, 2])
    out = np.full(9, np.nan)
    batch = sl.sigmas_batch("karras", SD, steps=steps, out=out)
    assert batch.values is out
    np.testing.assert_array_equal(out, sl.sigmas_batch("karras", SD, steps=steps).values)
    part = np.full(20, np.nan)
    sl.sigmas_batch("karras", SD, steps=steps, out=part[5:14])
    np.testing.assert_array_equal(part[5:14], out)
    assert np.isnan(part[:5]).all()
    assert np.isnan(part[14:]).all()


def read_only():
    array = np.empty(9)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("out", "text"),
    [
        (np.empty(8), "out has 8 values; expected 9"),
        (np.empty(10), "out has 10 values; expected 9"),
        (np.empty(9, np.float16), "out is an array of float16; expected float64 or float32"),
        (np.empty(9, ">f8"), "out is an array of >f8; expected float64 or float32"),
        (np.empty(18)[::2], "out is not C-contiguous"),
        (np.empty((3, 3)), "out has 2 dimensions; expected 1"),
        (read_only(), "out is read-only"),
        ([0.0] * 9, "out is .* \\(list\\); expected a float64 or float32 array"),
    ],
)
def test_out_that_does_not_fit(out, text):
    with pytest.raises(ScheduleError, match=f"^{text}"):
        sl.sigmas_batch("karras", SD, steps=np.array([3, 1, 2]), out=out)


def test_out_that_overlaps_or_is_of_another_type():
    shared = np.array([1.0, 2.0, 3.0, 4, 5, 6, 7, 8, 9])
    with pytest.raises(ScheduleError, match=r"^out overlaps sigma_min; expected an array of its own"):
        sl.sigmas_batch("karras", SD, steps=2, sigma_min=shared[:3], out=shared)
    with pytest.raises(ScheduleError, match=r"^out is an array of float64; expected float32"):
        sl.sigmas_batch("karras", SD, steps=2, dtype=np.float32, out=shared)


@pytest.mark.parametrize("dtype", [np.float16, int, "complex128", "no such type", object])
def test_dtype_is_one_of_two(dtype):
    with pytest.raises(ScheduleError, match=r"^dtype is .*; expected float64 or float32"):
        sl.sigmas_batch("karras", SD, steps=2, dtype=dtype)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"sigma_min": np.ones(2)}, "sigma_min has 2 values; expected 3, as steps"),
        ({"rho": np.ones(4)}, "rho has 4 values; expected 3, as steps"),
        ({"denoise": np.ones(0)}, "denoise has 0 values; expected 3, as steps"),
        ({"sigma_max": np.ones((3, 1))}, "sigma_max is an array of float64 with 2 dimensions; expected a number, or"),
        ({"sigma_max": np.ones(3, complex)}, "sigma_max is an array of complex128; expected"),
        ({"sigma_max": np.ones(3, bool)}, "sigma_max is an array of bool; expected"),
        ({"sigma_max": [1.0, 2, 3]}, r"sigma_max is \[.*\] \(list\); expected"),
        ({"rho": "7"}, r"rho is '7' \(str\); expected"),
        ({"rho": True}, r"rho is True \(bool\); expected"),
        ({"rho": 10**400}, "rho is 1000000.*; expected a number that float64 can hold"),
        ({"rho": np.array([7, 7, -1.0])}, "schedule 2: rho is -1; expected 0"),
        ({"rho": np.array([7, np.nan, -1.0])}, "schedule 1: rho is NaN"),
        ({"rho": np.array([7, 2000, 7.0])}, "schedule 1: rho is 2000"),
        ({"sigma_max": np.array([np.inf, 20, 20])}, "schedule 0: sigma_min is .* and sigma_max is inf"),
        ({"sigma_min": np.array([0.1, -0.1, 0.1])}, "schedule 1: sigma_min is -0.1 and sigma_max is"),
        ({"sigma_min": np.array([0.1, 0.1, np.nan])}, "schedule 2: sigma_min is NaN"),
        ({"sigma_min": 0.0}, "schedule 0: sigma_min is 0 and"),
        ({"sigma_min": 5.0, "sigma_max": np.array([6.0, 5.0, 7.0])}, "schedule 1: sigma_min is 5 and sigma_max is 5"),
        ({"denoise": np.array([1, 0.5, 1.5])}, "schedule 2: denoise is 1.5; expected 0 to 1"),
        ({"denoise": np.array([1, np.nan, 1.5])}, "schedule 1: denoise is NaN"),
        ({"denoise": 1e-9}, "schedule 0: steps / denoise is"),
        ({"steps": np.array([5, 0, -1])}, "schedule 1: steps is 0; expected 1 to 10000000"),
        ({"steps": np.array([5, 4, -1])}, "schedule 2: steps is -1; expected 1 to 10000000"),
        ({"steps": np.array([5, 4, 10_000_001])}, "schedule 2: steps is 10000001; expected 1 to 10000000"),
        ({"steps": np.array([5, 4, 2**64 - 1], np.uint64)}, "schedule 2: steps is 9223372036854775807; expected"),
        ({"steps": np.array([5.0, 4, 3])}, "steps is an array of float64; expected an int, or a"),
        ({"steps": np.array([True])}, "steps is an array of bool; expected an int"),
        ({"steps": np.ones((2, 2), int)}, "steps is an array of int64 with 2 dimensions; expected an int, or a"),
        ({"steps": [1, 2]}, r"steps is \[1, 2\] \(list\); expected an int"),
        ({"steps": 2.0}, r"steps is 2.0 \(float\); expected an int"),
        ({"steps": True}, r"steps is True \(bool\); expected an int"),
        ({"steps": 2**70}, f"steps is {2**70}; expected 1 to 10000000"),
        ({"steps": -(2**70)}, f"steps is {-(2**70)}; expected 1 to 10000000"),
        ({"threads": 0}, "threads is 0; expected 1 to 256"),
        ({"threads": 257}, "threads is 257; expected 1 to 256"),
        ({"threads": -1}, "threads is -1; expected an int from 1 to 256"),
        ({"threads": 1.5}, "threads is 1.5"),
        ({"ro": 7}, "schedule 'karras' has no parameter 'ro'; did you mean 'rho'"),
    ],
)
def test_bad_arguments_are_named(arguments, text):
    with pytest.raises(ScheduleError, match=f"^{text}"):
        sl.sigmas_batch("karras", SD, **{"steps": np.array([5, 4, 3]), **arguments})


def test_names_and_processes_that_are_none():
    with pytest.raises(UnknownNameError, match="karras"):
        sl.sigmas_batch("karas", SD, steps=3)
    with pytest.raises(ScheduleError, match=r"^name is KarrasSchedule; expected the name of a schedule"):
        sl.sigmas_batch(sl.KarrasSchedule(), SD, steps=3)
    with pytest.raises(ProcessError, match=r"^process is None; karras takes its range from a process"):
        sl.sigmas_batch("karras", steps=3, sigma_min=0.1)
    with pytest.raises(ProcessError, match=r"^process is None; normal places its levels over a process"):
        sl.sigmas_batch("normal", steps=3)
    with pytest.raises(ProcessError, match=r"^process is int; expected a NoiseProcess"):
        sl.sigmas_batch("karras", 3, steps=3)
    with pytest.raises(ScheduleError, match="family"):
        sl.sigmas_batch("align_your_steps", steps=3, family="sd16")
    with pytest.raises(ScheduleError, match="has no parameter 'rho'"):
        sl.sigmas_batch("exponential", SD, steps=3, rho=7.0)
    with pytest.raises(ScheduleError, match=r"'normal' has no parameter 'sigma_min' \(it takes no parameters\)"):
        sl.sigmas_batch("normal", SD, steps=3, sigma_min=0.1)
    with pytest.raises(ScheduleError, match=r"'simple' has no parameter 'sigma_min' \(it takes convention=None\)"):
        sl.sigmas_batch("simple", SD, steps=3, sigma_min=0.1)


def test_sizes_that_cannot_be_are_refused_before_allocating():
    tracemalloc.start()
    try:
        for steps in (np.full(4, 2**62), np.full(4, 2**63 - 1), np.full(4, 2**64 - 1, np.uint64)):
            with pytest.raises(ScheduleError, match=r"^schedule 0: steps is"):
                sl.sigmas_batch("karras", SD, steps=steps)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100_000


def big(n=5000):
    rng = np.random.default_rng(0)
    return {
        "steps": rng.integers(1, 50, n),
        "sigma_min": rng.uniform(0.01, 0.1, n),
        "sigma_max": rng.uniform(10, 100, n),
    }


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("rho", [7.0, 5.0, 2.5])
def test_threads_change_no_bit(dtype, rho):
    columns = big()
    one = sl.sigmas_batch("karras", dtype=dtype, rho=rho, **columns)
    for threads in (2, 3, 7, 256):
        many = sl.sigmas_batch("karras", dtype=dtype, rho=rho, threads=threads, **columns)
        assert many.values.tobytes() == one.values.tobytes()
        np.testing.assert_array_equal(many.offsets, one.offsets)
    for name in ("exponential", "normal", "simple"):
        own = columns if name == "exponential" else {"process": SD, "steps": columns["steps"]}
        a, b = (sl.sigmas_batch(name, dtype=dtype, threads=threads, **own) for threads in (1, 2))
        assert a.values.tobytes() == b.values.tobytes()


def test_threads_report_the_first_schedule_that_does_not_fit():
    columns = big()
    columns["sigma_max"][[100, 4900]] = columns["sigma_min"][[100, 4900]] * (1 + 1e-15)
    columns["steps"][[100, 4900]] = 40
    for threads in (1, 2, 5):
        with pytest.raises(ScheduleError, match=r"^schedule 100: 40 steps do not fit"):
            sl.sigmas_batch("karras", threads=threads, **columns)


def test_calls_from_several_threads_agree():
    columns, results = big(), [None] * 4

    def work(slot):
        results[slot] = sl.sigmas_batch("karras", threads=2, **columns).values.tobytes()

    workers = [threading.Thread(target=work, args=(slot,)) for slot in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert set(results) == {sl.sigmas_batch("karras", **columns).values.tobytes()}


def test_another_thread_advances_while_a_batch_is_computed():
    n = 20_000
    many = {
        "steps": np.full(n, 50),
        "sigma_min": 0.03,
        "sigma_max": np.linspace(10.0, 99.0, n),
        "out": np.empty(51 * n),
    }
    ticks, stop = [0], threading.Event()

    def tick():
        while not stop.is_set():
            ticks[0] += 1
            time.sleep(0)

    worker = threading.Thread(target=tick)
    interval = sys.getswitchinterval()
    # From here on a thread runs until it gives the interpreter up by itself.
    sys.setswitchinterval(1000.0)
    try:
        worker.start()
        while ticks[0] == 0:
            time.sleep(0.001)
        start = ticks[0]
        sl.sigmas_batch("karras", steps=3, sigma_min=0.03, sigma_max=10.0)
        assert ticks[0] == start, "a small batch does not give it up"
        for _ in range(1000):
            sl.sigmas_batch("karras", **many)
            if ticks[0] > start:
                break
        assert ticks[0] > start
    finally:
        stop.set()
        sys.setswitchinterval(interval)
        worker.join()


class Slow(sl.NoiseProcess):
    """A process in Python, which compiled code calls back with the interpreter released."""

    family = "vp"
    sigma_min, sigma_max = SD.sigma_min, SD.sigma_max
    sigmas = SD.sigmas

    def sigma(self, t):
        return SD.sigma(t)

    def timestep(self, sigma, *, interpolate=False):
        return SD.timestep(sigma, interpolate=interpolate)

    def percent_to_sigma(self, percent):
        return SD.percent_to_sigma(percent)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_process_in_python_is_called_from_a_released_interpreter(threads):
    steps = np.tile(np.arange(1, 60), 40)
    for name in ("simple", "normal"):
        got = sl.sigmas_batch(name, Slow(), steps=steps, threads=threads)
        assert got.values.tobytes() == sl.sigmas_batch(name, SD, steps=steps).values.tobytes()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_works():
    columns = big()
    expected = sl.sigmas_batch("karras", threads=2, **columns).values.tobytes()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            same = sl.sigmas_batch("karras", threads=2, **columns).values.tobytes() == expected
            os.write(write, b"same" if same else b"different")
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        assert stream.read() == b"same"
    os.waitpid(child, 0)


@dataclass(frozen=True)
class SquareSchedule(sl.Schedule):
    """Levels evenly spaced in a power of the index."""

    power: float = 2.0
    folds: int = 1
    mode: str = "down"

    calls: ClassVar[list] = []

    def __post_init__(self):
        if not self.power > 0:
            raise ScheduleError(f"power is {self.power}; expected a value above 0")

    def generate(self, process, steps):
        assert type(self.folds) is int
        assert self.mode == "down"
        self.calls.append((steps, self.power))
        return process.sigma_max * np.linspace(1, 0, steps + 1) ** (self.power * self.folds)


@pytest.fixture
def plugin(monkeypatch):
    class Plugin:
        @hookimpl
        def register_schedules(self, register):
            register("square", SquareSchedule, source="this test")

    manager = sl.make_manager(entry_points=False)
    manager.register_plugin(Plugin(), "square")
    monkeypatch.setattr(_plugins, "_SCHEDULES", {})
    monkeypatch.setattr(_plugins, "shared", lambda: manager)
    monkeypatch.setattr("stepladder._batch.shared", lambda: manager)
    SquareSchedule.calls.clear()


@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.sampled_from([0.5, 1.0, 3.0]), st.one_of(st.just(0.0), st.floats(0.01, 1))),
        max_size=12,
    )
)
def check_plugin(rows):
    steps, power, denoise = (np.array([row[k] for row in rows], t) for k, t in enumerate((int, float, float)))
    for dtype in (np.float64, np.float32):
        batch = sl.sigmas_batch("square", EDM, steps=steps, power=power, denoise=denoise, mode="down", dtype=dtype)
        singles = loop("square", len(rows), EDM, steps=steps, power=power, denoise=denoise)
        np.testing.assert_array_equal(batch.values, np.concatenate([*singles, np.empty(0)]).astype(dtype))
        np.testing.assert_array_equal(batch.offsets, np.cumsum([0, *map(len, singles)]))


@pytest.mark.usefixtures("plugin")
def test_a_plugins_schedule_works_and_is_called_once_per_distinct_request():
    check_plugin()
    SquareSchedule.calls.clear()
    out = np.empty(5 * 1000)
    batch = sl.sigmas_batch("square", EDM, steps=4, power=np.tile([1.0, 2.0], 500), folds=np.full(1000, 1), out=out)
    assert batch.values is out
    assert SquareSchedule.calls == [(4, 1.0), (4, 2.0)]
    assert len(sl.sigmas_batch("square", EDM, steps=4)) == 1


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"power": np.array([1.0, -2, -3])}, "schedule 1: power is -2"),
        ({"power": np.array([1.0, np.nan, -3])}, "schedule 1: power is nan"),
        ({"power": np.array([1.0, 2.0])}, "power has 2 values; expected 3, as steps"),
        ({"power": np.array(["a", "b", "c"])}, "power is an array of <U1; expected a number for each schedule"),
        ({"power": np.ones((3, 2))}, "power is an array of float64 with 2 dimensions; expected a number for each"),
        ({"powr": 2.0}, "schedule 0: schedule 'square' has no parameter 'powr'"),
        ({"steps": np.array([3, 0, 3])}, "schedule 1: steps is 0"),
        ({"denoise": np.array([0.5, 0.5, 2.0])}, "schedule 2: denoise is 2"),
        ({"out": np.empty(3)}, "out has 3 values; expected 12"),
        ({"power": 1e-300, "dtype": np.float32}, "schedule 0: "),
    ],
)
def test_a_plugins_schedule_names_the_request(arguments, text):
    with pytest.raises(ScheduleError, match=f"^{text}"):
        sl.sigmas_batch("square", EDM, **{"steps": np.array([3, 3, 3]), **arguments})


@pytest.mark.usefixtures("plugin")
def test_a_plugins_schedule_needs_its_process():
    with pytest.raises(ProcessError, match=r"^process is None; square places its levels over a process: give one$"):
        sl.sigmas_batch("square", steps=3)


def test_every_registered_schedule_has_a_batch():
    for name in sl.schedules():
        most, required = CASES[name].most or 10, CASES[name].required
        steps = np.minimum([3, 10, 3], most)
        batch = sl.sigmas_batch(name, SD, steps=steps, **required)
        assert_same(batch, loop(name, 3, SD, steps=steps, **required), bound(name))


def test_a_schedule_that_exists_for_few_steps_names_the_request():
    with pytest.raises(ScheduleError, match=r"^schedule 1: steps is 2; expected 1: constant repeats"):
        sl.sigmas_batch("constant", SD, steps=np.array([1, 2]))
    with pytest.raises(ScheduleError, match=r"^schedule 1: steps is 51; expected at most 50: lcm exists only at"):
        sl.sigmas_batch("lcm", SD, steps=np.array([50, 51]))


def test_packing_checks_its_index():
    with pytest.raises(ScheduleError, match=r"which\[1\] is 2; expected an index into 2 items"):
        _core.batch_pack([np.ones(1), np.ones(1)], np.array([0, 2]), np.empty)
    with pytest.raises(ScheduleError, match=r"which\[0\] is -1"):
        _core.batch_pack([np.ones(1)], np.array([-1]), np.empty)


def test_an_import_of_the_package_is_enough():
    assert {"SigmasBatch", "sigmas_batch"} <= set(sl.__all__)
    assert {"SigmasBatch", "sigmas_batch"} <= set(dir(sl))


def test_the_documented_service_runs():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/throughput.md").read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    names = {}
    for block in blocks:
        exec(block, names)


# --- checked before anything is built --------------------------------------------------------------------------------


@pytest.fixture
def unbuilt(monkeypatch):
    def generate(self, process, steps):
        raise AssertionError("built")

    for schedule in (sl.CosineSchedule, sl.LaplaceSchedule):
        monkeypatch.setattr(schedule, "generate", generate)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: sl.sigmas_batch("cosine", SD, steps=np.array([10**7, 0])), "^schedule 1: steps is 0; expected 1 to"),
        (
            lambda: sl.sigmas_batch("cosine", SD, steps=np.array([5, 6]), denoise=np.array([1.0, -1.0])),
            "^schedule 1: denoise is -1; expected 0 to 1",
        ),
        (
            lambda: sl.sigmas_batch("cosine", SD, steps=np.array([5, 6]), sigma_max=np.array([1.0, -1.0])),
            "^schedule 1: sigma_max is -1",
        ),
        (
            lambda: sl.sigmas_batch("cosine", SD, steps=np.array([10**7, 5]), out=np.empty(7)),
            "^out has 7 values; expected 10000007, the size of all",
        ),
        (
            lambda: sl.sigmas_batch("cosine", SD, steps=np.full(200_000, 10**7)),
            r"^the batch has 2000000200000 values; expected at most 1099511627776, so split the batch$",
        ),
    ],
)
@pytest.mark.usefixtures("unbuilt")
def test_nothing_is_built_before_all_is_checked(call, text):
    with pytest.raises(ScheduleError, match=text):
        call()


def test_a_host_list_is_checked_against_out_when_it_is_there():
    steps = np.array([10, 40])
    whole = sl.sigmas_batch("ddim_uniform", SD, steps=steps, convention="comfyui")
    out = np.empty(whole.values.size)
    assert sl.sigmas_batch("ddim_uniform", SD, steps=steps, convention="comfyui", out=out).values is out
    np.testing.assert_array_equal(out, whole.values)
    with pytest.raises(ScheduleError, match=r"^out has 2 values; expected"):
        sl.sigmas_batch("ddim_uniform", SD, steps=steps, convention="comfyui", out=np.empty(2))


@pytest.mark.parametrize("name", ["karras", "exponential", "simple", "align_your_steps"])
def test_totals_beyond_memory_are_refused(name):
    with pytest.raises(ScheduleError, match=r"the batch has more than 1099511627776 values up to here"):
        sl.sigmas_batch(name, SD, steps=np.full(10**6, 10**7))


def test_an_allocation_that_fails_names_the_total(monkeypatch):
    def empty(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr(np, "empty", empty)
    with pytest.raises(ScheduleError, match=r"^the batch has 12 values, 48 bytes, more than memory; expected fewer"):
        sl.sigmas_batch("karras", SD, steps=np.array([5, 5]), dtype="float32")


def test_broadcast_arrays_are_not_copied_when_they_cannot_be():
    steps = np.broadcast_to(np.int64(5), 2**41)
    with pytest.raises(ScheduleError, match=r"^steps has 2199023255552 values; expected at most 1099511627776"):
        sl.sigmas_batch("karras", SD, steps=steps)


@pytest.mark.parametrize("fill", ["a", None, True, [1.0], 10**400])
def test_bad_fills_are_named(fill):
    with pytest.raises(ScheduleError, match=r"^fill is "):
        sl.sigmas_batch("karras", SD, steps=3).padded(fill)


@pytest.mark.parametrize("index", [slice(0, 1), "a", 1.0, None])
def test_bad_indices_are_named(index):
    with pytest.raises(TypeError, match=r"^index is .*; expected an int, one schedule"):
        sl.sigmas_batch("karras", SD, steps=3)[index]


@pytest.mark.parametrize("name", ["beta", "simple", "cosine", "ddim_uniform", "smoothstep", "normal", "karras"])
def test_a_missing_process_is_named(name):
    with pytest.raises(ProcessError, match=f"^process is None; {name} .*: give one"):
        sl.sigmas_batch(name, steps=2)
