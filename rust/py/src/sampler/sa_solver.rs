//! SA-Solver.

use pyo3::prelude::*;
use stepladder_core::sampler::SaSolver;

use super::{Curve, record};
use crate::program::Trace;

#[pyfunction]
#[expect(clippy::too_many_arguments, clippy::fn_params_excessive_bools, reason = "the options of the method")]
fn trace_sa_solver(
    t: &mut Trace,
    predictor_order: i64,
    corrector_order: i64,
    eta: Curve,
    sde_start: f64,
    sde_end: f64,
    s_noise: Curve,
    simple_order_2: bool,
    lower_order_final: bool,
    pece: bool,
    stop_before_last: bool,
) -> PyResult<()> {
    let (eta, s_noise) = (eta.0, s_noise.0);
    record(
        t,
        &SaSolver {
            predictor_order,
            corrector_order,
            eta,
            sde_start,
            sde_end,
            s_noise,
            simple_order_2,
            lower_order_final,
            pece,
            stop_before_last,
        },
    )
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(trace_sa_solver, m)?)
}
