"""The recall report: curves as SVG, and a page with the missed pictures beside their originals."""

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image

METHODS = {"pdq": "#9aa5b1", "pdq_variants": "#3d5a98", "regions": "#b5541c", "hold": "#0b6e4f"}
WORDS = {"pdq": "plain PDQ", "pdq_variants": "PDQ with variants", "regions": "regions", "hold": "the whole rule"}
WIDTH, LEFT, TOP, STEP = 900, 190, 46, 19
MOST_SHOWN = 400
SIDE_PX = 150


@dataclass(frozen=True, slots=True)
class Missed:
    """An edited copy that was not held."""

    edit: str
    name: str
    original: Image.Image
    edited: Image.Image


def write_plot(path: Path, rows: list[dict[str, Any]]) -> None:
    """Recall of each method over the edits, easiest for PDQ first."""
    path.write_text(_chart(rows), encoding="utf-8")


def write_html(
    path: Path, everything: list[dict[str, Any]], rows: list[dict[str, Any]], missed: Iterable[Missed]
) -> None:
    """The chart, all figures, and what was missed. The page holds pictures: keep it where they may be."""
    figures = "".join(f"<tr>{''.join(f'<td>{escape(str(x))}</td>' for x in row.values())}</tr>" for row in everything)
    shown = "".join(_pair(each) for each, _ in zip(missed, range(MOST_SHOWN), strict=False))
    path.write_text(
        "<!doctype html><meta charset=utf-8><title>Recall</title>"
        "<style>body{font:15px sans-serif;margin:2em;max-width:1000px}td{padding:1px 8px;font-size:12px}"
        "figure{display:inline-block;margin:6px;font-size:12px}img{margin-right:4px}</style>"
        f"<h1>Edited copies found</h1>{_chart(rows)}<h2>Missed, beside the original</h2>{shown}"
        f"<h2>All figures</h2><table>{figures}</table>",
        encoding="utf-8",
    )


def _chart(rows: list[dict[str, Any]]) -> str:
    ordered = sorted(rows, key=lambda row: (-row["pdq"], -row["pdq_variants"], -row["hold"]))
    height = TOP + STEP * len(ordered) + 20

    def x_of(share: float) -> float:
        return LEFT + share * (WIDTH - LEFT - 30)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif"',
        ' font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    for tenth in range(0, 11, 2):
        x = x_of(tenth / 10)
        parts.append(f'<line x1="{x:.0f}" x2="{x:.0f}" y1="{TOP - 6}" y2="{height - 16}" stroke="#e3e3e3"/>')
        parts.append(f'<text x="{x:.0f}" y="{height - 3}" text-anchor="middle">{tenth * 10} %</text>')
    for number, row in enumerate(ordered):
        y = TOP + STEP * number + 8
        parts.append(f'<text x="{LEFT - 10}" y="{y + 4}" text-anchor="end">{escape(row["edit"])}</text>')
    for place, (method, colour) in enumerate(METHODS.items()):
        points = [(x_of(row[method]), TOP + STEP * number + 8) for number, row in enumerate(ordered)]
        line = " ".join(f"{x:.1f},{y}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5" opacity="0.7"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y}" r="4" fill="{colour}"/>' for x, y in points]
        parts.append(f'<text x="{LEFT + 160 * place}" y="20" fill="{colour}">● {WORDS[method]}</text>')
    return "\n".join([*parts, "</svg>"])


def _pair(missed: Missed) -> str:
    pictures = "".join(_embedded(picture) for picture in (missed.original, missed.edited))
    return f"<figure>{pictures}<figcaption>{escape(missed.edit)} · {escape(missed.name)}</figcaption></figure>"


def _embedded(picture: Image.Image) -> str:
    small = picture.convert("RGB")
    small.thumbnail((SIDE_PX, SIDE_PX))
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=70)
    return f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}">'
