"""Slow independent versions of the mathematics, from the formulas, importing nothing of stepladder."""
