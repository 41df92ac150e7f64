"""Folders as people have them give the right arrays, at once or by following the errors' advice."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from input_cases import SIZE, Case, Pixels, WayOut
from input_file_cases import FILE_CASES
from input_mask_cases import MASK_CASES
from input_split_cases import NAME_CASES
from segsweep.config.sections import Preprocess
from segsweep.core.errors import UserError
from segsweep.data.groups_table import page_key
from segsweep.data.image_cache import load_arrays
from segsweep.data.issues import ERRORS, DataIssuesError
from segsweep.data.own_images import OwnImages, Source, read_own_images

CASES = NAME_CASES | FILE_CASES | MASK_CASES
MIN_OVERLAP = 0.98
"""Smallest intersection over union with the mask that a person sees."""
MIN_CORRELATION = 0.97
"""Smallest correlation of an image with what a person sees."""


def read(case: Case, folder: Path) -> OwnImages:
    settings = Preprocess.model_validate({"input_shape": [*SIZE, 1], **case.preprocess})
    source = Source(case.images, case.masks, **case.options)
    cache = folder / "cache" / repr(sorted(case.preprocess.items()))
    return read_own_images(source, settings, cache, folder / "drawn")


def check_error(case: Case, way_out: WayOut, folder: Path) -> None:
    with pytest.raises(UserError) as caught:
        read(case, folder)
    issues = caught.value.issues if isinstance(caught.value, DataIssuesError) else []
    assert {issue.kind for issue in issues if issue.severity in ERRORS} == way_out.kinds
    assert way_out.text in str(caught.value)


def arrays_of(own: OwnImages) -> Iterator[tuple[str, str, Pixels, Pixels, tuple[slice, slice]]]:
    """Yield name, group, image, mask and place of each processed array."""
    for pair, prepared, groups in zip(
        own.dataset.pairs, own.dataset.prepared, own.dataset.groups, strict=True
    ):
        arrays = load_arrays(prepared)
        assert arrays is not None
        for row, image, mask in zip(prepared.rows, *arrays, strict=True):
            name = page_key(pair.name, row["page"] if len(groups) > 1 else None)
            top, left = row["top"], row["left"]
            window = slice(top, top + row["height"]), slice(left, left + row["width"])
            yield name, groups[row["page"] - 1], image, mask, window


def check_arrays(case: Case, own: OwnImages) -> None:
    covered: dict[str, Pixels] = {}
    for name, group, image, mask, window in arrays_of(own):
        grey, shown = (pixels[window] for pixels in case.shown[name])
        covered.setdefault(name, np.zeros(case.shown[name][1].shape, bool))[window] = True
        assert image.shape == mask.shape == grey.shape, name
        ignored = case.ignored.get(name, np.zeros(shown.shape, bool))
        np.testing.assert_array_equal(mask == 255, ignored, err_msg=name)
        found, truth = (mask == 1), shown & ~ignored
        assert (found & truth).sum() >= MIN_OVERLAP * (found | truth).sum(), name
        has_data = ~case.without_data if case.without_data is not None else ...
        correlation = np.corrcoef(image[has_data].ravel(), grey[has_data].ravel())[0, 1]
        assert correlation > MIN_CORRELATION, name
        assert case.groups.get(name, group) == group
        assert case.splits.get(name, own.splits[group]) == own.splits[group]
    with_content = {name for name, (grey, _) in case.shown.items() if grey.std() > 0}
    assert covered.keys() == with_content
    assert all(pixels.all() for pixels in covered.values())


@pytest.mark.parametrize("name", CASES)
def test_a_folder_gives_the_right_arrays_by_following_the_advice(tmp_path: Path, name: str) -> None:
    case = CASES[name](tmp_path / "mine")
    for way_out in case.ways_out:
        check_error(case, way_out, tmp_path)
        case.preprocess |= way_out.preprocess
        case.options |= way_out.options
    if case.refused:
        check_error(case, case.refused, tmp_path)
        return
    own = read(case, tmp_path)
    check_arrays(case, own)
    assumed = {issue.kind for issue in own.dataset.issues if issue.severity == "assumption"}
    assert assumed == case.assumed | {"mask_values"}
