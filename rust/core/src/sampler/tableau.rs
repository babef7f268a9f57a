//! Butcher tableaux: coefficients of explicit Runge–Kutta methods, as data.

use crate::error::{Error, Noun, Result};

/// Weights of a second result from the same slopes, whose distance from the first estimates the error of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Embedded {
    /// One weight per stage; one more where the slope at the result, the next step's first, is used too.
    pub b: &'static [f64],
    /// Its order.
    pub order: u32,
}

/// An explicit Runge–Kutta method: `k_i = f(x + h Σ a_ij k_j)` at the share `c_i` of the step, `x' = x + h Σ b_i k_i`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tableau {
    /// Its name.
    pub name: &'static str,
    /// Order of `b`.
    pub order: u32,
    /// Where in the step the stages are.
    pub c: &'static [f64],
    /// One row for each stage after the first, of as many values as there are stages before it.
    pub a: &'static [&'static [f64]],
    /// Weights of the slopes.
    pub b: &'static [f64],
    /// The second result, where there is one.
    pub embedded: Option<Embedded>,
}

const SQRT_5: f64 = 2.236_067_977_499_79;

/// Every tableau, by number of stages. Butcher 2016 ("Numerical Methods for Ordinary Differential Equations", 3rd ed.,
/// chapter 3) unless a line says otherwise.
pub const TABLEAUX: &[Tableau] = &[
    Tableau { name: "midpoint_2s", order: 2, c: &[0.0, 0.5], a: &[&[0.5]], b: &[0.0, 1.0], embedded: None },
    // With Euler's step.
    Tableau {
        name: "heun_2s",
        order: 2,
        c: &[0.0, 1.0],
        a: &[&[1.0]],
        b: &[0.5, 0.5],
        embedded: Some(Embedded { b: &[1.0, 0.0], order: 1 }),
    },
    // Ralston 1962 (doi:10.1090/S0025-5718-1962-0150954-0), for the next two: the least bound of the error.
    Tableau {
        name: "ralston_2s",
        order: 2,
        c: &[0.0, 2.0 / 3.0],
        a: &[&[2.0 / 3.0]],
        b: &[0.25, 0.75],
        embedded: None,
    },
    Tableau {
        name: "ralston_3s",
        order: 3,
        c: &[0.0, 0.5, 0.75],
        a: &[&[0.5], &[0.0, 0.75]],
        b: &[2.0 / 9.0, 1.0 / 3.0, 4.0 / 9.0],
        embedded: None,
    },
    Tableau {
        name: "heun_3s",
        order: 3,
        c: &[0.0, 1.0 / 3.0, 2.0 / 3.0],
        a: &[&[1.0 / 3.0], &[0.0, 2.0 / 3.0]],
        b: &[0.25, 0.0, 0.75],
        embedded: None,
    },
    // Kutta 1901 (Zeitschrift für Mathematik und Physik 46, 435-453).
    Tableau {
        name: "kutta_3s",
        order: 3,
        c: &[0.0, 0.5, 1.0],
        a: &[&[0.5], &[-1.0, 2.0]],
        b: &[1.0 / 6.0, 2.0 / 3.0, 1.0 / 6.0],
        embedded: None,
    },
    // Wray's low-storage form of van der Houwen's method; Kennedy, Carpenter and Lewis 2000
    // (doi:10.1016/S0168-9274(99)00141-5).
    Tableau {
        name: "houwen_wray_3s",
        order: 3,
        c: &[0.0, 8.0 / 15.0, 2.0 / 3.0],
        a: &[&[8.0 / 15.0], &[0.25, 5.0 / 12.0]],
        b: &[0.25, 0.0, 0.75],
        embedded: None,
    },
    // Shu and Osher 1988 (doi:10.1016/0021-9991(88)90177-5), equation 2.18.
    Tableau {
        name: "ssprk3",
        order: 3,
        c: &[0.0, 1.0, 0.5],
        a: &[&[1.0], &[0.25, 0.25]],
        b: &[1.0 / 6.0, 1.0 / 6.0, 2.0 / 3.0],
        embedded: None,
    },
    // Bogacki and Shampine 1989 (doi:10.1016/0893-9659(89)90079-7).
    Tableau {
        name: "bogacki_shampine",
        order: 3,
        c: &[0.0, 0.5, 0.75],
        a: &[&[0.5], &[0.0, 0.75]],
        b: &[2.0 / 9.0, 1.0 / 3.0, 4.0 / 9.0],
        embedded: Some(Embedded { b: &[7.0 / 24.0, 0.25, 1.0 / 3.0, 0.125], order: 2 }),
    },
    // Kutta 1901, for the next two.
    Tableau {
        name: "rk4",
        order: 4,
        c: &[0.0, 0.5, 0.5, 1.0],
        a: &[&[0.5], &[0.0, 0.5], &[0.0, 0.0, 1.0]],
        b: &[1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0],
        embedded: None,
    },
    Tableau {
        name: "rk38",
        order: 4,
        c: &[0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0],
        a: &[&[1.0 / 3.0], &[-1.0 / 3.0, 1.0], &[1.0, -1.0, 1.0]],
        b: &[0.125, 0.375, 0.375, 0.125],
        embedded: None,
    },
    // Ralston 1962: the least bound of the error.
    Tableau {
        name: "ralston_4s",
        order: 4,
        c: &[0.0, 0.4, (14.0 - 3.0 * SQRT_5) / 16.0, 1.0],
        a: &[
            &[0.4],
            &[(-2889.0 + 1428.0 * SQRT_5) / 1024.0, (3785.0 - 1620.0 * SQRT_5) / 1024.0],
            &[
                (-3365.0 + 2094.0 * SQRT_5) / 6040.0,
                (-975.0 - 3046.0 * SQRT_5) / 2552.0,
                (467_040.0 + 203_968.0 * SQRT_5) / 240_845.0,
            ],
        ],
        b: &[
            (263.0 + 24.0 * SQRT_5) / 1812.0,
            (125.0 - 1000.0 * SQRT_5) / 3828.0,
            (3_426_304.0 + 1_661_952.0 * SQRT_5) / 5_924_787.0,
            (30.0 - 4.0 * SQRT_5) / 123.0,
        ],
        embedded: None,
    },
    // Dormand and Prince 1980 (doi:10.1016/0771-050X(80)90013-3), table 2.
    Tableau {
        name: "dormand_prince",
        order: 5,
        c: &[0.0, 0.2, 0.3, 0.8, 8.0 / 9.0, 1.0],
        a: &[
            &[0.2],
            &[3.0 / 40.0, 9.0 / 40.0],
            &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
            &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
            &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
        ],
        b: &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
        embedded: Some(Embedded {
            b: &[
                5179.0 / 57600.0,
                0.0,
                7571.0 / 16695.0,
                393.0 / 640.0,
                -92097.0 / 339_200.0,
                187.0 / 2100.0,
                1.0 / 40.0,
            ],
            order: 4,
        }),
    },
];

