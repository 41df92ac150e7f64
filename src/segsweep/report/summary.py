"""What a report says of a sweep in words and in a few numbers, whatever it is written as."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from segsweep.report.plot import shown
from segsweep.report.results import Results, number, trial_name
from segsweep.report.tables import ENDINGS, interval

METHODS = {"otsu": "Otsu’s threshold", "multi_otsu": "several Otsu thresholds"}
DICE = "val_dice_coefficient"


@dataclass(frozen=True)
class KeyNumber:
    """A number that one takes home, what it is, and what belongs to it."""

    label: str
    value: str
    note: str


def verdict(results: Results, of: int | None = None) -> list[str]:
    """What was found, in at most a few sentences; `of` so many trials while it runs."""
    if results.live:
        ended = f"{len(results.trials)} of {of}" if of else str(len(results.trials))
        return [f"The sweep is running: {ended} trials so far.", _best_so_far(results)]
    said = [results.verdict.get("verdict"), results.findings.get("verdict")]
    return [str(sentence) for sentence in said if sentence] or [_best_so_far(results)]


def key_numbers(results: Results) -> Iterator[KeyNumber]:
    yield from _of_the_winner(results)
    if not results.live:
        yield from _of_the_test(results)
        yield from _of_a_threshold(results)
    counts = {told: sum(t.status == key for t in results.trials) for key, told in ENDINGS.items()}
    ended = ", ".join(f"{count} {told}" for told, count in counts.items() if count)
    yield KeyNumber("trials", str(len(results.trials)), ended)
    if seconds := sum(trial.seconds or 0 for trial in results.trials):
        yield KeyNumber("run time", _duration(seconds), "of all trials together")


def configuration(results: Results) -> str:
    """The winner's configuration as YAML, as `best_config.yaml` has it where that is the winner."""
    if results.best and trial_name(results.best["evidence"]["trial"]) == results.chosen:
        lines = results.text("best_config.yaml").partition("\nevidence:")[0].splitlines()
        return "".join(f"{line}\n" for line in lines if not line.startswith("#"))
    won = results.trial(results.winner)
    given = won.parameters if won else {}
    return "".join(f"{name}: {text}\n" for name, text in given.items() if text != "")


def findings(results: Results) -> list[dict[str, Any]]:
    """All findings, those on run time last."""
    timed = {} if results.live else results.document("analysis/runtime.json")
    return [*results.findings.get("findings", []), *timed.get("findings", [])]


def _of_the_winner(results: Results) -> Iterator[KeyNumber]:
    told = results.verdict.get("candidates", [])
    again = next((one for one in told if trial_name(one["trial"]) == results.winner), None)
    once = results.trial(results.winner)
    if again and again["mean"] is not None:
        sure = interval([again["low"], again["high"]])
        note = f"{sure}; trial {results.winner} over {again['seeds']} new seeds"
        yield KeyNumber(results.label, _rounded(again["mean"]), note)
    elif once and once.value is not None:
        note = f"trial {once.name}, one training"
        yield KeyNumber(results.label, _rounded(once.value), note)


def _of_the_test(results: Results) -> Iterator[KeyNumber]:
    told = results.document("test/summary.json")
    if told and told["dice"]["mean"] is not None:
        sure = interval(told["dice"]["interval"])
        images = f"{told['images']} images that the sweep never saw"
        note = f"{sure}; {images}" if sure else images
        yield KeyNumber("test Dice", _rounded(told["dice"]["mean"]), note)


def _of_a_threshold(results: Results) -> Iterator[KeyNumber]:
    methods = {row["method"]: number(row[DICE]) for row in results.table("baselines.csv")}
    known = {name: value for name, value in methods.items() if value is not None}
    if known and results.metric == DICE:
        best = max(known, key=lambda name: known[name])
        note = f"{METHODS.get(best, best)} on the validation images"
        yield KeyNumber("without a network", _rounded(known[best]), note)


def _best_so_far(results: Results) -> str:
    if not results.finished:
        return "No trial has finished yet." if results.live else "No trial finished."
    best, so_far = results.finished[0], " so far" if results.live else ""
    return (
        f"The best {results.label}{so_far} is {shown(best.value)}, of trial {best.name}; "
        "a single value holds luck too."
    )


def _rounded(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.4g}"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
