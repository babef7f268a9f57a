//! The phi functions of exponential integrators.

use crate::scalar::Scalar;

/// `phi_0(x) = e^x`, `phi_k(x) = (phi_{k-1}(x) - 1/(k-1)!) / x`: `phi_1 = (e^x - 1) / x`. Hochbruck and Ostermann 2010
/// ("Exponential integrators"), equation 2.11. Accurate near zero, where the recurrence cancels.
pub fn phi<S: Scalar>(k: u32, x: S) -> S {
    match k {
        0 => x.exp(),
        1 if !x.is_zero() => x.exp_m1() / x,
        _ if x.value().abs() < 1.0 + f64::from(k) => series(k, x),
        _ => (phi(k - 1, x) - 1.0 / factorial(k - 1)) / x,
    }
}

/// `Σ x^i / (i + k)!`. For |x| of a few units the terms of alternating sign lose less than the recurrence does.
fn series<S: Scalar>(k: u32, x: S) -> S {
    let mut term = S::from(1.0 / factorial(k));
    let mut sum = term;
    for i in 1..60 {
        term = term * x / f64::from(i + k);
        sum = sum + term;
    }
    sum
}

fn factorial(n: u32) -> f64 {
    (1..=n).map(f64::from).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `phi_k(x) = ∫ e^{(1-θ)x} θ^{k-1} / (k-1)! dθ` over [0, 1].
    fn by_quadrature(k: u32, x: f64) -> f64 {
        let power = f64::from(k - 1);
        crate::numeric::integrate(
            |t: f64| libm::exp((1.0 - t) * x) * libm::pow(t, power) / factorial(k - 1),
            0.0,
            1.0,
            8,
        )
    }

    #[test]
    fn its_integral() {
        for k in 1..=5 {
            for x in [-30.0, -6.1, -4.0, -2.0, -1.0, -0.5, -1e-3, -1e-9, 0.0, 1e-12, 0.1, 1.0, 3.9, 7.0] {
                let (got, exact) = (phi(k, x), by_quadrature(k, x));
                assert!((got / exact - 1.0).abs() < 2e-14, "phi_{k}({x}) = {got}, not {exact}");
            }
        }
    }
}
