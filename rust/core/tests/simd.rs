//! exp, ln and pow against double-double arithmetic, their special values, and one value's bits at every position.

#![allow(
    clippy::float_cmp,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unreadable_literal,
    clippy::approx_constant
)]

use proptest::prelude::*;
use stepladder_core::simd::{Backend, Float, exp, exp_into, exp_on, ln, ln_into, ln_on, pow, pow_into, pow_on, powi};

/// An unevaluated sum of two doubles, about 105 bits.
#[derive(Clone, Copy)]
struct Dd(f64, f64);

impl Dd {
    fn sum(a: f64, b: f64) -> Self {
        let s = a + b;
        let t = s - a;
        Self(s, (a - (s - t)) + (b - t))
    }

    fn plus(self, other: Self) -> Self {
        let s = Self::sum(self.0, other.0);
        let t = Self::sum(self.1, other.1);
        let s = Self::sum(s.0, s.1 + t.0);
        Self::sum(s.0, s.1 + t.1)
    }

    fn times(self, other: Self) -> Self {
        let p = self.0 * other.0;
        let e = self.0.mul_add(other.0, -p) + self.0.mul_add(other.1, self.1 * other.0);
        Self::sum(p, e)
    }

    fn scaled(self, power_of_two: f64) -> Self {
        Self(self.0 * power_of_two, self.1 * power_of_two)
    }

    /// Taylor series of the reduced argument over 2^9, then nine squarings. The result is `(m, k)`: m times 2^k.
    fn exp(self) -> (Self, i32) {
        let k = (self.0 / std::f64::consts::LN_2).round();
        let ln2 = [std::f64::consts::LN_2, 2.319_046_813_846_299_6e-17, 5.707_708_438_416_212e-34];
        let mut r = self;
        for part in ln2 {
            let p = -k * part;
            r = r.plus(Self::sum(p, (-k).mul_add(part, -p)));
        }
        let r = r.scaled(1.0 / 512.0);
        // expm1, so that squaring does not multiply the error of the 1.
        let mut m = Self(0.0, 0.0);
        for n in (1..=14).rev() {
            let n = f64::from(n);
            let inverse = 1.0 / n;
            let inverse = Self(inverse, (-inverse).mul_add(n, 1.0) / n);
            m = Self(1.0, 0.0).plus(m).times(r).times(inverse);
        }
        for _ in 0..9 {
            m = m.scaled(2.0).plus(m.times(m));
        }
        (Self(1.0, 0.0).plus(m), k as i32)
    }

    /// One Newton step from the double logarithm.
    fn ln(x: f64) -> Self {
        let guess = x.ln();
        let (m, k) = Self(-guess, 0.0).exp();
        // x e^-guess near 1, scaled in two steps since 2^k alone may leave the range.
        let half = 2.0f64.powi(k / 2);
        let ratio = m.times(Self(x * half, 0.0)).scaled(2.0f64.powi(k - k / 2));
        let d = ratio.plus(Self(-1.0, 0.0));
        Self::sum(guess, 0.0).plus(d).plus(d.times(d).scaled(-0.5))
    }
}

/// Error of `got` in units of the last place of the truth `m 2^k`.
fn ulps(got: f64, (m, k): (Dd, i32)) -> f64 {
    let half = 2.0f64.powi(k / 2);
    let rest = 2.0f64.powi(k - k / 2);
    let truth = m.0 * half * rest;
    if got == truth && truth.is_infinite() {
        return 0.0;
    }
    let ulp = f64::from_bits((truth.abs().to_bits() & (0x7ff << 52)).max(1 << 52)) * f64::EPSILON;
    if ulp == 0.0 || truth.abs() < f64::MIN_POSITIVE {
        return ((got - truth) / 5e-324).abs();
    }
    (((got - truth) - m.1 * half * rest) / ulp).abs()
}

/// Error in units of the last place of a float, or of the least subnormal.
fn ulps_f32(got: f32, truth: f64) -> f64 {
    if f64::from(got) == truth || got == truth as f32 {
        return 0.0;
    }
    let exponent = truth.abs().log2().floor().max(-126.0);
    ((f64::from(got) - truth) / (exponent - 23.0).exp2()).abs()
}

/// A quasi-uniform sequence over [0, 1).
fn fractions(count: u32) -> impl Iterator<Item = f64> {
    (0..count).map(|i| (f64::from(i) * 0.618_033_988_749_894_9).fract())
}

