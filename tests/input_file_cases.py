"""Image files as people have them: stacks, channels, turned photographs, pixels without data."""

from functools import partial
from pathlib import Path

import nibabel
import numpy as np
from PIL import Image

from input_cases import (
    COUNT,
    SIZE,
    Case,
    CaseMaker,
    Pixels,
    WayOut,
    labels_way_out,
    rgb,
    save,
    save_tiff,
    white,
)


def cmyk(folder: Path) -> Case:
    case = Case(folder / "images", folder / "masks")
    for i in range(COUNT):
        grey, objects = case.add(f"{i:03d}")
        (folder / "images").mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(np.dstack([grey] * 3)).convert("CMYK")
        image.save(folder / f"images/{i:03d}.jpg", quality=95)
        save(white(objects), folder / f"masks/{i:03d}.png")
    return case


def square_photographs(masks_fit: str, folder: Path) -> Case:
    """Orientation 6 (EXIF); square, so that the masks fit in both ways."""
    text = f"preprocess.orientation: {masks_fit} if"
    case = Case(folder / "images", folder / "masks")
    case.ways_out = [WayOut({"orientation"}, text, {"orientation": masks_fit})]
    case.preprocess = {"input_shape": [64, 64, 1]}
    exif = Image.Exif()
    exif[0x0112] = 6
    for i in range(COUNT):
        grey, objects = case.add(f"IMG_{i:04d}", (64, 64))
        stored = np.ascontiguousarray(np.rot90(grey))
        save(np.dstack([stored] * 3), folder / f"images/IMG_{i:04d}.jpg", quality=95, exif=exif)
        mask = np.rot90(objects) if masks_fit == "stored" else objects
        save(np.ascontiguousarray(white(mask)), folder / f"masks/IMG_{i:04d}.png")
    return case


def bands(kind: str, folder: Path) -> Case:
    """GeoTIFF with 3 bands of 16 bits, red, green, blue and infrared, or band by band."""
    case = Case(folder / "images", folder / "masks")
    if kind == "grey":
        case.ways_out = [WayOut({"channels"}, "set preprocess.channel: 1", {"channel": 1})]
    case.assumed = {"grey": {"channel"}, "infrared": {"channel"}, "planar": set()}[kind]
    for i in range(COUNT):
        grey, objects = case.add(f"t{i}")
        colour, path = rgb(grey), folder / f"images/t{i}.tif"
        if kind == "grey":
            deep = colour.astype(np.uint16) * 16
            save_tiff(
                deep, path, photometric="minisblack", planarconfig="contig", extrasamples=[0, 0]
            )
        elif kind == "infrared":
            save_tiff(np.dstack([colour, 255 - grey]), path, photometric="rgb", extrasamples=[0])
        else:
            planes = np.moveaxis(colour, -1, 0).copy()
            save_tiff(planes, path, photometric="rgb", planarconfig="separate")
        save((objects > 0).astype(np.uint8), folder / f"masks/t{i}.png")
    return case


def fluorescence(folder: Path) -> Case:
    """ImageJ hyperstacks with two channels, and one page of numbered objects."""
    case = Case(folder / "images", folder / "labels", assumed={"channel"})
    channel = WayOut({"channels"}, "set preprocess.channel: 1 (or 2)", {"channel": 1})
    case.ways_out = [channel, labels_way_out()]
    for i in range(COUNT):
        grey, objects = case.add(f"fov{i:02d}")
        both = np.stack([grey, 255 - grey]).astype(np.uint16) * 16
        path = folder / f"images/fov{i:02d}.tif"
        save_tiff(both, path, imagej=True, metadata={"axes": "CYX"})
        save_tiff(objects.astype(np.uint16), folder / f"labels/fov{i:02d}.tif", imagej=True)
    return case


