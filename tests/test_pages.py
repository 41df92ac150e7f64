"""The documents: links work, file names exist, generated pages are current, the site builds."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from documents import PAGES, anchors, blocks, links, page_name
from project import ROOT

SHELLS = {"bash", "shell", "console", "zsh", "shell-session"}


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_lead_to_existing_files_and_headings(page: Path) -> None:
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, heading = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page_name(page)} links to {link}, which does not exist"
        if heading and target.suffix == ".md":
            assert heading in anchors(target), f"{page_name(page)}: {link} has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_commands_are_run_or_give_a_reason(page: Path) -> None:
    for block in blocks(page):
        assert block.language not in SHELLS, f"{block.location}: write ```sh, which a test runs"
        if block.language == "sh" and block.note:
            assert block.reason_not_run, (
                f"{block.location}: expected ```sh, or ```sh no-run: and the reason"
            )


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_named_python_files_exist(page: Path) -> None:
    """Paths such as `training/losses.py` are in the project or in src/segsweep."""
    if page.name in ("CHANGELOG.md", "commands.md"):
        return
    for name in re.findall(r"`([\w.]+/[\w./*]+\.py)(?:::\w+)?`", page.read_text()):
        found = any(any(folder.glob(name)) for folder in (ROOT, ROOT / "src/segsweep"))
        found = found or any((ROOT / "src").glob(name))
        assert found, f"{page_name(page)} names {name}, which does not exist"


def test_reference_of_commands_is_current(tmp_path: Path) -> None:
    out = tmp_path / "commands.md"
    subprocess.run([sys.executable, ROOT / "docs/commands.py", "--out", out], check=True)
    assert out.read_text() == (ROOT / "docs/commands.md").read_text(), "run `make schema`"


def test_every_line_of_the_gpu_study_is_explained() -> None:
    page = ROOT / "docs/rtx6000ada.md"
    quoted = "".join(block.code for block in blocks(page) if block.language == "yaml")
    study = (ROOT / "studies/rtx6000ada.yaml").read_text()
    assert without_comments(quoted) == without_comments(study)


def without_comments(text: str) -> list[str]:
    """Return the lines of YAML text that are not empty, without comments."""
    lines = (line.partition("#")[0].rstrip() for line in text.splitlines())
    return [line for line in lines if line]


def test_site_builds_without_warnings_and_loads_nothing(tmp_path: Path) -> None:
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
        external = re.findall(
            r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"'](?:https?:)?//[^\"']*"
            r"|<link\b[^>]*\bhref=[\"'](?:https?:)?//[^\"']*",
            page.read_text(),
        )
        assert not external, f"{page.name} loads {external}"
    for style in tmp_path.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", style.read_text())
