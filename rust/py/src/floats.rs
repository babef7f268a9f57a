//! Numbers in and out: Python floats, and float arrays of any shape.

use std::panic::resume_unwind;

use numpy::{Element, PyArray1, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyFloat, PyInt, PyList, PyString, PyTuple, PyType};
use stepladder_core::kernel::MAX_THREADS;
use stepladder_core::{Error, Noun, Result};

use crate::error::to_py;

/// Values from which on the interpreter is released: about 20 µs of exponentials.
pub(crate) const DETACH_FROM: usize = 2000;

/// Fewest values that are worth a thread: about 100 µs of exponentials.
const PER_THREAD: usize = 16 * BLOCK;

/// A complaint about the kind of thing an argument is.
pub(crate) fn refuse(noun: Noun, name: &str, value: &Bound<'_, PyAny>, expected: &str) -> PyErr {
    let kind = match value.cast::<PyUntypedArray>() {
        Ok(array) => format!("an array of {}", array.dtype()),
        Err(_) => value.get_type().name().map_or_else(|_| "of an unnamed type".to_owned(), |name| name.to_string()),
    };
    to_py(Error::Message { noun, message: format!("{name} is {kind}; expected {expected}") })
}

/// A count of something: an `int`, or anything that converts to one without loss, but no `bool`.
pub(crate) fn count(noun: Noun, name: &str, value: &Bound<'_, PyAny>, range: &str) -> PyResult<u64> {
    if !value.is_instance_of::<PyBool>()
        && let Ok(count) = value.extract::<u64>()
    {
        return Ok(count);
    }
    let is_int = value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>();
    let got = if is_int { value.repr()?.to_string() } else { describe(value)? };
    Err(to_py(Error::Message { noun, message: format!("{name} is {got}; expected an int from {range}") }))
}

fn describe(value: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(format!("{} ({})", value.repr()?, value.get_type().name()?))
}

/// `parse` of a `str` that is one of the `known` words.
pub(crate) fn choice<T>(
    noun: Noun,
    name: &str,
    value: &Bound<'_, PyAny>,
    known: &[&str],
    parse: impl FnOnce(&str) -> Result<T>,
) -> PyResult<T> {
    let Ok(word) = value.cast::<PyString>() else {
        let message = format!("{name} is {}; expected one of {}", describe(value)?, known.join(", "));
        return Err(to_py(Error::Message { noun, message }));
    };
    parse(word.to_str()?).map_err(to_py)
}

/// `True` or `False`, and nothing that only counts as one of them.
pub(crate) fn flag(noun: Noun, name: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let Ok(flag) = value.cast::<PyBool>() else {
        let message = format!("{name} is {}; expected True or False", describe(value)?);
        return Err(to_py(Error::Message { noun, message }));
    };
    Ok(flag.is_true())
}

/// What a map over an array is told beside the values: where results go, and how many threads may share the work.
#[derive(Clone, Copy, Default)]
pub(crate) struct Target<'a, 'py> {
    pub(crate) out: Option<&'a Bound<'py, PyAny>>,
    /// `None` is 1.
    pub(crate) threads: Option<&'a Bound<'py, PyAny>>,
}

impl Target<'_, '_> {
    fn thread_count(&self, noun: Noun) -> PyResult<usize> {
        let Some(threads) = self.threads else { return Ok(1) };
        let count = count(noun, "threads", threads, "1 to 256")?;
        if let Ok(count @ 1..=MAX_THREADS) = usize::try_from(count) {
            return Ok(count);
        }
        Err(to_py(Error::Message { noun, message: format!("threads is {count}; expected 1 to {MAX_THREADS}") }))
    }
}

static REAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// A single real number; `None` when the argument is something else.
pub(crate) fn scalar(value: &Bound<'_, PyAny>) -> Option<f64> {
    if let Ok(float) = value.cast::<PyFloat>() {
        return Some(float.value());
    }
    if let Ok(int) = value.cast_exact::<PyInt>() {
        return int.extract().ok();
    }
    // Integers and NumPy's scalars; a one-element tensor is no `Real`, and reading it would stall its device.
    let real = REAL.import(value.py(), "numbers", "Real").ok()?;
    if value.is_instance(real).ok()? && !value.is_instance_of::<PyBool>() {
        return value.extract().ok();
    }
    None
}

/// A single real number.
pub(crate) fn number(noun: Noun, name: &str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    match scalar(value) {
        Some(number) => Ok(number),
        None => Err(other(noun, name, value, "a float")),
    }
}

/// A word.
pub(crate) fn word(noun: Noun, name: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    value.extract().map_err(|_| other(noun, name, value, "a str"))
}

/// A complaint about an argument of another type, with its value.
fn other(noun: Noun, name: &str, value: &Bound<'_, PyAny>, expected: &str) -> PyErr {
    match describe(value) {
        Ok(got) => to_py(Error::Message { noun, message: format!("{name} is {got}; expected {expected}") }),
        Err(error) => error,
    }
}

/// Values that are converted together where an array is float32: enough for the core's vectors, and not a multiple of
/// the 512 doubles at which a load has to wait for a store elsewhere with the same low address bits.
const BLOCK: usize = 1280;

/// `f` over a Python number, or over a C-contiguous float64 or float32 array of any shape.
///
/// A number returns a `float`. An array returns a fresh float64 array of its shape, or `out`: an array of that shape,
/// float64 or float32, to which results are rounded. Float32 is widened first. Everything else is refused by name rather
/// than converted. The number of threads changes no bit of the results.
pub(crate) fn map<'py>(
    noun: Noun,
    name: &'static str,
    value: &Bound<'py, PyAny>,
    into: Target<'_, 'py>,
    f: impl Fn(&[f64], &mut [f64]) -> Result<()> + Send + Sync,
) -> PyResult<Bound<'py, PyAny>> {
    let py = value.py();
    let out = into.out;
    if out.is_none()
        && let Some(number) = scalar(value)
    {
        let mut out = [0.0];
        f(&[number], &mut out).map_err(to_py)?;
        return Ok(PyFloat::new(py, out[0]).into_any());
    }
    let threads = into.thread_count(noun)?;
    if let Ok(array) = value.cast::<PyArrayDyn<f64>>() {
        let array = contiguous(noun, name, array)?;
        return write(noun, py, array.shape(), array.as_slice()?, out, threads, &f);
    }
    if let Ok(array) = value.cast::<PyArrayDyn<f32>>() {
        let array = contiguous(noun, name, array)?;
        return write(noun, py, array.shape(), array.as_slice()?, out, threads, &f);
    }
    let expected = if out.is_none() { "a float, or a float64 or float32 array" } else { "a float64 or float32 array" };
    Err(refuse(noun, name, value, expected))
}

/// `f` of an array's values, in `out` or a fresh array.
fn write<'py, T: Float>(
    noun: Noun,
    py: Python<'py>,
    shape: &[usize],
    values: &[T],
    out: Option<&Bound<'py, PyAny>>,
    threads: usize,
    f: &(impl Fn(&[f64], &mut [f64]) -> Result<()> + Send + Sync),
) -> PyResult<Bound<'py, PyAny>> {
    let Some(out) = out else {
        let array = PyArrayDyn::<f64>::zeros(py, shape, false);
        convert(noun, &array, values, threads, f)?;
        return Ok(array.into_any());
    };
    let refused = |what: String| {
        let message =
            format!("out {what}; expected a writeable float64 or float32 array of shape {shape:?}, C-contiguous");
        Err(to_py(Error::Message { noun, message }))
    };
    let Ok(array) = out.cast::<PyUntypedArray>() else {
        return refused(format!("is {}", out.get_type().name()?));
    };
    if array.shape() != shape {
        return refused(format!("has shape {:?}", array.shape()));
    }
    if !array.is_c_contiguous() {
        return refused("is not C-contiguous".to_owned());
    }
    if let Ok(array) = out.cast::<PyArrayDyn<f64>>() {
        convert(noun, array, values, threads, f)?;
    } else if let Ok(array) = out.cast::<PyArrayDyn<f32>>() {
        convert(noun, array, values, threads, f)?;
    } else {
        return refused(format!("is an array of {}", array.dtype()));
    }
    Ok(out.clone())
}

