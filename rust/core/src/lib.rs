//! Noise schedules, noise processes and compiled sampler programs for diffusion models.
//!
//! A [`process`] maps time to noise level; a [`schedule`] turns a step count into descending sigmas; a [`sampler`] is
//! traced over those sigmas into a [`program`]: a straight-line list of noise draws, linear combinations and model
//! calls with float64 coefficients. A [`parameterization`] folds into a program as scalars, and [`kernel`] runs one
//! linear combination in one pass over memory.

pub mod error;
pub mod kernel;
pub mod numeric;
pub mod parameterization;
pub mod process;
pub mod program;
pub mod sampler;
pub mod scalar;
pub mod schedule;
pub mod simd;

pub use error::{Error, Noun, Number, Result};
