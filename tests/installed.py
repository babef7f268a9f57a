"""Installed incumbents that cannot be imported as they are."""

import importlib
import importlib.util
import sys
import types
from functools import cache

import pytest


@cache
def _package():
    """`k_diffusion` as an empty package: its own `__init__` imports a training stack."""
    spec = importlib.util.find_spec("k_diffusion")
    if spec is None or spec.submodule_search_locations is None:
        return None
    package = types.ModuleType("k_diffusion")
    package.__spec__ = spec
    package.__path__ = list(spec.submodule_search_locations)
    return package


def k_diffusion(module):
    """A module of k-diffusion, such as `sampling`; the test is skipped where it, or what it imports, is missing."""
    package = _package()
    if package is None:
        pytest.skip("k-diffusion is not installed")
    sys.modules["k_diffusion"] = package
    try:
        return importlib.import_module(f"k_diffusion.{module}")
    except ModuleNotFoundError as error:
        pytest.skip(f"{error.name}, which k-diffusion imports, is not installed")
