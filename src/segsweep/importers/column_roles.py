"""Decide which columns of a W&B export are parameters and which are outcomes.

W&B's export puts the columns of a run's configuration next to those of its summary without saying
which is which. Columns that the caller or a sweep configuration names are known. For all others
these rules are applied in order; each prefers to miss a parameter over taking an outcome for one:

- W&B's own columns (Name, State, Runtime, `_step`, ...) and parts of a sweep configuration that
  was logged with the runs (`parameters.lr.min`) are neither.
- Text, lists and booleans can only be parameters. Text with an unknown name must have a value in
  every row; `parameter_values` leaves out free text. A column that is mostly numbers is one of
  numbers.
- A number has the role that its name says (`role`): `learning_rate`, `l2_reg` and `model.depth` are
  parameters; `val_loss`, `val/dice`, `best_epoch` and `val_dice.max` are outcomes. The name is
  split into words at punctuation and capitals. Of a name with parts (`optim/lr`, `optim.lr`), the
  first part decides if it is a group of W&B's loggers (`train/`, `epoch/`) or of parameters
  (`config.`), then the last.
  Of two names of the same thing (`learning_rate` and, later, `lr`) the second was logged during
  training.
- A number with an unknown name is a parameter if it has a value in every row, also in failed ones,
  if its column is before the first outcome (W&B puts the configuration first), and if it has the
  same value in every row, repeats exactly, or there are rows without any outcome.
- Every other number is an outcome.

Columns that distinguish repeated runs of one configuration, seeds and folds, are neither:
`is_replicate`. The lists of words below are common in the field and in W&B.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from segsweep.config.metric_names import better_direction, is_validation, metric_of, words
from segsweep.config.parameter_names import name_parts
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
    "program,reason,error,exception,rank,trial,chosen_by,expected,expected_sd,posterior_mean,"
    "posterior_sd,run count,number,datetime_start,datetime_complete,start_time,end_time,"
    "params_hash,artifact_uri,experiment_id,user_id,trial_id,trial id,experiment key"
)
"""W&B's own columns, those of Optuna, MLflow and others, and columns of this project's
leaderboard that are neither parameter nor outcome."""

BOOKKEEPING_GROUPS = _words("tags,user_attrs,system_attrs,system,sys,_wandb")
OUTCOME_GROUPS = _words(
    "train,training,val,valid,validation,test,eval,epoch,batch,metrics,metric,charts,"
    "gradients,graph,perf,time,timing,best,monitor,log,logs,summary,lr,memory,gpu"
)
"""First parts of names with a slash that the loggers of W&B, Keras and Lightning give."""

PARAMETER_GROUPS = _words(
    "config,cfg,hparam,hparams,hyperparameters,hyper_parameters,hp,param,params,parameters,args"
)
REPLICATE_WORDS = _words("fold,folds,kfold,seed,rng,repeat,repetition,replicate,cv")
REPLICATE_COUNTS = _words("n,num,count,total,max,size,ratio,fraction")
"""`n_folds` is a setting of a training, not the number of a repetition."""

SPLIT_NUMBERS = _words("split,id,idx,index,no,nr,number,data,cv")
"""All words of a name such as `split_id`; `val_split` is a share of the images."""

HARDWARE_WORDS = _words("cpu,cuda,device,devices,driver,gpu,gpus,machine,node,worker,workers")

SPEC_KEYS = _words("value,values,min,max,distribution,mu,sigma,q,a,b,probabilities,parameters")
"""Keys of a parameter in a sweep configuration."""

COUNT_WORDS = _words("batch,batchsize,bs,channels,depth,features,filters,layers,size,units")
PARAMETER_WORDS = COUNT_WORDS | _words(
    "activation,alpha,arch,architecture,augment,augmentation,backbone,beta,beta1,beta2,decay,"
    "dropout,encoder,epochs,fraction,gamma,hidden,kernel,l1,l2,learning,learningrate,lr,model,"
    "momentum,neurons,norm,optimiser,optimizer,patience,reg,regularisation,regularization,"
    "scheduler,shape,task,warmup,wd,weight,weights,width,height"
)
OUTCOME_WORDS = _words(
    "duration,epoch,iter,iteration,metric,seconds,step,steps,test,time,train,training"
)
CLIP_WORDS = _words("clip,clipping")
"""`grad_clip` is a setting, unlike other names with gradients."""

TRAINED_EPOCHS = _words("run,ran,trained,completed,done,finished,last,final,current")
"""`epochs_run` is an outcome, `epochs` a setting."""

EPOCH_COUNTS = _words("max,num,n,nb,total,number")
"""`max_epoch` is a setting, `epoch` an outcome."""

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

MIN_ROWS_OF_INDEX = 5
KNOWN_PARAMETERS = frozenset(SEARCHABLE) - {"loss"}


def is_bookkeeping(name: str) -> bool:
    """Whether this is a column of W&B, or part of a sweep configuration logged with a run."""
    parts = name.split(".")
    is_spec = parts[0] in ("parameters", "sweep_config", "sweep") and parts[-1] in SPEC_KEYS
    is_setting = len(parts) > 1 and parts[0] in ("metric", "early_terminate", "sweep_config")
    is_own = name.lower() in BOOKKEEPING or name.startswith("_")
    groups = name_parts(name)
    is_group = len(groups) > 1 and groups[0] in BOOKKEEPING_GROUPS
    return is_own or is_spec or is_setting or is_group


def is_replicate(name: str) -> bool:
    """Whether this distinguishes repeated runs of one configuration, such as a seed or a fold."""
    found = frozenset(words(name_parts(name)[-1]))
    if found == {"random", "state"}:
        return True
    is_split = "split" in found and found <= SPLIT_NUMBERS
    return is_split or bool(found & REPLICATE_WORDS and not found & REPLICATE_COUNTS)


def is_free_text(name: str) -> bool:
    return not FREE_TEXT_WORDS.isdisjoint(words(name))


def is_count(name: str) -> bool:
    """Whether a parameter counts things, such as a batch size."""
    return not COUNT_WORDS.isdisjoint(words(name))


def is_trained_epochs(name_words: Collection[str]) -> bool:
    """Whether a name says after how many epochs a training ended."""
    unique = set(name_words)
    return bool(unique & {"epoch", "epochs"} and unique & TRAINED_EPOCHS)


def is_metric_of_validation(name: str) -> bool:
    return is_validation(name) and better_direction(name) is not None


def is_of_one_run(name: str) -> bool:
    """Whether this describes a run and not its configuration: bookkeeping, a seed or a fold."""
    return is_bookkeeping(name) or is_replicate(name)


def role(name: str) -> Role | None:
    """Return the role of a column of numbers by its name alone; None if that is unknown."""
    first, *rest = name_parts(name)
    if metric_of(name) != name or name.startswith("lr-"):
        return "outcome"  # names given by the loggers of W&B and Lightning
    if rest and first.lower() in PARAMETER_GROUPS:
        return "parameter"
    if "/" in name and first.lower() in OUTCOME_GROUPS:
        return "outcome"
    if name in KNOWN_PARAMETERS:
        return "parameter"
    return _role_of_words(words((rest or [name])[-1])) or _role_of_words(words(name))


def _role_of_words(name_words: Sequence[str]) -> Role | None:
    unique = set(name_words)
    if unique & CLIP_WORDS:
        return "parameter"
    if unique & ALWAYS_OUTCOME or is_trained_epochs(name_words):
        return "outcome"
    if unique & PARAMETER_WORDS or ("epoch" in unique and unique & EPOCH_COUNTS):
        return "parameter"
    joined = " ".join(name_words)
    is_outcome = unique & OUTCOME_WORDS or better_direction(joined) or is_validation(joined)
    return "outcome" if is_outcome else None


@dataclass(frozen=True)
class Columns:
    """The names of the columns in the order of the table.

    Attributes:
        parameters: The parameters.
        outcomes: The outcomes.
        replicates: Seeds and folds.
        unused: Others that vary, without W&B's own.
    """

    parameters: list[str]
    outcomes: list[str]
    replicates: list[str]
    unused: list[str]


def classify_columns(
    rows: Sequence[Row], parameters: Collection[str] = (), metric: str | None = None
) -> Columns:
    """Return the roles of the columns of a table.

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
    return Columns(
        [name for name in names if roles[name] == "parameter"],
        [name for name in names if roles[name] == "outcome"],
        [name for name in rows[0] if is_replicate(name) and name not in names],
        [
            name
            for name in names
            if roles[name] == "text" and (_varies(rows, name) or is_metric_of_validation(name))
        ],
    )


