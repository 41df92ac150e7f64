"""Find the image of a mask by the names of both, without any guess.

A mask has the name of its image, or that name and a suffix (`x_mask`, `x_mask_1`), or the file name
of its image (`x.jpg.png`), or it is in a folder with the name of its image.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from segsweep.data.file_listing import name_key

MASK_SUFFIX = "_mask"
NUMBER = r"(?:[_-]?\d+)?"
"""What may follow the suffix of a mask: the number of the mask, if an image has several."""

FilesByKey = dict[str, list[Path]]
"""Files by the `name_key` of their path without suffix, or of that of their image."""


class MaskNames:
    """Find the image of a mask by the names of both.

    Args:
        images: The usable images.
        rejected: Keys of the images that cannot be used.
        suffix: End of a mask's name, which its image does not have.
    """

    def __init__(
        self, images: FilesByKey, rejected: Collection[str] = (), suffix: str = MASK_SUFFIX
    ) -> None:
        self.images = {*images, *rejected}
        self.by_file_name = {
            key.rpartition("/")[0] + "/" * ("/" in key) + name_key(path.name): key
            for key, paths in images.items()
            for path in paths
        }
        self.ending = _ending(suffix)

    def image_key(self, mask_key: str) -> str | None:
        """Return the key of the image of a mask, None if there is none."""
        return self._same_name(mask_key) or self._by_ending(mask_key) or self._by_folder(mask_key)

    def find_doubtful(self, masks: Iterable[str]) -> set[str]:
        """Return the images of which it is not clear which masks they have.

        They have a mask `x` and a mask `x_mask`, of which only one may be meant, or a mask
        `x_mask_1` that may be the mask of an image `x_1`.
        """
        same_name, by_ending, doubtful = set(), set(), set()
        for mask in masks:
            if image := self._same_name(mask):
                same_name.add(image)
            elif image := self._by_ending(mask):
                by_ending.add(image)
                match = self.ending.fullmatch(mask)
                if match and match[2] and self._same_name(match[1] + match[2]):
                    doubtful.add(image)
        return doubtful | (same_name & by_ending)

    def _same_name(self, name: str) -> str | None:
        return name if name in self.images else self.by_file_name.get(name)

    def _by_ending(self, mask_key: str) -> str | None:
        match = self.ending.fullmatch(mask_key)
        return self._same_name(match[1]) if match else None

    def _by_folder(self, mask_key: str) -> str | None:
        parent = mask_key.rpartition("/")[0]
        return parent if parent in self.images else None


def images_of_masks(keys: Iterable[str], suffix: str) -> set[str]:
    """Return the names without suffix and number, of all names that have the suffix of masks."""
    matches = map(_ending(suffix).fullmatch, keys)
    return {match[1] for match in matches if match}


def _ending(suffix: str) -> re.Pattern[str]:
    return re.compile(f"(.+){re.escape(name_key(suffix))}({NUMBER})", re.DOTALL)


def find_kinds(masks: Mapping[str, Sequence[Path]]) -> set[str]:
    """Return the images that may have masks of several kinds, such as classes or annotators.

    The masks of objects differ in a number (`x_mask_1`), or their names are of no other image. If
    the words in them differ and are those of other images' masks too (`nucleus`, `border`; `A`,
    `B`), they are not to be united.

    Args:
        masks: The masks of each image, by its key.
    """
    words = {key: {_words(key, mask) for mask in of} for key, of in masks.items() if len(of) > 1}
    count = Counter(word for found in words.values() for word in found)
    return {key for key, found in words.items() if sum(count[word] > 1 for word in found) > 1}


def _words(image_key: str, mask: Path) -> tuple[str, ...]:
    """Return the words in a mask's name besides that of its image, without numbers at their end."""
    rest = name_key(mask.stem).removeprefix(image_key.rpartition("/")[2])
    words = (word.rstrip("0123456789") for word in re.findall(r"[^\W_]+", rest))
    return tuple(filter(None, words))