fn worst(count: u32, from: impl Fn(f64) -> f64, f: impl Fn(&mut [f64]), error: impl Fn(f64, f64) -> f64) -> f64 {
    let xs: Vec<f64> = fractions(count).map(from).collect();
    let mut ys = xs.clone();
    f(&mut ys);
    xs.iter().zip(&ys).map(|(&x, &y)| error(x, y)).fold(0.0, f64::max)
}

fn worst_f32(count: u32, from: impl Fn(f64) -> f64, f: impl Fn(&mut [f32]), truth: impl Fn(f64) -> f64) -> f64 {
    let xs: Vec<f32> = fractions(count).map(|u| from(u) as f32).collect();
    let mut ys = xs.clone();
    f(&mut ys);
    xs.iter().zip(&ys).map(|(&x, &y)| ulps_f32(y, truth(x.into()))).fold(0.0, f64::max)
}

#[test]
fn the_oracle_equals_mpmath() {
    for (x, hi, lo) in ORACLE_EXP {
        let (m, k) = Dd(x, 0.0).exp();
        let m = m.scaled(2.0f64.powi(k));
        assert!((m.0 - hi).abs() <= f64::EPSILON * hi && ((m.0 - hi) + (m.1 - lo)).abs() < 1e-28 * hi, "exp({x})");
    }
    for (x, hi, lo) in ORACLE_LN {
        let l = Dd::ln(x);
        assert!(((l.0 - hi) + (l.1 - lo)).abs() < 1e-28 * hi.abs(), "ln({x})");
    }
}

#[test]
fn exp_is_within_two_ulp() {
    let error = |x: f64, y: f64| ulps(y, Dd(x, 0.0).exp());
    let wide = worst(20_000, |u| -745.0 + u * 1454.7, exp, error);
    let near = worst(20_000, |u| (u - 0.5) * 4.0, exp, error);
    let tiny = worst(2_000, |u| (u - 0.5) * 1e-8, exp, error);
    let worst = wide.max(near).max(tiny);
    println!("exp f64: {worst:.3} ulp");
    assert!(worst <= 2.0, "{wide} {near} {tiny}");
    let worst = worst_f32(40_000, |u| -103.0 + u * 191.7, exp, f64::exp).max(worst_f32(
        20_000,
        |u| (u - 0.5) * 2.0,
        exp,
        f64::exp,
    ));
    println!("exp f32: {worst:.3} ulp");
    assert!(worst <= 2.0, "{worst}");
}

#[test]
fn ln_is_within_two_ulp() {
    let error = |x: f64, y: f64| ulps(y, (Dd::ln(x), 0));
    let wide = worst(20_000, |u| f64::from_bits((u * 9.218_868_437_227_405e18) as u64 + 1), ln, error);
    let near = worst(20_000, |u| 0.5 + u * 1.5, ln, error);
    let one = worst(5_000, |u| 1.0 + (u - 0.5) * 1e-6, ln, error);
    let worst = wide.max(near).max(one);
    println!("ln f64: {worst:.3} ulp");
    assert!(worst <= 2.0, "{wide} {near} {one}");
    let bits = |u: f64| f64::from(f32::from_bits((u * 2_139_095_039.0) as u32 + 1));
    let wide = worst_f32(40_000, bits, ln, f64::ln);
    let near = worst_f32(40_000, |u| 0.5 + u * 1.5, ln, f64::ln);
    println!("ln f32: {:.3} ulp", wide.max(near));
    assert!(wide <= 2.0 && near <= 2.0, "{wide} {near}");
}

#[test]
fn pow_is_within_eight_ulp_where_schedules_use_it() {
    let exponents = [7.0, 1.0 / 7.0, 6.7, -6.7, 16.0, -16.0, 15.99, 0.5, -0.25, 1.0, 2.0, 3.0, -8.0, 1e-3, 10.0, -1.0];
    let mut all = 0.0f64;
    let mut all_f32 = 0.0f64;
    for y in exponents {
        let error = |x: f64, got: f64| {
            let ln = Dd::ln(x);
            ulps(got, ln.times(Dd(y, 0.0)).exp())
        };
        let base = |u: f64| 10f64.powf(u * 12.0 - 6.0);
        all = all.max(worst(2_000, base, |xs| pow(xs, y), error));
        all = all.max(worst(1_000, |u| 0.9 + 0.2 * u, |xs| pow(xs, y), error));
        let short = y as f32;
        // Finite normal floats only.
        let reach = (37.0 / y.abs()).min(6.0);
        let base = |u: f64| 10f64.powf((2.0 * u - 1.0) * reach);
        all_f32 = all_f32.max(worst_f32(2_000, base, |xs| pow(xs, short), |x| x.powf(short.into())));
    }
    println!("pow f64: {all:.3} ulp, f32: {all_f32:.3} ulp");
    assert!(all <= 8.0, "{all}");
    assert!(all_f32 <= 4.0, "{all_f32}");
}

