"""The plots: present when their data are, reproducible, and consistent with the data."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from results_example import write_example, write_external, write_running
from segsweep.core.files import read_csv, write_csv
from segsweep.report.axis_scales import scale_of
from segsweep.report.plot import Plot
from segsweep.report.plots import make_plots, save
from segsweep.report.results import Results
from segsweep.report.trial_plots import MAX_LINES, thin
from sweep_example import METRIC, PARAMETERS, trials

SVG = "{http://www.w3.org/2000/svg}"
EFFECTS = {f"effect_{name}" for name in PARAMETERS}
OF_TABLES = {"importance", "batch_size", "learning_rate", "map", "gap", "run_time", "speed"}


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_example(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def plots(example: Path) -> dict[str, Plot]:
    return {plot.name: plot for plot in make_plots(Results(example))}


def texts(plot: Plot) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(plot.svg.split("?>", 1)[1]).iter(f"{SVG}text"))


def words(plot: Plot) -> list[str]:
    """Return the texts of a plot."""
    return ["".join(element.itertext()) for element in texts(plot)]


def test_every_table_has_a_plot(plots: dict[str, Plot]) -> None:
    assert set(plots) == {"trials", "curves", "parallel", "confirmation"} | OF_TABLES | EFFECTS


def test_imported_and_running_sweeps_have_the_plots_of_their_files(
    tmp_path: Path,
) -> None:
    external = Results(write_external(tmp_path / "external"))
    assert {p.name for p in make_plots(external)} == {"trials", "parallel"} | OF_TABLES | EFFECTS
    running = Results(write_running(tmp_path / "running"), live=True)
    assert {plot.name for plot in make_plots(running)} == {"trials", "curves", "parallel"}


def test_plots_are_reproducible(example: Path, plots: dict[str, Plot]) -> None:
    assert {plot.name: plot.svg for plot in make_plots(Results(example))} == {
        name: plot.svg for name, plot in plots.items()
    }
    assert not any(re.search("date|20[0-9]{2}-", plot.svg, re.I) for plot in plots.values())


def test_text_is_kept_as_text_in_the_colour_of_the_page(plots: dict[str, Plot]) -> None:
    for plot in plots.values():
        styles = [element.get("style", "") for element in texts(plot)]
        assert styles, plot.name
        assert all("fill: currentColor" in style for style in styles), plot.name
    assert {"learning_rate", "dropout"} <= set(words(plots["importance"]))
    assert {"2", "4", "8", "16", "32", "batch size"} <= set(words(plots["map"]))


def test_captions_agree_with_the_data(example: Path, plots: dict[str, Plot]) -> None:
    values = {t["trial"]: t[METRIC] for t in trials() if t[METRIC] is not None}
    best = max(values, key=lambda trial: values[trial])
    assert f"is {values[best]:.4g} (trial {best:03d})" in plots["trials"].alt
    share = "learning_rate has the largest share of the variance, 61 % (95 % interval 45 % to 74 %)"
    assert share in plots["importance"].alt
    gaps = read_csv(example / "analysis/gap.csv")
    median = np.median([float(row["train"]) - float(row["validation"]) for row in gaps])
    assert f"the training value is {median:.4g} above the validation value" in plots["gap"].alt
    assert all(plot.alt.endswith(".") and plot.alt.count(". ") == 0 for plot in plots.values())


def test_data_of_a_plot_are_complete(plots: dict[str, Plot]) -> None:
    assert len(plots["trials"].rows) == len(trials())
    best_so_far = [row[3] for row in plots["trials"].rows if row[3] is not None]
    assert best_so_far == sorted(best_so_far)
    for plot in plots.values():
        assert {len(row) for row in plot.rows} == {len(plot.columns)}


def test_best_so_far_of_a_loss_decreases(tmp_path: Path) -> None:
    rows = [
        {"trial": i, "status": "finished", "val_loss": v, "lr": 10.0**-i, "seconds": 1}
        for i, v in enumerate((0.5, 0.7, 0.2))
    ]
    write_csv(tmp_path / "analysis/trials.csv", list(rows[0]), rows)
    plots = {plot.name: plot for plot in make_plots(Results(tmp_path))}
    assert [row[3] for row in plots["trials"].rows] == [0.5, 0.5, 0.2]
    assert "trial 002 has the best observed value" in plots["parallel"].alt


def test_plots_of_other_results_are_removed(example: Path, plots: dict[str, Plot]) -> None:
    old = example / "plots/effect_old.svg"
    old.parent.mkdir(parents=True, exist_ok=True)
    old.write_text("<svg/>")
    save(Results(example), list(plots.values()))
    assert {path.stem for path in old.parent.iterdir()} == set(plots)


def test_parameter_name_that_is_no_valid_file_name(tmp_path: Path) -> None:
    rows = [
        {"trial": i, "status": "finished", "dice": i / 9, "../a $x_1$ <b>": i, "seconds": 1}
        for i in range(9)
    ]
    write_csv(tmp_path / "analysis/trials.csv", list(rows[0]), rows)
    effect = [
        {"parameter": "../a $x_1$ <b>", "value": i, "mean": i / 9, "low": 0, "high": 1}
        for i in range(9)
    ]
    write_csv(tmp_path / "analysis/effects.csv", list(effect[0]), effect)
    plots = list(make_plots(Results(tmp_path)))
    save(Results(tmp_path), plots)
    files = [path.name for path in (tmp_path / "plots").iterdir()]
    assert len(files) == 3
    assert all(re.fullmatch(r"[\w.-]+\.svg", name) for name in files)
    effects = next(plot for plot in plots if plot.name.startswith("effect_"))
    assert "../a $x_1$ <b>" in words(effects)


@pytest.mark.parametrize(
    ("texts", "log", "categories"),
    [
        (["0.1", "0.9"], False, []),
        (["0.1", "1"], True, []),
        (["0", "1", "100"], False, []),
        (["8", "", "64"], False, []),
        (["sgd", "adam", "sgd", "1"], False, ["1", "adam", "sgd"]),
        (["nan", "1"], False, ["1", "nan"]),
    ],
)
def test_scale_depends_on_the_values(texts: list[str], log: bool, categories: list[str]) -> None:
    scale = scale_of(texts)
    assert (scale.log, list(scale.categories)) == (log, categories)


def test_many_trials_are_thinned_to_the_best_and_an_even_selection(tmp_path: Path) -> None:
    results = Results(write_example(tmp_path, 400))
    drawn = thin(results.trials, results)
    assert len(drawn) == len({trial.name for trial in drawn}) == MAX_LINES
    assert drawn[:50] == results.finished[:50]
