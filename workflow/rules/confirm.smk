# The confirmation: the best candidates of the sweep are retrained under new seeds.
# One of them becomes the selected configuration.
CONFIRM = STUDY.confirm
RUNS = [f"{i:03d}" for i in range(CONFIRM.candidates * CONFIRM.seeds)]
SELECTION = [
    "results/confirm/confirmation.csv",
    "results/confirm/verdict.json",
    "results/best_config.yaml",
    "results/best/config.yaml",
    "results/confirm/provenance.json",
]


# As suggest and trial in turn: which candidate is retrained next depends on the ended runs.
SELECT_RERUN, TRAIN_RERUN = {}, {}
SELECT_CODE = code_of("select_rerun")
for i, run in enumerate(RUNS):
    SELECT_RERUN[run] = tracked(
        selected_rerun(run),
        search=SEARCH,
        leaderboard=LEADERBOARD[0],
        suggestions=LAST_SUGGESTION,
        code=SELECT_CODE,
        previous=selected_rerun(RUNS[i - 1])[-1:] if i else [],
        ended=(
            rerun_result(RUNS[i - CONFIRM.parallel])[:1]
            if i >= CONFIRM.parallel
            else []
        ),
    )
    TRAIN_RERUN[run] = tracked(
        rerun_result(run),
        config=selected_rerun(run)[0],
        data=TRAINING_DATA,
        code=TRAINING_CODE,
    )


rule select_rerun:
    input:
        unpack(lambda wildcards: SELECT_RERUN[wildcards.run]),
    output:
        selected_rerun("{run}"),
    log:
        "logs/select_rerun/{run}.log",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        run_job(
            f"select_rerun.py {SEARCH} results {{wildcards.run}}"
            f" --candidates {CONFIRM.candidates} --seeds {CONFIRM.seeds}"
            f" --parallel {CONFIRM.parallel}"
        )


rule train_rerun:
    input:
        unpack(lambda wildcards: TRAIN_RERUN[wildcards.run]),
    output:
        rerun_result("{run}"),
    log:
        "logs/confirm/{run}.log",
    benchmark:
        "logs/benchmark/confirm-{run}.tsv"
    retries: RETRIES
    conda:
        ENVIRONMENT
    threads: STUDY.training.threads
    resources:
        **TRAINING,
    shell:
        run_job(
            "train.py {input.config} data/processed results/confirm/{wildcards.run}"
            f" --label 'confirm {{wildcards.run}} (of {len(RUNS)})'"
            f" --wandb-project {STUDY.wandb.project} --wandb-job confirm"
            f" --sweep results/sweep/sweep.yaml {TRAIN_OPTIONS}{WANDB}",
            cached_training("results/confirm/{wildcards.run}", weights=False),
        )


rule confirm:
    input:
        **tracked(
            SELECTION,
            search=SEARCH,
            data=MANIFEST,
            leaderboard=LEADERBOARD[0],
            trials=ENDED_TRIALS,
            suggestions=LAST_SUGGESTION,
            runs=[rerun_result(run)[0] for run in RUNS],
            selections=selected_rerun(RUNS[-1])[-1:] if RUNS else [],
            code=code_of("confirm"),
        ),
    output:
        report(
            SELECTION[0],
            caption="../report/confirmation.rst",
            category="Tables",
        ),
        SELECTION[1:],
    log:
        "logs/confirm.log",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        run_job(
            "confirm.py {input.search} {input.data} results"
            f" --candidates {CONFIRM.candidates} --runs {len(RUNS)}"
        )
