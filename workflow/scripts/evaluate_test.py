"""Evaluate the network in BEST on the test split, and draw its best and worst validation images.

OUT/images.csv       Dice, IoU and surface distances of each test image
OUT/summary.json     their means with 95 % intervals (bootstrap over groups); Dice and IoU also at
                     the threshold that is best for the validation images
OUT/gallery/*.png    best, median and worst validation images

Do not select anything by the test split: it is for the final evaluation.

Example:
  python workflow/scripts/evaluate_test.py results/best data/processed results/test
"""

from pathlib import Path

from segsweep.core.errors import command_line, parser
from segsweep.core.files import read_csv, write_csv, write_json
from segsweep.data.dataset import ProcessedSet
from segsweep.inference.predict_split import predict_split
from segsweep.inference.saved_model import SavedModel
from segsweep.selection.overlays import save_gallery
from segsweep.selection.test_metrics import (
    COLUMNS,
    OVERLAPS,
    count_ignored,
    format_summary,
    image_rows,
    summarize,
)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("best", type=Path, metavar="BEST", help="folder of a training")
    arguments.add_argument("data", type=Path, metavar="DATA", help="folder of processed images")
    arguments.add_argument("out", type=Path, metavar="OUT", help="folder to write to")
    arguments.add_argument(
        "--gallery", type=Path, metavar="DIR", help="folder of pictures (default: OUT/gallery)"
    )
    options = arguments.parse_args()
    data = ProcessedSet.open(options.data)
    model = SavedModel.read(options.best)
    validation = predict_split(model, data, "validation")
    gallery = options.gallery or options.out / "gallery"
    save_gallery(data, "validation", validation.images, validation.predicted, gallery)
    sources = read_csv(options.data / "sources.csv")
    rows = image_rows(data, "test", predict_split(model, data, "test").predicted, sources)
    summary = summarize(rows, sources) | count_ignored(data, "test")
    threshold = model.threshold["chosen"]
    rows_at_threshold = image_rows(
        data, "test", predict_split(model, data, "test", threshold).predicted, sources
    )
    at_threshold = summarize(rows_at_threshold, sources)
    summary["at_chosen_threshold"] = {
        "threshold": threshold,
        **{name: at_threshold[name] for name in OVERLAPS},
    }
    write_csv(options.out / "images.csv", COLUMNS, rows)
    write_json(options.out / "summary.json", summary)
    print(f"test split: {format_summary(summary)}")


if __name__ == "__main__":
    command_line(main)
