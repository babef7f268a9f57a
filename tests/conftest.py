"""Hypothesis profiles: `fast` in CI, `slow` by hand with HYPOTHESIS_PROFILE=slow."""

import os

from hypothesis import settings

settings.register_profile("fast", derandomize=True, deadline=None, max_examples=50)
settings.register_profile("slow", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))
