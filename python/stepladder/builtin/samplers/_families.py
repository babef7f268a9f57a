"""The families of noise process that claims name."""

from __future__ import annotations

from typing import Final

ALL: Final = ("ve", "vp", "flow")
"""The method, or a form of it, is defined for every process."""

ADDED: Final = ("ve", "vp")
"""Only where x = x0 + sigma * noise."""
