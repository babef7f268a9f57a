//! Which instruction set the vectorised loops of this crate run with.

/// A CPU path that this machine can run. Values come only from [`Backend::active`] and [`Backend::available`], so
/// holding one is the proof that its instructions exist here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backend(pub(crate) Level);

/// The paths, named apart from [`Backend`] so that nobody outside can make one that the CPU lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// What the target triple guarantees: SSE2 on x86-64 (fused multiply-add by a library call), NEON on aarch64.
    Baseline,
    /// AVX2, FMA and F16C.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, BW, DQ and VL beside the above.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Backend {
    /// The widest path of this CPU; detection happens once per process.
    #[must_use]
    pub fn active() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            // std caches each feature in an atomic; the answer is a few loads.
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c") {
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                {
                    return Self(Level::Avx512);
                }
                return Self(Level::Avx2);
            }
        }
        Self(Level::Baseline)
    }

    /// Every path that this CPU can run, narrowest first; tests compare their results bit by bit.
    #[must_use]
    pub fn available() -> Vec<Self> {
        match Self::active().0 {
            Level::Baseline => vec![Self(Level::Baseline)],
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => vec![Self(Level::Baseline), Self(Level::Avx2)],
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => vec![Self(Level::Baseline), Self(Level::Avx2), Self(Level::Avx512)],
        }
    }

    /// `"avx512"`, `"avx2"`, `"neon"` or `"baseline"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Baseline if cfg!(target_arch = "aarch64") => "neon",
            Level::Baseline => "baseline",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "avx512",
        }
    }
}
