"""Which mask belongs to which image, in the layouts that researchers have.

- two folders, `images/` and `masks/`, with the same names below them (suffixes may differ), nested
  or flat; where the masks folder has a folder of an image's name, all files in it are its masks;
- one folder in which each mask is named after its image (`x.png`, `x_mask.png`);
- a folder per image, or per patient, with `images/` and `masks/` inside (the former as in the Data
  Science Bowl of 2018: then all masks are the image's).
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from segsweep.core.errors import UserError
from segsweep.data.file_listing import Listing, key_of_name, list_images, place_of, raw_place
from segsweep.data.issues import Problem
from segsweep.data.readers import FORMATS

MASK_SUFFIX = "_mask"


@dataclass(frozen=True)
class Pair:
    """An image with its masks (one, or one per object). `name` is its place without suffix."""

    name: str
    image: Path
    masks: tuple[Path, ...]

    @property
    def file(self) -> str:
        """Its place below `images/`, with its suffix."""
        return f"{self.name}{self.image.suffix}"


@dataclass
class Layout:
    """The pairs of a folder, in order of name; what is wrong with the rest, and their names."""

    pairs: list[Pair] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unusable: set[str] = field(default_factory=set)


def find_pairs(images: Path, masks: Path | None = None, suffix: str = MASK_SUFFIX) -> Layout:
    """The pairs in two folders, or in one. Raises `UserError` when there are no images at all.

    A fault of one of its files takes an image out: none is left with half of its masks.
    """
    for folder in filter(None, (images, masks)):
        if not folder.is_dir():
            what = "a file" if folder.exists() else "no such folder"
            raise UserError(f"{folder}: {what}; expected a folder of images or masks")
    suffix = key_of_name(suffix)
    found = list_images(images)
    if masks is None and _holds_two_folders(found):
        images, masks = images / "images", images / "masks"
        found = list_images(images)
    if masks is not None:
        drawn = list_images(masks, of_masks=True)
        image_files, mask_files = found.by_place(), drawn.by_place()
        _take_suffixes_off(mask_files, set(image_files), suffix)
        _unite_folders(mask_files, set(image_files))
        listings = [found, drawn]
    else:
        image_files, mask_files = _in_one_folder(found, suffix)
        listings = [found]
    if not image_files:
        raise UserError(
            f"{images}: found no images, expected files that end in {' '.join(FORMATS)}"
        )
    where = f"in {masks}" if masks else f"beside it (ending in {suffix}, or in a folder masks/)"
    for listing in listings:
        listing.spoiled |= {key.removesuffix(suffix) for key in listing.spoiled}
    return _paired(image_files, mask_files, listings, images, where)


def _holds_two_folders(listing: Listing) -> bool:
    """Whether all files lie in `images/` and `masks/`, directly in the folder."""
    tops = {file.relative_to(listing.folder).parts[0] for file in listing.files}
    return tops == {"images", "masks"}


def _paired(
    images: dict[str, list[Path]],
    masks: dict[str, list[Path]],
    listings: list[Listing],
    folder: Path,
    where: str,
) -> Layout:
    layout = Layout(problems=[p for listing in listings for p in listing.problems])
    spoiled = {key for listing in listings for key in listing.spoiled}
    places = Counter(key_of_name(place_of(f, folder)) for files in images.values() for f in files)
    for key in sorted(images):
        place = place_of(images[key][0], folder)
        if len(images[key]) > 1 or places[key_of_name(place)] > 1:
            others = images[key][1:] or images[key]
            layout.problems += [_clash(file, images[key][0]) for file in others]
        elif key in spoiled or any(part in spoiled for part in _parents(key, masks)):
            pass  # told already: a file of it has a fault
        elif key not in masks:
            todo = "add it, or remove the image; a mask without foreground is a black image"
            found = f"no mask of its name {where}"
            layout.problems.append(Problem("partner", str(images[key][0]), found, todo))
        else:
            twins = _twins(masks[key])
            if not twins:
                layout.pairs.append(Pair(place, images[key][0], tuple(sorted(masks[key]))))
                continue
            layout.problems += twins
        layout.unusable |= {key_of_name(place), key_of_name(place + images[key][0].suffix)}
    for key in sorted(set(masks) - set(images) - spoiled):
        found = f"no image of its name in {folder}"
        todo = "add it, or remove the mask"
        layout.problems.append(Problem("partner", str(masks[key][0]), found, todo))
    for listing in listings:
        for file in listing.spoiled_files:
            place = key_of_name(place_of(file, listing.folder))
            layout.unusable |= {place, place + file.suffix.lower()}
    layout.pairs.sort(key=lambda pair: pair.name)
    return layout


def _parents(key: str, masks: dict[str, list[Path]]) -> list[str]:
    """The keys of single masks that lie in the folder of an image's masks."""
    return [f"{key}/{key_of_name(mask.stem)}" for mask in masks.get(key, [])]


