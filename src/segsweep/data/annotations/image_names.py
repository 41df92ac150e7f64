"""Find the image that an annotation file means.

Tools write the path that an image had where it was annotated: `images/x.jpg` (CVAT),
`..\\\\images\\\\x.jpg` (on Windows), `images/1a2b3c4d-x.jpg` (Label Studio adds 8 digits).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from segsweep.data.file_listing import name_key, relative_stem

LABEL_STUDIO_PREFIX = re.compile(r"^[0-9a-f]{8}-")


@dataclass(frozen=True)
class Match:
    """The images that a name may mean.

    Attributes:
        images: None, one, or several if the name does not decide.
        by_name_alone: Whether folders or suffix differ, or a prefix was removed.
    """

    images: tuple[Path, ...] = ()
    by_name_alone: bool = False


class ImageNames:
    """The images below a folder, by every end of their paths, with and without suffix."""

    def __init__(self, folder: Path, images: Iterable[Path]) -> None:
        self._with_suffix: dict[str, list[tuple[str, Path]]] = {}
        self._stems: dict[str, list[tuple[str, Path]]] = {}
        for image in images:
            path = name_key(image.relative_to(folder).as_posix())
            stem = name_key(relative_stem(image, folder))
            for table, key in ((self._with_suffix, path), (self._stems, stem)):
                for end in _ends(key.split("/")):
                    table.setdefault(end, []).append((key, image))

    def find(self, name: str, parent: str) -> Match:
        """Find an image by the path in an annotation file.

        Args:
            name: The path.
            parent: Folder of the annotation file below the images folder.
        """
        parts = _parts(name)
        if not parts:
            return Match()
        path = "/".join(_parts(f"{parent}/{name}"))
        if ".." not in name:
            for key, image in self._with_suffix.get(path, []):
                if key == path:
                    return Match((image,))
        without_prefix = [*parts[:-1], LABEL_STUDIO_PREFIX.sub("", parts[-1])]
        stem = [*parts[:-1], parts[-1].rpartition(".")[0] or parts[-1]]
        return (
            _find(self._with_suffix, parts, True)
            or _find(self._with_suffix, without_prefix, False)
            or _find(self._stems, stem, False)
            or Match()
        )

    def find_stem(self, path: str) -> Match:
        """Find an image by its path without suffix."""
        return _find(self._stems, _parts(path), True) or Match()


def _find(
    table: dict[str, list[tuple[str, Path]]], parts: Sequence[str], exact: bool
) -> Match | None:
    """Return the images with the longest common end of their path; None if there are none."""
    for end in _ends(parts):
        found = table.get(end, [])
        same = [image for key, image in found if key == end]
        if len(same) == 1:
            return Match((same[0],), not exact)
        if found:
            conflict = end != "/".join(parts) and all(key != end for key, _ in found)
            return Match(tuple(image for _, image in found), not exact or conflict)
    return None


def _ends(parts: Sequence[str]) -> list[str]:
    """Return all ends of a path, the longest first."""
    return ["/".join(parts[start:]) for start in range(len(parts))]


def _parts(name: str) -> list[str]:
    parts = name_key(name.replace("\\", "/")).split("/")
    return [part for part in parts if part not in ("", ".", "..")]
