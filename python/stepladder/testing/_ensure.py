"""Assertions that stay under `python -O`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder.errors import StepladderError

if TYPE_CHECKING:
    from collections.abc import Callable


def ensure(condition: bool, text: str) -> None:
    """`assert` that stays under python -O."""
    if not condition:
        raise AssertionError(text)


def ensure_refused(call: Callable[[], object], what: str) -> None:
    try:
        call()
    except StepladderError:
        return
    except Exception as error:
        raise AssertionError(f"{what}: {type(error).__name__} was raised, expected an error of stepladder") from error
    raise AssertionError(f"{what} was accepted, expected an error of stepladder")
