//! How signal and noise are mixed at a noise level, and what follows from it alone.

use crate::error::{Error, Noun, Result};

/// How a noised sample is made of signal and noise.
///
/// For [`Family::Ve`] and [`Family::Vp`] sigma is the noise-to-signal ratio, so both share one axis of noise levels and
/// differ only in the scale of the stored sample. For [`Family::Flow`] sigma is the weight of the noise, in `[0, 1]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Variance exploding: `x = x0 + sigma * noise`, alpha = 1.
    Ve,
    /// Variance preserving: `x = alpha * (x0 + sigma * noise)`, alpha = `1 / sqrt(1 + sigma²)`.
    Vp,
    /// Rectified flow: `x = (1 - sigma) * x0 + sigma * noise`, alpha = `1 - sigma`.
    Flow,
}

impl Family {
    /// The names of all families, in declaration order.
    pub const NAMES: [&'static str; 3] = ["ve", "vp", "flow"];

    /// The family of that name.
    ///
    /// # Errors
    /// [`Error::Choice`] when there is none.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "ve" => Ok(Self::Ve),
            "vp" => Ok(Self::Vp),
            "flow" => Ok(Self::Flow),
            _ => Err(Error::Choice {
                noun: Noun::Process,
                name: "family",
                got: name.to_owned(),
                known: Self::NAMES.to_vec(),
            }),
        }
    }

    /// The name as the public surface spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ve => "ve",
            Self::Vp => "vp",
            Self::Flow => "flow",
        }
    }

    /// Weight of the signal at every sigma.
    ///
    /// # Errors
    /// A sigma that is negative, not finite, or above 1 for a flow.
    pub fn alpha(self, sigma: &[f64], out: &mut [f64]) -> Result<()> {
        let top = if self == Self::Flow { 1.0 } else { f64::MAX };
        super::map(
            "sigma",
            sigma,
            out,
            |s| (0.0..=top).contains(&s),
            || format!("0 to {}", if self == Self::Flow { "1" } else { "infinity, excluded" }),
            |s| match self {
                Self::Ve => 1.0,
                Self::Vp => 1.0 / libm::hypot(1.0, s),
                Self::Flow => 1.0 - s,
            },
        )
    }

    /// `ln(alpha / sigma)` in the family's own coordinates: `-ln sigma`, for a flow `ln((1 - sigma) / sigma)`.
    ///
    /// # Errors
    /// A sigma that is not positive and finite, or not below 1 for a flow.
    pub fn half_log_snr(self, sigma: &[f64], out: &mut [f64]) -> Result<()> {
        let flow = self == Self::Flow;
        super::map(
            "sigma",
            sigma,
            out,
            |s| s > 0.0 && if flow { s < 1.0 } else { s.is_finite() },
            || format!("0 to {}, both excluded", if flow { "1" } else { "infinity" }),
            |s| if flow { libm::log1p(-s) - libm::log(s) } else { -libm::log(s) },
        )
    }

    /// The sigma whose [`Family::half_log_snr`] is given.
    ///
    /// # Errors
    /// A value that is not finite, or whose sigma no float64 can hold.
    pub fn sigma_from_half_log_snr(self, half_log_snr: &[f64], out: &mut [f64]) -> Result<()> {
        super::map(
            "half_log_snr",
            half_log_snr,
            out,
            |h| h.abs() <= 700.0,
            || "-700 to 700".to_owned(),
            |h| if self == Self::Flow { 1.0 / (1.0 + libm::exp(h)) } else { libm::exp(-h) },
        )
    }
}
