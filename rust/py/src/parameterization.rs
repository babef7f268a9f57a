//! Binding of `stepladder_core::parameterization`.

use pyo3::prelude::*;
use stepladder_core::Noun;
use stepladder_core::parameterization::{self, Parameterization, Prediction};

use crate::error::to_py;
use crate::floats::{self, Target};
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

    /// `c_skip`, `c_out` and `c_in` of every sigma, float64 arrays of its shape (or floats), or the arrays of `out`.
    #[pyo3(signature = (sigmas, out = None, threads = None))]
    fn scalings<'py>(
        &self,
        sigmas: &Bound<'py, PyAny>,
        out: Option<Scalings<'py>>,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Scalings<'py>> {
        let noun = Noun::Parameterization;
        let (skip, weight, scale) = out.map_or((None, None, None), |(a, b, c)| (Some(a), Some(b), Some(c)));
        let into = |out| Target { out, threads };
        let c_skip = floats::map(noun, "sigma", sigmas, into(skip.as_ref()), |s, out| self.0.fill_c_skip(s, out))?;
        let c_out = floats::map(noun, "sigma", sigmas, into(weight.as_ref()), |s, out| self.0.fill_c_out(s, out))?;
        let c_in = floats::map(noun, "sigma", sigmas, into(scale.as_ref()), |s, out| self.0.fill_c_in(s, out))?;
        Ok((c_skip, c_out, c_in))
    }

    /// What the network is told about every sigma.
    #[pyo3(signature = (sigma, process, out = None, threads = None))]
    fn c_noise<'py>(
        &self,
        sigma: &Bound<'py, PyAny>,
        process: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        threads: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (noun, into) = (Noun::Parameterization, Target { out, threads });
        if process.is_none() {
            return floats::map(noun, "sigma", sigma, into, |sigma, out| self.0.c_noise(sigma, None, out));
        }
        with_process(process, |process| {
            floats::map(noun, "sigma", sigma, into, |sigma, out| self.0.c_noise(sigma, Some(process), out))
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
