//! Explicit Runge–Kutta methods by their tableau.

use pyo3::prelude::*;
use stepladder_core::sampler::{RungeKutta, TABLEAUX, Tableau, Variable};

use super::record;
use crate::error::to_py;
use crate::program::{Program, Trace};

fn of_names(tableau: &str, variable: &str) -> PyResult<RungeKutta> {
    Ok(RungeKutta {
        tableau: Tableau::from_name(tableau).map_err(to_py)?,
        variable: Variable::from_name(variable).map_err(to_py)?,
    })
}

#[pyfunction]
fn trace_runge_kutta(t: &mut Trace, tableau: &str, variable: &str) -> PyResult<()> {
    record(t, &of_names(tableau, variable)?)
}

#[pyfunction]
fn embedded_pair(tableau: &str, variable: &str, sigma: f64, sigma_next: f64) -> PyResult<Program> {
    Ok(Program::new(of_names(tableau, variable)?.embedded_pair(sigma, sigma_next).map_err(to_py)?))
}

/// Order, c, a, b, and where it has them its embedded order and weights.
type Numbers = (u32, Vec<f64>, Vec<Vec<f64>>, Vec<f64>, Option<(u32, Vec<f64>)>);

#[pyfunction]
fn tableau(name: &str) -> PyResult<Numbers> {
    let found = Tableau::from_name(name).map_err(to_py)?;
    let a = found.a.iter().map(|row| row.to_vec()).collect();
    let embedded = found.embedded.map(|e| (e.order, e.b.to_vec()));
    Ok((found.order, found.c.to_vec(), a, found.b.to_vec(), embedded))
}

#[pyfunction]
fn tableau_names() -> Vec<&'static str> {
    TABLEAUX.iter().map(|tableau| tableau.name).collect()
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(trace_runge_kutta, m)?)?;
    m.add_function(wrap_pyfunction!(embedded_pair, m)?)?;
    m.add_function(wrap_pyfunction!(tableau, m)?)?;
    m.add_function(wrap_pyfunction!(tableau_names, m)?)
}
