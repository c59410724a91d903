"""Curves as SVG: a logarithmic axis across, one from zero upwards, every point with its value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final
from xml.sax.saxutils import escape

Point = tuple[float, float]

_WIDTH: Final = 640
_HEIGHT: Final = 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 48, 64, 52
_COLOURS: Final = ("#1f6feb", "#bc4c00", "#1a7f37", "#8250df")
_GRID_LINES: Final = 5


def line_chart(title: str, *, across: str, up: str, curves: Mapping[str, Sequence[Point]]) -> str:
    """A chart of named curves. Each has a point at least; all values across are above zero."""
    points = [point for curve in curves.values() for point in curve]
    ticks = sorted({x for x, _ in points})
    top = _rounded_up(max(y for _, y in points))
    first, last = math.log(ticks[0]), math.log(ticks[-1])

    def place(point: Point) -> Point:
        share = (math.log(point[0]) - first) / (last - first) if last > first else 0.5
        return (
            _LEFT + share * (_WIDTH - _LEFT - _RIGHT),
            _HEIGHT - _BOTTOM - point[1] / top * (_HEIGHT - _TOP - _BOTTOM),
        )

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif">',
        f"<title>{escape(title)}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        _text((_LEFT, 20), title, size=14),
        _text((_WIDTH / 2, _HEIGHT - 10), across, anchor="middle"),
        f'<g transform="rotate(-90 14 {_HEIGHT / 2})">{_text((14, _HEIGHT / 2), up, anchor="middle")}</g>',
    ]
    for n in range(_GRID_LINES + 1):
        x, y = place((ticks[0], top * n / _GRID_LINES))
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="#d0d7de"/>')
        parts.append(_text((_LEFT - 6, y + 4), f"{top * n / _GRID_LINES:,.0f}", anchor="end"))
    for tick in _apart(ticks):
        x, _ = place((tick, 0))
        parts.append(_text((x, _HEIGHT - _BOTTOM + 18), f"{tick:,.0f}", anchor="middle"))
    for n, (name, curve) in enumerate(curves.items()):
        colour = _COLOURS[n % len(_COLOURS)]
        places = [place(point) for point in sorted(curve)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for (x, y), (tick, value) in zip(places, sorted(curve), strict=True):
            below = any(value < other for near, other in points if near < tick * 1.5 and tick < near * 1.5)
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>')
            parts.append(
                _text((x, y + 18 if below else y - 8), f"{value:,.0f}", anchor="middle", colour=colour)
            )
        parts.append(_text((_WIDTH - _RIGHT, 20 + 16 * n), name, anchor="end", colour=colour))
    return "\n".join([*parts, "</svg>", ""])


def _text(place: Point, said: str, *, anchor: str = "start", size: int = 12, colour: str = "#24292f") -> str:
    x, y = place
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">'
        f"{escape(said)}</text>"
    )


def _apart(ticks: Sequence[float]) -> list[float]:
    """Those ticks whose labels have room: of two that are close, the first."""
    kept = [ticks[0]]
    for tick in ticks[1:]:
        if tick >= kept[-1] * 1.5:
            kept.append(tick)
    return kept


def _rounded_up(value: float) -> float:
    """The next number that a scale of five steps looks well with."""
    step = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next(step * n for n in (1, 2, 2.5, 5, 10) if step * n >= value)