def one_stack(arguments: str, folder: Path) -> Case:
    """One file with all images and one with all masks, and groups of pages in a table."""
    names = ("volume", "volume") if arguments == "folders" else ("train-volume", "train-labels")
    images = folder / "images" / f"{names[0]}.tif"
    masks = folder / "masks" / f"{names[1]}.tif"
    if arguments == "one folder":
        images, masks = folder / images.name, folder / masks.name
    case = Case(images, masks)
    if arguments != "files":
        case.images, case.masks = images.parent, masks.parent
    if arguments == "one folder":
        case.masks, case.assumed = None, {"pairing"}
    pages = [case.add(f"{names[0]}#{i:03d}") for i in range(1, 21)]
    save_tiff(np.stack([grey for grey, _ in pages]), images)
    save_tiff(np.stack([white(objects) for _, objects in pages]), masks)
    table = folder / "groups.csv"
    lines = [f"{images.name}#{i:03d},{(i - 1) // 4}" for i in range(1, 21)]
    table.write_text("\n".join(["image,group", *lines]))
    case.groups = {f"{names[0]}#{i:03d}": f"{(i - 1) // 4}" for i in range(1, 21)}
    slices = WayOut({"pages", "few_groups"}, "set preprocess.stacks: slices", {"stacks": "slices"})
    row = f"such as {images.name}#001,1"
    case.ways_out = [slices, WayOut({"few_groups"}, row, {}, {"groups_file": table})]
    return case


def volumes(folder: Path) -> Case:
    """NIfTI; the slices of one volume are one group."""
    way_out = WayOut({"pages"}, "set preprocess.stacks: slices", {"stacks": "slices"})
    case = Case(folder / "imagesTr", folder / "labelsTr", [way_out])
    for case_folder in (case.images, folder / "labelsTr"):
        case_folder.mkdir(parents=True)
    for i in range(5):
        names = [f"case_{i}#{page:03d}" for page in (1, 2, 3)]
        slices: list[tuple[Pixels, Pixels]] = [case.add(name) for name in names]
        for place, pixels in (
            (case.images, [grey for grey, _ in slices]),
            (folder / "labelsTr", [(objects > 0).astype(np.uint8) for _, objects in slices]),
        ):
            volume = nibabel.Nifti1Image(np.stack(pixels, -1), np.eye(4))
            nibabel.save(volume, place / f"case_{i}.nii.gz")
        case.groups |= dict.fromkeys(names, f"case_{i}")
    return case


def elevation(nodata: float, folder: Path) -> Case:
    """Floating-point GeoTIFF with a corner without data, as GDAL_NODATA says."""
    case = Case(folder / "images", folder / "masks", assumed={"missing_pixels"})
    case.without_data = np.zeros(SIZE, bool)
    case.without_data[:10, :20] = True
    for i in range(COUNT):
        grey, objects = case.add(f"tile_{i:02d}")
        heights = 300 + grey.astype(np.float32) / 20
        heights[case.without_data] = nodata
        tag = (42113, "s", 0, str(float(np.float32(nodata))), True)
        save_tiff(heights, folder / f"images/tile_{i:02d}.tif", extratags=[tag])
        save((objects > 0).astype(np.uint8), folder / f"masks/tile_{i:02d}.png")
    return case


FILE_CASES: dict[str, CaseMaker] = {
    "cmyk_jpeg": cmyk,
    "exif_square stored": partial(square_photographs, "stored"),
    "exif_square upright": partial(square_photographs, "upright"),
    "geotiff_bands a": partial(bands, "grey"),
    "geotiff_bands b": partial(bands, "infrared"),
    "geotiff_bands c": partial(bands, "planar"),
    "hyperstack_channels": fluorescence,
    "isbi_stack folders": partial(one_stack, "folders"),
    "isbi_stack files": partial(one_stack, "files"),
    "isbi_stack one folder": partial(one_stack, "one folder"),
    "nifti": volumes,
    "nodata_float lowest": partial(elevation, -3.4028235e38),
    "nodata_float -9999": partial(elevation, -9999),
}
