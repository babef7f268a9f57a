//! Binding of `stepladder_core::process`, and the way back: a Python process as a `NoiseProcess` of the core.

use std::sync::{Mutex, PoisonError};

use numpy::PyArray1;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;
use stepladder_core::process::{
    self, BetaSchedule, ContinuousVProcess, CosmosProcess, DiscreteProcess, DistilledProcess, EdmProcess, Family,
    FlowProcess, Lookup, NoiseProcess, StableCascadeProcess, TerminalSnr, TrigFlowProcess, VpSdeProcess,
};
use stepladder_core::{Error, Noun, Number, Result};

use crate::error::to_py;
use crate::floats::{self, Target};

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
    fn discrete(
        beta_schedule: &Bound<'_, PyAny>,
        beta_start: f64,
        beta_end: f64,
        timesteps: &Bound<'_, PyAny>,
        zero_terminal_snr: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let form = terminal_snr(zero_terminal_snr)?;
        Self::new(rescaled(named(beta_schedule, beta_start, beta_end, timesteps)?, form))
    }

    #[staticmethod]
    fn from_betas(betas: &Bound<'_, PyAny>, zero_terminal_snr: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (values, form) = (floats::table(Noun::Process, "betas", betas)?, terminal_snr(zero_terminal_snr)?);
        Self::new(DiscreteProcess::from_betas(&values).and_then(|table| rescaled(table, form)))
    }

    #[staticmethod]
    fn from_alphas_cumprod(alphas_cumprod: &Bound<'_, PyAny>, zero_terminal_snr: &Bound<'_, PyAny>) -> PyResult<Self> {
        let values = floats::table(Noun::Process, "alphas_cumprod", alphas_cumprod)?;
        let form = terminal_snr(zero_terminal_snr)?;
        Self::new(DiscreteProcess::from_alphas_cumprod(&values).and_then(|table| rescaled(table, form)))
    }

    #[staticmethod]
    fn from_sigmas(sigmas: &Bound<'_, PyAny>, zero_terminal_snr: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (values, form) = (floats::table(Noun::Process, "table", sigmas)?, terminal_snr(zero_terminal_snr)?);
        Self::new(DiscreteProcess::from_sigmas(&values).and_then(|table| rescaled(table, form)))
    }

    #[staticmethod]
    fn distilled(
        beta_schedule: &Bound<'_, PyAny>,
        beta_start: f64,
        beta_end: f64,
        timesteps: &Bound<'_, PyAny>,
        original_timesteps: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let teacher = named(beta_schedule, beta_start, beta_end, timesteps)?;
        let kept = timestep_count("original_timesteps", original_timesteps)?;
        Self::new(DistilledProcess::new(&teacher, kept))
    }

    #[staticmethod]
    fn edm(sigma_min: f64, sigma_max: f64) -> PyResult<Self> {
        Self::new(EdmProcess::new(sigma_min, sigma_max))
    }

    #[staticmethod]
    fn continuous_v(sigma_min: f64, sigma_max: f64) -> PyResult<Self> {
        Self::new(ContinuousVProcess::new(sigma_min, sigma_max))
    }

    #[staticmethod]
    fn cosmos(sigma_min: f64, sigma_max: f64) -> PyResult<Self> {
        Self::new(CosmosProcess::new(sigma_min, sigma_max))
    }

    #[staticmethod]
    fn trigflow(sigma_min: f64, sigma_max: f64) -> PyResult<Self> {
        Self::new(TrigFlowProcess::new(sigma_min, sigma_max))
    }

    #[staticmethod]
    fn flow(shift: f64, multiplier: f64, timesteps: &Bound<'_, PyAny>) -> PyResult<Self> {
        Self::new(FlowProcess::new(shift, multiplier, timestep_count("timesteps", timesteps)?))
    }

    #[staticmethod]
    fn flux(mu: f64, timesteps: &Bound<'_, PyAny>) -> PyResult<Self> {
        Self::new(FlowProcess::flux(mu, timestep_count("timesteps", timesteps)?))
    }

    #[staticmethod]
    fn stable_cascade(shift: f64, cosine_s: f64) -> PyResult<Self> {
        Self::new(StableCascadeProcess::new(shift, cosine_s))
    }

    #[staticmethod]
    fn vp_sde(beta_min: f64, beta_d: f64, time_min: f64) -> PyResult<Self> {
        Self::new(VpSdeProcess::new(beta_min, beta_d, time_min))
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

    #[pyo3(signature = (t, out = None, threads = None))]
    fn sigma<'py>(
        &self,
        t: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        floats::map(Noun::Process, "t", t, Target { out, threads }, |t, out| self.process.sigma(t, out))
    }

    #[pyo3(signature = (sigma, interpolate, out = None, threads = None))]
    fn timestep<'py>(
        &self,
        sigma: &Bound<'py, PyAny>,
        interpolate: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let interpolate = floats::flag(Noun::Process, "interpolate", interpolate)?;
        let lookup = if interpolate { Lookup::Interpolated } else { Lookup::Nearest };
        let timestep = |sigma: &[f64], out: &mut [f64]| self.process.timestep(sigma, lookup, out);
        floats::map(Noun::Process, "sigma", sigma, Target { out, threads }, timestep)
    }

    #[pyo3(signature = (percent, out = None, threads = None))]
    fn percent_to_sigma<'py>(
        &self,
        percent: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let to_sigma = |percent: &[f64], out: &mut [f64]| self.process.percents_to_sigmas(percent, out);
        floats::map(Noun::Process, "percent", percent, Target { out, threads }, to_sigma)
    }

    #[pyo3(signature = (sigma, out = None, threads = None))]
    fn alpha<'py>(
        &self,
        sigma: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        family_alpha(self.process.family(), sigma, Target { out, threads })
    }

    #[pyo3(signature = (sigma, out = None, threads = None))]
    fn half_log_snr<'py>(
        &self,
        sigma: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        family_half_log_snr(self.process.family(), sigma, Target { out, threads })
    }

    #[pyo3(signature = (half_log_snr, out = None, threads = None))]
    fn sigma_from_half_log_snr<'py>(
        &self,
        half_log_snr: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        family_sigma(self.process.family(), half_log_snr, Target { out, threads })
    }
}

