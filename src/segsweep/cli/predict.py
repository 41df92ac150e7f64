"""`segsweep predict`: masks of new images with a trained model."""

import math
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, validators

from segsweep.cli.options import Flag
from segsweep.core.counted import counted
from segsweep.core.errors import UserError
from segsweep.core.printable import replace_line


def _probability(_: object, value: float | str) -> None:
    if isinstance(value, float) and not 0 < value <= 1:
        raise ValueError("Expected `chosen`, or a number above 0 and up to 1.")


def predict(
    images: Annotated[list[str], Parameter(name="IMAGES", help="Files, folders or patterns.")],
    /,
    *,
    model: Annotated[Path, Parameter(metavar="DIR", help="Folder with model.json.")],
    out: Annotated[Path, Parameter(alias="-o", metavar="DIR", help="Folder for the masks.")],
    format: Annotated[Literal["png", "tiff"], Parameter(help="File format of the masks.")] = "png",
    threshold: Annotated[
        float | Literal["chosen"],
        Parameter(
            metavar="P",
            help="A pixel is foreground from this probability on; `chosen` uses the model's own.",
            validator=_probability,
            show_choices=False,
        ),
    ] = 0.5,
    probabilities: Annotated[
        Path | None,
        Parameter(
            metavar="DIR", help="Folder for the probabilities, float32 TIFF (default: not written)."
        ),
    ] = None,
    flips: Annotated[
        Flag,
        Parameter(
            help="Average over all flips and quarter turns; takes 8 times as long (4 times, "
            "without quarter turns, if the network's images are not square)."
        ),
    ] = False,
    batch_size: Annotated[
        int,
        Parameter(
            metavar="N", help="Images or tiles per step.", validator=validators.Number(gte=1)
        ),
    ] = 8,
    device: Annotated[
        Literal["auto", "cpu", "cuda", "mps"],
        Parameter(help="`auto` uses a CUDA GPU if there is one."),
    ] = "auto",
) -> None:
    """Predict the masks of images of any size with a trained model.

    IMAGES are files, folders (with everything below them) or patterns. Writes a
    mask of each image, of the same height and width, with the values 0 and 255.
    Images that cannot be used are skipped and listed at the end (exit status 1).

    A pixel is foreground if p >= 0.5, as in every number of the reports. With
    `--threshold chosen` it is the threshold that is best on the validation images;
    model.json has its value, results/test/summary.json its effect on the Dice.

    Example:
        segsweep predict --model results/train data/raw/images -o /tmp/masks
    """
    import torch

    from segsweep.data.issues import InvalidImageError, format_for_terminal
    from segsweep.data.preprocess import image_settings
    from segsweep.inference import predict as inference
    from segsweep.inference.inputs import find_images
    from segsweep.inference.saved_model import SavedModel
    from segsweep.inference.writers import Writer

    saved = SavedModel.read(model)
    cutoff = saved.threshold["chosen"] if threshold == "chosen" else float(threshold)
    found, issues = find_images(images, [out, *([probabilities] if probabilities else [])])
    writer = Writer(found, out, format, cutoff, probabilities)
    progress = Progress(len(found))
    with saved.load(device, torch.get_num_threads()) as engine:
        inputs = inference.read_images(found, image_settings(saved.preprocessing), issues)
        for prediction in inference.predict(engine, inputs, batch_size, flips, progress.add_batch):
            try:
                writer.write(prediction)
            except InvalidImageError as error:
                issues.append(error.as_issue(prediction.image.path))
            else:
                progress.add_image()
    progress.end()
    print(f"predict: {progress.images} images in {out}, foreground from p = {cutoff:g} on")
    if issues:
        files = counted(len({issue.file for issue in issues}), "file")
        raise UserError(f"{files} could not be used:\n{format_for_terminal(issues)}")


class Progress:
    """Progress of a prediction: one changing line on a terminal, ten lines in a log.

    Args:
        total: Number of images.
    """

    def __init__(self, total: int) -> None:
        self.total, self.images, self.arrays = total, 0, 0
        self.is_terminal = sys.stdout.isatty()

    def add_batch(self, size: int) -> None:
        """Count a batch of whole images or tiles that has passed the network."""
        self.arrays += size
        self._show()

    def add_image(self) -> None:
        """Count an image whose mask is written."""
        self.images += 1
        self._show()
        tenth = math.floor(10 * self.images / self.total)
        if not self.is_terminal and tenth > 10 * (self.images - 1) // self.total:
            print(f"predict: {self.images} of {self.total} images", flush=True)

    def _show(self) -> None:
        if self.is_terminal:
            counts = f"{self.images} of {self.total} images, {self.arrays} whole images or tiles"
            replace_line(f"predict: {counts} through the network", sys.stdout)

    def end(self) -> None:
        """Clear the line on a terminal."""
        if self.is_terminal:
            replace_line("", sys.stdout)
