//! How the coefficients of a program move when its sigmas do.

use super::{Setting, Trace};
use crate::error::Result;
use crate::sampler::Sampler;
use crate::scalar::Dual;

/// Derivatives with respect to each sigma of the schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Jacobian {
    /// `rows` numbers per sigma, sigma by sigma. A row is a coefficient of a combine or the sigma of a model call, in
    /// the order of the operations.
    pub values: Vec<f64>,
    /// How many numbers move.
    pub rows: usize,
}

/// Traces `sampler` once per sigma over dual numbers. Branches (the last step to zero) are taken on the values, and
/// contribute the derivative of the branch taken.
///
/// # Errors
/// Whatever tracing over plain numbers would refuse.
pub fn jacobian(sampler: &impl Sampler, sigmas: &[f64], setting: Setting) -> Result<Jacobian> {
    let mut values = Vec::new();
    let mut rows = 0;
    for j in 0..sigmas.len() {
        let seeded = sigmas.iter().enumerate().map(|(i, &s)| Dual::new(s, f64::from(u8::from(i == j)))).collect();
        let mut trace = Trace::over(seeded, setting)?;
        sampler.trace(&mut trace)?;
        let column = trace.into_derivatives();
        rows = column.len();
        values.extend(column);
    }
    Ok(Jacobian { values, rows })
}
