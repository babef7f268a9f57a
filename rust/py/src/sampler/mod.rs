//! Binding of `stepladder_core::sampler`: each method records itself on a trace. One file per family, as in the core.

mod adams;
mod cfg_pp;
mod consistency;
mod ddim;
mod deis;
mod dpm_adaptive;
mod dpm_solver_pp;
mod dpmpp;
mod er_sde;
mod euler;
mod gradient_estimation;
mod pndm;
mod res;
mod res_multistep;
mod runge_kutta;
mod sa_solver;
mod score_sde_vp;
mod singlestep;
mod tcd;
mod uni_pc;

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

/// A whole number of any size: beyond what 64 bits hold, the nearest that they do.
#[derive(Clone, Copy)]
pub(super) struct Whole(i64);

impl FromPyObject<'_, '_> for Whole {
    type Error = PyErr;

    #[allow(clippy::cast_possible_truncation)] // saturates
    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        match value.extract::<i64>() {
            Ok(whole) => Ok(Self(whole)),
            Err(_) => Ok(Self(value.extract::<f64>()? as i64)),
        }
    }
}

fn record(t: &mut Trace, sampler: &impl Sampler) -> PyResult<()> {
    t.record(sampler)
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    adams::register(m)?;
    cfg_pp::register(m)?;
    deis::register(m)?;
    dpmpp::register(m)?;
    euler::register(m)?;
    consistency::register(m)?;
    ddim::register(m)?;
    dpm_adaptive::register(m)?;
    dpm_solver_pp::register(m)?;
    er_sde::register(m)?;
    gradient_estimation::register(m)?;
    pndm::register(m)?;
    res::register(m)?;
    res_multistep::register(m)?;
    runge_kutta::register(m)?;
    sa_solver::register(m)?;
    score_sde_vp::register(m)?;
    singlestep::register(m)?;
    tcd::register(m)?;
    uni_pc::register(m)
}
