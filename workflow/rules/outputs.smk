# The files that each kind of job makes; the last is its provenance record.
MODEL = ["model.safetensors", "model.json"]


def suggested(trial):
    names = (
        "config.yaml",
        "suggestion.json",
        "pruning.json",
        "suggestion.provenance.json",
    )
    return [f"results/trials/{trial}/{name}" for name in names]


def trained(folder, weights=True):
    names = ["metrics.json", "history.csv", "images.csv", *MODEL, "provenance.json"]
    return [f"{folder}/{name}" for name in names if weights or name not in MODEL]


def trial_result(trial):
    return trained(f"results/trials/{trial}", weights=STUDY.sweep.weights == "all")


def selected_rerun(run):
    names = ("config.yaml", "rerun.json", "rerun.provenance.json")
    return [f"results/confirm/{run}/{name}" for name in names]


def rerun_result(run):
    return trained(f"results/confirm/{run}", weights=False)
