"""A frame as text and as SVG, with nothing but the standard library."""

from __future__ import annotations

from html import escape
from typing import Final

from wristlet.strap.display import cutting
from wristlet.strap.display.faces import BlinkStep, Frame, plan_ms
from wristlet.strap.signals import Colour

TEXT_STEP_MS: Final = 100
STEPS_MAX: Final = 60
GLOW: Final = {
    Colour.WHITE: "#f5f5f5",
    Colour.RED: "#ff4d4d",
    Colour.GREEN: "#3ddc6f",
    Colour.BLUE: "#5b9dff",
    Colour.YELLOW: "#ffd84d",
    Colour.CYAN: "#45e0e8",
    Colour.MAGENTA: "#f06bd8",
}
DARK: Final = "#2a2d31"
_CELL_W, _CELL_H, _BORDER = 8, 16, 6
_LIGHT: Final = 16


def as_text(frame: Frame) -> str:
    """Return a frame for a terminal: the rows in a box, the light's plan below.

    The plan has one sign for each tenth of a second: `#` lit, `.` dark.
    """
    lines: list[str] = []
    if frame.columns:
        bar = "-" * frame.columns
        lines.append(f"+{bar}+")
        blanks = (frame.columns - cutting.cells(row) for row in frame.rows)
        lines.extend(f"|{row}{' ' * blank}|" for row, blank in zip(frame.rows, blanks, strict=True))
        lines.append(f"+{bar}+")
    if frame.blinks:
        lines.append(_plan_text(frame.blinks))
    return "\n".join(lines) or "(dark)"


def _plan_text(plan: tuple[BlinkStep, ...]) -> str:
    colours = sorted({step.colour.value for step in plan if step.colour is not None})
    signs = "".join(
        ("." if step.colour is None else "#") * max(round(step.for_ms / TEXT_STEP_MS), 1)
        for step in plan
    )
    shown = signs if len(signs) <= STEPS_MAX else signs[: STEPS_MAX - 1] + cutting.ELLIPSIS
    return f"{'/'.join(colours)} {shown}"


def as_svg(frame: Frame, *, scale: int = 2) -> str:
    """Return a frame as a picture of its own: the face, and a light that blinks as planned.

    What it shows stands in its title too, for those who hear pictures. Raises ValueError for a
    scale below 1.
    """
    if scale < 1:
        raise ValueError("scale: must be 1 or more")
    inner_w, inner_h = frame.columns * _CELL_W, len(frame.rows) * _CELL_H
    light_w = _LIGHT + _BORDER if frame.blinks or not frame.columns else 0
    width, height = inner_w + light_w + 2 * _BORDER, max(inner_h, _LIGHT) + 2 * _BORDER
    size = f'width="{width * scale}" height="{height * scale}" viewBox="0 0 {width} {height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        f"<title>{escape(_spoken(frame))}</title>",
        f'<rect width="{width}" height="{height}" rx="4" fill="#111"/>',
    ]
    if frame.columns:
        parts.append(f'<rect x="4" y="4" width="{inner_w + 4}" height="{inner_h + 4}" rx="2"/>')
        parts.extend(_row_svg(row, number) for number, row in enumerate(frame.rows) if row)
    if light_w:
        parts.append(_light_svg(frame.blinks, inner_w + 2 * _BORDER, height // 2))
    return "".join((*parts, "</svg>"))


def _row_svg(row: str, number: int) -> str:
    """Place each sign on its cells, so that no font can move a column."""
    spans, at = [], 0
    for cluster in cutting.clusters(row):
        cells = cutting.width_of(cluster)
        middle = _BORDER + (at + cells / 2) * _CELL_W
        if cluster != " ":
            spans.append(f'<tspan x="{middle:g}">{escape(cluster)}</tspan>')
        at += cells
    baseline = _BORDER + number * _CELL_H + 12.5
    return (
        f'<text y="{baseline:g}" font-family="monospace" font-size="13" text-anchor="middle" '
        f'fill="#e8f4ff">{"".join(spans)}</text>'
    )


def _light_svg(plan: tuple[BlinkStep, ...], left: int, middle: int) -> str:
    centre = f'<circle cx="{left + _LIGHT // 2 - _BORDER // 2}" cy="{middle}" r="6"'
    whole_ms = plan_ms(plan)
    if not whole_ms:
        return f'{centre} fill="{DARK}"/>'
    values, times, at_ms = [], [], 0
    for step in plan:
        values.append(DARK if step.colour is None else GLOW[step.colour])
        times.append(f"{at_ms / whole_ms:.4g}")
        at_ms += step.for_ms
    return (
        f'{centre} fill="{values[0]}"><animate attributeName="fill" calcMode="discrete" '
        f'dur="{whole_ms}ms" repeatCount="indefinite" values="{";".join(values)}" '
        f'keyTimes="{";".join(times)}"/></circle>'
    )


def _spoken(frame: Frame) -> str:
    words = [row for row in frame.rows if row]
    lit = [step for step in frame.blinks if step.colour is not None]
    if lit and lit[0].colour is not None:
        times = "once" if len(lit) == 1 else f"{len(lit)} times"
        words.append(f"{lit[0].colour.value} light, {times}")
    return ". ".join(words) or "dark"