/// A precision of arrays.
trait Float: Element + Copy + Into<f64> + Sync + Send {
    /// The values themselves where they are float64.
    fn doubles(values: &[Self]) -> Option<&[f64]>;
    fn doubles_mut(values: &mut [Self]) -> Option<&mut [f64]>;
    fn rounded(value: f64) -> Self;
}

impl Float for f64 {
    fn doubles(values: &[Self]) -> Option<&[f64]> {
        Some(values)
    }

    fn doubles_mut(values: &mut [Self]) -> Option<&mut [f64]> {
        Some(values)
    }

    fn rounded(value: f64) -> Self {
        value
    }
}

impl Float for f32 {
    fn doubles(_values: &[Self]) -> Option<&[f64]> {
        None
    }

    fn doubles_mut(_values: &mut [Self]) -> Option<&mut [f64]> {
        None
    }

    #[expect(clippy::cast_possible_truncation, reason = "the precision that was asked for")]
    fn rounded(value: f64) -> Self {
        value as f32
    }
}

/// `f` of values in whatever precision: at once where all is float64, else block by block.
fn convert<T: Float, U: Float>(
    noun: Noun,
    out: &Bound<'_, PyArrayDyn<U>>,
    values: &[T],
    threads: usize,
    f: &(impl Fn(&[f64], &mut [f64]) -> Result<()> + Send + Sync),
) -> PyResult<()> {
    let Ok(mut borrowed) = out.try_readwrite() else {
        let message = "out is read-only or overlaps the input; expected another, writeable array".to_owned();
        return Err(to_py(Error::Message { noun, message }));
    };
    let result = borrowed.as_slice_mut()?;
    detached(out.py(), values.len(), || on_threads(values, result, threads, f)).map_err(to_py)
}

/// [`by_blocks`], each of up to `threads` threads a run of whole blocks.
fn on_threads<T: Float, U: Float>(
    values: &[T],
    out: &mut [U],
    threads: usize,
    f: &(impl Fn(&[f64], &mut [f64]) -> Result<()> + Sync),
) -> Result<()> {
    let threads = threads.min(values.len() / PER_THREAD).max(1);
    if threads == 1 {
        return by_blocks(values, out, f);
    }
    let share = values.len() / threads / BLOCK * BLOCK;
    let result = std::thread::scope(|scope| {
        let (mut values, mut out) = (values, out);
        let mut running = Vec::with_capacity(threads - 1);
        for _ in 1..threads {
            let (mine, rest) = values.split_at(share);
            let (my_out, rest_out) = std::mem::take(&mut out).split_at_mut(share);
            running.push(scope.spawn(move || by_blocks(mine, my_out, f)));
            (values, out) = (rest, rest_out);
        }
        let last = by_blocks(values, out, f);
        running
            .into_iter()
            .fold(last, |all, thread| all.and(thread.join().unwrap_or_else(|panic| resume_unwind(panic))))
    });
    result.or_else(|_| located(values, f))
}

/// Once more on everything, after an error: it then names the position in the whole array.
fn located<T: Float>(values: &[T], f: &impl Fn(&[f64], &mut [f64]) -> Result<()>) -> Result<()> {
    let all: Vec<f64> = values.iter().map(|&value| value.into()).collect();
    f(&all, &mut vec![0.0; all.len()])
}

