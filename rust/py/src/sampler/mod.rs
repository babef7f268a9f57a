//! Binding of `stepladder_core::sampler`: each method records itself on a trace. One file per family, as in the core.

mod consistency;
mod ddim;
mod dpm_solver_pp;
mod dpmpp;
mod euler;
mod score_sde_vp;

use pyo3::prelude::*;
use stepladder_core::sampler::{self as core, Sampler};

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
    t.record(sampler)
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    euler::register(m)?;
    dpmpp::register(m)?;
    consistency::register(m)?;
    ddim::register(m)?;
    dpm_solver_pp::register(m)?;
    score_sde_vp::register(m)
}