impl Tableau {
    /// The tableau of that name.
    ///
    /// # Errors
    /// Any other word.
    pub fn from_name(name: &str) -> Result<&'static Self> {
        TABLEAUX.iter().find(|tableau| tableau.name == name).ok_or_else(|| Error::Choice {
            noun: Noun::Sampler,
            name: "tableau",
            got: name.to_owned(),
            known: TABLEAUX.iter().map(|tableau| tableau.name).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUNDING: f64 = 1e-14;

    /// `Σ_j a_ij v_j`.
    fn apply(a: &[Vec<f64>], v: &[f64]) -> Vec<f64> {
        a.iter().map(|row| row.iter().zip(v).map(|(x, y)| x * y).sum()).collect()
    }

    fn times(u: &[f64], v: &[f64]) -> Vec<f64> {
        u.iter().zip(v).map(|(x, y)| x * y).collect()
    }

    /// By how much weights `b` miss the order conditions of each order from 1 to 5, one per rooted tree. Hairer, Nørsett
    /// and Wanner 1993 ("Solving Ordinary Differential Equations I"), table II.2.2.
    fn misses(a: &[Vec<f64>], b: &[f64], c: &[f64]) -> [f64; 5] {
        let one = vec![1.0; c.len()];
        let (c2, ac) = (times(c, c), apply(a, c));
        let (c3, ac2, aac) = (times(&c2, c), apply(a, &c2), apply(a, &ac));
        let trees: [Vec<(Vec<f64>, f64)>; 5] = [
            vec![(one, 1.0)],
            vec![(c.to_vec(), 2.0)],
            vec![(c2.clone(), 3.0), (ac.clone(), 6.0)],
            vec![(c3.clone(), 4.0), (times(c, &ac), 8.0), (ac2.clone(), 12.0), (aac.clone(), 24.0)],
            vec![
                (times(&c3, c), 5.0),
                (times(&c2, &ac), 10.0),
                (times(&ac, &ac), 20.0),
                (times(c, &ac2), 15.0),
                (times(c, &aac), 30.0),
                (apply(a, &c3), 20.0),
                (apply(a, &times(c, &ac)), 40.0),
                (apply(a, &ac2), 60.0),
                (apply(a, &aac), 120.0),
            ],
        ];
        trees.map(|of_order| {
            of_order
                .iter()
                .map(|(tree, density)| {
                    let weighted: f64 = b.iter().zip(tree).map(|(x, y)| x * y).sum();
                    (weighted - 1.0 / density).abs()
                })
                .fold(0.0, f64::max)
        })
    }

    /// Weights satisfy the conditions up to their order, and not those of the next.
    fn assert_order(name: &str, order: u32, a: &[Vec<f64>], b: &[f64], c: &[f64]) {
        let misses = misses(a, b, c);
        for (of, miss) in (1..).zip(misses) {
            if of <= order {
                assert!(miss < ROUNDING, "{name} misses order {of} by {miss}");
            } else if of == order + 1 {
                assert!(miss > 1e-4, "{name} has order {of}");
            }
        }
    }

    #[test]
    fn row_sums_and_order_conditions() {
        for tableau in TABLEAUX {
            let stages = tableau.c.len();
            assert_eq!((tableau.a.len() + 1, tableau.b.len()), (stages, stages), "{}", tableau.name);
            let mut a = vec![vec![]];
            for (i, row) in tableau.a.iter().enumerate() {
                assert_eq!(row.len(), i + 1, "{}", tableau.name);
                a.push(row.to_vec());
            }
            let mut c = tableau.c.to_vec();
            for (row, share) in a.iter().zip(&c) {
                assert!((row.iter().sum::<f64>() - share).abs() < ROUNDING, "{}: a row is not {share}", tableau.name);
            }
            assert_order(tableau.name, tableau.order, &a, tableau.b, &c);
            let Some(embedded) = tableau.embedded else { continue };
            assert!(embedded.order < tableau.order);
            if embedded.b.len() > stages {
                a.push(tableau.b.to_vec());
                c.push(1.0);
            }
            assert_eq!(embedded.b.len(), a.len(), "{}", tableau.name);
            assert_order(tableau.name, embedded.order, &a, embedded.b, &c);
        }
    }

    #[test]
    fn a_wrong_number_is_noticed() {
        let a = vec![vec![], vec![0.5], vec![0.0, 0.5], vec![0.0, 0.0, 1.0]];
        let c = [0.0, 0.5, 0.5, 1.0];
        assert!(misses(&a, &[1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 0.17], &c)[0] > 1e-3);
    }
}
