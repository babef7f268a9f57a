//! Sampling methods. Each is written as its paper writes it, over symbolic values, and traced into a program.

mod adams;
mod cfg_pp;
mod consistency;
mod curve;
mod ddim;
mod ddpm;
mod deis;
mod dpm_2;
mod dpm_adaptive;
mod dpm_solver;
mod dpm_solver_pp;
mod dpmpp;
mod dpmpp_3m;
mod dpmpp_singlestep;
mod er_sde;
mod euler;
mod form;
mod gradient_estimation;
mod heun;
mod heunpp2;
mod lcm;
mod pndm;
mod res;
mod res_multistep;
mod restart;
mod runge_kutta;
mod sa_solver;
mod score_sde_vp;
mod seeds;
mod tableau;
mod tcd;
mod uni_pc;

pub use adams::{Ipndm, IpndmV, Lms};
pub use cfg_pp::{CfgppUd10Ab, Dpmpp2mCfgPp, Dpmpp2sAncestralCfgPp, EulerAncestralCfgPp, EulerCfgPp};
pub use consistency::Consistency;
pub use curve::Curve;
pub use ddim::{Ddim, DdimInverse, Direction, InverseForm};
pub use ddpm::Ddpm;
pub use deis::{Deis, DeisMode};
pub use dpm_2::{Dpm2, Dpm2Ancestral};
pub use dpm_adaptive::{Attempt, Controller, DpmAdaptive};
pub use dpm_solver::DpmFast;
pub use dpm_solver_pp::{DpmSolver, Predicts, SecondDifference, Steps};
pub use dpmpp::{Dpmpp2m, Dpmpp2mSde, SolverType};
pub use dpmpp_3m::{Dpmpp3mSde, ThirdOrder};
pub use dpmpp_singlestep::{Dpmpp2sAncestral, DpmppSde};
pub use er_sde::{ErSde, Integrals, NoiseScaling};
pub use euler::{Churn, Euler, EulerAncestral};
pub use form::Form;
pub use gradient_estimation::GradientEstimation;
pub use heun::Heun;
pub use heunpp2::Heunpp2;
pub use lcm::Lcm;
pub use pndm::{Pndm, PndmStart};
pub use res::{Res2s, Res3s, ResM};
pub use res_multistep::ResMultistep;
pub use restart::{Restart, Segment};
pub use runge_kutta::{RungeKutta, Variable};
pub use sa_solver::SaSolver;
pub use score_sde_vp::{ScoreSdeVp, TimeStep};
pub use seeds::{Seeds2, Seeds3, Weights};
pub use tableau::{Embedded, TABLEAUX, Tableau};
pub use tcd::Tcd;
pub use uni_pc::{Time, UniPc, Variant};

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

/// The level at a share `r` of the way from `s` to `s_next` in half log-SNR, given the whole way `h`.
fn between<S: Scalar>(t: &Trace<S>, s: S, s_next: S, h: S, r: f64) -> S {
    if r == 1.0 {
        s_next
    } else if t.is_flow() {
        t.sigma_from_half_log_snr(t.half_log_snr(s) + h * r)
    } else {
        s * (h * -r).exp()
    }
}

/// A sampler option outside its range.
fn option(name: &'static str, got: f64, ok: bool, expected: &'static str) -> Result<()> {
    if ok { Ok(()) } else { Err(Error::Parameter { noun: Noun::Sampler, name, got, expected }) }
}

/// `eta`, `s_noise`: finite and not negative.
fn non_negative(name: &'static str, got: f64) -> Result<()> {
    option(name, got, got.is_finite() && got >= 0.0, "a finite number of at least 0")
}

/// A whole number from `least` to `most`.
fn count(name: &'static str, got: i64, least: usize, most: usize, expected: &'static str) -> Result<usize> {
    match usize::try_from(got) {
        Ok(count) if (least..=most).contains(&count) => Ok(count),
        _ => Err(Error::Parameter { noun: Noun::Sampler, name, got: got as f64, expected }),
    }
}
