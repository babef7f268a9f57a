//! What several methods compute with: quadrature, interpolation, phi functions, small linear systems.

mod adams;
mod lagrange;
mod phi;
mod quadrature;
mod solve;

pub use adams::adams_weights;
pub use lagrange::{decayed_lagrange_integrals, lagrange_integrals};
pub use phi::phi;
pub use quadrature::{integrate, nodes, panels};
pub use solve::solve;
