"""Make docs/pictures from the results of the tutorial's study.

Screenshots are taken by Chromium. Pictures become WebP, plots stay SVG; all are small.

Example:
  python docs/pictures.py results
"""

import argparse
import re
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

PICTURES = Path(__file__).with_name("pictures")
WIDTH, HEIGHT = 1200, 700


def screenshot(page: Path) -> Image.Image:
    """What Chromium shows first of a page, in its light colours."""
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        subprocess.run(
            [
                *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                f"--user-data-dir={folder}/profile",
                f"--window-size={WIDTH},{HEIGHT}",
                f"--screenshot={shot}",
                page.resolve().as_uri(),
            ],
            check=True,
            capture_output=True,
        )
        return Image.open(shot).convert("RGB")


def save(picture: Image.Image, name: str) -> None:
    picture.thumbnail((WIDTH, 4 * WIDTH))
    picture.save(PICTURES / f"{name}.webp", quality=70, method=6)


def on_white(plot: str) -> str:
    """A plot in its light colours alone: a page's theme need not be the system's."""
    return re.sub(r"svg\{(.*?)\}@media .*?\}\}", r"svg{\1;background:#fff}", plot)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("results", type=Path, metavar="RESULTS", help="the folder of results")
    results = arguments.parse_args().results
    PICTURES.mkdir(exist_ok=True)
    save(Image.open(results / "data/contact_sheet.png").convert("RGB"), "contact-sheet")
    save(Image.open(results / "test/gallery/median.png").convert("RGB"), "median")
    save(screenshot(results / "report.html"), "report")
    for plot in ("confirmation", "importance", "trials"):
        drawn = (results / f"plots/{plot}.svg").read_text()
        (PICTURES / f"{plot}.svg").write_text(on_white(drawn))


if __name__ == "__main__":
    main()
