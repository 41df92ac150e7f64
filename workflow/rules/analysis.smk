# From trials to an answer.
BASELINES = ["results/baselines.csv", "results/baselines.made-from.json"]
ANSWER = [
    "results/best_config.yaml",
    "results/leaderboard.csv",
    "results/summary.json",
    "results/best/config.yaml",
    "results/made-from.json",
]
BEST = trained("results/best")


rule baselines:
    input:
        **READING.job(
            BASELINES,
            data=MANIFEST,
            source=sources_of("baselines"),
        ),
    output:
        BASELINES,
    log:
        "logs/baselines.log",
    shell:
        recorded("baselines.py data/processed {output[0]}")


rule aggregate:
    input:
        **READING.job(
            ANSWER,
            sweep=SWEEP[0],
            data=MANIFEST,
            baselines=BASELINES[0],
            trials=[trial_result(trial)[0] for trial in TRIALS],
            suggestions=suggested(TRIALS[-1])[-1],  # its record stands for all before
            source=sources_of("aggregate"),
        ),
    output:
        ANSWER,
    log:
        "logs/aggregate.log",
    shell:
        recorded(
            "aggregate.py {input.sweep} {input.data} {input.baselines} results/trials results"
            f" --count {len(TRIALS)}"
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
