"""Pictures: a schedule's sigmas, grids of images, and images in a terminal. Files need the `plot` extra."""

from __future__ import annotations

import importlib
import io
from typing import TYPE_CHECKING, Literal

import numpy as np

from stepladder.errors import ExecutionError, MissingExtraError, ScheduleError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray
    from rich.text import Text

__all__ = ["figure_bytes", "image_grid", "png_bytes", "require_matplotlib", "sigmas_figure", "terminal_preview"]

_SHADES = " ░▒▓█"
_INK, _FAINT = "#1f3a5f", "#d7dce2"
_TILE = 64  # pixels across, at least, of an image in a grid
_PREVIEW = 32  # pixels across, at most, of an image in a terminal


def require_matplotlib() -> None:
    """Make sure that pictures can be written.

    Raises
    ------
    MissingExtraError
        Matplotlib is not installed.
    """
    try:
        importlib.import_module("matplotlib.figure")
    except ImportError as error:
        msg = f"pictures are written by matplotlib, which cannot be imported ({error}); pip install stepladder[plot]"
        raise MissingExtraError(msg) from error


def sigmas_figure(sigmas: ArrayLike, label: str, *, scale: Literal["log", "linear"] = "log") -> Figure:
    """Draw noise levels against steps.

    Parameters
    ----------
    sigmas : array_like of shape (steps + 1,)
        Descending noise levels; a last 0, which a logarithmic scale cannot show, is marked on the axis.
    label : str
        Title.
    scale : str
        `"log"`, or `"linear"` as suits the levels of a flow, which run from 1 to 0.

    Returns
    -------
    matplotlib.figure.Figure
        Not tied to pyplot or a window.

    Raises
    ------
    ScheduleError
        No level is above 0, or there is no such scale.
    MissingExtraError
        Matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    levels = np.asarray(sigmas, dtype=np.float64)
    positive = levels[levels > 0]
    if not positive.size:
        msg = f"{label}: {levels.size} sigmas, none above 0; there is nothing to draw"
        raise ScheduleError(msg)
    if scale not in ("log", "linear"):
        raise ScheduleError(f"scale is {scale!r}; expected 'log' or 'linear'")
    figure = Figure(figsize=(7.2, 4.4), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    marker = "o" if levels.size <= 101 else None
    drawn = positive if scale == "log" else levels
    axes.plot(drawn, color=_INK, linewidth=1.6, marker=marker, markersize=4.5, clip_on=False, zorder=3)
    if scale == "log":
        _log_axis(axes, levels, positive)
    else:
        axes.set_ylim(0, levels.max() * 1.04)
    axes.set_xlim(0, max(levels.size - 1, 1))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("step")
    axes.set_ylabel("sigma")
    axes.set_title(label.replace("$", r"\$"), loc="left", fontsize=10, color=_INK, wrap=True)
    axes.grid(which="major", color=_FAINT, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _log_axis(axes: Axes, levels: NDArray[np.float64], positive: NDArray[np.float64]) -> None:
    """Make sigma's axis logarithmic, with a mark below the lowest level for a last 0."""
    from matplotlib.ticker import LogFormatterSciNotation

    highest, lowest = positive.max(), positive.min()
    axes.set_yscale("log")
    low = lowest / (highest / lowest) ** 0.12 if highest > lowest else lowest / 10
    axes.set_ylim(low, highest * (highest / low) ** 0.04)
    axes.yaxis.set_major_formatter(LogFormatterSciNotation(labelOnlyBase=True))
    if levels[-1] == 0:
        last = levels.size - 1
        axes.plot([last - 1, last], [positive[-1], low], color=_INK, linewidth=1.2, linestyle=":", clip_on=False)
        axes.plot(
            [last], [low], marker="o", markersize=5.5, markerfacecolor="white", color=_INK, clip_on=False, zorder=4
        )
        axes.annotate("0", (last, low), (0, 7), textcoords="offset points", color=_INK, ha="center", fontsize=9)