fn by_blocks<T: Float, U: Float>(
    values: &[T],
    out: &mut [U],
    f: &impl Fn(&[f64], &mut [f64]) -> Result<()>,
) -> Result<()> {
    if let (Some(values), Some(out)) = (T::doubles(values), U::doubles_mut(out)) {
        return f(values, out);
    }
    let (mut wide, mut result) = ([0.0; BLOCK], [0.0; BLOCK]);
    for (block, out) in values.chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
        let (wide, result) = (&mut wide[..block.len()], &mut result[..block.len()]);
        for (wide, &value) in wide.iter_mut().zip(block) {
            *wide = value.into();
        }
        if f(wide, result).is_err() {
            return located(values, f);
        }
        for (out, &result) in out.iter_mut().zip(result.iter()) {
            *out = U::rounded(result);
        }
    }
    Ok(())
}

/// A fresh float64 array of that length, filled by `f`.
pub(crate) fn filled(
    py: Python<'_>,
    len: usize,
    f: impl FnOnce(&mut [f64]) -> Result<()> + Send,
) -> PyResult<Bound<'_, PyArray1<f64>>> {
    let array = PyArray1::<f64>::zeros(py, len, false);
    {
        let mut out = array.try_readwrite()?;
        let slice = out.as_slice_mut()?;
        detached(py, len, || f(slice)).map_err(to_py)?;
    }
    Ok(array)
}

/// Runs `f`, without holding the interpreter when there is enough to do.
pub(crate) fn detached<T: Send>(py: Python<'_>, len: usize, f: impl FnOnce() -> T + Send) -> T {
    if len < DETACH_FROM { f() } else { py.detach(f) }
}

fn contiguous<'py, T: Element>(
    noun: Noun,
    name: &str,
    array: &Bound<'py, PyArrayDyn<T>>,
) -> PyResult<PyReadonlyArrayDyn<'py, T>> {
    if array.is_c_contiguous() && array.is_aligned() {
        return Ok(array.try_readonly()?);
    }
    let message = format!("{name} is not C-contiguous and aligned; expected numpy.ascontiguousarray({name})");
    Err(to_py(Error::Message { noun, message }))
}

/// A one-dimensional table: a list or tuple of numbers, or a C-contiguous float64 or float32 array.
pub(crate) fn table(noun: Noun, name: &'static str, value: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    let number = |item: Bound<'_, PyAny>| {
        scalar(&item).ok_or_else(|| refuse(noun, &format!("a value of {name}"), &item, "a float"))
    };
    if let Ok(array) = value.cast::<PyArrayDyn<f64>>() {
        let array = contiguous(noun, name, array)?;
        one_dimensional(noun, name, array.ndim())?;
        return Ok(array.as_slice()?.to_vec());
    }
    if let Ok(list) = value.cast::<PyList>() {
        return list.iter().map(number).collect();
    }
    if let Ok(tuple) = value.cast::<PyTuple>() {
        return tuple.iter().map(number).collect();
    }
    if let Ok(array) = value.cast::<PyArrayDyn<f32>>() {
        let array = contiguous(noun, name, array)?;
        one_dimensional(noun, name, array.ndim())?;
        return Ok(array.as_slice()?.iter().map(|&value| f64::from(value)).collect());
    }
    Err(refuse(noun, name, value, "a list or tuple of floats, or a float64 or float32 array"))
}

fn one_dimensional(noun: Noun, name: &'static str, ndim: usize) -> PyResult<()> {
    if ndim == 1 {
        return Ok(());
    }
    Err(to_py(Error::Message { noun, message: format!("{name} has {ndim} dimensions; expected 1") }))
}

/// A borrowed float64 array of one dimension, as stepladder itself makes them.
pub(crate) fn vector<'py>(
    noun: Noun,
    name: &'static str,
    value: &Bound<'py, PyAny>,
) -> PyResult<PyReadonlyArrayDyn<'py, f64>> {
    let Ok(array) = value.cast::<PyArrayDyn<f64>>() else {
        return Err(refuse(noun, name, value, "a float64 array"));
    };
    let array = contiguous(noun, name, array)?;
    one_dimensional(noun, name, array.ndim())?;
    Ok(array)
}
