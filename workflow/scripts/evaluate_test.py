"""Judge the network in BEST on the test split of DATA, and draw it on the validation images.

OUT gets `images.csv` (Dice, IoU and surface distances of each test image), `summary.json` (their
means with 95 % intervals, whole groups being drawn; Dice and IoU also at the threshold that would
have been best for the validation images) and, of the validation images,
`gallery/{best,median,worst}.png`. Choose nothing by the test split: it is for the end.

Example:
  python workflow/scripts/evaluate_test.py results/best data/processed results/test
"""

from pathlib import Path

from segsweep.core.errors import command_line, parser
from segsweep.core.files import read_csv, write_csv, write_json
from segsweep.data.dataset import ProcessedSet
from segsweep.inference.apply_split import apply
from segsweep.inference.saved_model import Model
from segsweep.selection.overlays import draw
from segsweep.selection.test_metrics import COLUMNS, OVERLAPS, in_a_line, judge, summary


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("best", type=Path, metavar="BEST", help="the folder of a training")
    arguments.add_argument("data", type=Path, metavar="DATA", help="the folder of preprocess")
    arguments.add_argument("out", type=Path, metavar="OUT", help="the folder to write to")
    arguments.add_argument(
        "--gallery", type=Path, metavar="DIR", help="where pictures go (default: OUT/gallery)"
    )
    given = arguments.parse_args()
    data = ProcessedSet.open(given.data)
    model = Model.read(given.best)
    validation = apply(model, data, "validation")
    gallery = given.gallery or given.out / "gallery"
    draw(data, "validation", validation.images, validation.predicted, gallery)
    sources = read_csv(given.data / "sources.csv")
    rows = judge(data, "test", apply(model, data, "test").predicted, sources)
    told = summary(rows, sources)
    chosen = model.threshold["chosen"]
    at_chosen = summary(
        judge(data, "test", apply(model, data, "test", chosen).predicted, sources), sources
    )
    told["at_chosen_threshold"] = {
        "threshold": chosen,
        **{name: at_chosen[name] for name in OVERLAPS},
    }
    write_csv(given.out / "images.csv", COLUMNS, rows)
    write_json(given.out / "summary.json", told)
    print(f"test split: {in_a_line(told)}")


if __name__ == "__main__":
    command_line(main)
