"""`segsweep predict` with models that are damaged, absurd or no files: one sentence each."""

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from predict_example import changed, predict
from segsweep.core.errors import UserError
from segsweep.core.files import read_json, write_json
from segsweep.inference.saved_model import SavedModel

FOREIGN = "\x1b[31m\x07\u202e"
"""Control characters that a file may hold."""


def load(folder: Path) -> None:
    with SavedModel.read(folder / "model").load("cpu", 1):
        pass


@pytest.mark.parametrize("name", ["chosen", "val_dice_coefficient", "val_dice_coefficient_at_half"])
@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, -1, -1e-9, 1.01, 10**30, "0.5", True, [0.5], {}]
)
def test_a_threshold_that_is_no_probability_is_refused(
    folder: Path, name: str, value: object
) -> None:
    path = folder / "model/model.json"
    write_json(path, changed(read_json(path), "threshold", name, value=value))
    with pytest.raises(UserError, match=rf"model\.json: .*threshold\.{name}: found") as caught:
        load(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "0", "1.5", "1e-400", "high"])
def test_a_threshold_option_that_is_no_probability_is_refused(folder: Path, value: str) -> None:
    done = predict(folder, "x.png", "-o", "masks", f"--threshold={value}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


ABSURD = [10**30, -(10**30), 0, -4, 1.5, math.nan, math.inf, "8", "many", [8], {}, None]


@pytest.mark.parametrize("key", ["base_channels", "depth", "input_shape", "dropout", "norm"])
@pytest.mark.parametrize("value", ABSURD, ids=repr)
def test_an_absurd_network_is_refused_before_it_is_allocated(
    folder: Path, key: str, value: object
) -> None:
    if key == "dropout" and value == 0:
        return
    path = folder / "model/model.json"
    content = read_json(path)
    content["config"][key] = value
    if key == "input_shape":
        content["preprocessing"][key] = value
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"model\.(json|safetensors): ") as caught:
        load(folder)
    assert "\n" not in str(caught.value)
    assert "copy the model's folder again, or repeat the training" in str(caught.value)


@pytest.mark.parametrize(
    "shape",
    [
        [2**20, 2**20, 1],
        [2**200, 64, 1],
        [64, 64, 3],
        [64, 64],
        [64, 64, 1, 1],
        ["64", "64", 1],
        [64.0, 64.0, 1],
        [math.nan, 64, 1],
        [-64, 64, 1],
        [0, 64, 1],
        [[64], 64, 1],
        [63, 64, 1],
    ],
)
def test_an_absurd_size_of_the_images_is_refused(folder: Path, shape: list[Any]) -> None:
    path = folder / "model/model.json"
    content = read_json(path)
    content["config"]["input_shape"] = content["preprocessing"]["input_shape"] = shape
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"model\.json: .*input_shape\S*: found") as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_images_that_do_not_fit_in_memory_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segsweep.pipeline.environment._main_memory", lambda: 50_000)
    with pytest.raises(UserError, match=r"model\.json: the network needs more than"):
        load(folder)


def first_kernel(tensors: dict[str, torch.Tensor]) -> str:
    return next(name for name in sorted(tensors) if name.endswith("0.weight"))


def convert(dtype: torch.dtype) -> Callable[[dict[str, torch.Tensor]], None]:
    def to_dtype(tensors: dict[str, torch.Tensor]) -> None:
        tensors.update({name: tensor.to(dtype) for name, tensor in tensors.items()})

    return to_dtype


def fill(value: float, part: str = "weight") -> Callable[[dict[str, torch.Tensor]], None]:
    def set_values(tensors: dict[str, torch.Tensor]) -> None:
        name = next(name for name in sorted(tensors) if name.endswith(part))
        tensors[name].view(-1)[0] = value

    return set_values


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (convert(torch.int8), r"of type int8, expected float32"),
        (convert(torch.bool), r"of type bool, expected float32"),
        (convert(torch.float16), r"of type float16, expected float32"),
        (convert(torch.bfloat16), r"of type bfloat16, expected float32"),
        (convert(torch.float64), r"of type float64, expected float32"),
        (convert(torch.float8_e4m3fn), r"of type float8_e4m3fn, expected float32"),
        (fill(math.nan), r"NaN or infinity in \S+weight, expected finite numbers"),
        (fill(math.inf), r"NaN or infinity in \S+weight"),
        (fill(-math.inf, "running_mean"), r"NaN or infinity in \S+running_mean"),
        (fill(-1e-3, "running_var"), r"a negative variance in \S+running_var"),
        (lambda tensors: tensors.pop(first_kernel(tensors)), "of shape None, expected"),
        (lambda tensors: tensors.update({FOREIGN: torch.zeros(3)}), r"found \\x1b\[31m\\x07\\u202"),
        (
            lambda tensors: tensors.update({"head.bias": torch.zeros(7)}),
            r"found head.bias of shape \[7\], expected \[1\]",
        ),
    ],
)
def test_weights_that_are_not_those_of_the_network_are_refused(
    folder: Path, change: Callable[[dict[str, torch.Tensor]], Any], message: str
) -> None:
    path = folder / "model/model.safetensors"
    tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
    change(tensors)
    save_file(tensors, path)
    forget_hash(folder)
    with pytest.raises(UserError, match=message) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def forget_hash(folder: Path) -> None:
    """Remove the hash of the weights from model.json, as in models of version 0.1.0."""
    content = read_json(folder / "model/model.json")
    content.pop("weights_sha256", None)
    write_json(folder / "model/model.json", content)


