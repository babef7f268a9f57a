//! Weights of linear multistep methods.

use crate::scalar::Scalar;

/// `∫ l_j` from `nodes[0]` to `to` for the Lagrange polynomials `l_j` through `nodes`, newest first and each behind the
/// one before as seen from `to`: the weights of Adams and Bashforth for variable steps. Hairer, Nørsett and Wanner,
/// "Solving Ordinary Differential Equations I", section III.5.
///
/// In units of the step every factor of `l_j` is a variable plus a positive distance, so nothing cancels.
pub fn adams_weights<S: Scalar>(nodes: &[S], to: S) -> Vec<S> {
    let h = to - nodes[0];
    (0..nodes.len())
        .map(|j| {
            let mut polynomial = vec![S::from(1.0)]; // coefficients, constant first
            for (k, &node) in nodes.iter().enumerate() {
                if k == j {
                    continue;
                }
                let (behind, apart) = ((nodes[0] - node) / h, (nodes[j] - node) / h);
                let mut product = vec![S::from(0.0); polynomial.len() + 1];
                for (degree, &c) in polynomial.iter().enumerate() {
                    product[degree] = product[degree] + c * behind / apart;
                    product[degree + 1] = product[degree + 1] + c / apart;
                }
                polynomial = product;
            }
            let integral = polynomial.iter().zip(1..).fold(S::from(0.0), |sum, (&c, k)| sum + c / f64::from(k));
            h * integral
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::numeric::lagrange_integrals;

    #[test]
    fn equal_steps_give_the_table() {
        let weights = adams_weights(&[0.0, -1.0, -2.0, -3.0], 1.0);
        for (got, exact) in weights.iter().zip([55.0 / 24.0, -59.0 / 24.0, 37.0 / 24.0, -9.0 / 24.0]) {
            assert!((got - exact).abs() < 1e-15, "{got} {exact}");
        }
    }

    proptest! {
        /// Every polynomial of degree below the order is integrated exactly, relative to the terms that are added.
        #[test]
        fn order_conditions(first in 0.1_f64..80.0, ratios in prop::collection::vec(0.3_f64..0.95, 2..7)) {
            let mut levels = vec![first];
            for r in &ratios {
                levels.push(levels[levels.len() - 1] * r);
            }
            let to = levels.pop().unwrap();
            let nodes: Vec<f64> = levels.into_iter().rev().collect();
            let weights = adams_weights(&nodes, to);
            for (degree, _) in (0..).zip(&nodes) {
                let terms: Vec<f64> = nodes.iter().zip(&weights).map(|(s, w)| w * s.powi(degree)).collect();
                let exact = (to.powi(degree + 1) - nodes[0].powi(degree + 1)) / f64::from(degree + 1);
                let size: f64 = terms.iter().map(|t| t.abs()).sum();
                prop_assert!((terms.iter().sum::<f64>() - exact).abs() <= 1e-14 * size);
            }
        }

        #[test]
        fn quadrature_agrees(ratios in prop::collection::vec(0.3_f64..0.95, 4)) {
            let nodes = [ratios[0] * ratios[1] * ratios[2], ratios[0] * ratios[1], ratios[0], 1.0];
            let to = nodes[0] * ratios[3];
            let by_rule = lagrange_integrals(&nodes, nodes[0], to, |_| 1.0);
            for (a, b) in adams_weights(&nodes, to).iter().zip(by_rule) {
                prop_assert!((a - b).abs() <= 1e-12 * b.abs(), "{a} {b}");
            }
        }
    }
}
