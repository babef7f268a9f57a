//! The quantile of the beta distribution, on portable scalar functions: programs must not depend on the platform's.

/// Terms of the continued fraction; it needs a few times the square root of the larger parameter.
const TERMS: u32 = 500;
/// Steps, halvings included: a bracket of float64 is exhausted before.
const ITERATIONS: u32 = 200;
/// A step of this size in `ln x` leaves an error of its cube, times the function's curvature.
const LAST_STEP: f64 = 1e-6;

/// A beta distribution.
pub(super) struct Distribution {
    alpha: f64,
    beta: f64,
    log_beta: f64,
}

impl Distribution {
    /// The distribution with these parameters, both positive.
    pub(super) fn new(alpha: f64, beta: f64) -> Self {
        Self { alpha, beta, log_beta: libm::lgamma(alpha) + libm::lgamma(beta) - libm::lgamma(alpha + beta) }
    }

    /// The `x` in `[0, 1]` at which the distribution has accumulated `p = 1 - q`.
    ///
    /// Both probabilities are given so that neither end loses digits.
    pub(super) fn quantile(&self, p: f64, q: f64) -> f64 {
        if p <= 0.0 {
            0.0
        } else if q <= 0.0 {
            1.0
        } else if self.alpha == self.beta && p == q {
            // Exactly, since hosts round it times an odd number.
            0.5
        } else if p <= q {
            self.lower(p)
        } else {
            1.0 - self.mirrored().lower(q)
        }
    }

    /// The quantiles at `k / parts` for k from `parts` down, `count` of them. A symmetric distribution's upper half is
    /// the lower one's mirror image, bit by bit.
    pub(super) fn quantiles(&self, parts: usize, count: usize) -> Vec<f64> {
        let part = |k: usize| k as f64 / parts as f64;
        let mut quantiles = vec![0.0; count];
        for k in (0..count).rev() {
            let mirror = parts - k;
            quantiles[k] = if self.alpha == self.beta && 2 * k < parts && mirror < count {
                1.0 - quantiles[mirror]
            } else {
                self.quantile(part(parts - k), part(k))
            };
        }
        quantiles
    }

    fn mirrored(&self) -> Self {
        Self { alpha: self.beta, beta: self.alpha, log_beta: self.log_beta }
    }

    /// Halley's method on `ln I_x - ln p` over `ln x`, where the function is nearly straight, inside a bracket.
    fn lower(&self, p: f64) -> f64 {
        let target = libm::log(p);
        let (mut low, mut high) = (0.0, 1.0);
        // I_x is x^alpha / (alpha B) (1 + alpha (1 - beta) / (alpha + 1) x + ...) near 0.
        let first = libm::exp((target + libm::log(self.alpha) + self.log_beta) / self.alpha);
        let bend = (self.beta - 1.0) / (self.alpha + 1.0) * first;
        let second = if bend.abs() < 1.0 { first * libm::exp(bend) } else { first };
        let mut x = second.clamp(f64::MIN_POSITIVE, 0.5);
        for _ in 0..ITERATIONS {
            let (accumulated, front) = self.accumulated(x);
            let above = libm::log(accumulated) - target;
            if above > 0.0 {
                high = x;
            } else {
                low = x;
            }
            // The front factor is the density times x (1 - x); so this is the slope of ln I_x over ln x.
            let odds = x / (1.0 - x);
            let slope = front / ((1.0 - x) * accumulated);
            let newton = -above / slope;
            let bend = 1.0 + 0.5 * newton * (self.alpha - (self.beta - 1.0) * odds - slope);
            let step = if bend > 0.5 { newton / bend } else { newton };
            let next = x * libm::exp(step);
            if step.abs() <= LAST_STEP {
                return next;
            }
            // Where rounding leaves no smaller bracket this is the end.
            x = if next > low && next < high { next } else { 0.5 * (low + high) };
        }
        x
    }

