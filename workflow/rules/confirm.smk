# The winner: the sweep's best again under new seeds, and then, once, on the test split.
CONFIRM = STUDY.confirm
RUNS = [f"{i:03d}" for i in range(CONFIRM.candidates * CONFIRM.seeds)]
ANSWER = [
    "results/confirm/confirmation.csv",
    "results/confirm/verdict.json",
    "results/best_config.yaml",
    "results/best/config.yaml",
    "results/confirm/made-from.json",
]
BEST = trained("results/best")
TEST = [
    "results/test/images.csv",
    "results/test/summary.json",
    "results/test/gallery/best.png",
    "results/test/gallery/median.png",
    "results/test/gallery/worst.png",
    "results/test/made-from.json",
]


def challenged(run):
    names = ("config.yaml", "challenge.json", "challenged-from.json")
    return [f"results/confirm/{run}/{name}" for name in names]


def rerun_result(run):
    return trained(f"results/confirm/{run}", weights=False)


# As suggest and trial in turn: who is trained next follows from the runs that have ended.
CHALLENGE, RERUN = {}, {}
for i, run in enumerate(RUNS):
    CHALLENGE[run] = READING.job(
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
    RERUN[run] = READING.job(
        rerun_result(run),
        config=challenged(run)[0],
        data=MANIFEST,
        source=FIT,
    )


rule challenge:
    input:
        unpack(lambda wildcards: CHALLENGE[wildcards.run]),
    output:
        challenged("{run}"),
    log:
        "logs/challenge/{run}.log",
    shell:
        recorded(
            f"challenge.py {SEARCH} results {{wildcards.run}} --candidates {CONFIRM.candidates}"
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
    threads: STUDY.training.threads
    resources:
        gpu=1,
    shell:
        recorded(
            "train.py {input.config} data/processed results/confirm/{wildcards.run}"
            f" --label 'confirm {{wildcards.run}} (of {len(RUNS)})'"
            f" --wandb-project {STUDY.wandb.project} --wandb-job confirm"
            f" --sweep results/sweep/sweep.yaml {CHECKPOINTS}{WANDB}",
            kept_as_fit("results/confirm/{wildcards.run}")
            + f" --stored results/confirm/{{wildcards.run}}/{WEIGHTS}",
        )


rule confirm:
    input:
        **READING.job(
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
    shell:
        recorded(
            "confirm.py {input.search} {input.data} results"
            f" --candidates {CONFIRM.candidates} --runs {len(RUNS)}"
        )


# The winner with its weights: the same key as its trial, so it comes from the store.
rule best:
    input:
        **READING.job(
            BEST,
            config="results/best/config.yaml",
            data=MANIFEST,
            source=FIT,
        ),
    output:
        BEST,
    log:
        "logs/best.log",
    threads: STUDY.training.threads
    resources:
        gpu=1,
    shell:
        recorded(
            "train.py {input.config} data/processed results/best --label best"
            " --checkpoints @checkpoints --key @key",
            "--tag fit",
        )


# The test split is read here, once, for the winner alone.
rule judge:
    input:
        **READING.job(
            TEST,
            config="results/best/config.yaml",
            best=[path for path in BEST if path.endswith((WEIGHTS, "metrics.json"))],
            data=[MANIFEST, "data/processed/sources.csv"],
            source=sources_of("judge"),
        ),
    output:
        TEST,
    log:
        "logs/judge.log",
    threads: STUDY.training.threads
    resources:
        gpu=1,
    shell:
        recorded("judge.py results/best data/processed results/test")
