"""Plots, pictures and Markdown as parts of one HTML page."""

import base64
import io
import re
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup, escape
from PIL import Image

from segsweep.report.plot import Plot

LARGE, MAX_PIXELS = 600_000, 1600
"""A picture of more bytes is scaled to this many pixels on its longer side."""


def inline_svg(plot: Plot) -> Markup:
    """Return a plot as inline SVG with unique ids and a label for screen readers."""
    svg = plot.svg[plot.svg.index("<svg") :]
    svg = re.sub(r"<style>.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (?:width|height)="[^"]*pt"', "", svg, count=2)
    svg = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{plot.file}-", svg)
    name = escape(f"{plot.title}. {plot.alt}")
    return Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{name}" ', 1))


def data_url(path: Path) -> str:
    """Return a picture as a `data:` URL."""
    content, kind = path.read_bytes(), "png"
    if len(content) > LARGE:
        with Image.open(path) as picture:
            smaller = picture.convert("RGB")
        smaller.thumbnail((MAX_PIXELS, MAX_PIXELS))
        out = io.BytesIO()
        smaller.save(out, "JPEG", quality=88)
        content, kind = out.getvalue(), "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def markdown_to_html(text: str) -> Markup:
    """Return Markdown as HTML below a heading of level 2; HTML in it stays text, images links."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    tokens = markdown.parse(text)
    for token in tokens:
        if token.type.startswith("heading"):
            token.tag = f"h{min(6, int(token.tag[1]) + 1)}"
    html = markdown.renderer.render(tokens, markdown.options, {})
    start = '<div class="scroll prose" tabindex="0" role="region" aria-label="Changes"><table>'
    return Markup(html.replace("<table>", start).replace("</table>", "</table></div>"))