    /// The regularised incomplete beta function `I_x(alpha, beta)`, and `x^alpha (1 - x)^beta / B`.
    fn accumulated(&self, x: f64) -> (f64, f64) {
        let Self { alpha, beta, log_beta } = *self;
        let front = libm::exp(alpha * libm::log(x) + beta * libm::log1p(-x) - log_beta);
        // Either fraction converges fast below its distribution's mean.
        let accumulated = if x < (alpha + 1.0) / (alpha + beta + 2.0) {
            front * fraction(alpha, beta, x) / alpha
        } else {
            1.0 - front * fraction(beta, alpha, 1.0 - x) / beta
        };
        (accumulated, front)
    }
}

/// DLMF 8.17.22, from the front by Lentz's method.
fn fraction(alpha: f64, beta: f64, x: f64) -> f64 {
    let away_from_zero = |value: f64| if value.abs() < f64::MIN_POSITIVE { f64::MIN_POSITIVE } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (alpha + beta) * x / (alpha + 1.0));
    let mut value = d;
    for term in 1..TERMS {
        let m = f64::from(term);
        let even = m * (beta - m) * x / ((alpha + 2.0 * m - 1.0) * (alpha + 2.0 * m));
        let odd = -(alpha + m) * (alpha + beta + m) * x / ((alpha + 2.0 * m) * (alpha + 2.0 * m + 1.0));
        let mut change = 1.0;
        for numerator in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + numerator * d);
            c = away_from_zero(1.0 + numerator / c);
            change = c * d;
            value *= change;
        }
        if (change - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::Distribution;

    #[test]
    fn closed_forms() {
        for k in 1..1000_u32 {
            let (p, q) = (f64::from(k) / 1000.0, f64::from(1000 - k) / 1000.0);
            let arcsine = libm::pow(libm::sin(std::f64::consts::FRAC_PI_2 * p), 2.0);
            for (alpha, beta, expected) in
                [(1.0, 1.0, p), (0.5, 0.5, arcsine), (3.0, 1.0, libm::cbrt(p)), (1.0, 2.0, 1.0 - q.sqrt())]
            {
                let got = Distribution::new(alpha, beta).quantile(p, q);
                assert!((got - expected).abs() <= 1e-13 * expected, "{alpha} {beta} {p}: {got} {expected}");
            }
        }
        assert_eq!(Distribution::new(0.6, 0.6).quantile(0.0, 1.0).to_bits(), 0.0_f64.to_bits());
        assert_eq!(Distribution::new(0.6, 0.6).quantile(1.0, 0.0).to_bits(), 1.0_f64.to_bits());
    }

    #[test]
    fn quantiles_are_single_ones() {
        for (alpha, beta) in [(0.6, 0.6), (0.5, 0.7), (2.0, 2.0)] {
            let beta = Distribution::new(alpha, beta);
            for (parts, count) in [(1, 1), (1, 2), (2, 3), (30, 30), (30, 31), (1001, 1001), (1001, 1002)] {
                for (k, got) in beta.quantiles(parts, count).into_iter().enumerate() {
                    let (p, q) = ((parts - k) as f64 / parts as f64, k as f64 / parts as f64);
                    assert_eq!(got.to_bits(), beta.quantile(p, q).to_bits(), "{k} of {parts}");
                }
            }
        }
    }

    #[test]
    fn extreme_parameters_invert() {
        for (alpha, beta) in [(0.01, 0.01), (0.01, 100.0), (100.0, 0.01), (100.0, 100.0), (0.6, 30.0), (30.0, 0.6)] {
            let beta = Distribution::new(alpha, beta);
            for k in 1..500_u32 {
                let (p, q) = (f64::from(k) / 1000.0, f64::from(1000 - k) / 1000.0);
                let x = beta.quantile(p, q);
                // Below the smallest normal number, and at 1, x itself has no digits left.
                if x > f64::MIN_POSITIVE && x < 0.999 {
                    let (got, front) = beta.accumulated(x);
                    let reach = 4.0 * f64::EPSILON * front / ((1.0 - x) * p);
                    assert!((got / p - 1.0).abs() <= 1e-12 + reach, "{p}: {got}");
                }
            }
        }
    }
}
