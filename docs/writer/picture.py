"""Line charts as SVG: few bytes, equal ones on every machine, so that a check can compare them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLORS: Final = ("#1f3a5f", "#c0392b", "#d98e04", "#2e8b57", "#7d3c98", "#0e8fa8", "#7a8aa0")
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 780, 380, 52, 230, 14, 40
_FONT: Final = 'font-family="sans-serif" font-size="12"'


def chart(curves: Sequence[tuple[str, Sequence[float]]], scale: str) -> str:
    """Draw levels against steps.

    Parameters
    ----------
    curves : sequence of (label, levels)
        Up to seven.
    scale : str
        `"log"`, which leaves a 0 out, or `"linear"`, from 0 up.
    """
    drawn = [(label, [v for v in levels if v > 0] if scale == "log" else list(levels)) for label, levels in curves]
    steps = max(len(levels) for _, levels in drawn) - 1
    high, low = max(max(levels) for _, levels in drawn), min(min(levels) for _, levels in drawn)
    bottom, top = (math.log10(low), math.log10(high)) if scale == "log" else (0.0, high)
    right, floor = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM

    def x(step: float) -> str:
        return f"{_LEFT + step / steps * (right - _LEFT):.1f}"

    def y(level: float) -> str:
        place = math.log10(level) if scale == "log" else level
        return f"{_TOP + (top - place) / (top - bottom) * (floor - _TOP):.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
    ]
    for level in _ticks(bottom, top, scale):
        parts += [
            f'<path d="M{_LEFT} {y(level)}H{right}" stroke="#d7dce2"/>',
            f'<text x="{_LEFT - 6}" y="{y(level)}" dy="4" text-anchor="end" {_FONT}>{level:g}</text>',
        ]
    every = max(1, math.ceil(steps / 10))
    parts += [
        f'<text x="{x(step)}" y="{floor + 18}" text-anchor="middle" {_FONT}>{step}</text>'
        for step in range(0, steps + 1, every)
    ]
    parts += [
        f'<path d="M{_LEFT} {_TOP}V{floor}H{right}" stroke="#333" fill="none"/>',
        f'<text x="{(_LEFT + right) // 2}" y="{_HEIGHT - 6}" text-anchor="middle" {_FONT}>step</text>',
        f'<text x="14" y="{(_TOP + floor) // 2}" text-anchor="middle" {_FONT} '
        f'transform="rotate(-90 14 {(_TOP + floor) // 2})">sigma</text>',
    ]
    for row, ((label, levels), color) in enumerate(zip(drawn, _COLORS, strict=False)):
        points = " ".join(f"{x(k)},{y(level)}" for k, level in enumerate(levels))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.6"/>')
        parts += [f'<circle cx="{x(k)}" cy="{y(level)}" r="2.4" fill="{color}"/>' for k, level in enumerate(levels)]
        height = _TOP + 12 + 20 * row
        parts += [
            f'<path d="M{right + 18} {height}h18" stroke="{color}" stroke-width="2.4"/>',
            f'<text x="{right + 42}" y="{height}" dy="4" {_FONT}>{escape(label)}</text>',
        ]
    return "\n".join([*parts, "</svg>\n"])


def error_chart(curves: Sequence[tuple[str, Sequence[tuple[int, float]]]]) -> str:
    """Draw errors against model calls, both logarithmic; errors of rounding, below 1e-13, are at the bottom.

    Parameters
    ----------
    curves : sequence of (label, (model calls, error) of each run)
        Up to fourteen; from the eighth on they are dashed.
    """
    drawn = [(label, [(calls, max(error, 1e-13)) for calls, error in points]) for label, points in curves]
    calls_seen = [calls for _, points in drawn for calls, _ in points]
    errors_seen = [error for _, points in drawn for _, error in points]
    left, right = math.log10(min(calls_seen)), math.log10(max(calls_seen))
    bottom, top = math.log10(min(errors_seen)), math.log10(max(errors_seen))
    edge, floor = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM

    def x(calls: float) -> str:
        return f"{_LEFT + (math.log10(calls) - left) / (right - left) * (edge - _LEFT):.1f}"

    def y(error: float) -> str:
        return f"{_TOP + (top - math.log10(error)) / (top - bottom) * (floor - _TOP):.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
    ]
    for level in _ticks(bottom, top, "log"):
        parts += [
            f'<path d="M{_LEFT} {y(level)}H{edge}" stroke="#d7dce2"/>',
            f'<text x="{_LEFT - 6}" y="{y(level)}" dy="4" text-anchor="end" {_FONT}>{level:.0e}</text>',
        ]
    for calls in (digit * 10**power for power in range(4) for digit in (1, 2, 5)):
        if left <= math.log10(calls) <= right:
            parts += [
                f'<path d="M{x(calls)} {floor}v5" stroke="#333"/>',
                f'<text x="{x(calls)}" y="{floor + 18}" text-anchor="middle" {_FONT}>{calls}</text>',
            ]
    parts += [
        f'<path d="M{_LEFT} {_TOP}V{floor}H{edge}" stroke="#333" fill="none"/>',
        f'<text x="{(_LEFT + edge) // 2}" y="{_HEIGHT - 6}" text-anchor="middle" {_FONT}>model calls</text>',
        f'<text x="10" y="{(_TOP + floor) // 2}" text-anchor="middle" {_FONT} '
        f'transform="rotate(-90 10 {(_TOP + floor) // 2})">error</text>',
    ]
    for row, (label, points) in enumerate(drawn):
        color = _COLORS[row % len(_COLORS)]
        dash = ' stroke-dasharray="5 4"' if row >= len(_COLORS) else ""
        line = " ".join(f"{x(calls)},{y(error)}" for calls, error in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="1.6"{dash}/>')
        parts += [f'<circle cx="{x(calls)}" cy="{y(error)}" r="2.4" fill="{color}"/>' for calls, error in points]
        height = _TOP + 12 + 20 * row
        parts += [
            f'<path d="M{edge + 18} {height}h18" stroke="{color}" stroke-width="2.4"{dash}/>',
            f'<text x="{edge + 42}" y="{height}" dy="4" {_FONT}>{escape(label)}</text>',
        ]
    return "\n".join([*parts, "</svg>\n"])


def _ticks(bottom: float, top: float, scale: str) -> list[float]:
    """Powers of ten inside the axis, or tenths of it, five of them."""
    if scale == "log":
        return [10.0**power for power in range(math.ceil(bottom - 1e-9), math.floor(top + 1e-9) + 1)]
    return [top * k / 5 for k in range(6)]
