"""Read the project's Markdown pages: links, headings and code blocks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from project import ROOT

PAGES = sorted(
    [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")]
    + [ROOT / name for name in ("results/README.md", "data/README.md", "studies/prior/README.md")]
    + list((ROOT / "docs").glob("*.md"))
)
NO_RUN = "no-run:"
"""Begins the note of a block whose commands no test runs; the reason follows."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page. `note` is the text after the language, as in `sh no-run: why`."""

    page: str
    line: int
    language: str
    note: str
    code: str

    @property
    def reason_not_run(self) -> str:
        """Why no test runs the commands, or ''."""
        return self.note.removeprefix(NO_RUN).strip() if self.note.startswith(NO_RUN) else ""

    @property
    def location(self) -> str:
        return f"{self.page}:{self.line}"


def page_name(page: Path) -> str:
    """Return the path of a page in the project."""
    return str(page.relative_to(ROOT))


def parse(page: Path) -> list[Token]:
    """Return the Markdown tokens of a page."""
    return MarkdownIt("commonmark").enable("table").parse(page.read_text())


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    for token in parse(page):
        if token.type == "fence":
            assert token.map
            language, _, note = token.info.strip().partition(" ")
            yield Block(page_name(page), token.map[0] + 1, language, note.strip(), token.content)


def links(page: Path) -> Iterator[str]:
    """Yield the targets of a page's links and pictures."""
    for token in parse(page):
        for child in token.children or []:
            target = child.attrGet("href") or child.attrGet("src")
            if target:
                yield str(target)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and Sphinx make them."""
    tokens = parse(page)
    return {
        slug(tokens[i + 1].content)
        for i, token in enumerate(tokens)
        if token.type == "heading_open"
    }


def slug(heading: str) -> str:
    """Return the anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
