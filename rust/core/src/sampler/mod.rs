//! Sampling methods. Each is written as its paper writes it, over symbolic values, and traced into a program.

mod dpmpp;
mod euler;
mod heun;

pub use dpmpp::{Dpmpp2m, Dpmpp2mSde, SolverType};
pub use euler::{Churn, Euler, EulerAncestral};
pub use heun::Heun;

use crate::error::{Error, Noun, Result};
use crate::program::{Program, Trace};
use crate::scalar::Scalar;

/// A numerical method.
pub trait Sampler {
    /// Records one run over `t.sigmas()`.
    ///
    /// # Errors
    /// Options outside their range, or sigmas the method cannot step over.
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()>;

    /// The program of this method over `sigmas`.
    ///
    /// # Errors
    /// As [`Sampler::trace`]; or sigmas that are not finite, not descending, or negative.
    fn compile(&self, sigmas: &[f64]) -> Result<Program> {
        check_sigmas(sigmas)?;
        let mut t = Trace::new(sigmas.to_vec())?;
        self.trace(&mut t)?;
        t.finish()
    }
}

/// What every method here needs: it divides by the differences, or their logarithms.
///
/// # Errors
/// A value that is not finite or negative, or one that is not below the one before it.
pub fn check_sigmas(sigmas: &[f64]) -> Result<()> {
    let element = |index: usize, expected| {
        Err(Error::Element { noun: Noun::Sampler, name: "sigmas", index, got: sigmas[index], expected })
    };
    for i in 0..sigmas.len() {
        if !sigmas[i].is_finite() || sigmas[i] < 0.0 {
            return element(i, "a finite number of at least 0");
        }
        if i > 0 && sigmas[i] >= sigmas[i - 1] {
            return element(i, "a value below the one before it: samplers divide by the difference");
        }
    }
    Ok(())
}

/// `(sigma, sigma_next)` of every step.
fn pairs<S: Scalar>(t: &Trace<S>) -> Vec<(S, S)> {
    t.sigmas().windows(2).map(|w| (w[0], w[1])).collect()
}

/// A sampler option outside its range.
fn option(name: &'static str, got: f64, ok: bool, expected: &'static str) -> Result<()> {
    if ok { Ok(()) } else { Err(Error::Parameter { noun: Noun::Sampler, name, got, expected }) }
}

/// `eta`, `s_noise`: finite and not negative.
fn non_negative(name: &'static str, got: f64) -> Result<()> {
    option(name, got, got.is_finite() && got >= 0.0, "a finite number of at least 0")
}
