"""Judge the network in BEST on the test split of DATA, and draw it on the validation images.

OUT gets `images.csv` (Dice, IoU and surface distances of each test image), `summary.json` (their
means with 95 % intervals, whole groups being drawn) and, of the validation images,
`gallery/{best,median,worst}.png`. Choose nothing by the test split: it is for the end.

Example:
  python workflow/scripts/judge.py results/best data/processed results/test
"""

from pathlib import Path

from segsweep.analysis.judging.gallery import draw
from segsweep.analysis.judging.scores import COLUMNS, in_a_line, judge, summary
from segsweep.data.arrays import ProcessedSet
from segsweep.errors import command_line, parser
from segsweep.files import read_csv, write_csv, write_json
from segsweep.unet.apply import apply


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
    validation = apply(given.best, data, "validation")
    gallery = given.gallery or given.out / "gallery"
    draw(data, "validation", validation.images, validation.predicted, gallery)
    sources = read_csv(given.data / "sources.csv")
    rows = judge(data, "test", apply(given.best, data, "test").predicted, sources)
    told = summary(rows, sources)
    write_csv(given.out / "images.csv", COLUMNS, rows)
    write_json(given.out / "summary.json", told)
    print(f"test split: {in_a_line(told)}")


if __name__ == "__main__":
    command_line(main)
