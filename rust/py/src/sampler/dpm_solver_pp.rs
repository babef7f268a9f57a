//! DPM-Solver and DPM-Solver++.

use pyo3::prelude::*;
use stepladder_core::sampler::{DpmSolver, Predicts, SecondDifference, SolverType, Steps};

use super::{Curve, record};
use crate::error::to_py;
use crate::program::Trace;

#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "one parameter per field of the Python class")]
fn trace_dpm_solver_multistep(
    t: &mut Trace,
    predicts_noise: bool,
    order: i64,
    solver_type: &str,
    eta: Curve,
    s_noise: Curve,
    lower_order_final: bool,
    euler_at_final: bool,
    form: &str,
) -> PyResult<()> {
    let method = DpmSolver {
        order,
        solver_type: SolverType::from_name(solver_type).map_err(to_py)?,
        second_difference: SecondDifference::from_name(form).map_err(to_py)?,
        eta: eta.0,
        s_noise: s_noise.0,
        lower_order_final,
        euler_at_final,
        ..DpmSolver::new(predicts(predicts_noise), Steps::Multistep)
    };
    record(t, &method)
}

#[pyfunction]
fn trace_dpm_solver_singlestep(
    t: &mut Trace,
    predicts_noise: bool,
    order: i64,
    solver_type: &str,
    eta: Curve,
    s_noise: Curve,
    lower_order_final: bool,
) -> PyResult<()> {
    let method = DpmSolver {
        order,
        solver_type: SolverType::from_name(solver_type).map_err(to_py)?,
        eta: eta.0,
        s_noise: s_noise.0,
        lower_order_final,
        ..DpmSolver::new(predicts(predicts_noise), Steps::Singlestep)
    };
    record(t, &method)
}

fn predicts(noise: bool) -> Predicts {
    if noise { Predicts::Noise } else { Predicts::Denoised }
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(trace_dpm_solver_multistep, m)?)?;
    m.add_function(wrap_pyfunction!(trace_dpm_solver_singlestep, m)?)
}
