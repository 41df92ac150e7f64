"""What the name of a folder says: it has images, it has masks, or it is a split.

Letter case does not matter, and a space or hyphen is the same as `_`.
"""

import re
from typing import Literal

Role = Literal["images", "masks"]

IMAGE_FOLDERS = frozenset(
    """
    images image img imgs frames original originals tissue_images imagestr imagests jpegimages
    leftimg8bit
    """.split()  # noqa: SIM905
)
"""Names of folders of images. `imagesTr` and `imagesTs` are those of nnU-Net, `JPEGImages` is that
of Pascal VOC, `Original` that of CVC-ClinicDB, `leftImg8bit` that of Cityscapes."""

MASK_FOLDERS = frozenset(
    """
    masks mask label_masks binary_masks label labels segmentations segmentation seg gt ground_truth
    ground_truths groundtruth groundtruths ann annotations manual 1st_manual 2nd_manual trimaps
    labelstr labelsts segmentationclass segmentationobject gtfine
    """.split()  # noqa: SIM905
)
"""Names of folders of masks. `1st_manual` is that of DRIVE; its `mask` has the field of view."""

IGNORED_FOLDERS = frozenset(["__macosx"])
"""Folders that only have what a Mac writes next to the files of a ZIP file."""

SPLIT_FOLDERS = {
    **dict.fromkeys(("train", "training", "tr"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "ts"), "test"),
}
"""The split that a folder of this name is."""
SHORTEST_WORD = 3
"""Shorter names of splits (`tr`, `ts`) do not count as a word in a longer name."""


def folder_role(name: str) -> Role | None:
    """Return what a folder of this name has, or None if the name does not say it."""
    name = re.sub(r"[\s-]+", "_", name.casefold())
    return "images" if name in IMAGE_FOLDERS else "masks" if name in MASK_FOLDERS else None


def split_of_folder(name: str) -> str | None:
    """Return the split that a folder of this name is, or None."""
    return SPLIT_FOLDERS.get(name.strip().casefold())


def split_in_name(name: str) -> str | None:
    """Return the only split that a name has as a word (`stage1_train`, `test set`), or None."""
    words = re.findall(r"[^\W\d_]+", name.casefold())
    found = {split_of_folder(word) for word in words if len(word) >= SHORTEST_WORD} - {None}
    return split_of_folder(name) or (found.pop() if len(found) == 1 else None)
