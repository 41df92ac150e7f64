"""Write docs/pictures from the results of the tutorial's study.

Run this in the clone with the study. Chromium takes the screenshots. Screenshots and photographs
are saved as WebP, plots as SVG.

Example:
  python docs/pictures.py results
"""

import argparse
import csv
import re
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

PICTURES = Path(__file__).with_name("pictures")
WIDTH, HEIGHT = 1000, 1000  # of a screenshot, in pixels
MAX_WIDTH = 1200
MASK_COLOR = (255, 140, 0)


def screenshot(page: Path) -> Image.Image:
    """Return the top of a page as Chromium shows it, with the light theme."""
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


def prediction(results: Path) -> Image.Image:
    """Return the test image with the median Dice, without and with its predicted mask."""
    with (results / "test/images.csv").open() as file:
        ranked = sorted(csv.DictReader(file), key=lambda row: float(row["dice"]))
    name = ranked[len(ranked) // 2]["name"]
    source = next(Path("data/raw/images").glob(f"{name}.*"))
    with tempfile.TemporaryDirectory() as folder:
        command = ["segsweep", "predict", "--model", results / "best", source, "-o", folder]
        subprocess.run(command, check=True)
        mask = Image.open(next(Path(folder).iterdir())).convert("L")
    image = Image.open(source).convert("RGB")
    tinted = Image.blend(image, Image.new("RGB", image.size, MASK_COLOR), 0.5)
    pair = Image.new("RGB", (2 * image.width, image.height))
    pair.paste(image, (0, 0))
    pair.paste(Image.composite(tinted, image, mask), (image.width, 0))
    return pair.resize((WIDTH, WIDTH * pair.height // pair.width))


def save(picture: Image.Image, name: str) -> None:
    picture.thumbnail((MAX_WIDTH, 4 * MAX_WIDTH))
    picture.save(PICTURES / f"{name}.webp", quality=70, method=6)


def with_light_theme(plot: str) -> str:
    """Return an SVG plot with its light theme only, as a page's theme may not be the system's."""
    return re.sub(r"svg\{(.*?)\}@media .*?\}\}", r"svg{\1;background:#fff}", plot)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("results", type=Path, metavar="RESULTS", help="folder of results")
    results = arguments.parse_args().results
    PICTURES.mkdir(exist_ok=True)
    save(Image.open(results / "data/contact_sheet.png").convert("RGB"), "contact-sheet")
    save(Image.open(results / "test/gallery/median.png").convert("RGB"), "median")
    save(screenshot(results / "report.html"), "report")
    save(prediction(results), "prediction")
    for plot in ("confirmation", "importance", "trials"):
        svg = (results / f"plots/{plot}.svg").read_text()
        (PICTURES / f"{plot}.svg").write_text(with_light_theme(svg))


if __name__ == "__main__":
    main()
