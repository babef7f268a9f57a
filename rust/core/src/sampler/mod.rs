//! See the crate's tour.
