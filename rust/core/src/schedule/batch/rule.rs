//! What a batch is asked for: a schedule, and what varies between its items.

use crate::error::Result;
use crate::process::NoiseProcess;
use crate::schedule::{
    TailRule, align_your_steps, check_range, check_rho, exponential, karras, kl_optimal, normal, polyexponential,
    sgm_uniform, simple,
};

/// One value for all schedules, or one for each.
#[derive(Debug, Clone, Copy)]
pub enum Column<'a, T = f64> {
    /// The same for every schedule.
    All(T),
    /// As many values as there are schedules.
    Each(&'a [T]),
}

impl<T: Copy> Column<'_, T> {
    #[inline]
    pub(super) fn at(&self, index: usize) -> T {
        match self {
            Self::All(value) => *value,
            Self::Each(values) => values[index],
        }
    }

    pub(super) fn len(&self) -> Option<usize> {
        match self {
            Self::All(_) => None,
            Self::Each(values) => Some(values.len()),
        }
    }
}

impl Column<'_> {
    /// One value in place of equal ones.
    pub(super) fn merged(self) -> Self {
        match self {
            Self::Each([first, rest @ ..]) if rest.iter().all(|value| value == first) => Self::All(*first),
            other => other,
        }
    }
}

/// The schedules that a batch computes, with what varies between its items.
#[derive(Clone, Copy)]
pub enum Rule<'a> {
    /// [`karras()`].
    Karras {
        /// Lower ends.
        sigma_min: Column<'a>,
        /// Upper ends.
        sigma_max: Column<'a>,
        /// Exponents.
        rho: Column<'a>,
    },
    /// [`exponential()`].
    Exponential {
        /// Lower ends.
        sigma_min: Column<'a>,
        /// Upper ends.
        sigma_max: Column<'a>,
    },
    /// [`polyexponential()`].
    Polyexponential {
        /// Lower ends.
        sigma_min: Column<'a>,
        /// Upper ends.
        sigma_max: Column<'a>,
        /// Exponents of the ramp.
        rho: Column<'a>,
    },
    /// [`kl_optimal()`].
    KlOptimal {
        /// Lower ends.
        sigma_min: Column<'a>,
        /// Upper ends.
        sigma_max: Column<'a>,
    },
    /// [`align_your_steps()`] of one family.
    AlignYourSteps(&'a str),
    /// [`simple()`] over one process.
    Simple(&'a dyn NoiseProcess),
    /// [`normal()`] over one process.
    Normal(&'a dyn NoiseProcess),
    /// [`sgm_uniform()`] over one process.
    SgmUniform(&'a dyn NoiseProcess),
}

impl Rule<'_> {
    /// What `denoise < 1` means.
    #[must_use]
    pub fn tail_rule(&self) -> TailRule {
        match self {
            Self::AlignYourSteps(_) => TailRule::Round,
            _ => TailRule::StepsOverDenoise,
        }
    }

    /// Lower ends, upper ends and exponents, where the schedule has them.
    fn columns(&self) -> [Option<Column<'_>>; 3] {
        match *self {
            Self::Karras { sigma_min, sigma_max, rho } | Self::Polyexponential { sigma_min, sigma_max, rho } => {
                [Some(sigma_min), Some(sigma_max), Some(rho)]
            }
            Self::Exponential { sigma_min, sigma_max } | Self::KlOptimal { sigma_min, sigma_max } => {
                [Some(sigma_min), Some(sigma_max), None]
            }
            Self::AlignYourSteps(_) | Self::Simple(_) | Self::Normal(_) | Self::SgmUniform(_) => [None; 3],
        }
    }

    /// Whether the number of steps alone decides a schedule.
    pub(super) fn is_one_for_all(&self) -> bool {
        self.lengths().iter().all(|(_, len)| len.is_none())
    }

    /// Lengths of the columns, by name.
    pub(super) fn lengths(&self) -> [(&'static str, Option<usize>); 3] {
        let [sigma_min, sigma_max, rho] = self.columns().map(|column| column.and_then(|column| column.len()));
        [("sigma_min", sigma_min), ("sigma_max", sigma_max), ("rho", rho)]
    }

    #[inline]
    pub(super) fn check(&self, index: usize) -> Result<()> {
        let [sigma_min, sigma_max, rho] = self.columns();
        if let (Some(sigma_min), Some(sigma_max)) = (sigma_min, sigma_max) {
            check_range(sigma_min.at(index), sigma_max.at(index))?;
        }
        rho.map_or(Ok(()), |rho| check_rho(rho.at(index)))
    }

    /// The single schedule of that index.
    pub(super) fn single(&self, index: usize, out: &mut [f64]) -> Result<()> {
        match self {
            Self::Karras { sigma_min, sigma_max, rho } => {
                karras(sigma_min.at(index), sigma_max.at(index), rho.at(index), out)
            }
            Self::Polyexponential { sigma_min, sigma_max, rho } => {
                polyexponential(sigma_min.at(index), sigma_max.at(index), rho.at(index), out)
            }
            Self::Exponential { sigma_min, sigma_max } => exponential(sigma_min.at(index), sigma_max.at(index), out),
            Self::KlOptimal { sigma_min, sigma_max } => kl_optimal(sigma_min.at(index), sigma_max.at(index), out),
            Self::AlignYourSteps(family) => align_your_steps(family, out),
            Self::Simple(process) => simple(*process, out),
            Self::Normal(process) => normal(*process, out),
            Self::SgmUniform(process) => sgm_uniform(*process, out),
        }
    }
}
