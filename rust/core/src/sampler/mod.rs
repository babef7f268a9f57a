//! Sampling methods. Each is written as its paper writes it, over symbolic values, and traced into a program.

mod consistency;
mod curve;
mod ddim;
mod dpm_solver_pp;
mod dpmpp;
mod euler;
mod heun;
mod score_sde_vp;

pub use consistency::Consistency;
pub use curve::Curve;
pub use ddim::{Ddim, DdimInverse, Direction, InverseForm};
pub use dpm_solver_pp::{DpmSolver, Predicts, SecondDifference, Steps};
pub use dpmpp::{Dpmpp2m, Dpmpp2mSde, SolverType};
pub use euler::{Churn, Euler, EulerAncestral};
pub use heun::Heun;
pub use score_sde_vp::{ScoreSdeVp, TimeStep};

use crate::error::{Error, Noun, Result};
use crate::program::{Program, Setting, Trace};
use crate::scalar::Scalar;

/// A numerical method.
pub trait Sampler {
    /// Records one run over `t.sigmas()`.
    ///
    /// # Errors
    /// Options outside their range, or sigmas the method cannot step over.
    fn trace<S: Scalar>(&self, t: &mut Trace<S>) -> Result<()>;

    /// The program of this method over the `sigmas` of a variance-exploding process.
    ///
    /// # Errors
    /// As [`Sampler::trace`]; or sigmas that are not finite, not descending, or negative.
    fn compile(&self, sigmas: &[f64]) -> Result<Program> {
        self.compile_over(sigmas, Setting::VE)
    }

    /// The program of this method over the `sigmas` of any process.
    ///
    /// # Errors
    /// As [`Sampler::compile`].
    fn compile_over(&self, sigmas: &[f64], setting: Setting) -> Result<Program> {
        check_sigmas(sigmas)?;
        let mut t = Trace::over(sigmas.to_vec(), setting)?;
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

/// `(sigma, sigma_next)` of every step, as a method sees them that works in log-SNR.
fn snr_pairs<S: Scalar>(t: &Trace<S>) -> Vec<(S, S)> {
    t.snr_sigmas().windows(2).map(|w| (w[0], w[1])).collect()
}

/// Length of a step in half log-SNR. Without a flow one logarithm of the ratio: two would cancel.
fn half_log_snr_step<S: Scalar>(t: &Trace<S>, s: S, s_next: S) -> S {
    let ve = (s / s_next).ln();
    if t.is_flow() { ve + (t.alpha(s_next) / t.alpha(s)).ln() } else { ve }
}

/// A sampler option outside its range.
fn option(name: &'static str, got: f64, ok: bool, expected: &'static str) -> Result<()> {
    if ok { Ok(()) } else { Err(Error::Parameter { noun: Noun::Sampler, name, got, expected }) }
}

/// `eta`, `s_noise`: finite and not negative.
fn non_negative(name: &'static str, got: f64) -> Result<()> {
    option(name, got, got.is_finite() && got >= 0.0, "a finite number of at least 0")
}
