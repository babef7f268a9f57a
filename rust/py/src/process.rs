//! Binding of `stepladder_core::process`, and the way back: a Python process as a `NoiseProcess` of the core.

use std::sync::{Mutex, PoisonError};

use numpy::PyArray1;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;
use stepladder_core::process::{BetaSchedule, DiscreteProcess, EdmProcess, Family, Lookup, NoiseProcess};
use stepladder_core::{Error, Noun, Result};

use crate::error::to_py;
use crate::floats;

/// A noise process of the core, whatever its family.
#[pyclass(frozen, name = "NativeProcess", module = "stepladder._core")]
pub(crate) struct NativeProcess {
    process: Box<dyn NoiseProcess>,
}

impl NativeProcess {
    fn new(process: Result<impl NoiseProcess + 'static>) -> PyResult<Self> {
        Ok(Self { process: Box::new(process.map_err(to_py)?) })
    }
}

#[pymethods]
impl NativeProcess {
    #[staticmethod]
    fn discrete(beta_schedule: &str, beta_start: f64, beta_end: f64, timesteps: &Bound<'_, PyAny>) -> PyResult<Self> {
        let timesteps = floats::count(Noun::Process, "timesteps", timesteps, "2 to 1000000")?;
        let timesteps = usize::try_from(timesteps).unwrap_or(usize::MAX);
        let schedule = BetaSchedule::parse(beta_schedule).map_err(to_py)?;
        Self::new(DiscreteProcess::new(schedule, beta_start, beta_end, timesteps))
    }

    #[staticmethod]
    fn from_betas(betas: &Bound<'_, PyAny>) -> PyResult<Self> {
        Self::new(DiscreteProcess::from_betas(&floats::table(Noun::Process, "betas", betas)?))
    }

    #[staticmethod]
    fn from_alphas_cumprod(alphas_cumprod: &Bound<'_, PyAny>) -> PyResult<Self> {
        let values = floats::table(Noun::Process, "alphas_cumprod", alphas_cumprod)?;
        Self::new(DiscreteProcess::from_alphas_cumprod(&values))
    }

    #[staticmethod]
    fn edm(sigma_min: f64, sigma_max: f64) -> PyResult<Self> {
        Self::new(EdmProcess::new(sigma_min, sigma_max))
    }

    #[getter]
    fn family(&self) -> &'static str {
        self.process.family().name()
    }

    #[getter]
    fn sigma_min(&self) -> f64 {
        self.process.sigma_min()
    }

    #[getter]
    fn sigma_max(&self) -> f64 {
        self.process.sigma_max()
    }

    #[getter]
    fn sigmas<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyArray1<f64>>> {
        self.process.sigmas().map(|table| PyArray1::from_slice(py, table))
    }

    fn sigma<'py>(&self, t: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        floats::map(Noun::Process, "t", t, |t, out| self.process.sigma(t, out))
    }

    #[pyo3(signature = (sigma, interpolate = false))]
    fn timestep<'py>(&self, sigma: &Bound<'py, PyAny>, interpolate: bool) -> PyResult<Bound<'py, PyAny>> {
        let lookup = if interpolate { Lookup::Interpolated } else { Lookup::Nearest };
        floats::map(Noun::Process, "sigma", sigma, |sigma, out| self.process.timestep(sigma, lookup, out))
    }

    fn percent_to_sigma(&self, percent: f64) -> PyResult<f64> {
        self.process.percent_to_sigma(percent).map_err(to_py)
    }
}

/// Weight of the signal in a family, at every sigma.
#[pyfunction]
fn alpha<'py>(family: &str, sigma: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let family = Family::parse(family).map_err(to_py)?;
    floats::map(Noun::Process, "sigma", sigma, |sigma, out| family.alpha(sigma, out))
}

/// Half the log signal-to-noise ratio in a family, at every sigma.
#[pyfunction]
fn half_log_snr<'py>(family: &str, sigma: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let family = Family::parse(family).map_err(to_py)?;
    floats::map(Noun::Process, "sigma", sigma, |sigma, out| family.half_log_snr(sigma, out))
}

/// The inverse of `half_log_snr`.
#[pyfunction]
fn sigma_from_half_log_snr<'py>(family: &str, half_log_snr: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let family = Family::parse(family).map_err(to_py)?;
    floats::map(Noun::Process, "half_log_snr", half_log_snr, |value, out| family.sigma_from_half_log_snr(value, out))
}

