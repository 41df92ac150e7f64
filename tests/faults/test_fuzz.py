"""Damaged and hostile image files: an error that names the file, never anything else.

FUZZ_EXAMPLES says how many files are tried (default 2,000; 100,000 take some ten minutes).
"""

import os
import resource
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import imageio.v3 as imageio
import nibabel
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from dicom import dicom
from pixels import grey_pages, mask_pages
from segsweep.core.printable import printable
from segsweep.data.images import read_grey
from segsweep.data.issues import InvalidImageError

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "2000"))
MEMORY = 8 << 30
"""Bytes that a damaged file of a few KB must not make the program allocate."""


def seeds() -> dict[str, bytes]:
    """Return a small valid file of every format, by name."""
    grey = (np.add.outer(np.arange(24), np.arange(30)) * 5).astype(np.uint8)
    colour = np.stack([grey, grey.T.repeat(2, 0)[:24, :24].repeat(2, 1)[:, :30], 255 - grey], -1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Image.fromarray(grey).save(folder / "grey.png")
        Image.fromarray(colour).quantize(16).save(folder / "palette.png")
        imageio.imwrite(folder / "deep.png", grey.astype(np.uint16) * 200)
        Image.fromarray(colour).save(folder / "colour.jpg")
        Image.fromarray(colour).save(folder / "colour.bmp")
        for suffix in ("gif", "webp", "jp2", "tga", "ppm"):
            Image.fromarray(colour).save(folder / f"colour.{suffix}")
        volume = nibabel.Nifti1Image(np.stack([grey] * 3, -1), np.eye(4))
        nibabel.save(volume, folder / "volume.nii")
        nibabel.save(volume, folder / "volume.nii.gz")
        np.save(folder / "array.npy", grey)
        dicom(folder / "scan.dcm", grey)
        for kind in ("zlib", "lzw", "jpeg", "packbits", "zstd", None):
            tifffile.imwrite(folder / f"{kind}.tif", grey, compression=kind)
        tifffile.imwrite(folder / "tiled.tif", grey, tile=(16, 16), bigtiff=True)
        tifffile.imwrite(
            folder / "ome.tif", np.stack([grey] * 3), ome=True, metadata={"axes": "ZYX"}
        )
        tifffile.imwrite(
            folder / "ij.tif",
            np.stack([grey] * 3),
            imagej=True,
            metadata={"axes": "ZYX"},
            truncate=True,
        )
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


SEEDS = seeds()


@st.composite
def damaged_files(draw: st.DrawFn) -> tuple[str, bytes]:
    """Return a valid file with bytes changed, lost, doubled or cut off, mostly near its header."""
    name = draw(st.sampled_from(sorted(SEEDS)))
    content = bytearray(SEEDS[name])
    for _ in range(draw(st.integers(1, 8))):
        near = draw(st.booleans())
        place = draw(st.integers(0, max(0, min(len(content), 200 if near else 1 << 20) - 1)))
        how = draw(st.sampled_from(["set", "number", "cut", "drop", "double"]))
        if how == "set":
            content[place : place + 1] = bytes([draw(st.integers(0, 255))])
        elif how == "number":
            number = draw(st.sampled_from([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFF]))
            order = draw(st.sampled_from(["little", "big"]))
            content[place : place + 4] = number.to_bytes(4, order)  # type: ignore[arg-type]
        elif how == "cut":
            del content[place:]
        elif how == "drop":
            del content[place : place + draw(st.integers(1, 16))]
        else:
            content[place:place] = content[place : place + draw(st.integers(1, 64))]
    return name, bytes(content)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, before[1]))
    yield tmp_path_factory.mktemp("fuzz")
    resource.setrlimit(resource.RLIMIT_AS, before)


@settings(
    max_examples=EXAMPLES,
    deadline=20_000,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(damaged_files(), st.sampled_from(["binary", "labels", (1, 2)]))
def test_a_damaged_file_is_read_or_reported(
    folder: Path, file: tuple[str, bytes], masks: str | tuple[int, ...]
) -> None:
    name, content = file
    path = folder / name
    path.write_bytes(content)

    for read in (lambda: grey_pages(path)[0], lambda: mask_pages(path, masks)):
        try:
            pages = read()
        except InvalidImageError as fault:
            message = str(fault.as_issue(path))
            assert name in message
            assert "\n" not in message
        else:
            assert all(page.ndim == 2 and page.size for page in pages)
    assert list(folder.iterdir()) == [path]
    path.unlink()


def test_valid_files_are_read(folder: Path) -> None:
    for name, content in SEEDS.items():
        (folder / name).write_bytes(content)
        assert read_grey(folder / name)[0], name
        (folder / name).unlink()


@pytest.mark.parametrize("side", [30_000, 100_000])
def test_decompression_bombs_are_refused_before_decoding(folder: Path, side: int) -> None:
    """Files of a few KB whose headers promise gigabytes of pixels."""
    small = BytesIO()
    Image.new("L", (64, 64)).save(small, "PNG")
    content = bytearray(small.getvalue())
    content[16:24] = side.to_bytes(4, "big") * 2
    import zlib

    content[29:33] = zlib.crc32(bytes(content[12:29])).to_bytes(4, "big")
    (folder / "bomb.png").write_bytes(content)
    header = BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (side, side)}
    )
    (folder / "bomb.npy").write_bytes(header.getvalue() + b"\0" * 64)
    with tifffile.TiffWriter(folder / "bomb.tif", bigtiff=True) as tiff:
        tiff.write(
            (bytes(10) for _ in range(1)),
            shape=(side, side),
            dtype="uint8",
            tile=(side // 16 * 16 + 16, side // 16 * 16 + 16),
            compression="zlib",
        )
    dicom(folder / "bomb.dcm", np.zeros((8, 8), np.uint8), Rows=30_000, Columns=30_000)
    for path in sorted(folder.iterdir()):
        with pytest.raises(InvalidImageError) as caught:
            read_grey(path)
        assert caught.value.kind in ("too_large", "unreadable"), path
        path.unlink()


def test_an_endless_chain_of_pages_is_reported(folder: Path) -> None:
    """Found by this fuzzer: 1 KB that made a reader run forever, or for half a minute."""
    import struct

    page = struct.pack("<H", 0)  # a page without tags, whose successor is itself
    (folder / "loop.tif").write_bytes(b"II*\0" + struct.pack("<I", 8) + page + struct.pack("<I", 8))
    (folder / "chain.tif").write_bytes(b"II*\0" + struct.pack("<I", 8) + page * 500_000)
    whole = bytearray(SEEDS["None.tif"])  # a page with pixels, whose successor is itself
    place = int.from_bytes(whole[4:8], "little")
    after = place + 2 + 12 * int.from_bytes(whole[place : place + 2], "little")
    whole[after : after + 4] = whole[4:8]
    (folder / "circle.tif").write_bytes(whole)
    for path in sorted(folder.iterdir()):
        with pytest.raises(InvalidImageError, match="chain"):
            read_grey(path)
        path.unlink()


@given(st.text())
def test_every_name_is_printed_on_one_line(name: str) -> None:
    assert printable(name).isprintable()
