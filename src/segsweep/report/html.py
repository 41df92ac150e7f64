"""The HTML report: one file that needs no other file and no network.

Plots are inline SVG, pictures `data:` URLs, and Markdown becomes HTML.
"""

import base64
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markdown_it import MarkdownIt
from markupsafe import Markup, escape
from PIL import Image

from segsweep.core.files import is_there, read_bytes, read_text, write_text
from segsweep.core.printable import escape_controls
from segsweep.report import summary, tables
from segsweep.report.plot import Plot
from segsweep.report.plots import make_plots, save
from segsweep.report.results import Results
from segsweep.report.values import parse_number

ASSETS = Path(__file__).parent / "assets"

SECTIONS = {
    "confirmation": "selection",
    "trials": "trials",
    "parallel": "trials",
    "curves": "curves",
    "map": "map",
}
"""The section of each plot; other plots belong to the findings."""

LARGE, MAX_PIXELS = 600_000, 1600
"""A picture of more bytes is scaled to this many pixels on its longer side."""

Block = dict[str, Any]
"""A plot with its `data` and its `findings`."""


def write_report(
    results: Path,
    out: Path,
    live: bool = False,
    of: int | None = None,
    until: int | None = None,
) -> None:
    """Write the report, and its plots to `plots/`. The file is smaller than 6 MB.

    Args:
        results: The folder of results.
        out: The HTML file.
        live: The sweep may still be running: only `trials/` is read, only `out` is written.
        of: With `live`, the planned number of trials.
        until: With `live`, only trials with a smaller number are read.

    Raises:
        UserError: There are no trials.
    """
    content = Results(results, live, until)
    plots = list(make_plots(content))
    if not live:
        save(content, plots)
    findings = summary.findings(content)
    script, style = (read_text(ASSETS / name) for name in ("script.js", "style.css"))
    page = _template().render(
        results=content,
        style=Markup(style),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        now=f"{datetime.now():%Y-%m-%d %H:%M}" if live else "",
        headline=summary.headline(content, of),
        numbers=list(summary.key_numbers(content)),
        configuration=summary.configuration(content),
        gallery=[] if live else _gallery(content),
        test=tables.on_test_split(content),
        leaderboard=tables.leaderboard(content),
        blocks=_blocks(plots, findings),
        other_findings=_other_findings(plots, findings),
        unfinished=tables.unfinished(content),
        reading=summary.reading(content),
        candidates=tables.candidates(content),
        next_sweep={} if live else _next_sweep(content),
        provenance={} if live else content.document("analysis/origin.json"),
    )
    write_text(out, escape_controls(page))


def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inline_svg"] = _inline_svg
    environment.filters["keep_percent"] = _keep_percent
    return environment.get_template("report.html.jinja")


def _keep_percent(text: str) -> str:
    """Replace the space of `95 %` by one at which a line does not break."""
    return re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", text)


def _blocks(plots: Sequence[Plot], findings: Sequence[Mapping[str, Any]]) -> dict[str, list[Block]]:
    """Return each plot once, by section, in the order of the findings."""
    order = [finding["plot"] for finding in findings]
    blocks: dict[str, list[Block]] = {
        name: [] for name in (*SECTIONS.values(), "findings", "effects")
    }
    for plot in sorted(plots, key=lambda p: [*order, p.name].index(p.name)):
        default = "effects" if plot.name.startswith("effect_") else "findings"
        data = tables.make_table(f"Data of: {plot.title}", plot.columns, plot.rows)
        shown = [finding for finding in findings if finding["plot"] == plot.name]
        block = {"plot": plot, "data": data, "findings": shown}
        blocks[SECTIONS.get(plot.name, default)].append(block)
    return blocks


def _other_findings(
    plots: Sequence[Plot], findings: Sequence[Mapping[str, Any]]
) -> dict[str, list[Mapping[str, Any]]]:
    """Return the findings without a plot, by section."""
    names = {plot.name for plot in plots}
    rest = [finding for finding in findings if finding["plot"] not in names]
    return {
        "unfinished": [finding for finding in rest if finding["id"] == "failures"],
        "findings": [finding for finding in rest if finding["id"] != "failures"],
    }


def _gallery(results: Results) -> list[dict[str, str]]:
    """Return the pictures of validation images with title and alternative text."""
    dice = sorted(parse_number(row["dice"]) or 0 for row in results.table("best/images.csv"))
    positions = {"best": -1, "median": len(dice) // 2, "worst": 0}
    pictures = []
    for name, position in positions.items():
        path = results.folder / f"test/gallery/{name}.png"
        if is_there(path):
            value = f", Dice {dice[position]:.3f}" if dice else ""
            title = f"{name.capitalize()} validation image{value}"
            alt = (
                f"{title}. From left to right: image, true outline, predicted outline, difference."
            )
            pictures.append({"title": title, "alt": alt, "source": _data_url(path)})
    return pictures


def _next_sweep(results: Results) -> dict[str, Any]:
    """Return the proposal for the next sweep: reasons, changes and files."""
    texts = {name: results.text(f"next/{name}") for name in ("params.yaml", "sweep.yaml")}
    return {
        "rationale": _markdown_to_html(results.rationale),
        "files": {name: text for name, text in texts.items() if text},
        "changes": results.text("next/changes.diff").splitlines(),
    }


def _inline_svg(plot: Plot) -> Markup:
    """Return a plot as inline SVG with unique ids and a label for screen readers."""
    svg = plot.svg[plot.svg.index("<svg") :]
    svg = re.sub(r"<style>.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (?:width|height)="[^"]*pt"', "", svg, count=2)
    svg = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{plot.file}-", svg)
    name = escape(f"{plot.title}. {plot.alt}")
    return Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{name}" ', 1))


def _data_url(path: Path) -> str:
    """Return a picture as a `data:` URL."""
    content, kind = read_bytes(path), "png"
    if len(content) > LARGE:
        with Image.open(path) as picture:
            smaller = picture.convert("RGB")
        smaller.thumbnail((MAX_PIXELS, MAX_PIXELS))
        out = io.BytesIO()
        smaller.save(out, "JPEG", quality=88)
        content, kind = out.getvalue(), "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _markdown_to_html(text: str) -> Markup:
    """Return Markdown as HTML below a heading of level 2; HTML in it stays text, images links."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    tokens = markdown.parse(text)
    for token in tokens:
        if token.type.startswith("heading"):
            token.tag = f"h{min(6, int(token.tag[1]) + 1)}"
    html = markdown.renderer.render(tokens, markdown.options, {})
    start = '<div class="scroll prose" tabindex="0" role="region" aria-label="Changes"><table>'
    return Markup(html.replace("<table>", start).replace("</table>", "</table></div>"))
