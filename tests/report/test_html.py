"""The report: all that there is and nothing else, safe against what stands in a file, and small."""

import base64
import hashlib
import re
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest

from project import ROOT
from results_example import write_example, write_external, write_running
from segsweep.core.errors import UserError
from segsweep.core.files import read_csv, read_json, write_csv, write_json, write_text
from segsweep.report.html import write_report
from segsweep.report.markdown import write_markdown
from sweep_example import METRIC, PARAMETERS, WINNER

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


class Page(HTMLParser):
    """Headings, ids, sections and text of a page; elements that fetch something."""

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
        self.text += data


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_example(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def page(example: Path) -> Page:
    write_report(example, example / "report.html")
    return Page(example / "report.html")


def test_it_tells_everything_in_order(page: Page) -> None:
    assert page.sections == [
        "gallery",
        "leaderboard",
        "trials",
        "findings",
        "curves",
        "map",
        "confirmation",
        "failures",
        "next",
        "provenance",
    ]
    for told in (
        "Take batch 8 at a learning rate near 0.003",
        "cannot be told apart from trial 031",
        "Whether dropout helps at all cannot be told",
        "cannot tell",
        "the loss was not finite in epoch 2",
        "Otsu’s threshold on the validation images",
        "0.874 to 0.911; 14 images that the sweep never saw",
        "+epochs: 30",
        "NVIDIA T4, 15.8 GB",
        "Worst, Dice 0.810",
    ):
        assert told in page.text, told


def test_headings_go_down_one_step_at_a_time_and_ids_are_unique(page: Page) -> None:
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(
        after - before <= 1 for before, after in zip(page.headings, page.headings[1:], strict=False)
    )
    assert len(page.ids) == len(set(page.ids))
    for target in re.findall(r'(?:href="|url\()#([^")]+)', page.html):
        assert target in page.ids


def test_every_finding_and_every_plot_stands_there_once(example: Path, page: Page) -> None:
    for file in ("findings", "runtime"):
        for finding in read_json(example / f"analysis/{file}.json")["findings"]:
            assert page.text.count(finding["sentence"]) == 1
    plots = list((example / "plots").glob("*.svg"))
    assert page.html.count("<svg ") == len(plots) == 11 + len(PARAMETERS)


def test_nothing_is_fetched_and_only_its_own_script_may_run(page: Page) -> None:
    assert all(address.startswith(("data:", "#")) for address in page.fetched)
    assert "@import" not in page.html
    script = page.html[page.html.index("<script>") + 8 : page.html.index("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page.html)
    assert policy
    assert "default-src 'none'" in policy[1]
    assert f"script-src 'sha256-{digest}'" in policy[1]


def test_the_leaderboard_marks_the_winner_and_names_trials_as_their_folders(page: Page) -> None:
    marked = re.search(r'<tr class="winner"><td>(\d+)</td><td>(\d+)</td>', page.html)
    assert marked
    assert marked[2] == f"{WINNER:03d}"


def test_what_stands_in_a_file_stays_text(tmp_path: Path) -> None:
    write_example(tmp_path)
    rows = read_csv(tmp_path / "leaderboard.csv")
    rows[-1]["reason"] = HOSTILE
    write_csv(tmp_path / "leaderboard.csv", list(rows[0]), rows)
    trials = [
        {("</style>" + HOSTILE if k == "loss" else k): v for k, v in row.items()}
        for row in read_csv(tmp_path / "analysis/trials.csv")
    ]
    write_csv(tmp_path / "analysis/trials.csv", list(trials[0]), trials)
    findings = read_json(tmp_path / "analysis/findings.json")
    del findings["parameters"]
    findings["verdict"] = findings["source"] = findings["findings"][0]["sentence"] = HOSTILE
    write_json(tmp_path / "analysis/findings.json", findings)
    write_text(
        tmp_path / "next/rationale.md",
        f"# The next\n\n## {HOSTILE}\n\n![x](http://a/b.png) {HOSTILE}\n",
    )
    write_text(tmp_path / "next/changes.diff", f"+{HOSTILE}\n")
    write_report(tmp_path, tmp_path / "report.html")
    page = Page(tmp_path / "report.html")
    assert page.scripts == 1
    assert "<img src=x" not in page.html
    assert "</style>&lt;" not in page.html
    assert all(address.startswith(("data:", "#")) for address in page.fetched)
    assert page.text.count("alert(1)") >= 7
    write_markdown(tmp_path, tmp_path / "report.md")
    told = (tmp_path / "report.md").read_text().partition("## The next sweep")[0]
    assert "<script" not in told


def test_a_sweep_from_elsewhere(tmp_path: Path) -> None:
    write_external(tmp_path)
    write_report(tmp_path, tmp_path / "report.html")
    page = Page(tmp_path / "report.html")
    assert "gallery" not in page.sections
    assert "confirmation" not in page.sections
    assert "curves" not in page.sections
    assert {"leaderboard", "findings", "map", "next"} <= set(page.sections)
    assert "export.csv" in page.text
    assert "brisk-sweep-4" in page.text
    assert "with the best value" in page.text


def test_a_table_of_trials_is_enough(tmp_path: Path) -> None:
    rows = [{"trial": "a", "status": "failed", METRIC: "", "lr": 1, "seconds": ""}]
    write_csv(tmp_path / "analysis/trials.csv", list(rows[0]), rows)
    write_report(tmp_path, tmp_path / "report.html")
    assert "No trial finished." in Page(tmp_path / "report.html").text
    rows.append({"trial": "b", "status": "finished", METRIC: 0.5, "lr": 2, "seconds": 3})
    write_csv(tmp_path / "analysis/trials.csv", list(rows[0]), rows)
    write_report(tmp_path, tmp_path / "report.html")
    assert "The best validation Dice is 0.5, of trial b" in Page(tmp_path / "report.html").text


def test_while_a_sweep_runs_it_tells_how_far_it_is_and_is_quick(tmp_path: Path) -> None:
    write_running(tmp_path, ended=17)
    begun = time.perf_counter()
    write_report(tmp_path, tmp_path / "live.html", live=True, of=40)
    assert time.perf_counter() - begun < 2
    page = Page(tmp_path / "live.html")
    assert "The sweep is running: 17 of 40 trials so far." in page.text
    assert page.sections == ["leaderboard", "trials", "curves", "failures"]
    assert not (tmp_path / "analysis").exists()


def test_before_the_first_trial_has_ended(tmp_path: Path) -> None:
    (tmp_path / "trials/000").mkdir(parents=True)
    write_report(tmp_path, tmp_path / "live.html", live=True, of=40)
    page = Page(tmp_path / "live.html")
    assert "0 of 40 trials so far" in page.text
    assert "No trial has finished yet." in page.text


def test_without_trials_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"trials.csv: found no such file, .*--live"):
        write_report(tmp_path, tmp_path / "report.html")


def test_the_same_results_give_the_same_report(example: Path, page: Page) -> None:
    write_report(example, example / "again.html")
    assert (example / "again.html").read_text(encoding="utf-8") == page.html


def test_a_thousand_trials(tmp_path: Path) -> None:
    write_example(tmp_path, 1000)
    begun = time.perf_counter()
    write_report(tmp_path, tmp_path / "report.html")
    assert time.perf_counter() - begun < 30
    assert (tmp_path / "report.html").stat().st_size < 6_000_000


def test_the_short_report_links_to_its_plots(example: Path, page: Page) -> None:
    write_markdown(example, example / "report.md")
    told = (example / "report.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", told)
    assert len(links) >= 5
    assert all((example / link).exists() for link in links)
    assert told.startswith("# Sweep report\n\n**Trial 027 was best again")
    assert len(re.findall(r"^\| \d+ \| \d{3} \|", told, re.M)) == 10
    for heading in ("Findings", "Confirmation", "On test images", "The next sweep", "Plots"):
        assert f"\n## {heading}\n" in told


def test_the_page_is_shipped_with_the_package() -> None:
    page = ROOT / "src/segsweep/analysis/page"
    assert {path.name for path in page.iterdir() if path.suffix not in (".py", "")} == {
        "template.html.jinja",
        "style.css",
        "script.js",
        "model_card.md.jinja",
    }
