# The winner: the sweep's best again under new seeds, and then, once, on the test split.
CONFIRM = STUDY.confirm
RUNS = [f"{i:03d}" for i in range(CONFIRM.candidates * CONFIRM.seeds)]
ANSWER = [
    "results/confirm/confirmation.csv",
    "results/confirm/verdict.json",
    "results/best_config.yaml",
    "results/best/config.yaml",
    "results/confirm/provenance.json",
]
BEST = trained("results/best")
TEST = [
    "results/test/images.csv",
    "results/test/summary.json",
    "results/test/gallery/best.png",
    "results/test/gallery/median.png",
    "results/test/gallery/worst.png",
    "results/test/provenance.json",
]


# As suggest and trial in turn: who is trained next follows from the runs that have ended.
CHALLENGE, RERUN = {}, {}
for i, run in enumerate(RUNS):
    CHALLENGE[run] = STALENESS.inputs(
        challenged(run),
        search=SEARCH,
        leaderboard=LEADERBOARD[0],
        suggestions=SUGGESTIONS,
        source=sources_of("challenge"),
        before=challenged(RUNS[i - 1])[-1:] if i else [],
        seen=(
            rerun_result(RUNS[i - CONFIRM.parallel])[:1]
            if i >= CONFIRM.parallel
            else []
        ),
    )
    RERUN[run] = STALENESS.inputs(
        rerun_result(run),
        config=challenged(run)[0],
        data=FITTED,
        source=FIT,
    )


rule challenge:
    input:
        unpack(lambda wildcards: CHALLENGE[wildcards.run]),
    output:
        challenged("{run}"),
    log:
        "logs/challenge/{run}.log",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        recorded(
            f"select_rerun.py {SEARCH} results {{wildcards.run}} --candidates {CONFIRM.candidates}"
            f" --seeds {CONFIRM.seeds} --parallel {CONFIRM.parallel}"
        )


rule rerun:
    input:
        unpack(lambda wildcards: RERUN[wildcards.run]),
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
        recorded(
            "train.py {input.config} data/processed results/confirm/{wildcards.run}"
            f" --label 'confirm {{wildcards.run}} (of {len(RUNS)})'"
            f" --wandb-project {STUDY.wandb.project} --wandb-job confirm"
            f" --sweep results/sweep/sweep.yaml {CHECKPOINTS}{WANDB}",
            kept_as_fit("results/confirm/{wildcards.run}")
            + only_stored("results/confirm/{wildcards.run}"),
        )


rule confirm:
    input:
        **STALENESS.inputs(
            ANSWER,
            search=SEARCH,
            data=MANIFEST,
            leaderboard=LEADERBOARD[0],
            trials=[path for trial in TRIALS for path in trial_result(trial)[:2]],
            suggestions=SUGGESTIONS,
            runs=[rerun_result(run)[0] for run in RUNS],
            challenges=challenged(RUNS[-1])[-1:] if RUNS else [],
            source=sources_of("confirm"),
        ),
    output:
        report(
            ANSWER[0],
            caption="../report/confirmation.rst",
            category="Tables",
        ),
        ANSWER[1:],
    log:
        "logs/confirm.log",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        recorded(
            "confirm.py {input.search} {input.data} results"
            f" --candidates {CONFIRM.candidates} --runs {len(RUNS)}"
        )


# The winner with its weights: the same key as its trial, so it comes from the store.
rule best:
    input:
        **STALENESS.inputs(
            BEST,
            config="results/best/config.yaml",
            data=FITTED,
            source=FIT,
        ),
    output:
        BEST,
    log:
        "logs/best.log",
    conda:
        ENVIRONMENT
    threads: STUDY.training.threads
    resources:
        **TRAINING,
    shell:
        recorded(
            "train.py {input.config} data/processed results/best --label best"
            " --checkpoints @checkpoints --key @key",
            "--tag fit",
        )


# The test split is read here, once, for the winner alone.
rule judge:
    input:
        **STALENESS.inputs(
            TEST,
            best=[f"results/best/{name}" for name in MODEL],
            data=[*FITTED, "data/processed/sources.csv"],
            source=sources_of("judge"),
        ),
    output:
        TEST,
    log:
        "logs/judge.log",
    conda:
        ENVIRONMENT
    threads: STUDY.training.threads
    resources:
        **TRAINING,
    shell:
        recorded("evaluate_test.py results/best data/processed results/test")
