//! Binding of `stepladder_core::parameterization`.

use pyo3::prelude::*;
use stepladder_core::Noun;
use stepladder_core::parameterization::{self, Parameterization, Prediction};

use crate::error::to_py;
use crate::floats;
use crate::process::with_process;

/// A parameterization of the core.
#[pyclass(frozen, module = "stepladder._core")]
pub(crate) struct NativeParameterization(Parameterization);

/// `c_skip`, `c_out`, `c_in`.
type Scalings<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>);

#[pymethods]
impl NativeParameterization {
    #[new]
    fn new(prediction: &str, sigma_data: f64) -> PyResult<Self> {
        let prediction = Prediction::parse(prediction).map_err(to_py)?;
        Parameterization::new(prediction, sigma_data).map(Self).map_err(to_py)
    }

    #[staticmethod]
    fn consistency(sigma_data: f64, sigma_min: f64) -> PyResult<Self> {
        Parameterization::consistency(sigma_data, sigma_min).map(Self).map_err(to_py)
    }

    /// `c_skip`, `c_out` and `c_in` of every sigma, float64 arrays of its shape (or floats).
    fn scalings<'py>(&self, sigmas: &Bound<'py, PyAny>) -> PyResult<Scalings<'py>> {
        let noun = Noun::Parameterization;
        let c_skip = floats::map(noun, "sigma", sigmas, |sigma, out| self.0.fill_c_skip(sigma, out))?;
        let c_out = floats::map(noun, "sigma", sigmas, |sigma, out| self.0.fill_c_out(sigma, out))?;
        let c_in = floats::map(noun, "sigma", sigmas, |sigma, out| self.0.fill_c_in(sigma, out))?;
        Ok((c_skip, c_out, c_in))
    }

    /// What the network is told about every sigma.
    fn c_noise<'py>(&self, sigma: &Bound<'py, PyAny>, process: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        if process.is_none() {
            return floats::map(Noun::Parameterization, "sigma", sigma, |sigma, out| self.0.c_noise(sigma, None, out));
        }
        with_process(process, |process| {
            floats::map(Noun::Parameterization, "sigma", sigma, |sigma, out| self.0.c_noise(sigma, Some(process), out))
        })
    }
}

/// Whether a run that starts at `sigma` starts from pure noise.
#[pyfunction]
fn is_max_denoise(sigma: f64, sigma_max: f64) -> bool {
    parameterization::is_max_denoise(sigma, sigma_max)
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<NativeParameterization>()?;
    m.add_function(wrap_pyfunction!(is_max_denoise, m)?)
}