fn one<T: Float>(x: T, f: impl Fn(&mut [T])) -> T {
    let mut xs = [x];
    f(&mut xs);
    xs[0]
}

/// Equal, or both NaN; zeros by sign as well.
fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

#[test]
fn special_values_of_exp_and_ln() {
    let inf = f64::INFINITY;
    for (x, expected) in [
        (0.0, 1.0),
        (-0.0, 1.0),
        (inf, inf),
        (-inf, 0.0),
        (f64::NAN, f64::NAN),
        (709.782_712_893_384, 1.797_693_134_862_273_2e308),
        (709.782_712_893_385, inf),
        (1e308, inf),
        (-745.133_219_101_941_1, 5e-324),
        (-745.14, 0.0),
        (-1e308, 0.0),
        (5e-324, 1.0),
    ] {
        assert!(same(one(x, exp), expected), "exp({x}) = {:e}", one(x, exp));
    }
    for (x, expected) in [
        (1.0, 0.0),
        (0.0, -inf),
        (-0.0, -inf),
        (inf, inf),
        (-inf, f64::NAN),
        (-1.0, f64::NAN),
        (-5e-324, f64::NAN),
        (f64::NAN, f64::NAN),
        (5e-324, -744.440_071_921_381_2),
        (f64::MAX, 709.782_712_893_384),
    ] {
        assert!(same(one(x, ln), expected), "ln({x}) = {:e}", one(x, ln));
    }
    let inf = f32::INFINITY;
    let f32_cases =
        [(0.0, 1.0), (inf, inf), (-inf, 0.0), (f32::NAN, f32::NAN), (88.73, inf), (-104.0, 0.0), (-103.3, 1e-45)];
    for (x, expected) in f32_cases {
        assert!(same(one(x, exp).into(), f64::from(expected)), "exp({x}) = {:e}", one(x, exp));
    }
    for (x, expected) in [
        (1.0, 0.0),
        (0.0, -inf),
        (-0.0, -inf),
        (inf, inf),
        (-1.0, f32::NAN),
        (f32::NAN, f32::NAN),
        (1e-45, -103.278_93),
    ] {
        assert!(same(one(x, ln).into(), f64::from(expected)), "ln({x}) = {:e}", one(x, ln));
    }
}

#[test]
fn special_values_of_pow_are_those_of_ieee_754() {
    let values = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        2.0,
        -2.0,
        0.5,
        -0.5,
        1e-310,
        -1e-310,
        1e300,
        -1e300,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    let exponents = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        2.0,
        -2.0,
        3.0,
        -3.0,
        9.0,
        -9.0,
        10.0,
        -10.0,
        0.5,
        -0.5,
        6.7,
        -6.7,
        1e9,
        -1e9,
        1e300,
        -1e300,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    for x in values {
        for y in exponents {
            let (got, expected) = (one(x, |xs| pow(xs, y)), libm::pow(x, y));
            let close = (got - expected).abs() <= 1e-13 * expected.abs();
            assert!(same(got, expected) || (close && expected != 0.0), "pow({x:e}, {y:e}) = {got:e}, not {expected:e}");
            let (x, y) = (x as f32, y as f32);
            let (got, expected) = (one(x, |xs| pow(xs, y)), libm::powf(x, y));
            let close = (got - expected).abs() <= 1e-5 * expected.abs();
            assert!(
                same(got.into(), expected.into()) || (close && expected != 0.0),
                "powf({x:e}, {y:e}) = {got:e}, not {expected:e}"
            );
        }
    }
}

#[test]
fn integer_powers() {
    let xs = [0.3, -1.7, 12.0, 1.0];
    for n in [0, 1, 2, 5, 13, -1, -3, i32::MIN] {
        let mut ys = xs;
        powi(&mut ys, n);
        for (x, y) in xs.iter().zip(ys) {
            let expected = libm::pow(*x, n.into());
            assert!(
                same(y, expected) || (y - expected).abs() <= 1e-14 * expected.abs(),
                "{x}^{n} = {y}, not {expected}"
            );
        }
    }
}

