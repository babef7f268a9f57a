//! The quantile of the beta distribution, on portable scalar functions: programs must not depend on the platform's.

/// Terms of the continued fraction; it needs a few times the square root of the larger parameter.
const TERMS: u32 = 500;
/// Newton steps, halvings included: a bracket of float64 is exhausted before.
const ITERATIONS: u32 = 200;

/// The `x` in `[0, 1]` at which a beta distribution with these parameters has accumulated `p = 1 - q`.
///
/// Both probabilities are given so that neither end loses digits.
pub(super) fn quantile(alpha: f64, beta: f64, p: f64, q: f64) -> f64 {
    if p <= 0.0 {
        0.0
    } else if q <= 0.0 {
        1.0
    } else if alpha == beta && p == q {
        // Exactly, since hosts round it times an odd number.
        0.5
    } else if p <= q {
        lower(alpha, beta, p)
    } else {
        1.0 - lower(beta, alpha, q)
    }
}

/// Newton's method on `ln I_x - ln p` over `ln x`, where the function is nearly straight, inside a bracket.
fn lower(alpha: f64, beta: f64, p: f64) -> f64 {
    let log_beta = libm::lgamma(alpha) + libm::lgamma(beta) - libm::lgamma(alpha + beta);
    let target = libm::log(p);
    let (mut low, mut high) = (0.0, 1.0);
    // I_x is x^alpha / (alpha B) near 0.
    let mut x = libm::exp((target + libm::log(alpha) + log_beta) / alpha).clamp(f64::MIN_POSITIVE, 0.5);
    for _ in 0..ITERATIONS {
        let accumulated = accumulated(alpha, beta, log_beta, x);
        let above = libm::log(accumulated) - target;
        if above > 0.0 {
            high = x;
        } else {
            low = x;
        }
        let log_density = (alpha - 1.0) * libm::log(x) + (beta - 1.0) * libm::log1p(-x) - log_beta;
        let step = -above * accumulated / (libm::exp(log_density) * x);
        let mut next = x * libm::exp(step);
        if !(next > low && next < high) {
            next = 0.5 * (low + high);
        }
        if (next - x).abs() <= f64::EPSILON * x {
            return next;
        }
        x = next;
    }
    x
}

/// The regularised incomplete beta function `I_x(alpha, beta)`.
fn accumulated(alpha: f64, beta: f64, log_beta: f64, x: f64) -> f64 {
    let front = libm::exp(alpha * libm::log(x) + beta * libm::log1p(-x) - log_beta);
    // Either fraction converges fast below its distribution's mean.
    if x < (alpha + 1.0) / (alpha + beta + 2.0) {
        front * fraction(alpha, beta, x) / alpha
    } else {
        1.0 - front * fraction(beta, alpha, 1.0 - x) / beta
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
    use super::quantile;

    #[test]
    fn closed_forms() {
        for k in 1..1000_u32 {
            let (p, q) = (f64::from(k) / 1000.0, f64::from(1000 - k) / 1000.0);
            let arcsine = libm::pow(libm::sin(std::f64::consts::FRAC_PI_2 * p), 2.0);
            for (alpha, beta, expected) in
                [(1.0, 1.0, p), (0.5, 0.5, arcsine), (3.0, 1.0, libm::cbrt(p)), (1.0, 2.0, 1.0 - q.sqrt())]
            {
                let got = quantile(alpha, beta, p, q);
                assert!((got - expected).abs() <= 1e-13 * expected, "{alpha} {beta} {p}: {got} {expected}");
            }
        }
        assert_eq!(quantile(0.6, 0.6, 0.0, 1.0).to_bits(), 0.0_f64.to_bits());
        assert_eq!(quantile(0.6, 0.6, 1.0, 0.0).to_bits(), 1.0_f64.to_bits());
    }
}
