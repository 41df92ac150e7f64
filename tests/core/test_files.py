"""Reading and writing small files: safe YAML, clear errors, atomic writes, locks."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from project import ROOT, not_as_root
from segsweep.core.errors import UserError, describe_os_error
from segsweep.core.files import (
    atomic_write,
    check_readable,
    locked,
    read_json,
    read_yaml,
    write_text,
)
from segsweep.core.json_format import load_json
from segsweep.core.yaml_format import dump_yaml, load_yaml

BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 20)
)
"""A kilobyte whose aliases expand to more values than fit in memory."""

MERGE_BOMB = "a0: &a0 {x: 1}\n" + "".join(
    f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}\n" for i in range(1, 20)
)
CHAIN = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 5000))
"""One level in the text, and thousands once the aliases are expanded."""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs: 3\nepochs: 4\n", r"the key 'epochs' is given twice .*line 2"),
        ("a: {b: 1, c: 2, b: 3}\n", "the key 'b' is given twice"),
        ("a: &x [*x]\n", "found a value that contains itself"),
        ("!!python/object/apply:os.getcwd []\n", "found the tag tag:yaml.org,2002:python/object"),
        ("a: !!bool maybe\n", "found the tag tag:yaml.org,2002:bool, expected a plain value"),
        ("a: !!int ''\n", "found the tag tag:yaml.org,2002:int"),
        ("a: !!set {b}\n", "found the tag tag:yaml.org,2002:set"),
        (BOMB, "more than 100000 values with all aliases expanded"),
        (MERGE_BOMB, "more than 100000 values with all aliases expanded"),
        (CHAIN, "more than 50 levels of lists and tables"),
        ("a: " + "[" * 200, "more than 50 levels of lists and tables"),
        ("- " * 60 + "x\n", "more than 50 levels of lists and tables"),
        ("[a]: 1\n", "found a list or table as a key, expected text .*line 1"),
        ("a: {? {b: 1} : 2}\n", "found a list or table as a key"),
        ("3: 1\n", "found the key 3, expected text; put it in quotes"),
        ("on: 1\n", "found the key on, expected text; put it in quotes"),
        ("~: 1\n", "found the key ~, expected text"),
        ("a: " + "9" * 100_000, "found an integer of more than 64 bits"),
        ("a: 0x" + "f" * 100_000, "found an integer of more than 64 bits"),
        ("a: 9223372036854775808\n", "found an integer of more than 64 bits"),
        ("a: [\n", "expected the node content"),
    ],
)
def test_broken_yaml_gives_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        read_yaml(file)
    assert str(caught.value).startswith(f"{file}: cannot be read as YAML")
    assert "\n" not in str(caught.value)


def test_merge_keys_and_dates_are_read(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("a: &a {x: 1}\nb: {<<: *a, y: 2}\n2020-01-01: {x: 1}\n")
    assert read_yaml(file)["b"] == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5),
        ("1.0e-05", 1e-5),
        ("1e+05", 1e5),
        (".5", 0.5),
        ("yes", True),
        ("Off", False),
        ("y", "y"),
        ("'no'", "no"),
        ("010", "010"),
        ("0", 0),
        ("1:30", "1:30"),
        ("~", None),
        ("2020-01-01", "2020-01-01"),
        ("=", "="),
        ("0o17", 15),
        ("-9223372036854775807", -(2**63) + 1),
    ],
)
def test_plain_values_have_the_types_of_yaml_1_2_and_the_booleans_of_1_1(
    text: str, value: Any
) -> None:
    loaded = load_yaml(f"a: {text}\n")["a"]
    assert loaded == value
    assert type(loaded) is type(value)


@pytest.mark.parametrize(
    "value",
    [
        *("1e-5", "yes", "on", "010", "1:30", "0o17", "null", "? x", "a: b", "1_0", "é", ""),
        *("2020-01-01", "2020-1-1 10:00:00", "=", 1e-7, 1e22),
    ],
    ids=repr,
)
def test_written_values_are_read_alike_by_this_program_and_by_pyyaml(value: Any) -> None:
    """W&B reads `sweep.yaml` with PyYAML, which follows YAML 1.1."""
    for document in ({"a": value}, {"a": {"b": [value, 1], "c": value}}):
        text = dump_yaml(document)
        assert load_yaml(text) == document
        assert yaml.safe_load(text) == document


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 60 + "1" + "}" * 60, "9" * 5000 + "x"])
def test_json_of_many_levels_gives_one_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(UserError, match=r"x\.json: cannot be read as JSON") as caught:
        read_json(file)
    assert len(str(caught.value)) < 300


def test_json_integers_of_64_bits_are_exact_and_larger_ones_floats() -> None:
    assert load_json(str(2**64)) == 2**64
    assert load_json("9" * 100_000) == float("inf")


def test_keys_keep_their_order_and_lists_of_scalars_are_on_one_line() -> None:
    text = dump_yaml({"b": {"values": [1, 2]}, "a": 1e-5, "c": [{"x": 1, "y": None}]})
    assert text == "b:\n  values: [1, 2]\na: 1.0e-05\nc:\n- {x: 1, y: null}\n"


def test_long_lists_and_texts_are_not_wrapped() -> None:
    document = {"values": list(range(10**6, 10**6 + 40)), "text": "a long sentence, " * 20 + "end"}
    text = dump_yaml(document)
    assert len(text.splitlines()) == 2
    assert load_yaml(text) == yaml.safe_load(text) == document


def test_a_lock_is_held_between_processes_and_released_when_its_process_is_killed(
    tmp_path: Path,
) -> None:
    lock = tmp_path / "x.lock"
    code = (
        "import sys, time; from pathlib import Path; from segsweep.core.files import locked\n"
        "with locked(Path(sys.argv[1])): print(flush=True); time.sleep(float(sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, str(lock)]
    with locked(lock):
        environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
        waiting = subprocess.Popen([*command, "60"], stdout=subprocess.PIPE, env=environment)
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(1)
    assert waiting.stdout is not None
    waiting.stdout.readline()
    waiting.kill()
    with locked(lock):
        waiting.wait()


def test_a_file_system_without_locks_gives_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: Any) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", flock)
    with (
        pytest.raises(UserError, match=r"cannot be locked .* move the project"),
        locked(tmp_path / "x.lock"),
    ):
        pass


@pytest.mark.parametrize("name", ["l" * 255, "é" * 127, "x"])
def test_a_file_may_have_the_longest_name(tmp_path: Path, name: str) -> None:
    with atomic_write(tmp_path / name) as temporary:
        temporary.write_text("new")
        assert temporary.name.startswith(".")
    assert (tmp_path / name).read_text() == "new"
    assert list(tmp_path.iterdir()) == [tmp_path / name]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text("old")

    def fail() -> None:
        with atomic_write(file) as temporary:
            temporary.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_only_what_an_ended_process_of_this_machine_left_is_deleted(tmp_path: Path) -> None:
    code = "from pathlib import Path; from segsweep.core.temporary_files import temporary_path"
    code += "; print(temporary_path(Path('x')))"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", code]
    killed = subprocess.run(command, env=environment, capture_output=True, text=True).stdout.strip()
    machine = killed.split(".")[2].split("-")[0]
    other_machine = f".x.{'0' * 8}-{killed.split('-')[1]}"
    living, user_file = f".x.{machine}-{os.getppid()}.part", ".x.part"
    for name in (killed, other_machine, living, user_file, f".y.{killed.split('.', 2)[2]}"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").write_text("1")
    write_text(tmp_path / "z", "1")
    assert {path.name for path in tmp_path.iterdir()} == {other_machine, living, user_file, "z"}


def test_a_file_of_another_user_is_not_a_missing_file(open_folder: Path) -> None:
    file = open_folder / "model.safetensors"
    check_readable(file)
    file.touch()
    check_readable(file)
    file.chmod(0)
    with not_as_root(), pytest.raises(PermissionError) as error:
        check_readable(file)
    message = f"{file}: Permission denied, expected permission to use it; ask its owner"
    assert describe_os_error(error.value).startswith(message)
