"""File systems in image files, and their content after a power cut.

A copy of the image has what was written to the device, and lacks what the kernel still keeps in
memory. So it is what a disk has after a power cut. Mounting the copy replays its journal.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

SIZE = 512 << 20
"""Bytes of a file system, most of them a hole in the image file."""


@dataclass
class Disk:
    """An ext4 file system in the file `image`, mounted at `folder` from `device`."""

    image: Path
    folder: Path
    device: str

    def cut(self, copy: Path) -> None:
        """Copy the image as it is at one moment: again, if anything was written meanwhile."""
        while True:
            before = self._writes()
            subprocess.run(["cp", "--sparse=always", self.image, copy], check=True)
            if before is not None and self._writes() == before:
                return
            time.sleep(0.05)

    def _writes(self) -> str | None:
        """Return the number of sectors written so far, None while a write is going on."""
        stat = Path("/sys/block", Path(self.device).name, "stat").read_text().split()
        sectors, in_flight = stat[6], stat[8]
        return sectors if in_flight == "0" else None


def format_image(image: Path) -> None:
    with image.open("wb") as file:
        file.truncate(SIZE)
    options = ["-q", "-J", "size=8", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard"]
    _run("mkfs.ext4", *options, image)


@contextmanager
def mounted(image: Path) -> Iterator[Disk]:
    """Mount an image."""
    folder = image.with_name(f"{image.name} mounted")
    folder.mkdir()
    device = _run("losetup", "--find", "--show", image)
    try:
        _run("mount", device, folder)
        try:
            yield Disk(image, folder, device)
        finally:
            _unmount(folder)
    finally:
        _run("losetup", "--detach", device)
        folder.rmdir()


def _unmount(folder: Path) -> None:
    """Unmount a file system, after waiting for processes that have just been killed."""
    for _ in range(100):
        if subprocess.run(["umount", folder], capture_output=True).returncode == 0:
            return
        time.sleep(0.1)
    _run("umount", folder)


def _run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout.strip()


def can_mount() -> bool:
    """Return whether this machine lets the tests mount an image file."""
    tools = ("mkfs.ext4", "losetup", "mount")
    if os.geteuid() != 0 or not all(map(shutil.which, tools)):
        return False
    return subprocess.run(["losetup", "--find"], capture_output=True).returncode == 0


needs_loop_device = pytest.mark.skipif(
    not can_mount(), reason="NOT CHECKED: mounting an image file needs root and a loop device"
)