def test_weights_whose_output_is_not_a_number_are_refused(folder: Path) -> None:
    path = folder / "model/model.safetensors"
    tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and "running" not in name:
            tensor.view(-1)[::2], tensor.view(-1)[1::2] = 3e38, -3e38
    save_file(tensors, path)
    forget_hash(folder)
    Image.fromarray(np.arange(4096, dtype=np.uint8).reshape(64, 64)).save(folder / "x.png")
    done = predict(folder, "x.png", "-o", "masks")
    assert done.returncode == 1
    assert done.stderr == (
        "error: model.safetensors: the network's output is NaN, expected probabilities; choose "
        "another model, or repeat the training\n"
    )
    assert not (folder / "masks").exists()


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "empty"])
def test_what_is_no_file_is_refused_and_never_waited_for(
    folder: Path, name: str, kind: str
) -> None:
    path = folder / "model" / name
    path.unlink()
    replace(path, kind)
    expected = "cannot be read" if kind == "empty" else "found a .*, expected a file"
    with pytest.raises(UserError, match=rf"{name}: .*{expected}") as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def replace(path: Path, kind: str) -> None:
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.touch()


def test_unusable_files_among_images_are_listed_and_control_characters_are_not_printed(
    folder: Path,
) -> None:
    """Also names that are too long for their masks; the other images are predicted."""
    (folder / "in").mkdir()
    image = Image.fromarray(np.arange(4096, dtype=np.uint8).reshape(64, 64))
    longest = "l" * 251
    for name in ("good", f"bad\x1b[2J\n{FOREIGN}", longest, "é" * 125):
        image.save(folder / f"in/{name}.png")
    (folder / f"in/empty{FOREIGN}.png").touch()
    image.save(folder / f"in/clash{'c' * 245}.png")
    image.save(folder / f"in/clash{'c' * 245}.bmp")
    names = ["pipe.png", "folder.png", "device.png"]
    for name in names:
        replace(folder / name, name.removesuffix(".png"))
    (folder / "folder.png/x.png").write_bytes((folder / "in/good.png").read_bytes())
    done = predict(folder, "in", *names, "t" * 300 + ".png", "-o", "out")
    assert done.returncode == 1
    assert done.stderr.startswith("error: 8 files could not be used:\n")
    assert not [c for c in done.stdout + done.stderr if not c.isprintable() and c != "\n"]
    assert "clashcc" in done.stderr
    assert done.stderr.count("has a name that is too long for the file with its mask") == 4
    assert "pipe.png: is not a regular file" in done.stderr
    assert "device.png: is not a regular file" in done.stderr
    written = {path.name for path in (folder / "out").rglob("*.png.png")}
    assert {"good.png.png", "x.png.png"} <= written
    assert not list((folder / "out").rglob("*.part"))


def test_an_output_folder_whose_name_is_too_long_is_one_error(folder: Path) -> None:
    Image.fromarray(np.arange(4096, dtype=np.uint8).reshape(64, 64)).save(folder / "x.png")
    done = predict(folder, "x.png", "-o", "o" * 300)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"error: {'o' * 300}")
    assert "File name too long" in done.stderr


def test_a_name_of_the_greatest_length_has_its_mask(folder: Path) -> None:
    image = Image.fromarray(np.arange(4096, dtype=np.uint8).reshape(64, 64))
    names = ["l" * 251, "é" * 125, "good"]
    for name in names:
        image.save(folder / f"{name}.png")
    done = predict(folder, *(f"{name}.png" for name in names), "-o", "out", "--probabilities", "p")
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.stem for path in (folder / "out").iterdir()} == set(names)
    assert {path.stem for path in (folder / "p").iterdir()} == set(names)


@pytest.mark.parametrize("key", ["status", "reason"])
def test_the_status_of_an_unfinished_model_is_shown_without_control_characters(
    folder: Path, key: str
) -> None:
    path = folder / "model/model.json"
    content = read_json(path)
    content["metrics"] |= {"status": "failed", key: f"{FOREIGN}\nerror: nothing" + "x" * 10**6}
    write_json(path, content)
    done = predict(folder, "x.png", "-o", "out")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert r"\x1b[31m\x07\u202e\nerror: nothing" in done.stderr
    assert len(done.stderr) < 1000


@pytest.mark.parametrize("place", [0.3, 0.6, 0.999])
def test_weights_with_a_flipped_bit_are_refused(folder: Path, place: float) -> None:
    weights = folder / "model/model.safetensors"
    content = bytearray(weights.read_bytes())
    content[int(place * len(content))] ^= 1
    weights.write_bytes(content)
    with pytest.raises(UserError, match=r"model\.safetensors: found other weights than model\.js"):
        load(folder)
