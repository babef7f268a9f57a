//! Schedules that exist already, packed one behind the other.

use super::check::{at, check_room, grow, message, offset, position, round};
use crate::error::Result;
use crate::simd::Float;

/// Given schedules, packed in a given order.
pub struct Packing<'a> {
    items: &'a [&'a [f64]],
    which: &'a [i64],
    total: usize,
}

impl<'a> Packing<'a> {
    /// `items[which[i]]` for every i; allocates nothing.
    ///
    /// # Errors
    /// An index without an item; more than [`MAX_VALUES`] values in all.
    pub fn new(items: &'a [&'a [f64]], which: &'a [i64]) -> Result<Self> {
        let mut total = 0;
        for (index, &item) in which.iter().enumerate() {
            let Some(item) = usize::try_from(item).ok().and_then(|item| items.get(item)) else {
                let count = items.len();
                return Err(message(format!("which[{index}] is {item}; expected an index into {count} items")));
            };
            total = grow(total, item.len()).map_err(|error| at(index, &error))?;
        }
        Ok(Self { items, which, total })
    }

    /// Number of values of all schedules together.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }

    /// Writes all schedules to `out` and to `offsets` where each begins, the end of the last one behind them.
    ///
    /// # Errors
    /// Levels that are not different in the element type, with the first index that has one; `offsets` or `out` of
    /// another length.
    pub fn fill<T: Float>(&self, offsets: &mut [i64], out: &mut [T]) -> Result<()> {
        check_room(self.which.len(), self.total, offsets, out)?;
        let mut end = 0;
        for (index, &item) in self.which.iter().enumerate() {
            let item = self.items[position(item)];
            offsets[index] = offset(end);
            round(item, &mut out[end..end + item.len()]).map_err(|error| at(index, &error))?;
            end += item.len();
        }
        offsets[self.which.len()] = offset(end);
        Ok(())
    }
}
