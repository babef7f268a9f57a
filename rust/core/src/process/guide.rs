//! Counting how many values of an ascending table lie before a number, in constant time.

/// A table gets this many cells, or up to twice as many: no table of 1000 betas then has more than 4 levels in one.
const CELLS: u64 = 2048;

/// So many table values in one cell are all compared, without a branch; more are searched by halving.
const COMPARES: usize = 4;

/// A guide into an ascending table of positive numbers: cells of equal width in the bits of a float64, which is a
/// piecewise linear logarithm, each with the number of table values before it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Guide {
    /// The table, then infinities, so that a fixed number of compares stays inside.
    values: Vec<f64>,
    before: Vec<u32>,
    first_bits: u64,
    shift: u32,
    /// Most table values in one cell.
    crowd: usize,
}

impl Guide {
    /// A guide into `values`: not empty, ascending, positive, at most `u32::MAX` of them.
    pub(super) fn new(values: &[f64]) -> Self {
        let first_bits = values[0].to_bits();
        let span = values[values.len() - 1].to_bits() - first_bits;
        // From CELLS to 2 CELLS cells over the table, and one for everything beyond.
        let shift = (u64::BITS - (span / CELLS).leading_zeros()).saturating_sub(1);
        let cell = |value: f64| (value.to_bits() - first_bits) >> shift;
        let mut before = Vec::new();
        let mut crowd = 1;
        for (index, &value) in values.iter().enumerate() {
            while before.len() as u64 <= cell(value) {
                before.push(u32::try_from(index).unwrap_or(u32::MAX));
            }
            crowd = crowd.max(index + 1 - before[before.len() - 1] as usize);
        }
        let padding = [f64::INFINITY; COMPARES];
        Self { values: [values, &padding].concat(), before, first_bits, shift, crowd }
    }

    /// How many table values are `before` the number `x`, a monotone comparison: `value < x` or `value <= x`.
    #[inline(always)]
    pub(super) fn rank(&self, x: f64, before: impl Fn(f64, f64) -> bool) -> usize {
        let cell = (x.to_bits().saturating_sub(self.first_bits) >> self.shift).min(self.before.len() as u64 - 1);
        #[expect(clippy::cast_possible_truncation, reason = "below the number of cells")]
        let start = self.before[cell as usize] as usize;
        let window = &self.values[start..];
        if self.crowd > COMPARES {
            return start + window[..window.len() - COMPARES].partition_point(|&value| before(value, x));
        }
        start + window[..COMPARES].iter().map(|&value| usize::from(before(value, x))).sum::<usize>()
    }
}
