# From trials to a leaderboard; and, if the study asks for it, what pruning has cost.
BASELINES = ["results/baselines.csv", "results/baselines.provenance.json"]
LEADERBOARD = [
    "results/leaderboard.csv",
    "results/summary.json",
    "results/provenance.json",
]
LAST_SUGGESTION = suggested(TRIALS[-1])[-1]  # its record covers all earlier suggestions
ENDED_TRIALS = [path for trial in TRIALS for path in trial_result(trial)[:2]]


rule baselines:
    input:
        **tracked(
            BASELINES,
            data=MANIFEST,
            code=code_of("baselines"),
        ),
    output:
        BASELINES,
    log:
        "logs/baselines.log",
    localrule: True
    conda:
        ENVIRONMENT
    shell:
        run_job(f"baselines.py data/processed {BASELINES[0]}")


rule aggregate:
    input:
        **tracked(
            LEADERBOARD,
            search=SEARCH,
            baselines=BASELINES[0],
            trials=ENDED_TRIALS,
            suggestions=LAST_SUGGESTION,
            code=code_of("aggregate"),
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
        run_job(
            "aggregate.py {input.search} {input.baselines} results/trials results"
            f" --count {len(TRIALS)}"
        )


# The trials without pruning, after the sweep: unpruned ones come from the cache, pruned ones
# continue from their last epoch.
UNPRUNED = [trained(f"results/audit/{trial}", weights=False) for trial in TRIALS]
AUDIT = ["results/audit/audit.csv", "results/audit/provenance.json"]

if STUDY.sweep.audit:
    TRAIN_TO_END = {
        trial: tracked(
            outputs,
            config=suggested(trial)[0],
            after=LEADERBOARD[0],
            data=TRAINING_DATA,
            code=TRAINING_CODE,
        )
        for trial, outputs in zip(TRIALS, UNPRUNED)
    }

    rule train_pruned_to_end:
        input:
            unpack(lambda wildcards: TRAIN_TO_END[wildcards.trial]),
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
            run_job(
                "train.py {input.config} data/processed results/audit/{wildcards.trial}"
                " --label 'audit of trial {wildcards.trial}'"
                f" --wandb-project {STUDY.wandb.project} --wandb-job audit"
                f" --sweep results/sweep/sweep.yaml {TRAIN_OPTIONS}{WANDB}",
                cached_training(
                    "results/audit/{wildcards.trial}", False, "{input.after}"
                ),
            )

    rule audit_pruning:
        input:
            **tracked(
                AUDIT,
                search=SEARCH,
                trials=[trial_result(trial)[0] for trial in TRIALS],
                suggestions=LAST_SUGGESTION,
                unpruned=[outputs[0] for outputs in UNPRUNED],
                code=code_of("audit_pruning"),
            ),
        output:
            AUDIT,
        log:
            "logs/audit_pruning.log",
        localrule: True
        conda:
            ENVIRONMENT
        shell:
            run_job(
                "audit_pruning.py {input.search} results/trials results/audit"
                f" {AUDIT[0]} {len(TRIALS)}"
            )
