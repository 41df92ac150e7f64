# The selected configuration: its weights, and its results on the test split.
BEST = trained("results/best")
TEST = [
    "results/test/images.csv",
    "results/test/summary.json",
    "results/test/gallery/best.png",
    "results/test/gallery/median.png",
    "results/test/gallery/worst.png",
    "results/test/provenance.json",
]


# It has the cache key of its trial, so its weights come from the cache.
rule best_model:
    input:
        **tracked(
            BEST,
            config=SELECTION[3],
            data=TRAINING_DATA,
            code=TRAINING_CODE,
        ),
    output:
        BEST,
    log:
        "logs/best_model.log",
    conda:
        ENVIRONMENT
    threads: STUDY.training.threads
    resources:
        **TRAINING,
    shell:
        run_job(
            "train.py {input.config} data/processed results/best --label best"
            " --checkpoints @checkpoints --key @key --final-marker @final",
            "--cache training --on-nodes",
        )


# The only rule that reads the test split.
rule evaluate_test:
    input:
        **tracked(
            TEST,
            best=[f"results/best/{name}" for name in MODEL],
            data=[*TRAINING_DATA, "data/processed/sources.csv"],
            code=code_of("evaluate_test"),
        ),
    output:
        TEST,
    log:
        "logs/evaluate_test.log",
    conda:
        ENVIRONMENT
    threads: STUDY.training.threads
    resources:
        **TRAINING,
    shell:
        run_job("evaluate_test.py results/best data/processed results/test")
