//! What can go wrong, with the values that were wrong. `Display` says what came, what was expected and what to change.

use std::fmt;

/// The part of the library that refuses an input. The Python binding maps each to one exception class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noun {
    /// A noise process and its parameters.
    Process,
    /// A parameterization and its parameters.
    Parameterization,
    /// A schedule, its parameters, or a list of sigmas.
    Schedule,
    /// A sampler and its options.
    Sampler,
    /// A compiled program.
    Program,
    /// Arrays handed to a kernel or a vectorised function.
    Execution,
}

/// A number as messages show it: with an exponent where its digits would fill the line.
#[derive(Debug, Clone, Copy)]
pub struct Number(pub f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        if size.is_finite() && size != 0.0 && !(1e-5..1e16).contains(&size) {
            write!(f, "{:e}", self.0)
        } else {
            write!(f, "{}", self.0)
        }
    }
}

/// Every error of the core.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter outside its range.
    #[error("{name} is {}; expected {expected}", Number(*got))]
    Parameter {
        /// Whose parameter it is.
        noun: Noun,
        /// The parameter as the public surface spells it.
        name: &'static str,
        /// The value that came.
        got: f64,
        /// The accepted range, and what to change where that is not obvious.
        expected: &'static str,
    },
    /// A step count outside its range.
    #[error("steps is {got}; expected {min} to {max}")]
    Steps {
        /// The count that came.
        got: u64,
        /// Fewest accepted.
        min: u64,
        /// Most accepted.
        max: u64,
    },
    /// The two ends of a sigma range are in the wrong order.
    #[error(
        "sigma_min is {} and sigma_max is {}; expected 0 < sigma_min < sigma_max, both finite",
        Number(*sigma_min), Number(*sigma_max)
    )]
    SigmaRange {
        /// The lower end that came.
        sigma_min: f64,
        /// The upper end that came.
        sigma_max: f64,
    },
    /// A value in a list of noise levels that cannot be there.
    #[error("{name}[{index}] is {}; expected {expected}", Number(*got))]
    Element {
        /// Whose list it is.
        noun: Noun,
        /// The list as the public surface spells it.
        name: &'static str,
        /// Position of the offending value.
        index: usize,
        /// The value that came.
        got: f64,
        /// What the list must hold there.
        expected: &'static str,
    },
    /// A list of the wrong length.
    #[error("{name} has {got} values; expected {expected}")]
    Length {
        /// Whose list it is.
        noun: Noun,
        /// The list as the public surface spells it.
        name: &'static str,
        /// The length that came.
        got: usize,
        /// The accepted lengths.
        expected: String,
    },
    /// A word outside its vocabulary.
    #[error("{name} is {got:?}; expected one of {}", known.join(", "))]
    Choice {
        /// Whose parameter it is.
        noun: Noun,
        /// The parameter as the public surface spells it.
        name: &'static str,
        /// The word that came.
        got: String,
        /// All words it may be.
        known: Vec<&'static str>,
    },
    /// A trace or a program that breaks a rule of the format.
    #[error("{0}")]
    Program(#[from] crate::program::ProgramError),
    /// Something without numbers to report.
    #[error("{message}")]
    Message {
        /// Whose rule it is.
        noun: Noun,
        /// The whole sentence: got, expected, what to change.
        message: String,
    },
}

impl Error {
    /// Which part of the library refused.
    #[must_use]
    pub fn noun(&self) -> Noun {
        match self {
            Self::Parameter { noun, .. }
            | Self::Element { noun, .. }
            | Self::Length { noun, .. }
            | Self::Choice { noun, .. }
            | Self::Message { noun, .. } => *noun,
            Self::Steps { .. } | Self::SigmaRange { .. } => Noun::Schedule,
            Self::Program(_) => Noun::Program,
        }
    }
}

/// A result whose error is [`Error`] unless said otherwise.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (number, text) in [
            (1e-300, "1e-300"),
            (-2.5e-6, "-2.5e-6"),
            (9.999e-6, "9.999e-6"),
            (1e-5, "0.00001"),
            (0.0, "0"),
            (-0.0, "-0"),
            (0.25, "0.25"),
            (14.614_642, "14.614642"),
            (9.0e15, "9000000000000000"),
            (1e16, "1e16"),
            (f64::MAX, "1.7976931348623157e308"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(Number(number).to_string(), text);
        }
    }

    #[test]
    fn messages_show_short_numbers() {
        let noun = Noun::Schedule;
        let (got, expected) = (1e300, "less");
        for (error, text) in [
            (Error::Parameter { noun, name: "rho", got, expected }, "rho is 1e300; expected less"),
            (Error::Element { noun, name: "levels", index: 2, got, expected }, "levels[2] is 1e300; expected less"),
            (
                Error::SigmaRange { sigma_min: 1e300, sigma_max: 1e-300 },
                "sigma_min is 1e300 and sigma_max is 1e-300; expected 0 < sigma_min < sigma_max, both finite",
            ),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }
}
