# The sweep: a W&B configuration, then suggest and trial in turn; and the single run beside it.
SWEEP = [
    "results/sweep/sweep.yaml",
    "results/sweep/training.yaml",
    "results/sweep/search.yaml",
    "results/sweep/provenance.json",
]
SEARCH = SWEEP[2]
TRIALS = [f"{i:03d}" for i in range(STUDY.trial_count)]
IN_FLIGHT = STUDY.sweep.parallel
FIT = STALENESS.sources(
    "fit", "src/segsweep/training/run.py"
)  # what decides the bits of a training
FITTED = [MANIFEST, "data/processed/preprocessing.json"]  # what of the data does
CHECKPOINTS = f"--checkpoints @checkpoints --key @key --images {STUDY.wandb.images}"
# Where W&B runs go is no input of a training, so a change of it makes nothing stale.
WANDB = (f" --wandb-entity {STUDY.wandb.entity}" if STUDY.wandb.entity else "") + (
    " --wandb-online" if STUDY.wandb.mode == "online" else ""
)
PRIOR_IS_A_FILE = isinstance(STUDY.sweep.prior_trials, str)


rule sweep:
    input:
        **STALENESS.inputs(
            SWEEP,
            study=STALENESS.params_subset("sweep", STUDY.sweep_part()),
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
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        recorded("sweep.py {input.study} results/sweep")


# The record of the suggestion before stands for all older results, so two edges are enough.
SUGGEST, TRIAL = {}, {}
SUGGEST_SOURCES = sources_of("suggest")
for i, trial in enumerate(TRIALS):
    SUGGEST[trial] = STALENESS.inputs(
        suggested(trial),
        search=SEARCH,
        source=SUGGEST_SOURCES,
        before=suggested(TRIALS[i - 1])[-1:] if i else [],
        seen=(trial_result(TRIALS[i - IN_FLIGHT])[:2] if i >= IN_FLIGHT else []),
    )
    TRIAL[trial] = STALENESS.inputs(
        trial_result(trial),
        config=suggested(trial)[0],
        bars=suggested(trial)[2],
        data=FITTED,
        source=FIT,
    )


rule suggest:
    input:
        unpack(lambda wildcards: SUGGEST[wildcards.trial]),
    output:
        suggested("{trial}"),
    log:
        "logs/suggest/{trial}.log",
    localrule: True
    conda:
        ENVIRONMENT
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
    conda:
        ENVIRONMENT
    threads: STUDY.training.threads
    resources:
        **TRAINING,
    shell:
        recorded(
            "trial.py results/sweep/sweep.yaml data/processed results/trials/{wildcards.trial}"
            f" --trials {len(TRIALS)} {CHECKPOINTS}{WANDB}"
            + (" --wandb-model" if STUDY.sweep.weights == "all" else ""),
            kept_as_fit("results/trials/{wildcards.trial}")
            + " --bars {input.bars}"
            + (
                ""
                if STUDY.sweep.weights == "all"
                else only_stored("results/trials/{wildcards.trial}")
            ),
        )


TRAIN = trained("results/train")


rule train:
    input:
        **STALENESS.inputs(
            TRAIN,
            config=STALENESS.params_subset("train", STUDY.training_config().to_dict()),
            data=FITTED,
            source=FIT,
        ),
    output:
        TRAIN,
    log:
        "logs/train.log",
    benchmark:
        "logs/benchmark/train.tsv"
    retries: RETRIES
    conda:
        ENVIRONMENT
    threads: STUDY.training.threads
    resources:
        **TRAINING,
    shell:
        recorded(
            "train.py {input.config} data/processed results/train --live"
            f" --wandb-project {STUDY.wandb.project} --wandb-model {CHECKPOINTS}{WANDB}",
            kept_as_fit("results/train"),
        )
