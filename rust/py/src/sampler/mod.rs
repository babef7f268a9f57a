//! Binding of `stepladder_core::sampler`: each method records itself on a trace. One file per family, as in the core.

mod dpmpp;
mod er_sde;
mod euler;
mod sa_solver;
mod tcd;
mod uni_pc;

use pyo3::prelude::*;
use stepladder_core::sampler::{self as core, Sampler};

use crate::error::to_py;
use crate::program::Trace;

/// An option that is one number, or a sequence of one per step.
pub(super) struct Curve(core::Curve);

impl FromPyObject<'_, '_> for Curve {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        match value.extract::<f64>() {
            Ok(one) => Ok(Self(one.into())),
            Err(_) => Ok(Self(core::Curve::per_step(value.extract()?))),
        }
    }
}

fn record(t: &mut Trace, sampler: &impl Sampler) -> PyResult<()> {
    sampler.trace(t.live()?).map_err(to_py)
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    euler::register(m)?;
    dpmpp::register(m)?;
    er_sde::register(m)?;
    sa_solver::register(m)?;
    tcd::register(m)?;
    uni_pc::register(m)
}
