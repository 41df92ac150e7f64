# The sweep: a W&B configuration, then suggest and trial in turn; and the single run beside it.
SWEEP = [
    "results/sweep/sweep.yaml",
    "results/sweep/training.yaml",
    "results/sweep/search.yaml",
    "results/sweep/made-from.json",
]
SEARCH = SWEEP[2]
TRIALS = [f"{i:03d}" for i in range(STUDY.trial_count)]
IN_FLIGHT = STUDY.sweep.parallel
FIT = READING.sources(
    "fit", "src/segsweep/unet/run.py"
)  # what decides the bits of a training
# A training that a machine failed goes on from its last epoch; a third failure ends the sweep.
RETRIES = 2
WEIGHTS = "model.safetensors"
CHECKPOINTS = f"--checkpoints @checkpoints --key @key --images {STUDY.wandb.images}"


def suggested(trial):
    names = ("config.yaml", "suggestion.json", "bars.json", "suggested-from.json")
    return [f"results/trials/{trial}/{name}" for name in names]


def trained(folder, weights=True):
    names = ["metrics.json", "history.csv", "images.csv", WEIGHTS, "made-from.json"]
    return [f"{folder}/{name}" for name in names if weights or name != WEIGHTS]


def trial_result(trial):
    return trained(f"results/trials/{trial}", weights=STUDY.sweep.weights == "all")


def kept_as_fit(folder):
    return f"--tag fit --asides {folder}/timing.json {folder}/wandb"


PRIOR_IS_A_FILE = isinstance(STUDY.sweep.prior_trials, str)


rule sweep:
    input:
        **READING.job(
            SWEEP,
            study=READING.fragment("sweep", STUDY.sweep_part()),
            prior=[
                "studies/prior/README.md",
                *([STUDY.sweep.prior_trials] if PRIOR_IS_A_FILE else []),
            ],
            source=sources_of("sweep"),
        ),
    output:
        SWEEP,
    log:
        "logs/sweep.log",
    shell:
        recorded("sweep.py {input.study} results/sweep")


# The record of the suggestion before stands for all older results, so two edges are enough.
SUGGEST, TRIAL = {}, {}
SUGGEST_SOURCES = sources_of("suggest")
for i, trial in enumerate(TRIALS):
    SUGGEST[trial] = READING.job(
        suggested(trial),
        search=SEARCH,
        source=SUGGEST_SOURCES,
        before=suggested(TRIALS[i - 1])[-1:] if i else [],
        seen=(trial_result(TRIALS[i - IN_FLIGHT])[:2] if i >= IN_FLIGHT else []),
    )
    TRIAL[trial] = READING.job(
        trial_result(trial),
        config=suggested(trial)[0],
        bars=suggested(trial)[2],
        data=MANIFEST,
        source=FIT,
    )


rule suggest:
    input:
        unpack(lambda wildcards: SUGGEST[wildcards.trial]),
    output:
        suggested("{trial}"),
    log:
        "logs/suggest/{trial}.log",
    shell:
        recorded(
            f"suggest.py {SEARCH} results/trials {{wildcards.trial}} --parallel {IN_FLIGHT}",
            "--tag suggest-{wildcards.trial} --packages numpy scipy",
        )


rule trial:
    input:
        unpack(lambda wildcards: TRIAL[wildcards.trial]),
    output:
        trial_result("{trial}"),
    log:
        "logs/trial/{trial}.log",
    benchmark:
        "logs/benchmark/trial-{trial}.tsv"
    retries: RETRIES
    threads: STUDY.training.threads
    resources:
        gpu=1,
    shell:
        recorded(
            "trial.py results/sweep/sweep.yaml data/processed results/trials/{wildcards.trial}"
            f" --trials {len(TRIALS)} {CHECKPOINTS}",
            kept_as_fit("results/trials/{wildcards.trial}")
            + " --bars {input.bars}"
            + (
                ""
                if STUDY.sweep.weights == "all"
                else f" --stored results/trials/{{wildcards.trial}}/{WEIGHTS}"
            ),
        )


TRAIN = trained("results/train")


rule train:
    input:
        **READING.job(
            TRAIN,
            config=READING.fragment("train", STUDY.training_config().to_dict()),
            data=MANIFEST,
            source=FIT,
        ),
    output:
        TRAIN,
    log:
        "logs/train.log",
    benchmark:
        "logs/benchmark/train.tsv"
    retries: RETRIES
    threads: STUDY.training.threads
    resources:
        gpu=1,
    shell:
        recorded(
            "train.py {input.config} data/processed results/train --live"
            f" --wandb-project {STUDY.wandb.project} {CHECKPOINTS}",
            kept_as_fit("results/train"),
        )
