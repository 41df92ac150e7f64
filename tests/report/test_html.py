"""The HTML and the Markdown report: content, accessibility, safety and size."""

import base64
import hashlib
import re
import time
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from project import ROOT
from results_example import write_example, write_external, write_running
from segsweep.core.errors import UserError
from segsweep.core.files import read_csv, read_json, write_csv, write_json, write_text
from segsweep.report.html import write_report
from segsweep.report.markdown import write_markdown
from sweep_example import METRIC, PARAMETERS, WINNER
from terminal import ESCAPED, HOSTILE, controls

INJECTION = "<script>alert(1)</script><img src=x onerror=alert(2)>"


class Page(HTMLParser):
    """The headings, ids, sections, text and fetched addresses of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.sections: list[str] = []
        self.fetched: list[str] = []
        self.scripts = 0
        self.text = ""
        self.html = path.read_text(encoding="utf-8")
        self.feed(self.html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attributes}
        self.ids += [given["id"]] if "id" in given else []
        self.headings += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        self.sections += [given["id"]] if tag == "section" and "id" in given else []
        self.fetched += [given[key] for key in ("src", "srcset", "poster", "data") if key in given]
        self.fetched += [given["href"]] if tag in ("link", "image") else []
        self.scripts += tag == "script"

    def handle_data(self, data: str) -> None:
        self.text += data.replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_example(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def page(example: Path) -> Page:
    write_report(example, example / "report.html")
    return Page(example / "report.html")


def test_page_has_all_sections_in_order(page: Page) -> None:
    assert page.sections == [
        "selection",
        "gallery",
        "leaderboard",
        "trials",
        "findings",
        "curves",
        "map",
        "unfinished",
        "reading",
        "next",
        "provenance",
    ]
    for text in (
        "No clear winner among trials 027 and 031; 027 selected (validation Dice 0.901",
        "The effect of dropout is inconclusive",
        "high confidence",
        "the loss was not finite in epoch 2",
        "Otsu threshold, validation images",
        "95 % interval 0.874 to 0.911; 14 images that were not used in the sweep",
        "+epochs: 30",
        "NVIDIA T4, 15.8 GB",
        "Worst validation image, Dice 0.810",
    ):
        assert text in page.text, text


def test_page_names_one_selected_configuration(page: Page) -> None:
    """Findings that are based on the sweep alone do not name another best trial."""
    assert "Selected configuration: trial 027" in page.text
    assert "P(best of all trials)" not in page.text
    rows = re.findall(r'<tr class="selected"><td>(\w+)</td><td>([\w.]+)</td>', page.html)
    assert ["027" in row for row in rows] == [True, True]
    assert "<td>81 %</td><td>0.8930</td>" in page.html


def test_heading_levels_are_not_skipped_and_ids_are_unique(page: Page) -> None:
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(
        after - before <= 1 for before, after in zip(page.headings, page.headings[1:], strict=False)
    )
    assert len(page.ids) == len(set(page.ids))
    for target in re.findall(r'(?:href="|url\()#([^")]+)', page.html):
        assert target in page.ids


def test_every_finding_and_every_plot_is_shown_once(example: Path, page: Page) -> None:
    for file in ("findings", "runtime"):
        for finding in read_json(example / f"analysis/{file}.json")["findings"]:
            expected = 0 if finding["id"] == "best" else 1
            assert page.text.count(finding["sentence"]) == expected
    plots = list((example / "plots").glob("*.svg"))
    assert page.html.count("<svg ") == len(plots) == 11 + len(PARAMETERS)


def test_page_fetches_nothing_and_allows_only_its_own_script(page: Page) -> None:
    assert all(address.startswith(("data:", "#")) for address in page.fetched)
    assert "@import" not in page.html
    script = page.html[page.html.index("<script>") + 8 : page.html.index("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page.html)
    assert policy
    assert "default-src 'none'" in policy[1]
    assert f"script-src 'sha256-{digest}'" in policy[1]


def test_leaderboard_highlights_the_selected_trial(page: Page) -> None:
    match = re.search(r'<tr class="selected"><td>(\d)</td><td>(\d+)</td>', page.html)
    assert match
    assert match[2] == f"{WINNER:03d}"


def test_text_from_files_is_escaped(tmp_path: Path) -> None:
    write_example(tmp_path)
    rows = read_csv(tmp_path / "leaderboard.csv")
    rows[-1]["reason"] = INJECTION
    write_csv(tmp_path / "leaderboard.csv", list(rows[0]), rows)
    trials = [
        {("</style>" + INJECTION if k == "loss" else k): v for k, v in row.items()}
        for row in read_csv(tmp_path / "analysis/trials.csv")
    ]
    write_csv(tmp_path / "analysis/trials.csv", list(trials[0]), trials)
    findings = read_json(tmp_path / "analysis/findings.json")
    del findings["parameters"]
    findings["source"] = findings["findings"][1]["sentence"] = INJECTION
    verdict = read_json(tmp_path / "confirm/verdict.json") | {"verdict": INJECTION}
    write_json(tmp_path / "confirm/verdict.json", verdict)
    write_json(tmp_path / "analysis/findings.json", findings)
    write_text(
        tmp_path / "next/rationale.md",
        f"# The next\n\n## {INJECTION}\n\n![x](http://a/b.png) {INJECTION}\n",
    )
    write_text(tmp_path / "next/changes.diff", f"+{INJECTION}\n")
    write_report(tmp_path, tmp_path / "report.html")
    page = Page(tmp_path / "report.html")
    assert page.scripts == 1
    assert "<img src=x" not in page.html
    assert "</style>&lt;" not in page.html
    assert all(address.startswith(("data:", "#")) for address in page.fetched)
    assert page.text.count("alert(1)") >= 7
    write_markdown(tmp_path, tmp_path / "report.md")
    above_rationale = (tmp_path / "report.md").read_text().partition("## Next sweep")[0]
    assert "<script" not in above_rationale


def test_control_characters_of_files_are_in_no_output(tmp_path: Path) -> None:
    """Also lone surrogates, which JSON can hold and no file in UTF-8."""
    write_external(tmp_path)
    hostile = HOSTILE + "\ud800"
    findings = read_json(tmp_path / "analysis/findings.json")
    findings["source"] = findings["findings"][1]["sentence"] = hostile
    del findings["parameters"]
    write_json(tmp_path / "analysis/findings.json", findings)
    for name in ("trials", "effects", "importance"):
        rows = [
            {key.replace("loss", f"l{HOSTILE}oss"): rename(value) for key, value in row.items()}
            for row in read_csv(tmp_path / f"analysis/{name}.csv")
        ]
        write_csv(tmp_path / f"analysis/{name}.csv", list(rows[0]), rows)
    write_text(tmp_path / "next/rationale.md", f"# The next\n\n## {HOSTILE}\n")
    write_report(tmp_path, tmp_path / "report.html")
    write_markdown(tmp_path, tmp_path / "report.md")
    plots = list((tmp_path / "plots").glob("*.svg"))
    for path in (tmp_path / "report.html", tmp_path / "report.md", *plots):
        assert controls(path.read_text(encoding="utf-8")) == [], path
    for plot in plots:
        ElementTree.parse(plot)
    page = Page(tmp_path / "report.html")
    assert page.text.count(ESCAPED) >= 5
    assert ESCAPED + r"\ud800" in page.text


def rename(value: str) -> str:
    """Make the names of trials and of losses hostile."""
    for word in ("brisk", "loss", "dice"):
        value = value.replace(word, f"{word[0]}{HOSTILE}{word[1:]}")
    return value


def test_imported_sweep(tmp_path: Path) -> None:
    write_external(tmp_path)
    write_report(tmp_path, tmp_path / "report.html")
    page = Page(tmp_path / "report.html")
    assert "gallery" not in page.sections
    assert "curves" not in page.sections
    assert {"leaderboard", "findings", "map", "next"} <= set(page.sections)
    assert "export.csv" in page.text
    assert "brisk-sweep-4" in page.text
    assert "Best posterior mean: trial brisk-sweep-28" in page.text
    headline = re.search(r'<p class="headline">(.*?)</p>', page.html)
    assert headline
    assert headline[1].startswith("Trial brisk-sweep-28 has the best posterior mean")
    assert "important parameter" not in headline[1]


def test_only_the_table_of_trials_is_required(tmp_path: Path) -> None:
    rows = [{"trial": "a", "status": "failed", METRIC: "", "lr": 1, "seconds": ""}]
    write_csv(tmp_path / "analysis/trials.csv", list(rows[0]), rows)
    write_report(tmp_path, tmp_path / "report.html")
    assert "No trial finished." in Page(tmp_path / "report.html").text
    rows.append({"trial": "b", "status": "finished", METRIC: 0.5, "lr": 2, "seconds": 3})
    write_csv(tmp_path / "analysis/trials.csv", list(rows[0]), rows)
    write_report(tmp_path, tmp_path / "report.html")
    assert "Best observed validation Dice: 0.5 (trial b)" in Page(tmp_path / "report.html").text


def test_live_report_shows_the_progress_and_is_fast(tmp_path: Path) -> None:
    write_running(tmp_path, ended=17)
    start = time.perf_counter()
    write_report(tmp_path, tmp_path / "live.html", live=True, of=40)
    assert time.perf_counter() - start < 2
    page = Page(tmp_path / "live.html")
    assert "Sweep running: 17 of 40 trials so far." in page.text
    assert page.sections == ["selection", "leaderboard", "trials", "curves", "unfinished"]
    assert not (tmp_path / "analysis").exists()


def test_live_report_before_the_first_trial_has_ended(tmp_path: Path) -> None:
    (tmp_path / "trials/000").mkdir(parents=True)
    write_report(tmp_path, tmp_path / "live.html", live=True, of=40)
    page = Page(tmp_path / "live.html")
    assert "0 of 40 trials so far" in page.text
    assert "No trial has finished yet." in page.text


def test_missing_trials_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"trials.csv: found no such file, .*--live"):
        write_report(tmp_path, tmp_path / "report.html")


def test_report_is_reproducible(example: Path, page: Page) -> None:
    write_report(example, example / "again.html")
    assert (example / "again.html").read_text(encoding="utf-8") == page.html


def test_report_of_a_thousand_trials_is_fast_and_small(tmp_path: Path) -> None:
    write_example(tmp_path, 1000)
    start = time.perf_counter()
    write_report(tmp_path, tmp_path / "report.html")
    assert time.perf_counter() - start < 30
    assert (tmp_path / "report.html").stat().st_size < 6_000_000


def test_markdown_report_links_to_its_plots(example: Path, page: Page) -> None:
    write_markdown(example, example / "report.md")
    text = (example / "report.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) >= 5
    assert all((example / link).exists() for link in links)
    assert text.startswith("# Sweep report\n\n**No clear winner among trials 027 and 031;")
    assert len(re.findall(r"^\| \d+ \| \d{3} \|", text, re.M)) == 10
    for heading in ("Selected configuration", "Findings", "Test split", "Next sweep", "Plots"):
        assert f"\n## {heading}\n" in text


def test_assets_are_in_the_package() -> None:
    assets = ROOT / "src/segsweep/report/assets"
    assert {path.name for path in assets.iterdir()} == {
        "report.html.jinja",
        "style.css",
        "script.js",
        "model_card.md.jinja",
    }


def test_the_test_score_says_that_ignored_pixels_are_left_out(tmp_path: Path) -> None:
    """The Markdown report has the same key numbers as the page."""
    folder = write_example(tmp_path / "results")
    file, report = folder / "test/summary.json", tmp_path / "report.md"
    write_markdown(folder, report)
    assert "ignored" not in report.read_text()
    write_json(file, read_json(file) | {"images_with_ignored_pixels": 5})
    write_markdown(folder, report)
    assert "not used in the sweep, 5 of them without their ignored pixels" in report.read_text()
