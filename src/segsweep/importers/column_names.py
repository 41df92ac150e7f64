"""What the name of a column says: bookkeeping, a repetition, a parameter or an outcome.

The lists of words are common in the field and in W&B.
"""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Literal

from segsweep.config.metric_names import (
    better_direction,
    is_validation,
    metric_of,
    word_set,
    words,
)
from segsweep.config.parameter_names import name_parts
from segsweep.config.training_config import SEARCHABLE

Role = Literal["parameter", "outcome"]

BOOKKEEPING = word_set(
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

BOOKKEEPING_GROUPS = word_set("tags,user_attrs,system_attrs,system,sys,_wandb")
OUTCOME_GROUPS = word_set(
    "train,training,val,valid,validation,test,eval,epoch,batch,metrics,metric,charts,"
    "gradients,graph,perf,time,timing,best,monitor,log,logs,summary,lr,memory,gpu"
)
"""First parts of names with a slash that the loggers of W&B, Keras and Lightning give."""

PARAMETER_GROUPS = word_set(
    "config,cfg,hparam,hparams,hyperparameters,hyper_parameters,hp,param,params,parameters,args"
)
REPLICATE_WORDS = word_set("fold,folds,kfold,seed,rng,repeat,repetition,replicate,cv")
REPLICATE_COUNTS = word_set("n,num,count,total,max,size,ratio,fraction")
"""`n_folds` is a setting of a training, not the number of a repetition."""

SPLIT_NUMBERS = word_set("split,id,idx,index,no,nr,number,data,cv")
"""All words of a name such as `split_id`; `val_split` is a share of the images."""

HARDWARE_WORDS = word_set("cpu,cuda,device,devices,driver,gpu,gpus,machine,node,worker,workers")

SPEC_KEYS = word_set("value,values,min,max,distribution,mu,sigma,q,a,b,probabilities,parameters")
"""Keys of a parameter in a sweep configuration."""

COUNT_WORDS = word_set("batch,batchsize,bs,channels,depth,features,filters,layers,size,units")
PARAMETER_WORDS = COUNT_WORDS | word_set(
    "activation,alpha,arch,architecture,augment,augmentation,backbone,beta,beta1,beta2,decay,"
    "dropout,encoder,epochs,fraction,gamma,hidden,kernel,l1,l2,learning,learningrate,lr,model,"
    "momentum,neurons,norm,optimiser,optimizer,patience,reg,regularisation,regularization,"
    "scheduler,shape,task,warmup,wd,weight,weights,width,height"
)
OUTCOME_WORDS = word_set(
    "duration,epoch,iter,iteration,metric,seconds,step,steps,test,time,train,training"
)
CLIP_WORDS = word_set("clip,clipping")
"""`grad_clip` is a setting, unlike other names with gradients."""

TRAINED_EPOCHS = word_set("run,ran,trained,completed,done,finished,last,final,current")
"""`epochs_run` is an outcome, `epochs` a setting."""

EPOCH_COUNTS = word_set("max,num,n,nb,total,number")
"""`max_epoch` is a setting, `epoch` an outcome."""

ALWAYS_OUTCOME = word_set(
    "best,effective,final,grad,grads,gradient,gradients,params,parameters,flops,elapsed,gpu,"
    "memory,throughput"
)
"""A name with one of these words is an outcome, such as `effective_batch_size`."""

FREE_TEXT_WORDS = word_set(
    "checkpoint,commit,date,dir,directory,file,folder,host,message,path,reason,status,time,url,"
    "version"
)
SYNONYMS = (word_set("learning_rate,lr,learningrate"), word_set("batch_size,batch,batchsize,bs"))
"""Names of the same thing: the first column is the parameter, later ones were logged over time."""

KNOWN_PARAMETERS = frozenset(SEARCHABLE) - {"loss"}


@cache  # asked for each column of each run
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
