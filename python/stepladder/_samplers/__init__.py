"""The built-in samplers, one file per family of methods."""
