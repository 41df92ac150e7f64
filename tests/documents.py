"""The documents as a reader meets them: pages, links, headings, and blocks of commands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from project import ROOT

PAGES = sorted(
    [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "results/README.md")]
    + list((ROOT / "docs").glob("*.md"))
)
NO_RUN = "no-run:"


@dataclass(frozen=True)
class Block:
    """A fenced block of a page; `reason` says why its commands are not run by a test, or is ''."""

    page: str
    line: int
    language: str
    said: str
    code: str

    @property
    def reason(self) -> str:
        return self.said.removeprefix(NO_RUN).strip() if self.said.startswith(NO_RUN) else ""

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text())


def blocks(page: Path) -> Iterator[Block]:
    for token in tokens(page):
        if token.type == "fence":
            assert token.map
            language, _, said = token.info.strip().partition(" ")
            yield Block(name_of(page), token.map[0] + 1, language, said.strip(), token.content)


def links(page: Path) -> Iterator[str]:
    """Where a page's links and pictures lead."""
    for token in tokens(page):
        for child in token.children or []:
            target = child.attrGet("href") or child.attrGet("src")
            if target:
                yield str(target)


def anchors(page: Path) -> set[str]:
    """What a code host and the built pages call a page's headings."""
    found = tokens(page)
    return {
        slug(found[i + 1].content) for i, token in enumerate(found) if token.type == "heading_open"
    }


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
