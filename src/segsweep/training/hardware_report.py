"""The batches of a study on a device: which fit, how fast they go, how long the study takes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from segsweep.config.training_config import TrainingConfig
from segsweep.pipeline.environment import Device
from segsweep.training.memory import CONTEXT, RESERVE, Need, largest_batch, predict
from segsweep.training.probe import Probed, probe
from segsweep.training.resource_estimate import study_seconds

LARGER = 3
"""How many batches beyond the study's are looked at, each twice the one before."""
SATURATED = 0.95
"""A batch saturates the device when it reaches this share of the best rate."""


@dataclass(frozen=True)
class Row:
    """One batch: what is predicted, and what was measured where it was tried."""

    batch_size: int
    need: Need
    fits: bool
    probed: Probed | None

    @property
    def images_per_second(self) -> float | None:
        seconds = self.probed.seconds if self.probed else None
        return self.batch_size / seconds if seconds else None


def rows(
    config: TrainingConfig, batches: Sequence[int], device: Device, images: int, measured: bool
) -> Iterator[Row]:
    """A row for each of `batches`, and for larger ones up to the first that does not fit.

    `images` are those that live on the device. What does not fit is not tried.
    """
    doubled = [batches[-1] * 2**step for step in range(1, LARGER + 1)]
    for batch in (*batches, *doubled):
        chosen = replace(config, batch_size=batch)
        need = predict(chosen, device.autocast, images)
        fits = need.fits(device.memory)
        probed = probe(chosen) if measured and fits else None
        fits = fits and (probed is None or probed.seconds is not None)
        yield Row(batch, need, fits, probed)
        if not fits and batch >= batches[-1]:
            return


def table(
    found: Sequence[Row], config: TrainingConfig, trials: int, train: int, validation: int
) -> str:
    """Markdown. Hours are those of the whole study, had all its trials that batch."""
    lines = [
        "| batch | predicted, GB | fits | measured, GB | images/s | hours |",
        "| ---: | ---: | --- | ---: | ---: | ---: |",
    ]
    for row in found:
        rate = row.images_per_second
        peak = row.probed.peak if row.probed else None
        hours = None
        if rate and train:
            chosen = replace(config, batch_size=row.batch_size)
            hours = study_seconds(chosen, trials, 1 / rate, train, validation) / 3600
        lines.append(
            f"| {row.batch_size} | {row.need.total / 1e9:.1f} | {'yes' if row.fits else 'no'} "
            f"| {_told(peak and peak / 1e9, '.1f')} | {_told(rate, '.1f')} "
            f"| {_told(hours, '.2f')} |"
        )
    return "\n".join(lines)


def _told(number: float | None, form: str) -> str:
    return "" if number is None else format(number, form)


def saturates(found: Sequence[Row]) -> int | None:
    """The smallest batch that is about as fast, image by image, as the fastest; None unmeasured."""
    rates = {r.batch_size: r.images_per_second for r in found if r.images_per_second}
    enough = [batch for batch, rate in rates.items() if rate >= SATURATED * max(rates.values())]
    return min(enough, default=None)


def remarks(
    found: Sequence[Row], config: TrainingConfig, device: Device, images: int, measured: bool
) -> list[str]:
    """What the table leaves unsaid."""
    autocast = device.autocast if config.mixed_precision else "float32"
    largest = largest_batch(config, device.autocast, device.memory, images)
    said = [
        f"The largest network of the study: base_channels {config.base_channels}, depth "
        f"{config.depth}. By prediction a batch of {largest} is the largest that fits.",
        f"{device.name}: {device.memory / 1e9:.1f} GB, convolutions in {autocast}. A batch "
        f"fits when it leaves {RESERVE:.0%} of that free. Libraries are {CONTEXT / 1e9:.1f} GB of "
        "what is predicted.",
    ]
    if measured:
        if batch := saturates(found):
            said.append(f"From a batch of {batch} on, larger ones are hardly faster.")
    else:
        said.append("Nothing was measured: run it on that machine, without --memory.")
    return said
