"""Ratios against the incumbents, each answer asserted: `python -m benches.python` from the repository root."""