fn timestep_count(name: &str, value: &Bound<'_, PyAny>) -> PyResult<usize> {
    let count = floats::count(Noun::Process, name, value, "2 to 1000000")?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// The table of a named beta schedule.
fn named(
    beta_schedule: &Bound<'_, PyAny>,
    beta_start: f64,
    beta_end: f64,
    timesteps: &Bound<'_, PyAny>,
) -> PyResult<DiscreteProcess> {
    let timesteps = timestep_count("timesteps", timesteps)?;
    let known = &BetaSchedule::NAMES;
    let schedule = floats::choice(Noun::Process, "beta_schedule", beta_schedule, known, BetaSchedule::parse)?;
    DiscreteProcess::new(schedule, beta_start, beta_end, timesteps).map_err(to_py)
}

/// A host's form of zero terminal signal-to-noise ratio; `None` in Python is `None`.
fn terminal_snr(form: &Bound<'_, PyAny>) -> PyResult<Option<TerminalSnr>> {
    if form.is_none() {
        return Ok(None);
    }
    let known = &TerminalSnr::NAMES;
    floats::choice(Noun::Process, "zero_terminal_snr", form, known, TerminalSnr::parse).map(Some)
}

fn rescaled(table: DiscreteProcess, form: Option<TerminalSnr>) -> Result<DiscreteProcess> {
    match form {
        None => Ok(table),
        Some(form) => table.with_zero_terminal_snr(form),
    }
}

/// The `mu` of Flux for a picture of `width` by `height` pixels.
#[pyfunction]
fn flux_mu(width: f64, height: f64, base_shift: f64, max_shift: f64) -> PyResult<f64> {
    process::flux_mu(width, height, base_shift, max_shift).map_err(to_py)
}

fn family_alpha<'py>(
    family: Family,
    sigma: &Bound<'py, PyAny>,
    target: Target<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    floats::map(Noun::Process, "sigma", sigma, target, |sigma, out| family.alpha(sigma, out))
}

