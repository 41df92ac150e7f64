"""The report of a sweep: one HTML file that needs nothing else and asks nothing of any network."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from segsweep.core.files import write_text
from segsweep.report import summary, tables
from segsweep.report.embedding import embedded, inlined, rendered
from segsweep.report.plot import Plot
from segsweep.report.plots import drawn, save
from segsweep.report.results import Results, number

ASSETS = Path(__file__).parent / "assets"

SECTIONS = {
    "trials": "trials",
    "parallel": "trials",
    "curves": "curves",
    "map": "map",
    "confirmation": "confirmation",
}
"""Where on the page plots stand that have a section of their own."""

Block = dict[str, Any]
"""A plot with its `data` and the `findings` that it shows."""


def write_report(
    results: Path,
    out: Path,
    live: bool = False,
    of: int | None = None,
    until: int | None = None,
) -> None:
    """Write the report of a folder of results, and its plots to `plots/`.

    `live`: the sweep still runs; only `trials/` is read (those before number `until`), nothing else
    is written, and `of` is how many trials there will be. The file stays below 6 MB, whatever the
    number of trials. Raises `UserError` where there are no trials.
    """
    read = Results(results, live, until)
    plots = list(drawn(read))
    if not live:
        save(read, plots)
    findings = summary.findings(read)
    script, style = ((ASSETS / name).read_text("utf-8") for name in ("script.js", "style.css"))
    page = _template().render(
        results=read,
        style=Markup(style),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        now=f"{datetime.now():%Y-%m-%d %H:%M}" if live else "",
        verdict=summary.verdict(read, of),
        numbers=list(summary.key_numbers(read)),
        configuration=summary.configuration(read),
        gallery=[] if live else _gallery(read),
        tested=tables.tested(read),
        leaderboard=tables.leaderboard(read),
        blocks=_blocks(plots, findings),
        alone=_alone(plots, findings),
        failures=tables.failures(read),
        candidates=tables.candidates(read),
        following={} if live else _following(read),
        provenance={} if live else read.document("analysis/origin.json"),
    )
    write_text(out, page)


def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inlined"] = inlined
    return environment.get_template("report.html.jinja")


def _blocks(plots: Sequence[Plot], findings: Sequence[Mapping[str, Any]]) -> dict[str, list[Block]]:
    """By section: each plot once, in the order in which the findings speak of them."""
    spoken = [one["plot"] for one in findings]
    blocks: dict[str, list[Block]] = {
        name: [] for name in (*SECTIONS.values(), "findings", "effects")
    }
    for plot in sorted(plots, key=lambda p: [*spoken, p.name].index(p.name)):
        own = "effects" if plot.name.startswith("effect_") else "findings"
        data = tables.table(f"{plot.title}: the data", plot.columns, plot.rows)
        said = [one for one in findings if one["plot"] == plot.name]
        block = {"plot": plot, "data": data, "findings": said}
        blocks[SECTIONS.get(plot.name, own)].append(block)
    return blocks


def _alone(
    plots: Sequence[Plot], findings: Sequence[Mapping[str, Any]]
) -> dict[str, list[Mapping[str, Any]]]:
    """By section: findings that no plot shows."""
    names = {plot.name for plot in plots}
    rest = [one for one in findings if one["plot"] not in names]
    return {
        "failures": [one for one in rest if one["id"] == "failures"],
        "findings": [one for one in rest if one["id"] != "failures"],
    }


def _gallery(results: Results) -> list[dict[str, str]]:
    """The pictures of validation images, with what is seen on them."""
    dice = sorted(number(row["dice"]) or 0 for row in results.table("best/images.csv"))
    places = {"best": -1, "median": len(dice) // 2, "worst": 0}
    pictures = []
    for name, place in places.items():
        path = results.folder / f"test/gallery/{name}.png"
        if path.exists():
            reached = f", Dice {dice[place]:.3f}" if dice else ""
            alt = (
                f"The {name} of the validation images{reached}. Side by side: the image, the true "
                "outline, the predicted outline, and where they differ."
            )
            title = f"{name.capitalize()}{reached}"
            pictures.append({"title": title, "alt": alt, "source": embedded(path)})
    return pictures


def _following(results: Results) -> dict[str, Any]:
    """The next sweep: why, what is changed, and its files."""
    texts = {name: results.text(f"next/{name}") for name in ("params.yaml", "sweep.yaml")}
    return {
        "rationale": rendered(results.rationale),
        "files": {name: text for name, text in texts.items() if text},
        "changes": results.text("next/changes.diff").splitlines(),
    }
