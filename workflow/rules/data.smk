# From a sample, or the user's own images, to arrays, splits and a report on them.
RAW = [
    "data/raw/images",
    "data/raw/masks",
    "data/raw/groups.csv",
    "data/raw/README.md",
    "data/raw/provenance.json",
]
PROCESSED = [
    "data/processed/images.npy",
    "data/processed/masks.npy",
    "data/processed/manifest.csv",
    "data/processed/sources.csv",
    "data/processed/problems.csv",
    "data/processed/summary.json",
    "data/processed/preprocessing.json",
    "data/processed/provenance.json",
]
MANIFEST = "data/processed/manifest.csv"  # its hashes stand for the arrays
DATA_REPORT = [
    "results/data_report.md",
    "results/data/contact_sheet.png",
    "results/data/statistics.csv",
    "results/data/statistics.png",
    "results/data/provenance.json",
]
LEFT_OUT = ["data/raw/excluded.csv"] if Path("data/raw/excluded.csv").exists() else []


if not TRACKED.exists():

    rule sample:
        input:
            **STALENESS.inputs(
                RAW,
                study=STALENESS.params_subset("sample", STUDY.part("data")),
                source=sources_of("sample"),
            ),
        output:
            directory(RAW[:2]),
            RAW[2:],
        log:
            "logs/sample.log",
        localrule: True
        conda:
            ENVIRONMENT
        shell:
            recorded("sample.py {input.study} data/raw")


rule preprocess:
    input:
        **STALENESS.inputs(
            PROCESSED,
            study=STALENESS.params_subset("preprocess", STUDY.part("preprocess")),
            raw=[*RAW[:3], *LEFT_OUT],
            source=sources_of("preprocess"),
        ),
    output:
        PROCESSED,
    log:
        "logs/preprocess.log",
    localrule: True
    conda:
        ENVIRONMENT
    threads: workflow.cores
    shell:
        recorded(
            "preprocess.py {input.study} data/raw data/processed --workers {threads}"
        )


rule data_report:
    input:
        **STALENESS.inputs(
            DATA_REPORT,
            data=PROCESSED[2:-1],
            source=sources_of("data_report"),
        ),
    output:
        DATA_REPORT,
    log:
        "logs/data_report.log",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        recorded("data_report.py data/processed results")
