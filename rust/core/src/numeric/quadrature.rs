//! Gauss–Legendre quadrature.

use std::sync::OnceLock;

use crate::scalar::Scalar;

/// Points of the rule: exact for polynomials of degree 39, and to rounding for what is smooth over the interval.
const POINTS: usize = 20;

/// `(node, weight)` on [-1, 1].
fn rule() -> &'static [(f64, f64); POINTS] {
    static RULE: OnceLock<[(f64, f64); POINTS]> = OnceLock::new();
    RULE.get_or_init(|| {
        let n = POINTS as f64;
        std::array::from_fn(|i| {
            // Newton's method on the Legendre polynomial P_n from the asymptotic estimate of its i-th root.
            let mut x = libm::cos(std::f64::consts::PI * (i as f64 + 0.75) / (n + 0.5));
            let mut slope = 1.0;
            for _ in 0..100 {
                let (value, derivative) = legendre(x);
                slope = derivative;
                let next = x - value / derivative;
                if (next - x).abs() <= 1e-16 {
                    break;
                }
                x = next;
            }
            (x, 2.0 / ((1.0 - x * x) * slope * slope))
        })
    })
}

/// `P_n(x)` and its derivative, by the three-term recurrence.
fn legendre(x: f64) -> (f64, f64) {
    let (mut before, mut now) = (1.0, x);
    for k in 2..=POINTS {
        let k = k as f64;
        (before, now) = (now, ((2.0 * k - 1.0) * x * now - (k - 1.0) * before) / k);
    }
    let n = POINTS as f64;
    (now, n * (x * now - before) / (x * x - 1.0))
}

/// Panels for an interval that one of them per `each` resolves: at least one, at most 1,000.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 1000")]
pub fn panels(length: f64, each: f64) -> usize {
    (length / each).ceil().clamp(1.0, 1000.0) as usize
}

/// `(x, weight)` of the rule over `from` to `to`, in `panels` equal panels of 20 points each.
pub fn nodes<S: Scalar>(from: S, to: S, panels: usize) -> impl Iterator<Item = (S, S)> {
    let width = (to - from) / panels as f64;
    (0..panels).flat_map(move |panel| {
        let middle = from + width * (panel as f64 + 0.5);
        rule().iter().map(move |&(node, weight)| (middle + width * (0.5 * node), width * (0.5 * weight)))
    })
}

/// `∫ f` from `from` to `to`, in `panels` equal panels of 20 points each.
pub fn integrate<S: Scalar>(f: impl Fn(S) -> S, from: S, to: S, panels: usize) -> S {
    nodes(from, to, panels).fold(S::from(0.0), |sum, (x, weight)| sum + f(x) * weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_agree() {
        let sum: f64 = nodes(0.5_f64, 3.0, 2).map(|(x, w)| libm::exp(x) * w).sum();
        assert!((sum / integrate(|x: f64| libm::exp(x), 0.5, 3.0, 2) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn polynomials_are_exact() {
        for degree in 0..40 {
            let got = integrate(|x: f64| libm::pow(x, f64::from(degree)), 0.0, 2.0, 1);
            let exact = libm::pow(2.0, f64::from(degree + 1)) / f64::from(degree + 1);
            assert!((got / exact - 1.0).abs() < 2e-14, "{degree}: {got} {exact}");
        }
    }

    #[test]
    fn an_interval_may_run_backwards() {
        let got = integrate(|x: f64| libm::exp(x), 1.0, 0.0, 3);
        assert!((got + std::f64::consts::E - 1.0).abs() < 1e-15);
    }
}
