"""The hash of code: changed by what the code does, not by its comments and messages."""

from pathlib import Path

import pytest

from project import ROOT
from segsweep.pipeline.fingerprint import code_hash, imported_modules

CODE = '''
"""A module."""

LIMIT = 3
"""The largest number."""


def half(number: int) -> float:
    """Return half of a number."""
    print("halving", number)
    if number > LIMIT:
        raise UserError(f"found {number}, expected at most {LIMIT}")
    return number / 2  # exact
'''
HARMLESS = {
    "comment": ("# exact", "# a float"),
    "docstring": ("Return half of a number.", "Halve a number."),
    "attribute docstring": ("The largest number.", "The upper limit."),
    "printed line": ("halving", "now halving"),
    "error message": ("expected at most", "the limit is"),
    "blank line": ("\n\n\ndef", "\n\n\n\ndef"),
}
HARMFUL = {
    "constant": ("LIMIT = 3", "LIMIT = 4"),
    "operator": ("number / 2", "number // 2"),
    "condition": ("number > LIMIT", "number >= LIMIT"),
    "name": ("half(", "halve("),
    "type of error": ("raise UserError", "raise ValueError"),
}


def edited(folder: Path, old: str, new: str) -> tuple[str, str]:
    """Return the hash of CODE before and after an edit."""
    path = folder / "module.py"
    path.write_text(CODE)
    before = code_hash(path)
    assert old in CODE
    path.write_text(CODE.replace(old, new))
    return before, code_hash(path)


@pytest.mark.parametrize("edit", HARMLESS.values(), ids=HARMLESS)
def test_text_for_people_is_not_part_of_the_hash(tmp_path: Path, edit: tuple[str, str]) -> None:
    before, after = edited(tmp_path, *edit)
    assert before == after


@pytest.mark.parametrize("edit", HARMFUL.values(), ids=HARMFUL)
def test_what_the_code_does_is_part_of_the_hash(tmp_path: Path, edit: tuple[str, str]) -> None:
    before, after = edited(tmp_path, *edit)
    assert before != after


def test_the_message_of_an_error_that_becomes_a_result_is_part_of_the_hash(
    tmp_path: Path,
) -> None:
    """The text of a DivergedError is the `reason` in metrics.json."""
    path = tmp_path / "module.py"
    hashes = set()
    for text in ("the loss was not finite", "the loss is infinite"):
        path.write_text(f"raise DivergedError('{text}')\n")
        hashes.add(code_hash(path))
    assert len(hashes) == 2


def test_imported_modules_are_found_through_other_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    modules = imported_modules("workflow/scripts/suggest.py")
    assert "workflow/scripts/suggest.py" in modules
    assert "src/segsweep/search/sampler.py" in modules
    assert "src/segsweep/config/distributions.py" in modules  # imported by search_space.py
    assert "src/segsweep/training/unet.py" not in modules
    assert not [path for path in modules if "/report/" in path]
