"""Slow independent versions of the mathematics, from the formulas: NumPy and mpmath, importing nothing of ours."""
