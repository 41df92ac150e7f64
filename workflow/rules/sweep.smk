# The sweep: a W&B configuration, then suggest and trial in turn; and the single run.
SWEEP = [
    "results/sweep/sweep.yaml",
    "results/sweep/training.yaml",
    "results/sweep/search.yaml",
    "results/sweep/provenance.json",
]
SEARCH = SWEEP[2]
TRIALS = [f"{i:03d}" for i in range(STUDY.trial_count)]
IN_FLIGHT = STUDY.sweep.parallel
TRAINING_DATA = [MANIFEST, "data/processed/preprocessing.json"]
TRAIN_OPTIONS = f"--checkpoints @checkpoints --key @key --final-marker @final --images {STUDY.wandb.images}"
# Where W&B runs go is no input of a training, so changing it makes no result stale.
WANDB = (f" --wandb-entity {STUDY.wandb.entity}" if STUDY.wandb.entity else "") + (
    " --wandb-online" if STUDY.wandb.mode == "online" else ""
)
KEEP_ALL_WEIGHTS = STUDY.sweep.weights == "all"
PRIOR = STUDY.sweep.prior_trials if isinstance(STUDY.sweep.prior_trials, str) else None


rule sweep:
    input:
        **tracked(
            SWEEP,
            study=params_subset("sweep", STUDY.sweep_subset()),
            prior=["studies/prior/README.md", *([PRIOR] if PRIOR else [])],
            code=code_of("sweep"),
        ),
    output:
        SWEEP,
    log:
        "logs/sweep.log",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        run_job("sweep.py {input.study} results/sweep")


# A trial's suggestion depends on all earlier trials but those still in flight. The record of the
# suggestion before it covers the older results, so two edges for each trial are enough.
SUGGEST, TRIAL = {}, {}
SUGGEST_CODE = code_of("suggest")
PRUNING_CODE = STALENESS.sources(
    "pruning",
    ["src/segsweep/training/pruning.py", f"{SCRIPTS}/truncate_pruned.py"],
)
for i, trial in enumerate(TRIALS):
    SUGGEST[trial] = tracked(
        suggested(trial),
        search=SEARCH,
        code=SUGGEST_CODE,
        previous=suggested(TRIALS[i - 1])[-1:] if i else [],
        ended=trial_result(TRIALS[i - IN_FLIGHT])[:2] if i >= IN_FLIGHT else [],
    )
    TRIAL[trial] = tracked(
        trial_result(trial),
        config=suggested(trial)[0],
        pruning=[suggested(trial)[2], PRUNING_CODE],
        data=TRAINING_DATA,
        code=TRAINING_CODE,
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
        run_job(
            f"suggest.py {SEARCH} results/trials {{wildcards.trial}} --parallel {IN_FLIGHT}",
            "--cache suggest-{wildcards.trial} --packages numpy scipy",
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
        run_job(
            "trial.py results/sweep/sweep.yaml data/processed results/trials/{wildcards.trial}"
            f" --trials {len(TRIALS)} {TRAIN_OPTIONS}{WANDB}"
            + (" --wandb-model" if KEEP_ALL_WEIGHTS else ""),
            cached_training(
                "results/trials/{wildcards.trial}", KEEP_ALL_WEIGHTS, "{input.pruning}"
            )
            + f" --after-restore {SCRIPTS}/truncate_pruned.py"
            + " results/trials/{wildcards.trial} {input.pruning[0]}",
        )


TRAIN = trained("results/train")


rule train:
    input:
        **tracked(
            TRAIN,
            config=params_subset("train", STUDY.training_config().to_dict()),
            data=TRAINING_DATA,
            code=TRAINING_CODE,
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
        run_job(
            "train.py {input.config} data/processed results/train --live"
            f" --wandb-project {STUDY.wandb.project} --wandb-model {TRAIN_OPTIONS}{WANDB}",
            cached_training("results/train"),
        )
