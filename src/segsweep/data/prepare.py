"""One image with its masks made ready for the network, and kept by its content.

What is kept (`.store/images/`) is found again whenever the same files are asked for with the same
settings: a killed run goes on, and new images are the only ones that are read.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from segsweep.core.errors import UserError
from segsweep.core.files import atomic_write, read_json, sha256, write_json
from segsweep.data.discovery import Pair
from segsweep.data.duplicates import fingerprint
from segsweep.data.images import read_grey, read_mask, stretch
from segsweep.data.issues import NOT_PERMITTED, Problem, UnusableError
from segsweep.data.resize import Mode, place_image, place_mask, windows

NOTED = ("looks_inverted", "saturated")
SATURATED = 0.05
"""The share of pixels of the brightest value above which an image counts as saturated."""


@dataclass(frozen=True)
class Settings:
    """What decides the processed pixels of one image; the study's `preprocess` explains each."""

    side: tuple[int, int]
    percentiles: tuple[float, float]
    mode: Mode
    masks: str | tuple[int, ...]
    stacks: str

    def digest(self, code: str) -> str:
        """A name for results of these settings, made by the sources with the hash `code`."""
        whole = json.dumps([self.side, self.percentiles, self.mode, self.masks, self.stacks, code])
        return hashlib.sha256(whole.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Prepared:
    """One source's facts: a row (a table of columns) for each processed array of it.

    `contents` hash the processed pixels of each page, `fingerprints` are what they look like.
    """

    kept: Path
    rows: list[dict[str, Any]]
    contents: list[str]
    fingerprints: list[int]
    looks_inverted: bool
    saturated: bool


def prepare(
    pair: Pair, hashes: Sequence[str | None], settings: Settings, folder: Path
) -> Prepared | Problem:
    """Make a pair ready, or take it from `folder`; a problem if one of its files cannot be used.

    `hashes` are the content hashes of the image and its masks as far as they are known.
    """
    place = pair.image
    try:
        known = []
        for place, digest in zip((pair.image, *pair.masks), hashes, strict=True):
            known.append(digest or _hash(place))
        name = hashlib.sha256("".join(known).encode()).hexdigest()
        kept = folder / name[:2] / f"{name}.npy"
        facts = _facts(kept)
        if facts is None:
            place = pair.image
            pages, picture = read_grey(pair.image)
            masks: list[np.ndarray] = []
            for place in pair.masks:
                masks = _united(masks, read_mask(place, settings.masks))
            place = pair.image
            _check(pages, masks, settings)
            facts = _make(kept, pages, masks, settings)
            facts |= {"pixel_mm": picture.pixel_mm}
            write_json(kept.with_suffix(".json"), facts)
    except UnusableError as fault:
        return fault.at(place)
    hashed = {"image_sha256": known[0], "mask_sha256": " ".join(known[1:])}
    spacing = facts["pixel_mm"] or ("", "")
    for row in facts["rows"]:
        row |= hashed | {"image": pair.file, "name": pair.name + row.pop("part")}
        row |= {"pixel_height_mm": spacing[0], "pixel_width_mm": spacing[1]}
    told = {name: facts[name] for name in ("contents", "fingerprints", *NOTED)}
    return Prepared(kept, facts["rows"], **told)


def load(prepared: Prepared) -> tuple[np.ndarray, np.ndarray]:
    """The images and masks of one source, uint8 (n, height, width).

    Raises `UserError`, and removes what was kept, if it is not what its rows say.
    """
    try:
        images, masks = np.load(prepared.kept, allow_pickle=False)
        found = [_digest(*both) for both in zip(images, masks, strict=True)]
    except (OSError, ValueError, EOFError):
        found = []
    if found != [row["pixels_sha256"] for row in prepared.rows]:
        prepared.kept.unlink(missing_ok=True)
        raise UserError(f"{prepared.kept}: was damaged and is removed; run the same again")
    return images, masks


def _digest(image: np.ndarray, mask: np.ndarray) -> str:
    return hashlib.sha256(image.tobytes() + mask.tobytes()).hexdigest()


def _hash(path: Path) -> str:
    try:
        return sha256(path)
    except PermissionError as error:
        raise UnusableError(*NOT_PERMITTED) from error
    except OSError as error:
        raise UnusableError(
            "unreadable", f"cannot be read ({error.strerror})", "copy it anew from its source"
        ) from error


def _united(masks: list[np.ndarray], more: list[np.ndarray]) -> list[np.ndarray]:
    if not masks:
        return more
    if [m.shape for m in masks] != [m.shape for m in more]:
        raise UnusableError(
            "size", "differs in size from the image's other masks", "export the masks in one size"
        )
    return [one | two for one, two in zip(masks, more, strict=True)]


def _check(pages: list[np.ndarray], masks: list[np.ndarray], settings: Settings) -> None:
    if len(pages) != len(masks):
        raise UnusableError(
            "size",
            f"has {len(pages)} pages, its mask {len(masks)}",
            "expected as many; export both from one stack",
        )
    if len(pages) > 1 and settings.stacks != "slices":
        raise UnusableError(
            "pages",
            f"holds {len(pages)} pages, expected one image",
            "set preprocess.stacks: slices to take each page as an image of one group",
        )
    for page, mask in zip(pages, masks, strict=True):
        if page.shape != mask.shape:
            sizes = " and ".join(f"{a.shape[1]} x {a.shape[0]}" for a in (page, mask))
            raise UnusableError(
                "size",
                f"image and mask measure {sizes} pixels",
                "expected one size; export the mask at the image's",
            )


def _make(
    kept: Path, pages: list[np.ndarray], masks: list[np.ndarray], settings: Settings
) -> dict[str, Any]:
    rows, images, placed = [], [], []
    contents, fingerprints = [], []
    border, inside, brightest = 0.0, 0.0, 0.0
    for number, (page, mask) in enumerate(zip(pages, masks, strict=True), 1):
        grey, black, white = stretch(page, *settings.percentiles)
        content = hashlib.sha256(f"{page.shape}".encode())
        edge = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
        border, inside = border + _share(edge), inside + _share(mask)
        brightest += _share(page == page.max())
        for window in windows(page.shape, settings.side, settings.mode):
            images.append(place_image(grey, window, settings.side))
            content.update(images[-1].tobytes())
            placed.append(place_mask(mask, window, settings.side))
            whole = (window.height, window.width) == page.shape
            part = f"#{number:03d}" if len(pages) > 1 else ""
            part += "" if whole else f"@{window.top},{window.left}"
            rows.append(
                {
                    "part": part,
                    "page": number,
                    "image_height": page.shape[0],
                    "image_width": page.shape[1],
                    **asdict(window),
                    "black": black,
                    "white": white,
                    "foreground": round(float(placed[-1][window.target].mean()), 6),
                    "pixels_sha256": _digest(images[-1], placed[-1]),
                }
            )
        contents.append(content.hexdigest())
        fingerprints.append(fingerprint(images[-1][window.target] if whole else grey))
    with atomic_write(kept) as aside, aside.open("wb") as file:
        np.save(file, np.stack([images, placed]), allow_pickle=False)
    return {
        "bytes": kept.stat().st_size,
        "rows": rows,
        "contents": contents,
        "fingerprints": fingerprints,
        "looks_inverted": border > 0.75 * len(pages) and inside > 0.5 * len(pages),
        "saturated": brightest > SATURATED * len(pages),
    }


def _share(chosen: np.ndarray) -> float:
    return int(np.count_nonzero(chosen)) / chosen.size


def _facts(kept: Path) -> dict[str, Any] | None:
    """The facts beside a kept source, if its arrays are there as they were written."""
    try:
        facts = dict(read_json(kept.with_suffix(".json")))
        return facts if kept.stat().st_size == facts["bytes"] else None
    except (UserError, OSError, TypeError, ValueError, KeyError):
        return None