fn family_half_log_snr<'py>(
    family: Family,
    sigma: &Bound<'py, PyAny>,
    target: Target<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    floats::map(Noun::Process, "sigma", sigma, target, |sigma, out| family.half_log_snr(sigma, out))
}

fn family_sigma<'py>(
    family: Family,
    half_log_snr: &Bound<'py, PyAny>,
    target: Target<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    floats::map(Noun::Process, "half_log_snr", half_log_snr, target, |value, out| {
        family.sigma_from_half_log_snr(value, out)
    })
}

/// Weight of the signal in a family, at every sigma.
#[pyfunction]
#[pyo3(signature = (family, sigma, out = None, threads = None))]
fn alpha<'py>(
    family: &str,
    sigma: &Bound<'py, PyAny>,
    out: Option<&Bound<'py, PyAny>>,
    threads: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    family_alpha(Family::parse(family).map_err(to_py)?, sigma, Target { out, threads })
}

/// Half the log signal-to-noise ratio in a family, at every sigma.
#[pyfunction]
#[pyo3(signature = (family, sigma, out = None, threads = None))]
fn half_log_snr<'py>(
    family: &str,
    sigma: &Bound<'py, PyAny>,
    out: Option<&Bound<'py, PyAny>>,
    threads: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    family_half_log_snr(Family::parse(family).map_err(to_py)?, sigma, Target { out, threads })
}

/// The inverse of `half_log_snr`.
#[pyfunction]
#[pyo3(signature = (family, half_log_snr, out = None, threads = None))]
fn sigma_from_half_log_snr<'py>(
    family: &str,
    half_log_snr: &Bound<'py, PyAny>,
    out: Option<&Bound<'py, PyAny>>,
    threads: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    family_sigma(Family::parse(family).map_err(to_py)?, half_log_snr, Target { out, threads })
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

/// The table of a process written in Python: finite, above 0, ascending; the lowest and the highest level may repeat, as
/// in a process that clamps.
fn levels(process: &Bound<'_, PyAny>, table: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    let levels = floats::table(Noun::Process, "sigmas", table)?;
    let refused = |what: String| {
        let class = process.get_type().name().map_or_else(|_| "the process".to_owned(), |name| name.to_string());
        Err(to_py(Error::Message { noun: Noun::Process, message: format!("{class}.sigmas{what}") }))
    };
    let (Some(&low), Some(&high)) = (levels.first(), levels.last()) else {
        return refused(" is empty; expected at least one level, or None where there is no table".to_owned());
    };
    for (index, &level) in levels.iter().enumerate() {
        let got = Number(level);
        if !(level > 0.0 && level.is_finite()) {
            return refused(format!("[{index}] is {got}; expected finite levels above 0"));
        }
        let previous = levels[index.saturating_sub(1)];
        if level < previous || (index > 0 && level == previous && level != low && level != high) {
            let before = Number(previous);
            return refused(format!("[{index}] is {got} after {before}; expected ascending levels"));
        }
    }
    Ok(levels)
}

/// A process written in Python. Its constants are read once; its maps are called with arrays.
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
        let sigmas = if table.is_none() { None } else { Some(levels(process, &table)?) };
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
    m.add_function(wrap_pyfunction!(flux_mu, m)?)?;
    m.add_function(wrap_pyfunction!(alpha, m)?)?;
    m.add_function(wrap_pyfunction!(half_log_snr, m)?)?;
    m.add_function(wrap_pyfunction!(sigma_from_half_log_snr, m)?)
}
