"""Classify logged columns by name: parameter, outcome, bookkeeping, or unknown.

The lists have words that are common in the field and in W&B. A name is split into words at
punctuation and capitals (`l2_reg`: l2, reg). Of a dotted name, the last part is looked up first
(`model.depth`: depth).
"""

import re
from collections.abc import Iterable
from typing import Literal

from segsweep.config.training_config import SEARCHABLE

Role = Literal["parameter", "outcome"]


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
