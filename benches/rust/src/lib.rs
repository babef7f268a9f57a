//! Holds the criterion benches in `benches/`; nothing lives here.
