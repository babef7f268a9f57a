//! Even times of a rectified flow, shifted towards the noise (Esser et al., arXiv 2403.03206, section 5.3.2), and the
//! shifts that models derive from the size of their picture.

use super::diffusers::{FLOW_CONVERSIONS, converted};
use super::{finish, levels};
use crate::error::{Error, Noun, Number, Result};

/// Largest logarithm of a shift; [`check_shift`] has the same limit, rounded.
const MU_LIMIT: f64 = 13.0;

/// A usable shift of time.
///
/// # Errors
/// [`Error::Parameter`] outside `[1e-6, 1e6]`.
pub fn check_shift(shift: f64) -> Result<()> {
    if (1e-6..=1e6).contains(&shift) {
        return Ok(());
    }
    Err(Error::Parameter { noun: Noun::Schedule, name: "shift", got: shift, expected: "0.000001 to 1000000" })
}

/// The shift by a dynamic `mu`: `exp(mu)`, or `mu` itself where it is `linear`.
///
/// # Errors
/// [`Error::Parameter`] outside `[-13, 13]`, or `[1e-6, 1e6]` where linear.
pub fn dynamic_shift(mu: f64, linear: bool) -> Result<f64> {
    let (valid, expected, shift) = if linear {
        (check_shift(mu).is_ok(), "0.000001 to 1000000 for a linear shift", mu)
    } else {
        (mu.abs() <= MU_LIMIT, "-13 to 13", libm::exp(mu))
    };
    if valid {
        return Ok(shift);
    }
    Err(Error::Parameter { noun: Noun::Schedule, name: "mu", got: mu, expected })
}

/// A usable lowest level for the terminal stretch.
///
/// # Errors
/// [`Error::Parameter`] outside `(0, 1)`.
pub fn check_terminal(terminal: f64) -> Result<()> {
    if terminal > 0.0 && terminal < 1.0 {
        return Ok(());
    }
    let expected = "0 to 1, both excluded";
    Err(Error::Parameter { noun: Noun::Schedule, name: "terminal", got: terminal, expected })
}

/// `shift t / (1 + (shift - 1) t)` at `linspace(1, 0, steps + 1)`, or with `lowest` at `linspace(1, lowest, steps)` and
/// then 0.
///
/// With `terminal`, `1 - sigma` is stretched so that the last level above 0 is `terminal`; one step is `[1, 0]`. Last, the
/// levels are converted between their ends by a rule of [`FLOW_CONVERSIONS`].
///
/// # Errors
/// The parameters or the step count outside their limits.
pub fn flow_shift(
    shift: f64,
    terminal: Option<f64>,
    lowest: Option<f64>,
    convert: &str,
    out: &mut [f64],
) -> Result<()> {
    let levels = levels(out)?;
    check_shift(shift)?;
    check_flow_conversion(convert)?;
    if let Some(got) = lowest.filter(|lowest| !(*lowest > 0.0 && *lowest < 1.0)) {
        let expected = "0 to 1, both excluded";
        return Err(Error::Parameter { noun: Noun::Schedule, name: "lowest", got, expected });
    }
    let steps = levels.len();
    // Parts of noise and of signal, up to a common factor.
    let parts = |k: usize| match lowest {
        Some(lowest) if steps > 1 => ((steps - 1 - k) as f64 + k as f64 * lowest, k as f64 * (1.0 - lowest) / shift),
        _ => ((steps - k) as f64, k as f64 / shift),
    };
    let stretch = match terminal {
        Some(terminal) => {
            check_terminal(terminal)?;
            let (noise, signal) = parts(steps - 1);
            if steps == 1 { 1.0 } else { (1.0 - terminal) * (noise + signal) / signal }
        }
        None => 1.0,
    };
    for (k, level) in levels.iter_mut().enumerate() {
        let (noise, signal) = parts(k);
        *level = if terminal.is_some() { 1.0 - stretch * signal / (noise + signal) } else { noise / (noise + signal) };
    }
    if let (Some(terminal), true) = (terminal, steps > 1) {
        levels[steps - 1] = terminal;
    }
    if convert == "none" || steps == 1 {
        return finish(out);
    }
    converted(convert, out[steps - 1], out[0], out)
}

/// A conversion that a flow has.
///
/// # Errors
/// [`Error::Choice`] for another word.
pub fn check_flow_conversion(convert: &str) -> Result<()> {
    if FLOW_CONVERSIONS.contains(&convert) {
        return Ok(());
    }
    let (noun, got, known) = (Noun::Schedule, convert.to_owned(), FLOW_CONVERSIONS.to_vec());
    Err(Error::Choice { noun, name: "convert", got, known })
}

/// Flux's `mu`: linear in the number of image tokens, `base_shift` at the first anchor and `max_shift` at
/// the second.
///
/// # Errors
/// [`Error::Parameter`] for a number of tokens below 1 or a shift outside its limits, [`Error::Message`] for anchors out
/// of order or a `mu` outside its limits.
pub fn linear_mu(tokens: f64, anchors: [f64; 2], base_shift: f64, max_shift: f64) -> Result<f64> {
    check_tokens(tokens)?;
    if !(anchors[0] >= 1.0 && anchors[0] < anchors[1] && anchors[1].is_finite()) {
        let message =
            format!("anchors are {} and {}; expected 1 <= first < second", Number(anchors[0]), Number(anchors[1]));
        return Err(Error::Message { noun: Noun::Schedule, message });
    }
    for (name, got) in [("base_shift", base_shift), ("max_shift", max_shift)] {
        if !(-MU_LIMIT..=MU_LIMIT).contains(&got) {
            return Err(Error::Parameter { noun: Noun::Schedule, name, got, expected: "-13 to 13" });
        }
    }
    let slope = (max_shift - base_shift) / (anchors[1] - anchors[0]);
    check_mu_of(base_shift + slope * (tokens - anchors[0]), tokens)
}

/// Flux 2's `mu`, fitted by its authors to the number of image tokens and, up to 4300 of these, to the step count: on the
/// line through one fit at 10 steps and one at 200.
///
/// # Errors
/// [`Error::Parameter`] for a number of tokens below 1, [`Error::Message`] for so many that `mu` leaves its limits.
pub fn flux2_mu(tokens: f64, steps: usize) -> Result<f64> {
    check_tokens(tokens)?;
    let many = 1.6927e-4 * tokens + 0.456_666_66;
    let mu = if tokens > 4300.0 {
        many
    } else {
        let few = 8.738_095_24e-5 * tokens + 1.898_333_33;
        let slope = (many - few) / 190.0;
        // Far beyond the steps it was fitted to, the line would turn the schedule around.
        (slope * steps as f64 + many - 200.0 * slope).max(-MU_LIMIT)
    };
    check_mu_of(mu, tokens)
}

/// A usable `mu` that followed from a number of tokens.
fn check_mu_of(mu: f64, tokens: f64) -> Result<f64> {
    if mu.abs() <= MU_LIMIT {
        return Ok(mu);
    }
    let message = format!(
        "{tokens} image tokens are a mu of {mu}; expected -{MU_LIMIT} to {MU_LIMIT}, so change the size or the shifts"
    );
    Err(Error::Message { noun: Noun::Schedule, message })
}

fn check_tokens(tokens: f64) -> Result<()> {
    if tokens >= 1.0 && tokens.is_finite() {
        return Ok(());
    }
    Err(Error::Parameter { noun: Noun::Schedule, name: "tokens", got: tokens, expected: "1 or more" })
}
