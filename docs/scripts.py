"""Write docs/scripts.md, the reference of the command lines, out of the scripts themselves.

Of each script only what makes its argument parser is run, so nothing heavy is imported.

Example:
  python docs/scripts.py
"""

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "workflow/scripts"

INTRODUCTION = """\
# The scripts, one by one

Generated from `workflow/scripts/` by `make schema`; do not edit. Each script is one command line
over the package, and says the same with `--help`.
"""
PARTS = {
    True: "For people\n\nNo rule runs these; run them in the project's folder.",
    False: "For rules\n\nSnakemake runs these, and by hand they do the same.",
}


class _Begun(Exception):  # noqa: N818, it is no error
    """Carries a script's parser out of it."""


def _stop(parser: argparse.ArgumentParser, *_: object) -> NoReturn:
    raise _Begun(parser)


def parser_of(script: Path) -> argparse.ArgumentParser:
    """The parser with which a script would read its arguments."""
    tree = ast.parse(script.read_text())
    begin = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and reads(node))
    last = next(i for i, statement in enumerate(begin.body) if reads(statement))
    begin.body = begin.body[: last + 1]
    begin.args, begin.returns = ast.parse("def f(*_): 0").body[0].args, None
    used = {node.id for node in ast.walk(begin) if isinstance(node, ast.Name)}
    tree.body = [node for node in tree.body if node is begin or used & set(names(node))]
    inside: dict[str, Any] = {"__doc__": ast.get_docstring(ast.parse(script.read_text()))}
    exec(compile(tree, str(script), "exec"), inside)
    try:
        inside[begin.name]()
    except _Begun as begun:
        return begun.args[0]
    raise SystemExit(f"{script}: its arguments are not read with argparse")


def reads(node: ast.AST) -> bool:
    """Whether arguments are read there."""
    return any(isinstance(n, ast.Attribute) and n.attr == "parse_args" for n in ast.walk(node))


def names(node: ast.stmt) -> Iterator[str]:
    """What an import, a constant or a function at a script's top defines."""
    if isinstance(node, ast.FunctionDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in node.names)
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def plain(text: str) -> str:
    """Text of which Markdown makes nothing else."""
    return re.sub(r"([*_<|])", r"\\\1", text)


def described(text: str) -> Iterator[str]:
    """A docstring in Markdown: paragraphs as they are, what is set out in columns as it stands."""
    text, _, example = text.strip().partition("\n\nExample:\n")
    for paragraph in text.split("\n\n"):
        in_columns = re.search(r"^ |\S {2,}\S", paragraph, re.MULTILINE)
        yield f"```text\n{paragraph}\n```" if in_columns else plain(paragraph)
    if example:
        lines = re.sub("^  ", "", example.rstrip(), flags=re.MULTILINE)
        yield f"```sh no-run: names files that a reader may not have\n{lines}\n```"


def rows(parser: argparse.ArgumentParser) -> Iterator[str]:
    """A table of a parser's arguments."""
    yield "| argument | what it is |\n| --- | --- |"
    for action in parser._actions:
        if action.dest != "help":
            given = action.metavar or "|".join(action.choices or [action.dest.upper()])
            value = "" if action.nargs == 0 else given
            shown = f"{', '.join(action.option_strings)} {value}".strip().replace("|", r"\|")
            told = (action.help or "") % {"default": action.default}
            yield f"| `{shown}` | {plain(told)} |"


def reference() -> str:
    """The whole page."""
    rules = "".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk")))
    page = [INTRODUCTION]
    for by_hand, title in PARTS.items():
        page.append(f"## {title}\n")
        for script in sorted(FOLDER.glob("*.py")):
            if by_hand != bool(re.search(rf"\b{script.stem}(\.py|\")", rules)):
                parser = parser_of(script)
                page.append(f"### {script.name}\n")
                page += [f"{part}\n" for part in described(parser.description or "")]
                page.append("\n".join(rows(parser)) + "\n")
    return "\n".join(page)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--out",
        type=Path,
        default=ROOT / "docs/scripts.md",
        metavar="FILE",
        help="the page to write (default: %(default)s)",
    )
    out = arguments.parse_args().out
    sys.path.insert(0, str(FOLDER))  # where a script finds the package
    argparse.ArgumentParser.parse_args = _stop  # type: ignore[method-assign, assignment]
    out.write_text(reference())


if __name__ == "__main__":
    main()
