"""What `docs/generate.py` writes pages and pictures with."""
