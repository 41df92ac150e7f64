"""What the name of a logged column says: a parameter, an outcome, bookkeeping, or nothing.

The lists hold words of the field and of W&B. A name is cut into words at signs and capitals
(`l2_reg`: l2, reg); of dotted names the last part is asked first (`model.depth`: depth).
"""

import re
from collections.abc import Iterable
from typing import Literal

from segsweep.config.training_config import SEARCHABLE

Role = Literal["parameter", "outcome"]


def _each(listed: str) -> frozenset[str]:
    return frozenset(listed.split(","))


BOOKKEEPING = _each(
    "name,id,run,run id,run_id,display name,state,status,notes,description,user,username,tags,"
    "created,created at,created_at,updated,updated at,heartbeat,start time,end time,runtime,"
    "duration,sweep,sweep id,sweep name,group,job type,job_type,project,entity,url,agent,host,"
    "hostname,commit,github,git,gpu type,gpu count,cpu count,os,python,python version,command,"
    "program,reason,error,exception,seed,random_seed,random seed,rank,trial,chosen_by,expected,"
    "expected_sd,posterior_mean,posterior_sd"
)
"""W&B's own columns, those of this project's leaderboard that are neither, and seeds, which make
replicates."""

PIECES = _each("value,values,min,max,distribution,mu,sigma,q,a,b,probabilities,parameters")
"""What the table of a parameter holds in a sweep configuration."""

AGGREGATES = _each("min,max,mean,best,last,first,copy")
"""What W&B appends to the name of a metric whose summary was defined; and `wandb_export` to the
second column of a name."""

COUNTED = _each("batch,batchsize,bs,channels,depth,features,filters,layers,size,units")
PARAMETER_WORDS = COUNTED | _each(
    "activation,alpha,arch,architecture,augment,augmentation,backbone,beta,beta1,beta2,decay,"
    "dropout,encoder,epochs,fold,fraction,gamma,hidden,kernel,l1,l2,learning,learningrate,lr,model,"
    "momentum,neurons,norm,optimiser,optimizer,patience,reg,regularisation,regularization,"
    "scheduler,seed,shape,split,task,warmup,wd,weight,weights,width,height"
)
SMALLER_IS_BETTER = _each("loss,err,error,mse,mae,rmse,hausdorff,hd95")
QUALITY = SMALLER_IS_BETTER | _each(
    "acc,accuracy,auc,auroc,dice,f1,iou,jaccard,kappa,precision,psnr,recall,score,sensitivity,"
    "specificity,ssim"
)
VALIDATION = _each("val,valid,validation")
OUTCOME_WORDS = (QUALITY | VALIDATION) | _each(
    "duration,epoch,iter,iteration,metric,seconds,step,steps,test,time,train,training"
)
OUTCOME_FIRST = _each(
    "best,effective,final,grad,grads,gradient,gradients,params,parameters,flops,elapsed,gpu,"
    "memory,throughput"
)
"""Words that make an outcome of a name whatever else it says: `effective_batch_size`."""

FREE_TEXT = _each(
    "checkpoint,commit,date,dir,directory,file,folder,host,message,path,reason,status,time,url,"
    "version"
)
SYNONYMS = (_each("learning_rate,lr,learningrate"), _each("batch_size,batch,batchsize,bs"))
"""Names of one thing: the first column is the parameter, a later one was logged (its course)."""

NAMED = frozenset(SEARCHABLE) - {"loss"}


def words(name: str) -> list[str]:
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return [word for word in re.split(r"[^a-z0-9]+", apart) if word]


def base(name: str) -> str:
    """The metric of which a column is an aggregate: `val_dice` for `val_dice.max`."""
    before, _, last = name.rpartition(".")
    return before if before and last in AGGREGATES else name


def is_bookkeeping(name: str) -> bool:
    """W&B's own columns, and pieces of a sweep configuration that was logged with a run."""
    parts = name.split(".")
    piece = parts[0] in ("parameters", "sweep_config", "sweep") and parts[-1] in PIECES
    settings = len(parts) > 1 and parts[0] in ("metric", "early_terminate", "sweep_config")
    return name.lower() in BOOKKEEPING or name.startswith("_") or piece or settings


def is_free_text(name: str) -> bool:
    return not FREE_TEXT.isdisjoint(words(name))


def is_count(name: str) -> bool:
    """Whether a parameter is a number of things, such as a batch."""
    return not COUNTED.isdisjoint(words(name))


def is_quality(name: str) -> bool:
    """Whether a number of this name says how good a run is."""
    return not QUALITY.isdisjoint(words(base(name)))


def is_of_validation(name: str) -> bool:
    return not VALIDATION.isdisjoint(words(name))


def is_better_smaller(name: str) -> bool:
    return not SMALLER_IS_BETTER.isdisjoint(words(base(name)))


def role(name: str) -> Role | None:
    """What the name alone says of a column of numbers."""
    if "/" in name or name.startswith("lr-") or base(name) != name:
        return "outcome"  # how W&B's and Lightning's loggers name what they log
    if name in NAMED:
        return "parameter"
    return _role(words(name.rpartition(".")[2])) or _role(words(name))


def _role(said: Iterable[str]) -> Role | None:
    found = set(said)
    if found & OUTCOME_FIRST:
        return "outcome"
    if found & PARAMETER_WORDS:
        return "parameter"
    return "outcome" if found & OUTCOME_WORDS else None
