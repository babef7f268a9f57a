"""Pictures: exact pixels, and what a figure shows."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import stepladder
from matplotlib.image import imread
from stepladder import plot
from stepladder.errors import ExecutionError, MissingExtraError, ScheduleError


def test_image_grid_places_every_pixel():
    images = np.arange(3 * 2 * 2, dtype=np.uint8).reshape(3, 2, 2)
    grid = plot.image_grid(images, 2, scale=1)
    edge = [255] * 10
    assert grid[..., 0].tolist() == [
        edge,
        edge,
        [255, 255, 0, 1, 255, 255, 4, 5, 255, 255],
        [255, 255, 2, 3, 255, 255, 6, 7, 255, 255],
        edge,
        edge,
        [255, 255, 8, 9, 255, 255, 255, 255, 255, 255],
        [255, 255, 10, 11, 255, 255, 255, 255, 255, 255],
        edge,
        edge,
    ]
    assert (grid == grid[..., :1]).all()
    assert plot.image_grid(images, 9, scale=1).shape == (6, 14, 3)


def test_image_grid_enlarges_small_images_and_keeps_colours():
    image = np.array([[[[255, 0, 0], [0, 255, 0]]]], dtype=np.uint8)
    grid = plot.image_grid(image, 1)
    assert grid.shape == (32 + 8, 64 + 8, 3)
    assert (grid[4:36, 4:36] == [255, 0, 0]).all()
    assert (grid[4:36, 36:68] == [0, 255, 0]).all()
    assert plot.image_grid(np.zeros((1, 100, 100), np.uint8), 1).shape == (112, 112, 3)


@pytest.mark.parametrize(
    "images",
    [np.zeros((2, 4, 4)), np.zeros((4, 4), np.uint8), np.zeros((0, 4, 4), np.uint8), np.zeros((1, 4, 4, 4), np.uint8)],
)
def test_images_of_another_kind_are_refused(images):
    for draw in (lambda: plot.image_grid(images, 2), lambda: plot.terminal_preview(images, 80)):
        with pytest.raises(ExecutionError, match=r"images are .* of shape .*; expected uint8 of shape"):
            draw()


def test_image_grid_needs_a_column():
    with pytest.raises(ExecutionError, match="columns is 0; expected at least 1"):
        plot.image_grid(np.zeros((1, 2, 2), np.uint8), 0)


def test_png_bytes_are_the_pixels():
    grid = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    data = plot.png_bytes(grid)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert (np.round(imread(io.BytesIO(data))[..., :3] * 255) == grid).all()


def test_sigmas_figure_shows_the_levels_on_a_log_scale():
    figure = plot.sigmas_figure([8.0, 2.0, 0.5, 0.0], "three $steps")
    (axes,) = figure.axes
    assert axes.get_yscale() == "log"
    assert axes.lines[0].get_ydata().tolist() == [8.0, 2.0, 0.5]
    assert axes.lines[1].get_xdata().tolist() == [2, 3]
    low, high = axes.get_ylim()
    assert low < 0.5
    assert high > 8
    assert axes.get_title("left") == r"three \$steps"
    assert plot.figure_bytes(figure, ".png").startswith(b"\x89PNG")
    for sigmas in ([3.0, 0.0], [3.0], [3.0, 1.0], np.geomspace(1e3, 1e-3, 500)):
        assert plot.figure_bytes(plot.sigmas_figure(sigmas, "x"), ".svg").startswith(b"<?xml")


def test_sigmas_figure_shows_a_flow_on_an_even_scale_with_its_zero():
    (axes,) = plot.sigmas_figure([1.0, 0.7, 0.0], "flow", scale="linear").axes
    assert axes.get_yscale() == "linear"
    assert axes.lines[0].get_ydata().tolist() == [1.0, 0.7, 0.0]
    assert axes.get_ylim() == pytest.approx((0, 1.04))


def test_sigmas_figure_of_an_ascending_list_has_all_of_it_in_view():
    for sigmas in ([0.1, 5.0, 20.0], [0.1, 5.0, 0.0]):
        (axes,) = plot.sigmas_figure(sigmas, "flipped").axes
        low, high = axes.get_ylim()
        assert low < 0.1
        assert high > max(sigmas)
    assert len(plot.sigmas_figure([0.0, 5.0, 20.0], "from 0").axes[0].lines) == 1  # no mark for a last 0


def test_sigmas_figure_refuses_what_it_cannot_draw():
    with pytest.raises(ScheduleError, match="scale is 'log2'; expected 'log' or 'linear'"):
        plot.sigmas_figure([1.0, 0.0], "x", scale="log2")
    with pytest.raises(ScheduleError, match="0 sigmas, none above 0"):
        plot.sigmas_figure([], "nothing")


def test_preview_is_two_pixels_to_a_character():
    images = np.array([[[255, 0], [0, 128]]], dtype=np.uint8)
    text = plot.terminal_preview(images, 80)
    assert text.plain == "▀▀"
    styles = [span.style for span in text.spans]
    assert [tuple(style.color.triplet) for style in styles] == [(255, 255, 255), (0, 0, 0)]
    assert [tuple(style.bgcolor.triplet) for style in styles] == [(0, 0, 0), (128, 128, 128)]


@pytest.mark.parametrize(
    ("shape", "width", "rows", "lines", "columns"),
    [
        ((20, 8, 8), 80, 2, 9, 80),  # eight columns and their gaps are 71, nine are 80
        ((20, 8, 8), 79, 2, 9, 71),
        ((3, 8, 8), 80, 2, 4, 26),
        ((3, 8, 8), 9, 5, 14, 8),
        ((1, 5, 3), 80, 2, 3, 3),
        ((1, 64, 64, 3), 80, 2, 16, 32),
        ((4, 128, 64), 10, 1, 10, 10),
        ((1, 1, 1), 1, 1, 1, 1),
    ],
)
def test_preview_fits(shape, width, rows, lines, columns):
    for color in (True, False):
        drawn = plot.terminal_preview(np.zeros(shape, np.uint8), width, rows=rows, color=color).plain.split("\n")
        assert len(drawn) == lines
        assert max(map(len, drawn)) == columns <= width


def test_preview_without_colour_and_of_large_images_averages():
    images = np.zeros((1, 64, 64), dtype=np.uint8)
    images[:, :, 32:] = 255
    assert plot.terminal_preview(images, 4, color=False).plain == "  ██\n  ██"
    assert plot.terminal_preview(images, 1, color=False).plain == "░"  # half of one pixel, and nothing below it


def test_a_missing_matplotlib_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    for draw in (lambda: plot.sigmas_figure([1.0, 0.0], "x"), lambda: plot.png_bytes(np.zeros((1, 1, 3), np.uint8))):
        with pytest.raises(MissingExtraError, match=r"pip install stepladder\[plot\]"):
            draw()


def test_importing_and_drawing_leave_pyplot_alone(tmp_path):
    code = (
        "import sys, stepladder.plot as plot; print('matplotlib' in sys.modules); "
        "plot.figure_bytes(plot.sigmas_figure([1.0, 0.0], 'x'), '.png'); print('matplotlib.pyplot' in sys.modules)"
    )
    env = {"PYTHONPATH": str(Path(stepladder.__file__).parent.parent), "MPLCONFIGDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