/// Every function at every position of slices of lengths 0 to 67, in place and into another slice, on every CPU path.
fn positions<T: Float + std::fmt::Debug>(x: T, exponent: T) {
    let bits = |x: T| x.into().to_bits();
    let expected = [one(x, exp), one(x, ln), one(x, |xs| pow(xs, exponent)), one(x, |xs| powi(xs, 5))].map(bits);
    for len in 0..68 {
        let source = vec![x; len];
        let mut into = vec![T::ONE; len];
        let check = |got: &[T], which: usize, what: &str| {
            for (i, y) in got.iter().enumerate() {
                assert_eq!(bits(*y), expected[which], "{what} of {x:?} at {i} of {len}");
            }
        };
        exp_into(&mut into, &source);
        check(&into, 0, "exp");
        ln_into(&mut into, &source);
        check(&into, 1, "ln");
        pow_into(&mut into, &source, exponent);
        check(&into, 2, "pow");
        for backend in Backend::available() {
            let mut xs = source.clone();
            exp_on(backend, &mut xs);
            check(&xs, 0, backend.name());
            xs.copy_from_slice(&source);
            ln_on(backend, &mut xs);
            check(&xs, 1, backend.name());
            xs.copy_from_slice(&source);
            pow_on(backend, &mut xs, exponent);
            check(&xs, 2, backend.name());
        }
        let mut xs = source;
        powi(&mut xs, 5);
        check(&xs, 3, "powi");
    }
}

#[test]
fn a_value_never_depends_on_its_position() {
    for x in [0.731, 14.61, 3e-5, 1e-310, 700.0] {
        positions(x, 6.7);
        positions(x, 1.0 / 7.0);
    }
    for x in [0.731_f32, 14.61, 3e-5, 1e-40, 88.0] {
        positions(x, 6.7);
    }
}

proptest! {
    // A part of what PROPTEST_CASES asks for: each case here is a whole family of checks.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 5))]

    #[test]
    fn every_cpu_path_gives_the_same_bits(
        bits in proptest::collection::vec(any::<u64>(), 1..200),
        exponent in -20.0..20.0f64,
    ) {
        let xs: Vec<f64> = bits.iter().map(|&bits| f64::from_bits(bits)).collect();
        let short: Vec<f32> = bits.iter().map(|&bits| f32::from_bits((bits >> 32) as u32)).collect();
        let all = |backend| {
            let mut out = vec![xs.clone(), xs.clone(), xs.clone()];
            exp_on(backend, &mut out[0]);
            ln_on(backend, &mut out[1]);
            pow_on(backend, &mut out[2], exponent);
            let mut out_f32 = vec![short.clone(), short.clone(), short.clone()];
            exp_on(backend, &mut out_f32[0]);
            ln_on(backend, &mut out_f32[1]);
            pow_on(backend, &mut out_f32[2], exponent as f32);
            let words = out_f32.into_iter().flatten().map(f64::from);
            out.into_iter().flatten().chain(words).map(|y| if y.is_nan() { 1 } else { y.to_bits() }).collect::<Vec<_>>()
        };
        let expected = all(Backend::active());
        for backend in Backend::available() {
            prop_assert_eq!(all(backend), expected.clone());
        }
    }
}

#[test]
#[should_panic(expected = "differ in length")]
fn lengths_must_agree() {
    exp_into(&mut [0.0; 2], &[0.0; 3]);
}

// Values of mpmath at 300 bits: argument, result rounded, and the rest rounded.
const ORACLE_EXP: [(f64, f64, f64); 4] = [
    (1.0, 2.718281828459045, 1.4456468917292502e-16),
    (-20.25, 1.6052280551856116e-9, -3.657643988865463e-26),
    (700.5, 1.6721859620674984e304, 1.0957735777569338e288),
    (0.34657, 1.4142084849595797, -7.470324230433341e-17),
];
const ORACLE_LN: [(f64, f64, f64); 4] = [
    (1e-6, -13.815510557964274, -5.191549935450145e-16),
    (0.999, -0.0010005003335835344, -2.5644777003677798e-20),
    (1.4142135623730951, 0.3465735902799727, 2.4442169414592898e-17),
    (3e5, 12.611537753638338, 3.7822115043407914e-16),
];
