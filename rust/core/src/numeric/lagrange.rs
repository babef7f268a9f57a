//! Integrals of interpolating polynomials.

use super::quadrature::{integrate, nodes, panels};
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

/// Beyond this exponent the weight of [`decayed_lagrange_integrals`] is zero in float64.
const LONGEST: f64 = 800.0;
/// Exponent over which 20 points integrate it to rounding.
const PER_PANEL: f64 = 16.0;

/// `∫ z e^{-z(1-u)} l_j(u) du` over [0, 1] for the Lagrange polynomials `l_j` through `points`: the weights of an
/// exponential Adams method whose step has length `z` and ends at `u = 1`. `z` is positive. They sum to `1 - e^{-z}`.
pub fn decayed_lagrange_integrals<S: Scalar>(points: &[S], z: S) -> Vec<S> {
    let mut weights = vec![S::from(0.0); points.len()];
    let longest = z.min(S::from(LONGEST));
    for (v, weight) in nodes(S::from(0.0), longest, panels(longest.value(), PER_PANEL)) {
        let u = -(v / z) + 1.0;
        let weight = (-v).exp() * weight;
        for (j, sum) in weights.iter_mut().enumerate() {
            *sum = *sum + other_points(points, j).fold(weight, |product, point| product * (u - point));
        }
    }
    for (j, sum) in weights.iter_mut().enumerate() {
        *sum = other_points(points, j).fold(*sum, |value, point| value / (points[j] - point));
    }
    weights
}

/// Every point but the `j`-th.
fn other_points<S: Scalar>(points: &[S], j: usize) -> impl Iterator<Item = S> + '_ {
    points.iter().enumerate().filter(move |&(k, _)| k != j).map(|(_, &point)| point)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::phi;

    #[test]
    fn equal_spacing_gives_adams_bashforth() {
        let weights = lagrange_integrals(&[0.0, -1.0, -2.0, -3.0], 0.0, 1.0, |_| 1.0);
        for (got, exact) in weights.iter().zip([55.0 / 24.0, -59.0 / 24.0, 37.0 / 24.0, -9.0 / 24.0]) {
            assert!((got - exact).abs() < 1e-14);
        }
    }

    /// A moment of the weight: `∫ z e^{-z(1-u)} u^k du = z k! phi_{k+1}(-z)`.
    #[test]
    fn decayed_weights_integrate_polynomials() {
        let points = [1.0, 0.0, -0.6, -1.7];
        for z in [1e-9, 0.02, 1.0, 15.0, 40.0, 300.0, 5000.0] {
            let weights = decayed_lagrange_integrals(&points, z);
            let mut factorial = 1.0;
            for k in 0..4_u32 {
                factorial *= f64::from(k.max(1));
                let got: f64 = weights.iter().zip(points).map(|(w, u)| w * libm::pow(u, f64::from(k))).sum();
                let exact = z * factorial * phi(k + 1, -z);
                assert!((got / exact - 1.0).abs() < 1e-13, "z {z}, degree {k}: {got} {exact}");
            }
        }
    }
}
