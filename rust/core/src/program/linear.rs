//! Linear combinations of values: what a sampler computes with while it is traced.

use std::ops::{Add, Div, Mul, Neg, Sub};

use smallvec::SmallVec;

use crate::scalar::Scalar;

/// A tensor that exists at run time, named by the order in which the trace made it.
pub type ValueId = u32;

/// `Σ coefficient · value`. Adding two merges their coefficients; a coefficient that rounds to zero stays, because the
/// shape of a program must not depend on rounding. Terms keep the order in which they first appeared.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear<S> {
    pub(crate) terms: SmallVec<[(ValueId, S); 6]>,
}

impl<S: Scalar> Linear<S> {
    /// The value itself, with coefficient one.
    pub(crate) fn value(id: ValueId) -> Self {
        let mut terms = SmallVec::new();
        terms.push((id, S::from(1.0)));
        Self { terms }
    }

    /// The `(value, coefficient)` pairs, in order of first appearance.
    pub fn terms(&self) -> impl Iterator<Item = (ValueId, S)> + '_ {
        self.terms.iter().copied()
    }

    /// The value this is, if it is exactly one value with coefficient one.
    pub(crate) fn single(&self) -> Option<ValueId> {
        match self.terms.as_slice() {
            [(id, c)] if c.value().to_bits() == 1.0_f64.to_bits() && c.derivative() == 0.0 => Some(*id),
            _ => None,
        }
    }

    fn map(&self, f: impl Fn(S) -> S) -> Self {
        Self { terms: self.terms.iter().map(|&(id, c)| (id, f(c))).collect() }
    }

    fn merge(&self, other: &Self, f: impl Fn(Option<S>, S) -> S) -> Self {
        let mut terms = self.terms.clone();
        for &(id, c) in &other.terms {
            match terms.iter_mut().find(|t| t.0 == id) {
                Some(t) => t.1 = f(Some(t.1), c),
                None => terms.push((id, f(None, c))),
            }
        }
        Self { terms }
    }
}

impl<S: Scalar> Add for &Linear<S> {
    type Output = Linear<S>;
    fn add(self, other: Self) -> Linear<S> {
        self.merge(other, |a, b| a.map_or(b, |a| a + b))
    }
}

impl<S: Scalar> Sub for &Linear<S> {
    type Output = Linear<S>;
    fn sub(self, other: Self) -> Linear<S> {
        self.merge(other, |a, b| a.map_or(-b, |a| a - b))
    }
}

impl<S: Scalar> Mul<S> for &Linear<S> {
    type Output = Linear<S>;
    fn mul(self, k: S) -> Linear<S> {
        self.map(|c| c * k)
    }
}

impl<S: Scalar> Div<S> for &Linear<S> {
    type Output = Linear<S>;
    /// Divides each coefficient directly: `c / k`, never `c · (1/k)`.
    fn div(self, k: S) -> Linear<S> {
        self.map(|c| c / k)
    }
}

impl<S: Scalar> Neg for &Linear<S> {
    type Output = Linear<S>;
    fn neg(self) -> Linear<S> {
        self.map(|c| -c)
    }
}

/// Owned operands read like formulas: `x + d * h` needs no ampersands when `x` and `d` are not used again.
macro_rules! owned {
    ($($op:ident $method:ident),*) => {$(
        impl<S: Scalar> $op for Linear<S> {
            type Output = Linear<S>;
            fn $method(self, other: Self) -> Linear<S> { (&self).$method(&other) }
        }
        impl<S: Scalar> $op<Linear<S>> for &Linear<S> {
            type Output = Linear<S>;
            fn $method(self, other: Linear<S>) -> Linear<S> { self.$method(&other) }
        }
        impl<S: Scalar> $op<&Linear<S>> for Linear<S> {
            type Output = Linear<S>;
            fn $method(self, other: &Linear<S>) -> Linear<S> { (&self).$method(other) }
        }
    )*};
}
owned!(Add add, Sub sub);

impl<S: Scalar> Mul<S> for Linear<S> {
    type Output = Self;
    fn mul(self, k: S) -> Self {
        &self * k
    }
}

impl<S: Scalar> Div<S> for Linear<S> {
    type Output = Self;
    fn div(self, k: S) -> Self {
        &self / k
    }
}

impl<S: Scalar> Neg for Linear<S> {
    type Output = Self;
    fn neg(self) -> Self {
        -&self
    }
}
