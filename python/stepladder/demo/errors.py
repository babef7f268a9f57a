"""Errors that only the digits model raises; files that are not what they claim raise `FileFormatError` as elsewhere."""

from __future__ import annotations

from stepladder.errors import StepladderError


class MissingExtraError(StepladderError, ImportError):
    """A package of an optional extra is not installed; the text names the extra."""


class OutputError(StepladderError, OSError):
    """A file cannot be written where it was asked for; nothing of it is left behind."""
