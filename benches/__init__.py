"""Benches: ratios against the incumbents (`python`) and the core's own kernels (`rust`)."""
