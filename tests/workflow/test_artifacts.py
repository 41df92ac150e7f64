"""The models that dvc.yaml names, as DVC itself reads them."""

from pathlib import Path

from dvc.repo import Repo


def test_each_named_model_is_a_folder_that_a_stage_makes(checkout: Path) -> None:
    with Repo(str(checkout)) as repo:
        named = repo.artifacts.read()["dvc.yaml"]
        made = {Path(out.fs_path).relative_to(checkout).as_posix() for out in repo.index.outs}
        assert set(named) == {"sweep-winner", "single-run"}
        for name, artifact in named.items():
            assert artifact.type == "model"
            assert artifact.desc
            assert artifact.path in made
            assert repo.artifacts.get_path(name) == artifact.path
