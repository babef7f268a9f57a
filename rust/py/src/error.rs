//! The only place where an error of the core becomes a Python exception.

use pyo3::PyErr;
use pyo3::import_exception;
use stepladder_core::{Error, Noun};

import_exception!(stepladder.errors, ExecutionError);
import_exception!(stepladder.errors, ParameterizationError);
import_exception!(stepladder.errors, ProcessError);
import_exception!(stepladder.errors, ProgramError);
import_exception!(stepladder.errors, SamplerError);
import_exception!(stepladder.errors, ScheduleError);

/// `core_call().map_err(to_py)`: a function, since both types are foreign here and `From` is not ours to write.
#[expect(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
pub(crate) fn to_py(error: Error) -> PyErr {
    let text = error.to_string();
    match error.noun() {
        Noun::Process => ProcessError::new_err(text),
        Noun::Parameterization => ParameterizationError::new_err(text),
        Noun::Schedule => ScheduleError::new_err(text),
        Noun::Sampler => SamplerError::new_err(text),
        Noun::Program => ProgramError::new_err(text),
        Noun::Execution => ExecutionError::new_err(text),
    }
}
