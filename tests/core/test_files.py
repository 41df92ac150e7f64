"""Small files: safe YAML, one sentence when it is broken, and writing that is all or nothing."""

from pathlib import Path

import pytest

from segsweep.core.errors import UserError
from segsweep.core.files import atomic_write, read_yaml

BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 20)
)
"""A KB that means more values than there is memory."""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epochs: 3\nepochs: 4\n", r"the key 'epochs' is given twice .*line 2"),
        ("a: {b: 1, c: 2, b: 3}\n", "the key 'b' is given twice"),
        ("a: &x [*x]\n", "a value contains itself"),
        ("!!python/object/apply:os.getcwd []\n", "could not determine a constructor"),
        (BOMB, "values with all aliases written out"),
        ("a: [\n", "expected the node content"),
    ],
)
def test_broken_yaml_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=said) as caught:
        read_yaml(file)
    assert str(caught.value).startswith(f"{file}: cannot be read as YAML")
    assert "\n" not in str(caught.value)


def test_merge_keys_and_dates_are_yaml(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("a: &a {x: 1}\nb: {<<: *a, y: 2}\n2020-01-01: {x: 1}\n")
    assert read_yaml(file)["b"] == {"x": 1, "y": 2}


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text("old")

    def fail() -> None:
        with atomic_write(file) as aside:
            aside.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]
