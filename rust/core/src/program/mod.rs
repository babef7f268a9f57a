//! Compiled sampler programs.

/// A rule of the program format that was broken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// A register is read before anything wrote it.
    #[error("operation {op} reads register {register} before anything wrote it")]
    ReadBeforeWrite {
        /// Position of the operation.
        op: usize,
        /// The register read.
        register: u32,
    },
}
