# Findings on the finished sweep, the next sweep, and the report on all of it.
ANALYSIS_TABLES = (
    "trials",
    "importance",
    "effects",
    "batch_size",
    "learning_rate",
    "map",
    "gap",
)
ANALYSIS = [
    *(f"results/analysis/{name}.csv" for name in ANALYSIS_TABLES),
    "results/analysis/findings.json",
    "results/analysis/surrogate.json",
    "results/analysis/origin.json",
    "results/analysis/provenance.json",
]
NEXT = [
    "results/next/params.yaml",
    "results/next/sweep.yaml",
    "results/next/rationale.md",
    "results/next/changes.diff",
    "results/next/provenance.json",
]
REPORT = [
    "results/report.html",
    "results/report.md",
    "results/plots",
    "results/report.provenance.json",
]
CARD = ["results/model_card.md", "results/model_card.provenance.json"]
ASSETS = "src/segsweep/report/assets"


rule analyze_sweep:
    input:
        **tracked(
            ANALYSIS,
            search=SEARCH,
            trials=ENDED_TRIALS,
            suggestions=LAST_SUGGESTION,
            selection=SELECTION[2],
            code=code_of("analyze_sweep"),
        ),
    output:
        ANALYSIS,
    log:
        "logs/analyze_sweep.log",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        run_job(f"analyze_sweep.py results results/analysis --count {len(TRIALS)}")


rule propose_next_sweep:
    input:
        **tracked(
            NEXT,
            study=params_subset("study", STUDY.to_params()),
            analysis="results/analysis/surrogate.json",
            selection=SELECTION[1],
            search=SEARCH,
            trials=ENDED_TRIALS,
            suggestions=LAST_SUGGESTION,
            code=code_of("propose_next_sweep"),
        ),
    output:
        NEXT,
    log:
        "logs/propose_next_sweep.log",
    localrule: STUDY.hardware.target is not None  # else for the device of a node
    conda:
        ENVIRONMENT
    resources:
        **(TRAINING if STUDY.hardware.target is None else {}),
    shell:
        run_job(
            "propose_next_sweep.py results {input.study} results/next"
            f" --count {len(TRIALS)}"
        )


rule report:
    input:
        **tracked(
            REPORT,
            analysis=ANALYSIS[:-1],
            leaderboard=LEADERBOARD[:2],
            baselines=BASELINES[0],
            selection=SELECTION[:3],
            tested=TEST[:-1],
            best="results/best/images.csv",
            next=NEXT[:-1],
            trials=ENDED_TRIALS,
            assets=[
                f"{ASSETS}/{name}"
                for name in ("report.html.jinja", "style.css", "script.js")
            ],
            code=code_of("report"),
        ),
    output:
        report(REPORT[0], caption="../report/report.rst", category="Report"),
        REPORT[1],
        report(
            directory(REPORT[2]),
            patterns=["{name}.svg"],
            caption="../report/plot.rst",
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
        run_job("report.py results")


rule model_card:
    input:
        **tracked(
            CARD,
            model="results/best/model.json",
            data="data/processed/summary.json",
            readme=RAW[3],
            selection=SELECTION[1:3],
            tested=TEST[1],
            baselines=BASELINES[0],
            assets=f"{ASSETS}/model_card.md.jinja",
            code=code_of("model_card"),
        ),
    output:
        CARD,
    log:
        "logs/model_card.log",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        run_job("model_card.py results {input.data} {input.readme}" f" {CARD[0]}")
