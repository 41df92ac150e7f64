"""The documents: their links lead somewhere, what is generated is current, and the site stands."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from documents import PAGES, anchors, blocks, links, name_of
from project import ROOT

SHELLS = {"bash", "shell", "console", "zsh", "shell-session"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, heading = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name_of(page)} links to {link}, which does not exist"
        if heading and target.suffix == ".md":
            assert heading in anchors(target), f"{name_of(page)}: {link} has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_are_run_by_a_test_or_say_why_not(page: Path) -> None:
    for block in blocks(page):
        assert block.language not in SHELLS, f"{block.place}: write ```sh, which a test runs"
        if block.language == "sh" and block.said:
            assert block.reason, f"{block.place}: expected ```sh, or ```sh no-run: and the reason"


def test_the_reference_of_the_commands_is_current(tmp_path: Path) -> None:
    out = tmp_path / "commands.md"
    subprocess.run([sys.executable, ROOT / "docs/commands.py", "--out", out], check=True)
    assert out.read_text() == (ROOT / "docs/commands.md").read_text(), "run `make schema`"


def test_every_line_of_the_reports_study_is_explained() -> None:
    page = ROOT / "docs/rtx6000ada.md"
    quoted = "".join(block.code for block in blocks(page) if block.language == "yaml")
    study = (ROOT / "studies/rtx6000ada.yaml").read_text()
    assert list(filter(None, quoted.split("\n"))) == list(filter(None, study.split("\n")))


def test_the_site_is_built_without_a_warning_and_works_without_a_network(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q", "docs", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    pages = list(tmp_path.glob("*.html"))
    assert {page.stem for page in pages} >= {page.stem for page in (ROOT / "docs").glob("*.md")}
    for page in pages:
        loaded = re.findall(
            r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"'](?:https?:)?//[^\"']*"
            r"|<link\b[^>]*\bhref=[\"'](?:https?:)?//[^\"']*",
            page.read_text(),
        )
        assert not loaded, f"{page.name} loads {loaded}"
    for style in tmp_path.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", style.read_text())
