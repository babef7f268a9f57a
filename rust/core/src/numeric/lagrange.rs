//! Integrals of interpolating polynomials.

use super::quadrature::integrate;
use crate::scalar::Scalar;

/// `∫ w(x) l_j(x) dx` from `from` to `to` for the Lagrange polynomials `l_j` through `points`: the weights of a linear
/// multistep method. Exact to rounding for a polynomial weight of degree up to 30.
pub fn lagrange_integrals<S: Scalar>(points: &[S], from: S, to: S, weight: impl Fn(S) -> S) -> Vec<S> {
    (0..points.len())
        .map(|j| {
            integrate(
                |x| {
                    let mut value = weight(x);
                    for (k, &point) in points.iter().enumerate() {
                        if k != j {
                            value = value * (x - point) / (points[j] - point);
                        }
                    }
                    value
                },
                from,
                to,
                1,
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_spacing_gives_adams_bashforth() {
        let weights = lagrange_integrals(&[0.0, -1.0, -2.0, -3.0], 0.0, 1.0, |_| 1.0);
        for (got, exact) in weights.iter().zip([55.0 / 24.0, -59.0 / 24.0, 37.0 / 24.0, -9.0 / 24.0]) {
            assert!((got - exact).abs() < 1e-14);
        }
    }
}
