"""The built-in noise sources, one file per family."""
