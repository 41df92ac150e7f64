# What the finished sweep tells, the next one, and the report on all of it.
ANALYSIS = [
    *(
        f"results/analysis/{name}.csv"
        for name in (
            "trials",
            "importance",
            "effects",
            "batch_size",
            "learning_rate",
            "map",
            "gap",
        )
    ),
    "results/analysis/findings.json",
    "results/analysis/origin.json",
    "results/analysis/provenance.json",
]
NEXT = [
    f"results/next/{name}"
    for name in (
        "params.yaml",
        "sweep.yaml",
        "rationale.md",
        "changes.diff",
        "provenance.json",
    )
]
REPORT = [
    "results/report.html",
    "results/report.md",
    "results/plots",
    "results/report.provenance.json",
]
CARD = ["results/model_card.md", "results/model_card.provenance.json"]
CAPTIONS = "../report"
FINISHED = [path for trial in TRIALS for path in trial_result(trial)[:2]]


rule evaluate:
    input:
        **STALENESS.inputs(
            ANALYSIS,
            search=SEARCH,
            trials=FINISHED,
            suggestions=SUGGESTIONS,
            answer=ANSWER[2],
            source=sources_of("evaluate"),
        ),
    output:
        ANALYSIS,
    log:
        "logs/evaluate.log",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        recorded(
            f"evaluate.py results --out results --count {len(TRIALS)} --only-analysis"
        )


rule redesign:
    input:
        **STALENESS.inputs(
            NEXT,
            study=STALENESS.params_subset("study", STUDY.written()),
            answer=ANSWER[1],
            search=SEARCH,
            trials=FINISHED,
            suggestions=SUGGESTIONS,
            source=sources_of("redesign"),
        ),
    output:
        NEXT,
    log:
        "logs/redesign.log",
    localrule: STUDY.hardware.target is not None  # else it is for a node's device
    conda:
        ENVIRONMENT
    resources:
        **(TRAINING if STUDY.hardware.target is None else {}),
    shell:
        recorded(
            f"propose_next_sweep.py results {{input.study}} results/next --count {len(TRIALS)}"
        )


rule report:
    input:
        **STALENESS.inputs(
            REPORT,
            analysis=ANALYSIS[:-1],
            leaderboard=LEADERBOARD[:2],
            baselines=BASELINES[0],
            answer=ANSWER[:3],
            tested=TEST[:-1],
            best="results/best/images.csv",
            next=NEXT[:-1],
            trials=FINISHED,
            page=[
                f"src/segsweep/analysis/page/{name}"
                for name in ("template.html.jinja", "style.css", "script.js")
            ],
            source=sources_of("report"),
        ),
    output:
        report(REPORT[0], caption=f"{CAPTIONS}/report.rst", category="Report"),
        REPORT[1],
        report(
            directory(REPORT[2]),
            patterns=["{name}.svg"],
            caption=f"{CAPTIONS}/plot.rst",
            category="Plots",
            labels={"plot": "{name}"},
        ),
        REPORT[3],
    log:
        "logs/report.log",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        recorded("report.py results")


rule model_card:
    input:
        **STALENESS.inputs(
            CARD,
            model="results/best/model.json",
            data="data/processed/summary.json",
            readme=RAW[3],
            answer=ANSWER[1:3],
            tested=TEST[1],
            baselines=BASELINES[0],
            page="src/segsweep/analysis/page/model_card.md.jinja",
            source=sources_of("model_card"),
        ),
    output:
        CARD,
    log:
        "logs/model_card.log",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        recorded("model_card.py results {input.data} {input.readme}" f" {CARD[0]}")
