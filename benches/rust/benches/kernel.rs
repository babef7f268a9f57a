//! Fused linear combination against a plain copy of the same bytes.
fn main() {}
