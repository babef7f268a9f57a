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

    /// `ln(alpha / sigma)` in the family's own coordinates: `-ln sigma`, for a flow `ln((1 - sigma) / sigma)`, which is
    /// minus infinity at 1, pure noise.
    ///
    /// # Errors
    /// A sigma that is not positive and finite, or above 1 for a flow.
    pub fn half_log_snr(self, sigma: &[f64], out: &mut [f64]) -> Result<()> {
        if self == Self::Flow {
            let valid = |s: f64| s > 0.0 && s <= 1.0;
            let range = || "0 to 1, 0 excluded".to_owned();
            return super::map("sigma", sigma, out, valid, range, |s| libm::log1p(-s) - libm::log(s));
        }
        let valid = |s: f64| s > 0.0 && s.is_finite();
        super::map("sigma", sigma, out, valid, || "0 to infinity, both excluded".to_owned(), |s| s)?;
        super::ln(out);
        for value in out {
            *value = -*value;
        }
        Ok(())
    }

    /// The sigma whose [`Family::half_log_snr`] is given.
    ///
    /// # Errors
    /// A value outside -700 to 700, which for a flow may also be minus infinity.
    pub fn sigma_from_half_log_snr(self, half_log_snr: &[f64], out: &mut [f64]) -> Result<()> {
        let flow = self == Self::Flow;
        let valid = |h: f64| h.abs() <= 700.0 || (flow && h == f64::NEG_INFINITY);
        let range = || format!("-700 to 700{}", if flow { ", or -inf" } else { "" });
        super::map("half_log_snr", half_log_snr, out, valid, range, |h| if flow { h } else { -h })?;
        super::exp(out);
        if flow {
            for value in out {
                *value = 1.0 / (1.0 + *value);
            }
        }
        Ok(())
    }
}
