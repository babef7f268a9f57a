//! Numbers a sampler is traced over: float64, and dual numbers that carry a derivative beside the value.
//!
//! Transcendental functions come from one portable libm on every CPU, so that coefficients, and with them the hash of
//! a program, do not depend on the machine that compiled it.

use std::fmt::Debug;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A real number whose elementary functions are reproducible.
pub trait Scalar:
    Copy
    + Debug
    + PartialOrd
    + From<f64>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
    + Div<f64, Output = Self>
{
    /// The float64 value, derivative dropped.
    fn value(self) -> f64;
    /// The derivative along the direction the caller seeded; zero for a plain float64.
    fn derivative(self) -> f64;
    /// Natural logarithm.
    #[must_use]
    fn ln(self) -> Self;
    /// `exp(self)`.
    #[must_use]
    fn exp(self) -> Self;
    /// `exp(self) - 1` without cancellation near zero.
    #[must_use]
    fn exp_m1(self) -> Self;
    /// Square root.
    #[must_use]
    fn sqrt(self) -> Self;
    /// `ln(1 + self)` without cancellation near zero.
    #[must_use]
    fn ln_1p(self) -> Self;
    /// `self` to a constant power; `self` is positive.
    #[must_use]
    fn powf(self, exponent: f64) -> Self;
    /// Sine of an angle in radians.
    #[must_use]
    fn sin(self) -> Self;
    /// Cosine of an angle in radians.
    #[must_use]
    fn cos(self) -> Self;
    /// Angle in radians whose tangent this is, within ±π/2.
    #[must_use]
    fn atan(self) -> Self;
    /// Magnitude.
    #[must_use]
    fn abs(self) -> Self {
        if self.value() < 0.0 { -self } else { self }
    }
    /// The larger by value.
    #[must_use]
    fn max(self, other: Self) -> Self {
        if other.value() > self.value() { other } else { self }
    }
    /// Exactly zero: the end of a schedule, decided on the value alone.
    fn is_zero(self) -> bool {
        self.value() == 0.0
    }
    /// The smaller by value.
    #[must_use]
    fn min(self, other: Self) -> Self {
        if other.value() < self.value() { other } else { self }
    }
}

impl Scalar for f64 {
    fn value(self) -> f64 {
        self
    }
    fn derivative(self) -> f64 {
        0.0
    }
    fn ln(self) -> Self {
        libm::log(self)
    }
    fn exp(self) -> Self {
        libm::exp(self)
    }
    fn exp_m1(self) -> Self {
        libm::expm1(self)
    }
    fn sqrt(self) -> Self {
        libm::sqrt(self)
    }
    fn ln_1p(self) -> Self {
        libm::log1p(self)
    }
    fn powf(self, exponent: f64) -> Self {
        libm::pow(self, exponent)
    }
    fn sin(self) -> Self {
        libm::sin(self)
    }
    fn cos(self) -> Self {
        libm::cos(self)
    }
    fn atan(self) -> Self {
        libm::atan(self)
    }
}

/// First-order forward differentiation: `value + derivative·ε` with `ε² = 0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dual {
    /// The number itself.
    pub value: f64,
    /// Its derivative along the seeded direction.
    pub derivative: f64,
}

impl Dual {
    /// A number that varies: `derivative` is 1 for the input being differentiated, 0 for the others.
    #[must_use]
    pub fn new(value: f64, derivative: f64) -> Self {
        Self { value, derivative }
    }

    /// The chain rule: `f(self)` given `f` and `f'` at the value.
    fn chain(self, value: f64, slope: f64) -> Self {
        Self::new(value, slope * self.derivative)
    }
}

impl From<f64> for Dual {
    fn from(value: f64) -> Self {
        Self::new(value, 0.0)
    }
}

impl PartialOrd for Dual {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl Add for Dual {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        Self::new(self.value + o.value, self.derivative + o.derivative)
    }
}

impl Sub for Dual {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        Self::new(self.value - o.value, self.derivative - o.derivative)
    }
}

impl Mul for Dual {
    type Output = Self;
    fn mul(self, o: Self) -> Self {
        Self::new(self.value * o.value, self.derivative * o.value + self.value * o.derivative)
    }
}

impl Div for Dual {
    type Output = Self;
    fn div(self, o: Self) -> Self {
        let value = self.value / o.value;
        Self::new(value, (self.derivative - value * o.derivative) / o.value)
    }
}

impl Neg for Dual {
    type Output = Self;
    fn neg(self) -> Self {
        Self::new(-self.value, -self.derivative)
    }
}

impl Add<f64> for Dual {
    type Output = Self;
    fn add(self, o: f64) -> Self {
        Self::new(self.value + o, self.derivative)
    }
}

impl Sub<f64> for Dual {
    type Output = Self;
    fn sub(self, o: f64) -> Self {
        Self::new(self.value - o, self.derivative)
    }
}

impl Mul<f64> for Dual {
    type Output = Self;
    fn mul(self, o: f64) -> Self {
        Self::new(self.value * o, self.derivative * o)
    }
}

impl Div<f64> for Dual {
    type Output = Self;
    fn div(self, o: f64) -> Self {
        Self::new(self.value / o, self.derivative / o)
    }
}

impl Scalar for Dual {
    fn value(self) -> f64 {
        self.value
    }
    fn derivative(self) -> f64 {
        self.derivative
    }
    fn ln(self) -> Self {
        self.chain(libm::log(self.value), 1.0 / self.value)
    }
    fn exp(self) -> Self {
        let value = libm::exp(self.value);
        self.chain(value, value)
    }
    fn exp_m1(self) -> Self {
        self.chain(libm::expm1(self.value), libm::exp(self.value))
    }
    fn sqrt(self) -> Self {
        let value = libm::sqrt(self.value);
        self.chain(value, 0.5 / value)
    }
    fn ln_1p(self) -> Self {
        self.chain(libm::log1p(self.value), 1.0 / (1.0 + self.value))
    }
    fn powf(self, exponent: f64) -> Self {
        self.chain(libm::pow(self.value, exponent), exponent * libm::pow(self.value, exponent - 1.0))
    }
    fn sin(self) -> Self {
        self.chain(libm::sin(self.value), libm::cos(self.value))
    }
    fn cos(self) -> Self {
        self.chain(libm::cos(self.value), -libm::sin(self.value))
    }
    fn atan(self) -> Self {
        self.chain(libm::atan(self.value), 1.0 / (1.0 + self.value * self.value))
    }
}
