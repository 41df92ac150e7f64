"""What the name of a folder says: it has images, it has masks, or it is a split.

Letter case does not matter.
"""

from typing import Literal

Role = Literal["images", "masks"]

IMAGE_FOLDERS = frozenset(
    "images image img imgs frames imagestr imagests jpegimages".split()  # noqa: SIM905
)
"""Names of folders of images. `imagesTr` and `imagesTs` are those of nnU-Net, `JPEGImages` is that
of Pascal VOC."""

MASK_FOLDERS = frozenset(
    """
    masks mask labels label segmentations segmentation seg gt ground_truth groundtruth ann
    annotations labelstr labelsts segmentationclass
    """.split()  # noqa: SIM905
)
"""Names of folders of masks."""

SPLIT_FOLDERS = {
    **dict.fromkeys(("train", "training", "tr"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "ts"), "test"),
}
"""The split that a folder of this name is."""


def folder_role(name: str) -> Role | None:
    """Return what a folder of this name has, or None if the name does not say it."""
    name = name.casefold()
    return "images" if name in IMAGE_FOLDERS else "masks" if name in MASK_FOLDERS else None


def split_of_folder(name: str) -> str | None:
    """Return the split that a folder of this name is, or None."""
    return SPLIT_FOLDERS.get(name.casefold())
