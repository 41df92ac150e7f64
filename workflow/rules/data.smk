# From the sample, or your own images, to arrays, splits and a report on them.
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
MANIFEST = "data/processed/manifest.csv"  # has the hashes of all arrays
DATA_REPORT = [
    "results/data_report.md",
    "results/data/contact_sheet.png",
    "results/data/statistics.csv",
    "results/data/statistics.png",
    "results/data/provenance.json",
]
EXCLUDED = ["data/raw/excluded.csv"] if Path("data/raw/excluded.csv").exists() else []


if not RAW_DVC_FILE.exists():

    rule sample:
        input:
            **tracked(
                RAW,
                study=params_subset("sample", STUDY.sections("data")),
                code=code_of("sample"),
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
            run_job("sample.py {input.study} data/raw")


rule preprocess:
    input:
        **tracked(
            PROCESSED,
            study=params_subset("preprocess", STUDY.sections("preprocess")),
            raw=[*RAW[:3], *EXCLUDED],
            code=code_of("preprocess"),
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
        run_job(
            "preprocess.py {input.study} data/raw data/processed --workers {threads}"
        )


rule data_report:
    input:
        **tracked(
            DATA_REPORT,
            data=PROCESSED[2:-1],
            code=code_of("data_report"),
        ),
    output:
        DATA_REPORT,
    log:
        "logs/data_report.log",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        run_job("data_report.py data/processed results")
