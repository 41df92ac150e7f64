"""The commands of `segsweep`: help, errors and exit statuses, with the real program."""

import inspect
import subprocess
from pathlib import Path

import pytest

from project import ROOT, environment
from segsweep.cli.accept import accept
from segsweep.cli.app import app, split_docstring
from segsweep.cli.cache import gc
from segsweep.cli.evaluate import evaluate
from segsweep.cli.explain import explain
from segsweep.cli.hardware import hardware
from segsweep.cli.import_data import import_data
from segsweep.cli.predict import predict
from segsweep.cli.sync import sync
from segsweep.pipeline.staleness import Job

COMMANDS = {
    "import-data": import_data,
    "hardware": hardware,
    "predict": predict,
    "evaluate": evaluate,
    "sync": sync,
    "explain": explain,
    "accept": accept,
    "cache gc": gc,
}


def segsweep(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["segsweep", *arguments],
        cwd=folder,
        env=environment() | {"COLUMNS": "80"},
        capture_output=True,
        text=True,
    )


def test_help_lists_every_command() -> None:
    done = segsweep("--help")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("│ ")]
    listed = [word for word in rows if word in {name.split()[0] for name in COMMANDS}]
    assert listed == [name.split()[0] for name in COMMANDS]
    assert segsweep().stdout == done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_shows_its_text_and_example(name: str) -> None:
    text, example = split_docstring(COMMANDS[name])
    assert example.startswith(f"segsweep {name}")
    assert max(map(len, text.splitlines())) <= 80
    done = segsweep(*name.split(), "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert text in done.stdout
    assert done.stdout.rstrip().endswith(example.replace("\n", "\n  "))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_parameter_of_a_command_has_a_help_text(name: str) -> None:
    command = app
    for part in name.split():
        command = command[part]
    arguments = command.assemble_argument_collection()
    assert len(arguments) == len(inspect.signature(COMMANDS[name]).parameters)
    assert all(argument.parameter.help for argument in arguments)


def test_help_imports_no_heavy_package() -> None:
    check = (
        "import sys\n"
        "from segsweep.cli.app import app\n"
        "for name in sys.argv[1:]:\n"
        "    app([*name.split(), '--help'])\n"
        "heavy = {'torch', 'wandb', 'pandas', 'numpy', 'snakemake', 'pydantic'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    env = environment() | {"PYTHONPATH": str(ROOT / "src")}
    subprocess.run(["python", "-c", check, *COMMANDS], env=env, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predcit"], 'Unknown command "predcit"'),
        (["predict", "a.png", "--model", "m"], "--out requires an argument"),
        (["predict", "a.png", "--model", "m", "-o", "o", "--format", "gif"], '"png", "tiff"'),
        (["predict", "a.png", "--model", "m", "-o", "o", "--batch-size", "0"], "Must be >= 1"),
        (["predict", "a.png", "--model", "m", "-o", "o", "--threshold", "2"], "above 0 and up to"),
        (["hardware", "--memory", "0"], "Expected GB above 0"),
        (["evaluate", "a.csv", "--out", "o", "--memory", "-1"], "Expected GB above 0"),
        (["accept", "--reason", " "], "Expected a reason"),
        (["import-data"], "give IMAGES_DIR (and MASKS_DIR), or --sample"),
        (["import-data", "a", "--sample"], "give IMAGES_DIR (and MASKS_DIR), or --sample"),
        (["import-data", "a", "--groups", "b", "--group-regex", "c"], "give only one of"),
        (["import-data", "a", "--mask-suffix="], "expected the end of a name"),
        (["cache", "gc", "--delte"], "Did you mean --delete?"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments: list[str], message: str) -> None:
    done = segsweep(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_an_error_of_a_command_is_one_sentence(tmp_path: Path) -> None:
    done = segsweep("predict", "a.png", "--model", str(tmp_path / "none"), "-o", "masks")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {tmp_path}/none")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["explain", "x"], ["accept", "--reason", "x"], ["cache", "gc"], ["import-data", "x"]],
)
def test_commands_on_the_project_name_the_folder_to_call_them_in(arguments: list[str]) -> None:
    done = segsweep(*arguments, folder=ROOT / "docs")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: params.yaml: not found in {ROOT / 'docs'}; run this in")


@pytest.mark.parametrize(("up_to_date", "status"), [(True, 0), (False, 2)])
def test_explain_ends_with_status_2_if_a_result_is_stale(
    up_to_date: bool, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [Job(["results/a"], [], True), Job(["results/b"], [], up_to_date)]
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("segsweep.pipeline.explain.current_jobs", lambda: jobs)
    monkeypatch.setattr("segsweep.pipeline.explain.explain", lambda job: [job.outputs[0]])
    with pytest.raises(SystemExit) as ended:
        app(["explain", "results"])
    assert (ended.value.code or 0) == status


def test_defaults_are_those_of_the_modules_that_use_them() -> None:
    from segsweep.data.mask_names import MASK_SUFFIX
    from segsweep.inference.writers import SUFFIXES
    from segsweep.training.engine import EVALUATION_BATCH
    from segsweep.training.metrics import THRESHOLD

    def default(command: object, name: str) -> object:
        return inspect.signature(command).parameters[name].default  # type: ignore[arg-type]

    (suffix,) = inspect.signature(import_data).parameters["mask_suffix"].annotation.__metadata__
    assert f"(default: {MASK_SUFFIX})" in suffix.help
    assert default(predict, "batch_size") == EVALUATION_BATCH
    assert default(predict, "threshold") == THRESHOLD
    formats = inspect.signature(predict).parameters["format"].annotation.__origin__.__args__
    assert set(formats) == set(SUFFIXES)
