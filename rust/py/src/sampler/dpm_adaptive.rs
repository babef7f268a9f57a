//! The adaptive DPM-Solver.

use numpy::PyReadonlyArray1;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use stepladder_core::sampler as core;

use crate::error::to_py;
use crate::program::Program;

/// Decides on the length of each step of an adaptive run.
#[pyclass(module = "stepladder")]
struct DpmController {
    inner: core::Controller,
}

#[pymethods]
impl DpmController {
    #[new]
    #[expect(clippy::needless_pass_by_value, reason = "the shape pyo3 wants")]
    #[expect(clippy::too_many_arguments, reason = "one per option")]
    fn new(
        sigmas: PyReadonlyArray1<'_, f64>,
        flow: bool,
        order: u32,
        h_init: f64,
        pcoeff: f64,
        icoeff: f64,
        dcoeff: f64,
        accept_safety: f64,
        eta: f64,
        max_attempts: usize,
    ) -> PyResult<Self> {
        let sigmas = sigmas.as_slice().map_err(|_| PyTypeError::new_err("sigmas is not contiguous"))?;
        let options = core::DpmAdaptive { order, h_init, pcoeff, icoeff, dcoeff, accept_safety, eta, max_attempts };
        Ok(Self { inner: options.start(sigmas, flow).map_err(to_py)? })
    }

    fn attempt(&self) -> PyResult<Option<(f64, f64, f64, Program)>> {
        let attempt = self.inner.attempt().map_err(to_py)?;
        Ok(attempt.map(|a| (a.sigma, a.sigma_next, a.up, Program::new(a.program))))
    }

    fn judge(&mut self, error: f64) -> PyResult<bool> {
        self.inner.judge(error).map_err(to_py)
    }

    #[getter]
    fn accepted(&self) -> usize {
        self.inner.accepted()
    }

    #[getter]
    fn rejected(&self) -> usize {
        self.inner.rejected()
    }

    #[getter]
    fn sigma(&self) -> f64 {
        self.inner.sigma()
    }
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<DpmController>()
}
