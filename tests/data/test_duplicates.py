"""Equal images are found, also after resizing, brightening and compression."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from segsweep.data.duplicates import find_equal, find_nearly_equal, perceptual_hash


def as_float(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L"), np.float32) / 255


def test_equal_hashes_in_different_groups_are_found() -> None:
    assert list(find_equal(["a", "b", "a", "a"], ["1", "1", "1", "2"])) == [(0, 3)]


def test_nearly_equal_images_are_found_and_others_are_not(nuclei_raw: Path) -> None:
    images = [Image.open(p) for p in sorted((nuclei_raw / "images").iterdir())]
    groups = [f"g{i // 4}" for i in range(len(images))]
    hashes = {i: perceptual_hash(as_float(image)) for i, image in enumerate(images)}
    assert find_nearly_equal(hashes, groups) == []
    for i in (0, 17, 40):
        compressed = io.BytesIO()
        images[i].resize((180, 180)).point(lambda v: v * 0.8 + 20).save(compressed, "JPEG")
        altered = hashes | {len(images): perceptual_hash(as_float(Image.open(compressed)))}
        assert find_nearly_equal(altered, [*groups, "other"]) == [(i, len(images))]


def test_all_pairs_within_three_bits_are_found() -> None:
    rng = np.random.default_rng(0)
    hashes = {i: int(rng.integers(2**63)) for i in range(50)}
    flipped = {50 + i: hashes[i] ^ (1 << i) ^ (1 << (i + 13) % 64) ^ (1 << 63) for i in range(50)}
    groups = ["a"] * 50 + ["b"] * 50
    assert find_nearly_equal(hashes | flipped, groups) == [(i, 50 + i) for i in range(50)]
