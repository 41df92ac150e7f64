"""Write the sample images that the study names (data.sample) to a folder.

The images are read from a package archive that `make setup` downloaded; no network is used. Writes
images/*.png, masks/*.png (0 or 255), groups.csv and README.md (source and licence).

Example:
  python workflow/scripts/sample.py params.yaml data/raw
"""

from pathlib import Path

from segsweep.config.study import Study
from segsweep.core.errors import command_line, parser
from segsweep.data.raw_data import check_raw_data
from segsweep.data.sample import write_sample


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("study", metavar="STUDY", help="a study, such as params.yaml")
    arguments.add_argument("out", type=Path, metavar="OUT", help="folder to write to")
    args = arguments.parse_args()
    name = Study.read(args.study).data.sample
    check_raw_data(args.out)
    print(f"sample {name}: {write_sample(name, args.out)} images with masks in {args.out}")


if __name__ == "__main__":
    command_line(main)
