"""Patterns of the names of images and masks: what comes before and after the part that they share.

A name is the path of a file without its suffix, as `name_key` writes it.
"""

from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from segsweep.core.errors import UserError
from segsweep.data.file_listing import name_key
from segsweep.data.readers import READERS

PLACEHOLDER = "{}"


@dataclass(frozen=True)
class NamePattern:
    """What comes before and after the part of a name that an image and its mask share.

    If `whole_path`, the pattern applies to the path of a file, else to the name in its folder.
    """

    prefix: str = ""
    suffix: str = ""
    whole_path: bool = False

    def shared(self, key: str) -> str | None:
        """Return the shared part (with its folder) of a name, or None if it does not match."""
        folder, name = ("", key) if self.whole_path else split_name(key)
        end = len(name) - len(self.suffix)
        if end > len(self.prefix) and name.startswith(self.prefix) and name.endswith(self.suffix):
            return folder + name[len(self.prefix) : end]
        return None

    def join(self, shared: str) -> str:
        """Return the name with this shared part."""
        folder, name = ("", shared) if self.whole_path else split_name(shared)
        return f"{folder}{self.prefix}{name}{self.suffix}"

    @property
    def length(self) -> int:
        """Number of constant characters."""
        return len(self.prefix) + len(self.suffix)

    def __str__(self) -> str:
        return f"{self.prefix}{PLACEHOLDER}{self.suffix}"


@dataclass(frozen=True)
class PatternPair:
    """The patterns of the names of images and masks."""

    image: NamePattern
    mask: NamePattern

    def image_key(self, mask_key: str) -> str | None:
        """Return the name of the image to which a mask belongs, None if the mask does not match."""
        shared = self.mask.shared(mask_key)
        return None if shared is None else self.image.join(shared)

    def is_mask(self, key: str) -> bool:
        """Return whether a name is that of a mask; if it matches both, the longer one counts."""
        is_longer = self.mask.length >= self.image.length or self.image.shared(key) is None
        return self.mask.shared(key) is not None and is_longer

    def options(self) -> str:
        """Return the options of `segsweep import-data` that give these patterns."""
        return f"--image-pattern {quote(str(self.image))} --mask-pattern {quote(str(self.mask))}"

    def describe(self) -> str:
        """Return in words what the names have before and after the shared part."""
        parts = []
        for kind, pattern in (("image", self.image), ("mask", self.mask)):
            if pattern.prefix:
                parts.append(f"{kind} names begin with {pattern.prefix}")
            if pattern.suffix:
                parts.append(f"{kind} names end in {pattern.suffix}")
        return ", ".join(parts)


def parse_pattern(option: str, text: str) -> NamePattern:
    """Read the value of `--image-pattern` or `--mask-pattern`.

    Raises:
        UserError: It does not have one placeholder, or it has the suffix of a file.
    """
    key = name_key(text)
    if key.count(PLACEHOLDER) != 1:
        raise UserError(
            f"{option}: found {text!r}, expected a name with one {PLACEHOLDER} in place of what an "
            f"image and its mask share, such as '{PLACEHOLDER}_training'"
        )
    if Path(key).suffix in READERS:
        raise UserError(
            f"{option}: found {text!r}, expected a name without {Path(key).suffix}; leave it out"
        )
    prefix, _, suffix = key.partition(PLACEHOLDER)
    return NamePattern(prefix, suffix, "/" in key)


def split_name(key: str) -> tuple[str, str]:
    """Return the folder of a name, with a slash, and the rest."""
    cut = key.rfind("/") + 1
    return key[:cut], key[cut:]
