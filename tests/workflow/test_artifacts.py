"""The model artifacts in dvc.yaml, as DVC itself reads them."""

from pathlib import Path

from dvc.repo import Repo


def test_each_model_artifact_is_an_output_of_a_stage(checkout: Path) -> None:
    with Repo(str(checkout)) as repo:
        named = repo.artifacts.read()["dvc.yaml"]
        made = {Path(out.fs_path).relative_to(checkout).as_posix() for out in repo.index.outs}
        assert set(named) == {"selected-model", "single-run"}
        for name, artifact in named.items():
            assert artifact.type == "model"
            assert artifact.desc
            assert artifact.path in made
            assert repo.artifacts.get_path(name) == artifact.path