/// Calls `f` with the process behind a Python argument: the core's own, or an adapter that calls back.
///
/// An exception raised while calling back comes out as itself.
pub(crate) fn with_process<T>(
    process: &Bound<'_, PyAny>,
    f: impl FnOnce(&dyn NoiseProcess) -> PyResult<T>,
) -> PyResult<T> {
    // `_native` is part of the interface: None on `NoiseProcess`, the core's object in the built-in families.
    let Ok(native) = process.getattr(intern!(process.py(), "_native")) else {
        return Err(floats::refuse(Noun::Process, "process", process, "a NoiseProcess"));
    };
    if let Ok(native) = native.cast::<NativeProcess>() {
        return f(native.get().process.as_ref());
    }
    let adapter = PythonProcess::new(process)?;
    let result = f(&adapter);
    let raised = adapter.raised.into_inner().unwrap_or_else(PoisonError::into_inner);
    raised.map_or(result, Err)
}

/// A process written in Python. Its constants are read once; its maps are called with whole arrays.
struct PythonProcess {
    object: Py<PyAny>,
    family: Family,
    sigma_min: f64,
    sigma_max: f64,
    sigmas: Option<Vec<f64>>,
    raised: Mutex<Option<PyErr>>,
}

impl PythonProcess {
    fn new(process: &Bound<'_, PyAny>) -> PyResult<Self> {
        let family = process.getattr("family")?;
        let table = process.getattr("sigmas")?;
        let sigmas = if table.is_none() { None } else { Some(floats::table(Noun::Process, "sigmas", &table)?) };
        Ok(Self {
            family: Family::parse(family.cast::<PyString>()?.to_str()?).map_err(to_py)?,
            sigma_min: process.getattr("sigma_min")?.extract()?,
            sigma_max: process.getattr("sigma_max")?.extract()?,
            sigmas,
            object: process.clone().unbind(),
            raised: Mutex::new(None),
        })
    }

    fn call(&self, f: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<()>) -> Result<()> {
        Python::attach(|py| f(self.object.bind(py))).map_err(|error| {
            let message = error.to_string();
            *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            Error::Message { noun: Noun::Process, message }
        })
    }

    fn map(
        &self,
        values: &[f64],
        out: &mut [f64],
        f: impl for<'py> FnOnce(&Bound<'py, PyAny>, Bound<'py, PyArray1<f64>>) -> PyResult<Bound<'py, PyAny>>,
    ) -> Result<()> {
        self.call(|object| {
            let result = f(object, PyArray1::from_slice(object.py(), values))?;
            let result = floats::vector(Noun::Process, "the result", &result)?;
            let result = result.as_slice()?;
            if result.len() != out.len() {
                let (got, expected) = (result.len(), out.len().to_string());
                return Err(to_py(Error::Length { noun: Noun::Process, name: "the result", got, expected }));
            }
            out.copy_from_slice(result);
            Ok(())
        })
    }
}

impl NoiseProcess for PythonProcess {
    fn family(&self) -> Family {
        self.family
    }

    fn sigma_min(&self) -> f64 {
        self.sigma_min
    }

    fn sigma_max(&self) -> f64 {
        self.sigma_max
    }

    fn sigmas(&self) -> Option<&[f64]> {
        self.sigmas.as_deref()
    }

    fn sigma(&self, t: &[f64], out: &mut [f64]) -> Result<()> {
        self.map(t, out, |object, t| object.call_method1("sigma", (t,)))
    }

    fn timestep(&self, sigma: &[f64], lookup: Lookup, out: &mut [f64]) -> Result<()> {
        self.map(sigma, out, |object, sigma| match lookup {
            Lookup::Nearest => object.call_method1("timestep", (sigma,)),
            Lookup::Interpolated => {
                let options = pyo3::types::PyDict::new(object.py());
                options.set_item("interpolate", true)?;
                object.call_method("timestep", (sigma,), Some(&options))
            }
        })
    }

    fn percent_to_sigma(&self, percent: f64) -> Result<f64> {
        let mut sigma = 0.0;
        self.call(|object| {
            sigma = object.call_method1("percent_to_sigma", (percent,))?.extract()?;
            Ok(())
        })?;
        Ok(sigma)
    }
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<NativeProcess>()?;
    m.add_function(wrap_pyfunction!(alpha, m)?)?;
    m.add_function(wrap_pyfunction!(half_log_snr, m)?)?;
    m.add_function(wrap_pyfunction!(sigma_from_half_log_snr, m)?)
}
