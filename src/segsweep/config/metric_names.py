"""What the name of a metric says: which direction is better, its range, and on which images.

A name is split into words at punctuation and capitals. The words are common in the field: scores
of overlap and classification, distances between surfaces, rates of errors, and losses.
"""

import re

from segsweep.config.objective import Goal


def word_set(listed: str) -> frozenset[str]:
    """Return the words of a list with commas."""
    return frozenset(listed.split(","))


AGGREGATES = word_set("min,max,mean,best,last,first,copy")
"""Endings of a metric's name: W&B appends them where `define_metric` sets the summary, and
`csv_export` appends `copy` to the second column of the same name."""

_SHARES = word_set(
    "acc,accuracy,ap,auc,auroc,auprc,cldice,dice,dsc,f1,f2,fbeta,fmeasure,fscore,iou,jaccard,jsc,"
    "map,miou,mdice,npv,nsd,nsdice,overlap,ppv,pq,precision,prauc,recall,rocauc,sens,sensitivity,"
    "spec,specificity,ssim,tnr,tpr"
)
"""Scores between 0 and 1."""

_OTHER_SCORES = word_set("aji,cc,correlation,kappa,mcc,pearson,psnr,r2,similarity")
_ANY_SCORE = word_set("score,scores")
"""These count only where no other word is known: `fpr_score` is a rate of errors."""

_ERROR_SHARES = word_set("fdr,fnr,fpr,voe")
"""Rates of errors, between 0 and 1."""

_DISTANCES = word_set(
    "asd,assd,asssd,avd,bce,brier,ce,crossentropy,dist,distance,ece,emd,fn,fp,hausdorff,hd,kl,kld,"
    "mae,masd,md,mse,msd,nll,perplexity,ravd,rmse,rmsd,rvd,vd"
)
_INVERTED = word_set("loss,losses,error,errors,err,cost")
"""With one of these words smaller is better, whatever else the name says: `dice_loss`."""

_OUTCOMES_OF_A_TEST = word_set("positive,positives,negative,negatives,discovery,omission")
"""`false_negative_rate`, `true_positives`, `positive_predictive_value`."""

_NEGATED = word_set("neg,negated,inverse,inverted,complement")
_SPREADS = word_set("change,ci,delta,diff,difference,drop,gap,sd,sem,std,stderr,stdev,var,variance")
"""A number of this name is no measure of quality."""

_VALIDATION = word_set("val,valid,validation,dev,eval,evaluation")
TRAINING_WORDS = word_set("train,training,trn")
_TEST = word_set("test,testing,tst,holdout")

_WITHIN_WORDS = ("accuracy", "dice", "hausdorff", "iou", "jaccard", "loss", "precision", "recall")
"""Looked for at the start and at the end of longer words, such as `dicecoef` or `meaniou`."""


def words(name: str) -> list[str]:
    """Split a name into lower-case words."""
    separated = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.replace("IoU", "Iou")).lower()
    return [word for word in re.split(r"[^a-z0-9]+", separated) if word]


def metric_of(name: str) -> str:
    """Return the metric that a column aggregates: `val_dice` for `val_dice.max`."""
    before, _, last = name.rpartition(".")
    return before if before and last in AGGREGATES else name


def better_direction(metric: str) -> Goal | None:
    """Return whether larger or smaller values of a metric are better; None if that is unknown."""
    found = set(_known_words(metric))
    if found & (_SPREADS | _NEGATED):
        return None
    if found & _INVERTED or re.search(r"(?:^|[\W_])(1\s*-|one_minus)", metric):
        return "minimize"
    if found & _OUTCOMES_OF_A_TEST:
        kinds = found & {"true", "false", "predictive"}
        return None if len(kinds) != 1 else "minimize" if "false" in kinds else "maximize"
    scores, costs = found & (_SHARES | _OTHER_SCORES), found & (_ERROR_SHARES | _DISTANCES)
    if bool(scores) != bool(costs):
        return "maximize" if scores else "minimize"
    return "maximize" if found & _ANY_SCORE and not costs else None


def is_share(metric: str) -> bool:
    """Whether the metric is a share between 0 and 1, such as Dice, recall or FPR."""
    found = set(_known_words(metric))
    return (
        bool(found & (_SHARES | _ERROR_SHARES))
        and better_direction(metric) is not None
        and not (found & (_INVERTED | _DISTANCES | _OTHER_SCORES))
    )


def is_dice(metric: str) -> bool:
    return not {"dice", "dsc", "mdice"}.isdisjoint(_known_words(metric))


def is_validation(metric: str) -> bool:
    return _has(metric, _VALIDATION)


def is_training(metric: str) -> bool:
    return _has(metric, TRAINING_WORDS)


def is_test(metric: str) -> bool:
    return _has(metric, _TEST)


def _has(metric: str, known: frozenset[str]) -> bool:
    return not known.isdisjoint(words(metric_of(metric)))


def _known_words(metric: str) -> list[str]:
    """Return the words of a metric's name, those with a known beginning or end as that.

    Numbers at the end of a word are a percentile or a variant: `hd95` is `hd`.
    """
    found = []
    for word in words(metric_of(metric)):
        bare = word.rstrip("0123456789")
        within = [
            known for known in _WITHIN_WORDS if bare.startswith(known) or bare.endswith(known)
        ]
        found += [word, bare, *within]
    return found
