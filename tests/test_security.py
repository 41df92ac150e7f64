"""The threat model: every line names its tests. Tests that fit no other file are here."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from project import ROOT
from segsweep.config.study import Study
from segsweep.core.errors import UserError
from segsweep.data.issues import DataIssue, format_as_markdown
from segsweep.pipeline.gpus import Gpu, reserve
from segsweep.report.plot import Plot

NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_every_line_of_the_threat_model_names_existing_tests() -> None:
    text = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    assert len(lines) > 10
    for line in lines[1:]:
        named = NAMED.findall(line)
        assert named, line
        for file, test in named:
            tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
            defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
            assert test in defined, f"{file}::{test}"
            assert test.startswith("test_")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("wandb.project", "x; touch gone"),
        ("wandb.project", "../../gone"),
        ("wandb.project", "x\n--images 0"),
        ("sweep.prior_trials", "../../../etc/passwd"),
        ("sweep.prior_trials", "studies/prior/$(touch gone).csv"),
        ("sweep.prior_trials", "studies/prior/../../x.csv"),
        ("data.sample", "nuclei'; touch gone; '"),
        ("training.device", "cpu --key x"),
    ],
)
def test_text_of_a_study_is_checked_before_it_reaches_a_shell_or_a_path(
    key: str, value: str
) -> None:
    study = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    section, name = key.split(".")
    study[section][name] = value
    with pytest.raises(UserError, match=re.escape(key)):
        Study.parse(study)


def test_contents_of_files_are_escaped_in_the_data_report() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    issue = DataIssue("unreadable", f"a`{hostile}.png", f"cannot be read ({hostile})", "export it")
    (line,) = [line for line in format_as_markdown([issue]) if line.startswith("- ")]
    name, _, found = line.partition("`: ")
    assert "`" not in name.removeprefix("- `")  # all of the name is code
    assert "<" not in found


def test_a_run_id_that_leaves_its_folder_is_refused(tmp_path: Path) -> None:
    import wandb

    from segsweep.wandb_backend.logger import WandbLogger

    run = object.__new__(WandbLogger)
    run.run = wandb.init(mode="offline", id="..", dir=tmp_path)
    with pytest.raises(UserError, match=r"found the run id '\.\.', expected letters"):
        _ = run.id
    run.run.finish()


def test_a_lock_file_that_another_user_made_a_link_changes_nothing(tmp_path: Path) -> None:
    own_file = tmp_path / "own"
    own_file.write_text("kept")
    (tmp_path / "segsweep-GPU-0.lock").symlink_to(own_file)
    mode = own_file.stat().st_mode
    gpu = Gpu(0, "GPU-0", "a model", 48 * 10**9, 8)
    with pytest.raises(UserError, match="found a symbolic link"), reserve([gpu], tmp_path):
        pass
    assert (own_file.read_text(), own_file.stat().st_mode) == ("kept", mode)


def test_names_of_columns_never_lead_out_of_the_folder(tmp_path: Path) -> None:
    names = ["../../climbed", "/climbed", "a/b", "..", "x\0y", "<script>"]
    for name in names:
        plot = Plot(name, "title", "what is seen", ["a"], [], "<svg></svg>")
        file = (tmp_path / f"{plot.file}.svg").resolve()
        assert file.parent == tmp_path.resolve()
    assert len({Plot(name, "", "", [], [], "").file for name in names}) == len(names)