def figure_bytes(figure: Figure, suffix: str) -> bytes:
    """Return a figure as the content of a `.png`, `.svg` or `.pdf` file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=suffix.removeprefix(".").lower())
    return buffer.getvalue()


def image_grid(images: NDArray[np.uint8], columns: int, *, scale: int | None = None) -> NDArray[np.uint8]:
    """Lay images out in rows, enlarged without smoothing.

    Parameters
    ----------
    images : ndarray of uint8, shape (count, height, width) or (count, height, width, 3)
        At least one image.
    columns : int
        Images in a row, at least 1; the last row may have fewer.
    scale : int, optional
        Pixels per pixel. None: as many as make an image at least 64 pixels across.

    Returns
    -------
    ndarray of uint8, shape (grid height, grid width, 3)

    Raises
    ------
    ExecutionError
        Another shape or dtype, no image, or less than one column.
    """
    colored = _colored(images)
    count, height, width, _ = colored.shape
    if columns < 1:
        msg = f"columns is {columns}; expected at least 1"
        raise ExecutionError(msg)
    scale = -(-_TILE // width) if scale is None else scale
    gap = max(2, width * scale // 16)
    columns = min(columns, count)
    rows = -(-count // columns)
    step_y, step_x = height * scale + gap, width * scale + gap
    grid = np.full((rows * step_y + gap, columns * step_x + gap, 3), 255, dtype=np.uint8)
    for index, image in enumerate(colored):
        y, x = gap + index // columns * step_y, gap + index % columns * step_x
        grid[y : y + height * scale, x : x + width * scale] = image.repeat(scale, 0).repeat(scale, 1)
    return grid


def png_bytes(image: NDArray[np.uint8]) -> bytes:
    """Return an image of shape (height, width, 3) as the content of a PNG file.

    Raises
    ------
    MissingExtraError
        Matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.image import imsave

    buffer = io.BytesIO()
    imsave(buffer, image, format="png")
    return buffer.getvalue()


def terminal_preview(images: NDArray[np.uint8], width: int, *, rows: int = 2, color: bool = True) -> Text:
    """Draw the first images with half blocks, two pixels to a character.

    Parameters
    ----------
    images : ndarray of uint8, shape (count, height, width) or (count, height, width, 3)
        Wide ones are shrunk to 32 pixels, or to what fits.
    width : int
        Characters there are.
    rows : int
        Rows of images, at most.
    color : bool
        False: five shades of grey, for output that takes no colour.

    Returns
    -------
    rich.text.Text
        A row of images is (height + 1) // 2 lines; rows have an empty line between them.

    Raises
    ------
    ExecutionError
        Another shape or dtype, or no image.
    """
    from rich.text import Text

    colored = _colored(images)
    count = len(colored)
    across = max(1, min(colored.shape[2], _PREVIEW, width))
    small = _shrunk(colored, max(1, round(colored.shape[1] * across / colored.shape[2])), across)
    if small.shape[1] % 2:
        small = np.concatenate((small, np.zeros_like(small[:, :1])), axis=1)
    columns = max(1, min(count, (width + 1) // (across + 1)))
    lines: list[Text] = []
    for first in range(0, min(count, rows * columns), columns):
        if lines:
            lines.append(Text())
        group = small[first : first + columns]
        lines += [
            Text(" ").join(_cells(image[y], image[y + 1], color) for image in group)
            for y in range(0, small.shape[1], 2)
        ]
    return Text("\n").join(lines)


def _cells(top: NDArray[np.uint8], bottom: NDArray[np.uint8], color: bool) -> Text:
    """One line of characters for two rows of pixels."""
    from rich.color import Color
    from rich.style import Style
    from rich.text import Text

    if not color:
        brightness = (top.mean(axis=1) + bottom.mean(axis=1)) / 510
        return Text("".join(_SHADES[round(float(b) * (len(_SHADES) - 1))] for b in brightness))

    def paint(pixel: Sequence[int]) -> Color:
        return Color.from_rgb(*pixel)

    return Text.assemble(
        *(("▀", Style(color=paint(t), bgcolor=paint(b))) for t, b in zip(top.tolist(), bottom.tolist(), strict=True))
    )


def _shrunk(images: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Images averaged over areas, to this size or as they are."""
    shrunk: NDArray[np.float64] = images.astype(np.float64)
    for axis, size in ((1, height), (2, width)):
        if size >= shrunk.shape[axis]:
            continue
        edges = np.linspace(0, shrunk.shape[axis], size + 1).astype(int)
        counts = np.diff(edges).reshape([-1 if a == axis else 1 for a in range(4)])
        shrunk = np.add.reduceat(shrunk, edges[:-1], axis=axis) / counts
    return np.rint(shrunk).astype(np.uint8)


def _colored(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Images of shape (count, height, width, 3)."""
    array = np.asarray(images)
    if array.ndim == 3:
        array = np.repeat(array[..., None], 3, axis=3)
    if array.ndim != 4 or array.shape[3] != 3 or array.dtype != np.uint8 or not array.size:
        msg = (
            f"images are {array.dtype} of shape {np.shape(images)}; expected uint8 of shape (count, height, width) or "
            "(count, height, width, 3), at least one"
        )
        raise ExecutionError(msg)
    return array
