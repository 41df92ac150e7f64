# From a sample to arrays, splits and a picture of them.
RAW = [
    "data/raw/images",
    "data/raw/masks",
    "data/raw/groups.csv",
    "data/raw/README.md",
    "data/raw/made-from.json",
]
PROCESSED = [
    "data/processed/images.npy",
    "data/processed/masks.npy",
    "data/processed/manifest.csv",
    "data/processed/summary.json",
    "data/processed/made-from.json",
]
MANIFEST = "data/processed/manifest.csv"  # its hashes stand for the arrays
CONTACT_SHEET = ["results/contact_sheet.png", "results/contact_sheet.made-from.json"]


if not TRACKED.exists():

    rule sample:
        input:
            **READING.job(
                RAW,
                study=READING.fragment("sample", STUDY.part("data")),
                source=sources_of("sample"),
            ),
        output:
            directory(RAW[:2]),
            RAW[2:],
        log:
            "logs/sample.log",
        shell:
            recorded("sample.py {input.study} data/raw")


rule preprocess:
    input:
        **READING.job(
            PROCESSED,
            study=READING.fragment("preprocess", STUDY.part("preprocess")),
            raw=RAW[:3],
            source=sources_of("preprocess"),
        ),
    output:
        PROCESSED,
    log:
        "logs/preprocess.log",
    shell:
        recorded("preprocess.py {input.study} data/raw data/processed")


rule contact_sheet:
    input:
        **READING.job(
            CONTACT_SHEET,
            data=MANIFEST,
            source=sources_of("contact_sheet"),
        ),
    output:
        CONTACT_SHEET,
    log:
        "logs/contact_sheet.log",
    shell:
        recorded("contact_sheet.py data/processed {output[0]}")