def _twins(masks: list[Path]) -> list[Problem]:
    """Masks of one image that share a name, so that one may be a copy of the other."""
    first: dict[str, Path] = {}
    problems = []
    for mask in sorted(masks):
        twin = first.setdefault(key_of_name(mask.stem.removesuffix(".ome")), mask)
        if twin != mask:
            problems.append(_clash(mask, twin))
    return problems


def _clash(file: Path, other: Path) -> Problem:
    return Problem(
        "clash",
        str(file),
        f"cannot be told from {other.name} by its name without suffix, in {other.parent}",
        "rename one of them",
    )


def _take_suffixes_off(masks: dict[str, list[Path]], images: set[str], suffix: str) -> None:
    for key in [k for k in masks if k.endswith(suffix) and k not in images]:
        bare = key[: -len(suffix)]
        if bare in images and bare not in masks:
            masks[bare] = masks.pop(key)


def _unite_folders(masks: dict[str, list[Path]], images: set[str]) -> None:
    """Masks that lie in a folder with the name of an image are that image's."""
    for key in list(masks):
        parent = key.rpartition("/")[0]
        if parent in images and key not in images:
            masks.setdefault(parent, []).extend(masks.pop(key))


def _in_one_folder(
    listing: Listing, suffix: str
) -> tuple[dict[str, list[Path]], dict[str, list[Path]]]:
    if any(unit and unit.name == "masks" for unit in map(_unit_finder(listing), listing.files)):
        return _in_units(listing)
    images: dict[str, list[Path]] = {}
    masks: dict[str, list[Path]] = {}
    for key, files in listing.by_place().items():
        if key.endswith(suffix):
            masks[key[: -len(suffix)]] = files
        else:
            images[key] = files
    if not masks:
        raise UserError(
            f"{listing.folder}: found no masks, expected files named after their images with "
            f"{suffix} before the suffix, or a second folder with the masks"
        )
    return images, masks


def _unit_finder(listing: Listing) -> Callable[[Path], Path | None]:
    """Finds the `images/` or `masks/` folder, below the listed one, that a file lies in."""

    def unit_of(file: Path) -> Path | None:
        below = [p for p in file.parents if p != listing.folder and listing.folder in p.parents]
        return next((p for p in below if p.name in ("images", "masks")), None)

    return unit_of


def _in_units(listing: Listing) -> tuple[dict[str, list[Path]], dict[str, list[Path]]]:
    """Folders that each hold `images/` and `masks/`: of one image, or of many with equal names."""
    unit_of = _unit_finder(listing)
    images: dict[str, list[Path]] = {}
    masks: dict[str, list[Path]] = {}
    parts: dict[Path, list[Path]] = {}
    for file in listing.files:
        unit = unit_of(file)
        if unit is None:  # it has no masks, which is told
            images.setdefault(key_of_name(raw_place(file, listing.folder)), []).append(file)
        else:
            parts.setdefault(unit, []).append(file)
    faulty = {unit_of(file) for file in listing.spoiled_files}

    def key_in(unit: Path, file: Path) -> str:
        parent = unit.parent.relative_to(listing.folder)
        return key_of_name((parent / raw_place(file, unit)).as_posix())

    alone: dict[Path, str] = {}
    for unit, files in sorted(parts.items()):
        if unit.name == "images":
            for file in files:
                images.setdefault(key_in(unit, file), []).append(file)
            drawn = [
                key_in(unit.with_name("masks"), m) for m in parts.get(unit.with_name("masks"), [])
            ]
            by_name = len(drawn) > 1 and key_in(unit, files[0]) in drawn
            if len(files) == 1 and unit not in faulty and not by_name:
                alone[unit.parent] = key_in(unit, files[0])
    for unit, files in sorted(parts.items()):
        for file in files if unit.name == "masks" else []:
            masks.setdefault(alone.get(unit.parent) or key_in(unit, file), []).append(file)
    for file in listing.spoiled_files:
        unit = unit_of(file)
        if unit is not None:
            listing.spoiled.add(alone.get(unit.parent) or key_in(unit, file))
    return images, masks
