"""A progress bar that appears in terminals, and only when there is something to wait for."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from types import TracebackType

#: Seconds a run may take before its bar appears.
PATIENCE = 0.5


def wanted(show: bool | None) -> bool:
    """Whether a bar may be drawn: as asked, or, asked nothing, when standard error is a terminal."""
    return sys.stderr.isatty() if show is None else show


@final
class Progress:
    """Counts steps; draws a rich bar on standard error when `wanted`."""

    def __init__(self, total: int, done: int, show: bool | None) -> None:
        self._total, self._done = total, done
        self._wanted = wanted(show)
        self._patience = 0.0 if show else PATIENCE
        self._started = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        return self

    def advance(self) -> None:
        """One more step is done."""
        self._done += 1
        if not self._wanted:
            return
        if self._bar is None:
            if time.monotonic() - self._started < self._patience:
                return
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as RichProgress

            columns = (TextColumn("sampling"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            console = Console(stderr=True)
            self._bar = RichProgress(*columns, console=console, transient=console.is_terminal)
            self._task = self._bar.add_task("sampling", total=self._total)
            self._bar.start()
        self._bar.update(self._task, completed=self._done)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
