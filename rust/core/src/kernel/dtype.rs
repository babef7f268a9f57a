//! Element types an operand may be stored as.

use crate::error::{Error, Noun};

/// How an operand's elements are stored, little matter how they are computed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Dtype {
    /// IEEE binary32.
    F32 = 0,
    /// IEEE binary64.
    F64 = 1,
    /// IEEE binary16.
    F16 = 2,
    /// The upper half of a binary32.
    Bf16 = 3,
}

impl Dtype {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::F32, Self::F64, Self::F16, Self::Bf16];

    /// Bytes per element.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// The name the Python side uses: `float32`, `float64`, `float16` or `bfloat16`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
        }
    }
}

impl TryFrom<u8> for Dtype {
    type Error = Error;

    /// 0, 1, 2 and 3 are float32, float64, float16 and bfloat16.
    fn try_from(code: u8) -> Result<Self, Error> {
        Self::ALL.get(usize::from(code)).copied().ok_or(Error::Parameter {
            noun: Noun::Execution,
            name: "dtype",
            got: f64::from(code),
            expected: "a code from 0 to 3 (float32, float64, float16, bfloat16)",
        })
    }
}
