//! How many threads a caller wants kernels to use.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Noun, Result};

static THREADS: AtomicUsize = AtomicUsize::new(1);

/// Most threads that may be asked for.
pub const MAX_THREADS: usize = 256;

/// Sets the process-wide thread count that callers hand to [`combine`](super::combine); 1 to begin with.
///
/// # Errors
/// [`Error::Parameter`] for a count outside 1 to [`MAX_THREADS`].
pub fn set_num_threads(count: usize) -> Result<()> {
    if !(1..=MAX_THREADS).contains(&count) {
        return Err(Error::Parameter {
            noun: Noun::Execution,
            name: "num_threads",
            got: count as f64,
            expected: "1 to 256",
        });
    }
    THREADS.store(count, Ordering::Relaxed);
    Ok(())
}

/// The count last set with [`set_num_threads`].
#[must_use]
pub fn num_threads() -> usize {
    THREADS.load(Ordering::Relaxed)
}
