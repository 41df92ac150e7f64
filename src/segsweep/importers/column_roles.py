"""Decide which columns of a W&B export are parameters and which are outcomes.

W&B's export puts the columns of a run's configuration next to those of its summary without saying
which is which. Columns that the caller or a sweep configuration names are known. For all others
these rules are applied in order; each prefers to miss a parameter over taking an outcome for one:

- W&B's own columns (Name, State, Runtime, `_step`, ...) and parts of a sweep configuration that
  was logged with the runs (`parameters.lr.min`) are neither.
- Text, lists and booleans can only be parameters. Text with an unknown name must have a value in
  every row; `logged_runs` leaves out free text.
- A number has the role that its name says (`role`): `learning_rate`, `l2_reg` and `model.depth` are
  parameters; `val_loss`, `val/dice`, `best_epoch` and `val_dice.max` are outcomes. The name is
  split into words at punctuation and capitals. Of a dotted name, the last part is looked up first.
  Of two names of the same thing (`learning_rate` and, later, `lr`) the second was logged during
  training.
- A number with an unknown name is a parameter if it has a value in every row, also in failed ones,
  if its column is before the first outcome (W&B puts the configuration first), and if it has the
  same value in every row, repeats exactly, or there are rows without any outcome.
- Every other number is an outcome.

The lists of words below are common in the field and in W&B.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from segsweep.config.training_config import SEARCHABLE
from segsweep.importers.parsing import number

Role = Literal["parameter", "outcome"]
Row = Mapping[str, Any]


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split(","))


BOOKKEEPING = _words(
    "name,id,run,run id,run_id,display name,state,status,notes,description,user,username,tags,"
    "created,created at,created_at,updated,updated at,heartbeat,start time,end time,runtime,"
    "duration,sweep,sweep id,sweep name,group,job type,job_type,project,entity,url,agent,host,"
    "hostname,commit,github,git,gpu type,gpu count,cpu count,os,python,python version,command,"
    "program,reason,error,exception,seed,random_seed,random seed,rank,trial,chosen_by,expected,"
    "expected_sd,posterior_mean,posterior_sd"
)
"""W&B's own columns, columns of this project's leaderboard that are neither parameter nor outcome,
and seeds, which distinguish replicates."""

SPEC_KEYS = _words("value,values,min,max,distribution,mu,sigma,q,a,b,probabilities,parameters")
"""Keys of a parameter in a sweep configuration."""

AGGREGATES = _words("min,max,mean,best,last,first,copy")
"""Endings of a metric's name: W&B appends them where `define_metric` sets the summary, and
`csv_export` appends `copy` to the second column of the same name."""

COUNT_WORDS = _words("batch,batchsize,bs,channels,depth,features,filters,layers,size,units")
PARAMETER_WORDS = COUNT_WORDS | _words(
    "activation,alpha,arch,architecture,augment,augmentation,backbone,beta,beta1,beta2,decay,"
    "dropout,encoder,epochs,fold,fraction,gamma,hidden,kernel,l1,l2,learning,learningrate,lr,model,"
    "momentum,neurons,norm,optimiser,optimizer,patience,reg,regularisation,regularization,"
    "scheduler,seed,shape,split,task,warmup,wd,weight,weights,width,height"
)
SMALLER_IS_BETTER = _words("loss,err,error,mse,mae,rmse,hausdorff,hd95")
QUALITY_WORDS = SMALLER_IS_BETTER | _words(
    "acc,accuracy,auc,auroc,dice,f1,iou,jaccard,kappa,precision,psnr,recall,score,sensitivity,"
    "specificity,ssim"
)
VALIDATION_WORDS = _words("val,valid,validation")
OUTCOME_WORDS = (QUALITY_WORDS | VALIDATION_WORDS) | _words(
    "duration,epoch,iter,iteration,metric,seconds,step,steps,test,time,train,training"
)
ALWAYS_OUTCOME = _words(
    "best,effective,final,grad,grads,gradient,gradients,params,parameters,flops,elapsed,gpu,"
    "memory,throughput"
)
"""A name with one of these words is an outcome, such as `effective_batch_size`."""

FREE_TEXT_WORDS = _words(
    "checkpoint,commit,date,dir,directory,file,folder,host,message,path,reason,status,time,url,"
    "version"
)
SYNONYMS = (_words("learning_rate,lr,learningrate"), _words("batch_size,batch,batchsize,bs"))
"""Names of the same thing: the first column is the parameter, later ones were logged over time."""

KNOWN_PARAMETERS = frozenset(SEARCHABLE) - {"loss"}


def words(name: str) -> list[str]:
    """Split a name into lower-case words."""
    separated = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return [word for word in re.split(r"[^a-z0-9]+", separated) if word]


def metric_of(name: str) -> str:
    """Return the metric that a column aggregates: `val_dice` for `val_dice.max`."""
    before, _, last = name.rpartition(".")
    return before if before and last in AGGREGATES else name


def is_bookkeeping(name: str) -> bool:
    """Whether this is a column of W&B, or part of a sweep configuration logged with a run."""
    parts = name.split(".")
    is_spec = parts[0] in ("parameters", "sweep_config", "sweep") and parts[-1] in SPEC_KEYS
    is_setting = len(parts) > 1 and parts[0] in ("metric", "early_terminate", "sweep_config")
    return name.lower() in BOOKKEEPING or name.startswith("_") or is_spec or is_setting


def is_free_text(name: str) -> bool:
    return not FREE_TEXT_WORDS.isdisjoint(words(name))


def is_count(name: str) -> bool:
    """Whether a parameter counts things, such as a batch size."""
    return not COUNT_WORDS.isdisjoint(words(name))


def is_quality(name: str) -> bool:
    """Whether a number of this name says how good a run is."""
    return not QUALITY_WORDS.isdisjoint(words(metric_of(name)))


def is_validation(name: str) -> bool:
    return not VALIDATION_WORDS.isdisjoint(words(name))


def is_smaller_better(name: str) -> bool:
    return not SMALLER_IS_BETTER.isdisjoint(words(metric_of(name)))


def role(name: str) -> Role | None:
    """Return the role of a column of numbers by its name alone; None if that is unknown."""
    if "/" in name or name.startswith("lr-") or metric_of(name) != name:
        return "outcome"  # names given by the loggers of W&B and Lightning
    if name in KNOWN_PARAMETERS:
        return "parameter"
    return _role_of_words(words(name.rpartition(".")[2])) or _role_of_words(words(name))


def _role_of_words(name_words: Iterable[str]) -> Role | None:
    unique = set(name_words)
    if unique & ALWAYS_OUTCOME:
        return "outcome"
    if unique & PARAMETER_WORDS:
        return "parameter"
    return "outcome" if unique & OUTCOME_WORDS else None


@dataclass(frozen=True)
class Columns:
    """The names of the parameters and of the outcomes, in the order of the table."""

    parameters: list[str]
    outcomes: list[str]


def classify_columns(
    rows: Sequence[Row], parameters: Collection[str] = (), metric: str | None = None
) -> Columns:
    """Return the parameters and the outcomes of a table.

    Args:
        rows: The rows with typed cells, all with the same columns.
        parameters: Columns that are known to be parameters.
        metric: A column that is known to be an outcome.
    """
    names = [name for name in rows[0] if _is_used(name, rows, {*parameters, metric})]
    numeric = [name for name in names if _is_numeric(rows, name)]
    roles: dict[str, str] = {name: by_name for name in numeric if (by_name := role(name))}
    roles |= dict.fromkeys(_later_synonyms(names), "outcome")
    outcomes = [name for name in numeric if roles.get(name) == "outcome"]
    first_outcome = names.index(outcomes[0]) if outcomes else len(names)
    without_outcome = [row for row in rows if all(row[name] is None for name in outcomes)]
    for position, name in enumerate(names):
        if name not in numeric:
            roles[name] = "parameter" if _is_choice(rows, name) else "text"
        elif name not in roles:
            is_early = position < first_outcome and _is_full(rows, name)
            is_setting = _is_repeated(rows, name) or (bool(outcomes) and bool(without_outcome))
            roles[name] = "parameter" if is_early and is_setting else "outcome"
    roles |= dict.fromkeys(parameters, "parameter")
    if metric is not None:
        roles[metric] = "outcome"
    return Columns(*([n for n in names if roles[n] == kind] for kind in ("parameter", "outcome")))


def _is_used(name: str, rows: Sequence[Row], known: Collection[str | None]) -> bool:
    if name in known:
        return True
    return not is_bookkeeping(name) and any(row[name] is not None for row in rows)


def _is_numeric(rows: Sequence[Row], name: str) -> bool:
    return all(row[name] is None or number(row[name]) is not None for row in rows)


def _is_full(rows: Sequence[Row], name: str) -> bool:
    return all(row[name] is not None for row in rows)


def _is_repeated(rows: Sequence[Row], name: str) -> bool:
    return len({row[name] for row in rows}) <= max(1, len(rows) // 2)


def _is_choice(rows: Sequence[Row], name: str) -> bool:
    is_known = name in KNOWN_PARAMETERS or not PARAMETER_WORDS.isdisjoint(words(name))
    is_setting = is_known or (_is_full(rows, name) and not is_free_text(name))
    return metric_of(name) == name and is_setting


def _later_synonyms(names: Sequence[str]) -> list[str]:
    """Return all but the first of the columns that have names of the same thing."""
    later = []
    for synonyms in SYNONYMS:
        later += [name for name in names if name.rpartition(".")[2].lower() in synonyms][1:]
    return later
