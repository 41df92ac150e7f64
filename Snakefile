# The stages in the order of the data. What DVC versions is in dvc.yaml.


include: "workflow/rules/common.smk"
include: "workflow/rules/outputs.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/sweep.smk"
include: "workflow/rules/analysis.smk"
include: "workflow/rules/confirm.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/report.smk"


STALENESS.save()


rule all:
    default_target: True
    input:
        "results/data_report.md",
        "results/best_config.yaml",
        "results/leaderboard.csv",
        "results/best/metrics.json",
        "results/test/summary.json",
        NEXT[:1],
        REPORT,
        CARD,
        "results/train/metrics.json",
        AUDIT[:1] if STUDY.sweep.audit else [],


onsuccess:
    STALENESS.verify()
