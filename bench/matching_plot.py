"""Queries a second over entries, on two logarithmic axes, as SVG without a plotting library."""

from collections.abc import Callable
from itertools import groupby
from math import ceil, floor, log10
from pathlib import Path

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 760, 460, 90, 60, 30, 170
COLOURS = ("#0b6e4f", "#b5541c", "#3d5a98", "#7a3b69")

Point = tuple[str, int, float]


def write_plot(path: Path, points: list[Point]) -> None:
    """Write the chart; one line an engine, the best where an engine has several points at a size."""
    xs = (floor(log10(min(p[1] for p in points))), ceil(log10(max(p[1] for p in points)) + 1e-9))
    ys = (floor(log10(min(p[2] for p in points))), ceil(log10(max(p[2] for p in points)) + 1e-9))

    def place(entries: float, rate: float) -> tuple[float, float]:
        x = LEFT + (log10(entries) - xs[0]) / (xs[1] - xs[0] or 1) * (WIDTH - LEFT - RIGHT)
        y = HEIGHT - BOTTOM - (log10(rate) - ys[0]) / (ys[1] - ys[0] or 1) * (HEIGHT - BOTTOM - TOP)
        return x, y

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
        "<style>text{font-size:13px}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for power in range(xs[0], xs[1] + 1):
        x, y = place(10**power, 10 ** ys[0])
        parts.append(f'<text x="{x:.0f}" y="{y + 20:.0f}" text-anchor="middle">{10**power:,}</text>')
    for power in range(ys[0], ys[1] + 1):
        x, y = place(10 ** xs[0], 10**power)
        parts.append(f'<line x1="{x:.0f}" x2="{WIDTH - RIGHT}" y1="{y:.0f}" y2="{y:.0f}" stroke="#ddd"/>')
        parts.append(f'<text x="{x - 8:.0f}" y="{y + 4:.0f}" text-anchor="end">{10**power:,}</text>')
    parts += _lines(points, place)
    parts.append(f'<text x="{LEFT}" y="{TOP - 10}">queries a second (one thread) over entries</text></svg>')
    path.write_text("\n".join(parts), encoding="utf-8")


def _lines(points: list[Point], place: Callable[[float, float], tuple[float, float]]) -> list[str]:
    parts = []
    for number, (engine, group) in enumerate(groupby(sorted(points), key=lambda p: p[0])):
        best: dict[int, float] = {}
        for _, entries, rate in group:
            best[entries] = max(rate, best.get(entries, 0.0))
        spots = [place(entries, rate) for entries, rate in sorted(best.items())]
        colour = COLOURS[number % len(COLOURS)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in spots]
        parts.append(f'<text x="{spots[-1][0] + 10:.0f}" y="{spots[-1][1] + 4:.0f}" fill="{colour}">{engine}</text>')
    return parts
