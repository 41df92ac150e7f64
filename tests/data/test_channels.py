"""Images with several channels: one is used if the study says which, and that is said."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from pixels import grey_pages
from segsweep.data.issues import InvalidImageError
from segsweep.data.readers import read_image

GREY = (np.arange(40 * 56).reshape(40, 56) * 29 % 251).astype(np.uint8)
COLOUR = np.dstack([GREY, GREY[::-1], GREY[:, ::-1]])


def stack(*sides: int) -> np.ndarray:
    """Return different pages of 40 x 56 pixels, uint16, with `sides` before height and width."""
    return np.arange(int(np.prod(sides)) * 40 * 56).reshape(*sides, 40, 56).astype(np.uint16)


def refusal(path: Path, as_mask: bool = False, channel: int | None = None) -> InvalidImageError:
    with pytest.raises(InvalidImageError) as caught:
        read_image(path, as_mask, channel)
    assert caught.value.kind == "channels"
    return caught.value


@pytest.mark.parametrize(
    ("kind", "axes"),
    [
        (kind, axes)
        for kind in ({"imagej": True}, {"ome": True}, {})
        for axes in ("CYX", "ZCYX", "TCYX", "CZYX", "TZCYX")
        if not (kind == {"imagej": True} and axes == "CZYX")  # ImageJ has channels after slices
    ],
)
def test_one_channel_of_a_hyperstack_is_used(
    tmp_path: Path, kind: dict[str, bool], axes: str
) -> None:
    sides = [{"C": 2, "Z": 3, "T": 4}[axis] for axis in axes[:-2]]
    pixels = stack(*sides)
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, pixels, photometric="minisblack", metadata={"axes": axes}, **kind)
    error = refusal(path)
    assert "has 2 channels" in error.found
    assert f"axes {axes}" in error.found
    assert error.todo.startswith("set preprocess.channel: 1 (or 2) to use one of them")
    by_channel = np.moveaxis(pixels, axes.index("C"), 0).reshape(2, -1, 40, 56)
    for channel in (1, 2):
        image = read_image(path, channel=channel)
        np.testing.assert_array_equal(image.pages, by_channel[channel - 1])
        assert [kind for kind, _ in image.notes] == ["channel"]
        assert f"channel {channel} of 2" in image.notes[0][1]
    assert "from 1 to 2" in refusal(path, channel=3).todo
    assert "Split Channels" in refusal(path, as_mask=True, channel=1).todo


@pytest.mark.parametrize("kind", [{"imagej": True}, {"ome": True}, {}])
@pytest.mark.parametrize("axes", ["ZYX", "TYX", "TZYX"])
def test_slices_and_time_points_are_pages(tmp_path: Path, kind: dict[str, bool], axes: str) -> None:
    pixels = stack(*[{"Z": 3, "T": 4}[axis] for axis in axes[:-2]])
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, pixels, photometric="minisblack", metadata={"axes": axes}, **kind)
    for channel in (None, 2):
        image = read_image(path, channel=channel)
        np.testing.assert_array_equal(image.pages, pixels.reshape(-1, 40, 56))
        assert image.notes == ()


@pytest.mark.parametrize("kind", [{"imagej": True}, {}])
def test_stacks_with_one_list_entry_are_read(tmp_path: Path, kind: dict[str, bool]) -> None:
    """ImageJ writes more than 4 GB so: only the first page is listed."""
    pixels, path = stack(3, 2), tmp_path / "x.tif"
    options = {"photometric": "minisblack", "truncate": True, **kind}
    tifffile.imwrite(path, pixels, metadata={"axes": "ZCYX"}, **options)
    with tifffile.TiffFile(path) as file:
        assert len(file.pages) == 1
    assert "has 2 channels" in refusal(path).found
    np.testing.assert_array_equal(read_image(path, channel=2).pages, pixels[:, 1])
    tifffile.imwrite(path, pixels[:, 0], metadata={"axes": "ZYX"}, **options)
    np.testing.assert_array_equal(read_image(path).pages, pixels[:, 0])


def test_metadata_that_do_not_fit_the_pages_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, stack(3, 2), imagej=True, metadata={"axes": "ZCYX"}, truncate=True)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(InvalidImageError, match="copy it again, or remove") as caught:
        read_image(path, channel=1)
    assert caught.value.kind == "unreadable"


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"photometric": "minisblack", "planarconfig": "separate"}, (2, 40, 56)),
        ({"photometric": "minisblack", "planarconfig": "contig"}, (40, 56, 5)),
        (
            {"photometric": "minisblack", "planarconfig": "contig", "extrasamples": [0, 0]},
            (40, 56, 3),
        ),
        ({"photometric": "separated"}, (40, 56, 4)),
    ],
)
def test_samples_that_are_not_colours_are_channels(
    tmp_path: Path, options: dict[str, object], shape: tuple[int, ...]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, pixels, **options)
    assert "set preprocess.channel: 1" in refusal(path).todo
    expected = pixels[1] if shape[0] == 2 else pixels[..., 1]
    np.testing.assert_array_equal(read_image(path, channel=2).pages[0], expected)


def test_samples_next_to_red_green_and_blue_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    infrared = np.dstack([COLOUR, 255 - GREY])
    tifffile.imwrite(path, infrared, photometric="rgb", extrasamples=[0])
    image = read_image(path)
    np.testing.assert_array_equal(image.pages[0], COLOUR)
    assert image.notes == (("channel", "red, green and blue; the 4th sample is not used"),)
    np.testing.assert_array_equal(read_image(path, channel=4).pages[0], 255 - GREY)
    tifffile.imwrite(path, infrared, photometric="rgb", extrasamples=["unassalpha"])
    image = read_image(path)
    np.testing.assert_array_equal(image.pages[0], infrared)
    assert image.notes == ()


@pytest.mark.parametrize("name", ["x.tif", "x.npy"])
def test_channel_picks_a_colour(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    np.save(path, COLOUR) if name == "x.npy" else tifffile.imwrite(path, COLOUR, photometric="rgb")
    for channel in (1, 2, 3):
        image = read_image(path, channel=channel)
        np.testing.assert_array_equal(image.pages[0], COLOUR[..., channel - 1])
        assert image.notes == (("channel", f"channel {channel} of 3 (red, green, blue)"),)
    assert "from 1 to 3" in refusal(path, channel=4).todo
    np.testing.assert_array_equal(read_image(path, True, channel=1).pages[0], COLOUR)


def test_ycbcr_that_is_not_jpeg_is_not_taken_for_rgb(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, COLOUR, photometric="ycbcr")
    assert "YCBCR" in refusal(path).found
    tifffile.imwrite(path, COLOUR, photometric="rgb", compression="jpeg")
    with tifffile.TiffFile(path) as file:
        assert file.pages.first.photometric.name == "YCBCR"
    grey = COLOUR @ np.array([0.2126, 0.7152, 0.0722])
    assert np.abs(grey_pages(path)[0][0] - grey).mean() < 20


@pytest.mark.parametrize("count", [2, 5, 10])
def test_last_axis_of_an_array_is_channels_where_that_is_certain(
    tmp_path: Path, count: int
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 56, count), np.uint8)
    np.save(tmp_path / "x.npy", pixels)
    assert f"has {count} channels" in refusal(tmp_path / "x.npy").found
    image = read_image(tmp_path / "x.npy", channel=2)
    np.testing.assert_array_equal(image.pages[0], pixels[..., 1])
    np.save(tmp_path / "x.npy", np.stack([pixels, pixels]))
    assert read_image(tmp_path / "x.npy", channel=1).pages.shape == (2, 40, 56)
    np.save(tmp_path / "x.npy", pixels[:7])  # 7 pages of 56 x 2 to 56 x 10 pixels
    assert read_image(tmp_path / "x.npy", channel=1).pages.shape == (7, 56, count)
