//! Which form of a method: the formula, or what a host computes for it.

use crate::error::{Error, Noun, Result};

/// The formula, or what a host computes under its name where that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// The formula.
    #[default]
    Exact,
    /// `ComfyUI`'s values, slips and draws that nobody uses included.
    Comfyui,
}

impl Form {
    /// The form of that name.
    ///
    /// # Errors
    /// Any other word.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "exact" => Ok(Self::Exact),
            "comfyui" => Ok(Self::Comfyui),
            _ => Err(Error::Choice {
                noun: Noun::Sampler,
                name: "form",
                got: name.to_owned(),
                known: vec!["exact", "comfyui"],
            }),
        }
    }
}