def _is_used(name: str, rows: Sequence[Row], known: Collection[str | None]) -> bool:
    if name in known:
        return True
    is_filled = any(row[name] is not None for row in rows)
    return is_filled and not is_of_one_run(name) and not _has_row_numbers(rows, name)


def _has_row_numbers(rows: Sequence[Row], name: str) -> bool:
    """Whether the column is the index that a data frame writes, from 0 or 1."""
    count, values = len(rows), [row[name] for row in rows]
    if count < MIN_ROWS_OF_INDEX or not all(isinstance(value, int) for value in values):
        return False
    return sorted(values) in (list(range(count)), list(range(1, count + 1)))


def _is_numeric(rows: Sequence[Row], name: str) -> bool:
    """Whether a column has mostly numbers, or could have: it is empty."""
    values = [row[name] for row in rows if row[name] is not None]
    return 2 * sum(number(value) is not None for value in values) >= len(values)


def _varies(rows: Sequence[Row], name: str) -> bool:
    return any(row[name] != rows[0][name] for row in rows)


def _is_full(rows: Sequence[Row], name: str) -> bool:
    return all(row[name] is not None for row in rows)


def _is_repeated(rows: Sequence[Row], name: str) -> bool:
    return len({row[name] for row in rows}) <= max(1, len(rows) // 2)


def _is_choice(rows: Sequence[Row], name: str) -> bool:
    found = words(name)
    is_metric = metric_of(name) != name or is_metric_of_validation(name)
    if is_metric or not HARDWARE_WORDS.isdisjoint(found):
        return False
    is_known = name in KNOWN_PARAMETERS or not PARAMETER_WORDS.isdisjoint(found)
    return is_known or (_is_full(rows, name) and not is_free_text(name))


def _later_synonyms(names: Sequence[str]) -> list[str]:
    """Return all but the first of the columns that have names of the same thing."""
    later = []
    for synonyms in SYNONYMS:
        later += [name for name in names if name_parts(name)[-1].lower() in synonyms][1:]
    return later
