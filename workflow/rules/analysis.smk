# From trials to an answer.
BASELINES = ["results/baselines.csv", "results/baselines.provenance.json"]
LEADERBOARD = [
    "results/leaderboard.csv",
    "results/summary.json",
    "results/provenance.json",
]
SUGGESTIONS = suggested(TRIALS[-1])[-1]  # its record stands for all before


rule baselines:
    input:
        **STALENESS.inputs(
            BASELINES,
            data=MANIFEST,
            source=sources_of("baselines"),
        ),
    output:
        BASELINES,
    log:
        "logs/baselines.log",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        recorded(f"baselines.py data/processed {BASELINES[0]}")


rule aggregate:
    input:
        **STALENESS.inputs(
            LEADERBOARD,
            search=SEARCH,
            baselines=BASELINES[0],
            trials=[path for trial in TRIALS for path in trial_result(trial)[:2]],
            suggestions=SUGGESTIONS,
            source=sources_of("aggregate"),
        ),
    output:
        report(
            LEADERBOARD[0],
            caption="../report/leaderboard.rst",
            category="Tables",
        ),
        LEADERBOARD[1:],
    log:
        "logs/aggregate.log",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        recorded(
            "aggregate.py {input.search} {input.baselines} results/trials results"
            f" --count {len(TRIALS)}"
        )


# The trials once more without bars, when the sweep has ended: finished ones come from the store,
# stopped ones go on.
AUDITED = [trained(f"results/audit/{trial}", weights=False) for trial in TRIALS]
AUDIT = ["results/audit/audit.csv", "results/audit/provenance.json"]

if STUDY.sweep.audit:
    FINISH = {
        trial: STALENESS.inputs(
            outs,
            config=suggested(trial)[0],
            after=LEADERBOARD[0],
            data=FITTED,
            source=FIT,
        )
        for trial, outs in zip(TRIALS, AUDITED)
    }

    rule finish:
        input:
            unpack(lambda wildcards: FINISH[wildcards.trial]),
        output:
            trained("results/audit/{trial}", weights=False),
        log:
            "logs/audit/{trial}.log",
        conda:
            ENVIRONMENT
        threads: STUDY.training.threads
        resources:
            **TRAINING,
        shell:
            recorded(
                "train.py {input.config} data/processed results/audit/{wildcards.trial}"
                " --label 'audit of trial {wildcards.trial}'"
                f" --wandb-project {STUDY.wandb.project} --wandb-job audit"
                f" --sweep results/sweep/sweep.yaml {CHECKPOINTS}{WANDB}",
                kept_as_fit("results/audit/{wildcards.trial}")
                + " --after {input.after}"
                + only_stored("results/audit/{wildcards.trial}"),
            )

    rule audit:
        input:
            **STALENESS.inputs(
                AUDIT,
                search=SEARCH,
                trials=[trial_result(trial)[0] for trial in TRIALS],
                suggestions=SUGGESTIONS,
                finished=[outs[0] for outs in AUDITED],
                source=sources_of("audit"),
            ),
        output:
            AUDIT,
        log:
            "logs/audit.log",
        localrule: True
        conda:
            ENVIRONMENT
        shell:
            recorded(
                "audit_pruning.py {input.search} results/trials results/audit"
                f" {AUDIT[0]} {len(TRIALS)}"
            )
