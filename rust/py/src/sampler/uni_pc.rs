//! `UniPC`.

use pyo3::prelude::*;
use stepladder_core::sampler::{Time, UniPc, Variant};

use super::record;
use crate::error::to_py;
use crate::program::Trace;

#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "the options of the method")]
fn trace_uni_pc(
    t: &mut Trace,
    order: i64,
    variant: &str,
    predictor: bool,
    corrector: bool,
    disable_corrector: Vec<usize>,
    lower_order_final: bool,
    time: &str,
    sigma_end: f64,
) -> PyResult<()> {
    let variant = Variant::from_name(variant).map_err(to_py)?;
    let time = Time::from_name(time).map_err(to_py)?;
    record(t, &UniPc { order, variant, predictor, corrector, disable_corrector, lower_order_final, time, sigma_end })
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(trace_uni_pc, m)?)
}
