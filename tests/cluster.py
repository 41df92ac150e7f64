"""A private Slurm on loopback, without systemd: two nodes on this host with fake GPUs.

Node `one` has two GPUs and node `bad` has one. The partition `main` has node `one`, the partition
`both` has both and prefers `bad`, where every process is killed just before it writes the result of
a training. The GPUs are copies of the device /dev/null, which Slurm counts and assigns like real
ones. Needs root, and Debian's slurmctld, slurmd, slurm-client and munge.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

DEFAULT = Path("/etc/slurm/slurm.conf")
"""Where srun looks inside a job, as the executor removes SLURM_CONF from its environment."""
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")
GPUS = {"one": 2, "bad": 1}
WEIGHT = {"one": 10, "bad": 1}
PORT = 16817
DAEMONS = ("slurmd-one", "slurmd-bad", "slurmctld", "munged")
PROLOG = """#!/bin/sh
[ "$SLURMD_NODENAME" != bad ] || echo export KILL_AT=metrics.json
"""
NULL = os.makedev(1, 3)


def missing() -> list[str]:
    """Return what this machine lacks for its own Slurm."""
    path = os.environ["PATH"] + os.pathsep + "/usr/sbin"
    lacking = [name for name in PROGRAMS if not shutil.which(name, path=path)]
    if os.geteuid():
        lacking.append("root")
    if DEFAULT.exists():
        lacking.append(f"a free {DEFAULT}")
    return lacking


needs_slurm = pytest.mark.skipif(
    bool(missing()), reason=f"NOT CHECKED on Slurm: this machine lacks {', '.join(missing())}"
)


@dataclass
class Cluster:
    """`folder`: its state, logs and configuration."""

    folder: Path

    def start(self) -> None:
        for name in ("state", "log", "dev"):
            (self.folder / name).mkdir(parents=True)
        self.folder.chmod(0o755)
        key = self.folder / "munge.key"
        key.touch(0o600)
        key.write_bytes(os.urandom(1024))
        for name, gpus in GPUS.items():
            for number in range(gpus):
                os.mknod(self.folder / f"dev/{name}{number}", 0o20666, NULL)
        self._configure()
        state, log = self.folder / "state", self.folder / "log"
        self._daemon(
            "munged",
            *("--force", f"--key-file={key}", f"--socket={state}/munge.sock"),
            *(f"--pid-file={state}/munged.pid", f"--log-file={log}/munged.log"),
            *(f"--seed-file={state}/munge.seed", "--num-threads=2"),
        )
        self._daemon("slurmctld")
        for name in GPUS:
            self._daemon("slurmd", "-N", name)
        self._until(lambda: self.run("sinfo", "-hN", "-pboth", "-o%T").split() == ["idle"] * 2)

    def stop(self) -> None:
        """Cancel all jobs and stop the daemons."""
        with suppress(subprocess.CalledProcessError):
            self.cancel_all()
        for name in DAEMONS:
            file = self.folder / f"state/{name}.pid"
            with suppress(FileNotFoundError, ProcessLookupError, ValueError):
                pid = int(file.read_text())
                os.kill(pid, signal.SIGTERM)
                self._until(lambda pid=pid: not Path(f"/proc/{pid}").exists())
        if DEFAULT.is_symlink():
            DEFAULT.unlink()

    def run(self, *command: str) -> str:
        """Return the output of a Slurm command."""
        return subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=60
        ).stdout

    def jobs(self, form: str = "%i|%T|%N", *options: str) -> list[list[str]]:
        """Return the waiting and running jobs, as `squeue` lists them."""
        lines = self.run("squeue", "-h", f"-o{form}", *options).splitlines()
        return [line.split("|") for line in lines]

    def running(self) -> list[str]:
        """Return the numbers of the running jobs."""
        return [job for job, state, _ in self.jobs() if state == "RUNNING"]

    def cancel_all(self) -> None:
        for job, *_ in self.jobs():
            self.run("scancel", "--full", "--signal=KILL", job)
            self.run("scancel", job)
        self._until(lambda: not self.jobs())

    def gpus_in_use(self) -> dict[str, str]:
        """Return CUDA_VISIBLE_DEVICES by job."""
        devices = {}
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if b"workflow/scripts/run_job.py" in (place / "cmdline").read_bytes():
                    variables = (place / "environ").read_text().split("\0")
                    settings = dict(line.split("=", 1) for line in variables if "=" in line)
                    if "CUDA_VISIBLE_DEVICES" in settings:
                        devices[settings["SLURM_JOB_ID"]] = settings["CUDA_VISIBLE_DEVICES"]
        return devices

    def _configure(self) -> None:
        state, log = self.folder / "state", self.folder / "log"
        host = socket.gethostname().split(".")[0]
        nodes = [
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={PORT + 1 + i} CPUs=4 "
            f"RealMemory=16000 Gres=gpu:{gpus} Weight={WEIGHT[name]} State=UNKNOWN"
            for i, (name, gpus) in enumerate(GPUS.items())
        ]
        settings = [
            *("ClusterName=loop", f"SlurmctldHost={host}(127.0.0.1)", f"SlurmctldPort={PORT}"),
            *(f"SrunPortRange={PORT + 83}-{PORT + 183}", "SlurmUser=root"),
            "CommunicationParameters=NoInAddrAny,NoCtldInAddrAny",
            *("AuthType=auth/munge", f"AuthInfo=socket={state}/munge.sock", "CredType=cred/munge"),
            f"StateSaveLocation={state}/ctld",
            f"SlurmdSpoolDir={state}/slurmd-%n",
            f"SlurmctldPidFile={state}/slurmctld.pid",
            f"SlurmdPidFile={state}/slurmd-%n.pid",
            f"SlurmctldLogFile={log}/slurmctld.log",
            f"SlurmdLogFile={log}/slurmd-%n.log",
            *("ProctrackType=proctrack/linuxproc", "TaskPlugin=task/none", "MpiDefault=none"),
            f"TaskProlog={self.folder}/prolog.sh",
            *(
                "JobAcctGatherType=jobacct_gather/none",
                "AccountingStorageType=accounting_storage/none",
            ),
            *("SelectType=select/cons_tres", "SelectTypeParameters=CR_CPU_Memory"),
            "SchedulerParameters=sched_interval=5,bf_interval=5,batch_sched_delay=0",
            *("SlurmdParameters=config_overrides", "ReturnToService=2", "KillWait=5"),
            *("MinJobAge=3600", "JobRequeue=1", "GresTypes=gpu"),
            *nodes,
            "PartitionName=main Nodes=one Default=YES MaxTime=INFINITE DefaultTime=60 State=UP",
            "PartitionName=both Nodes=one,bad MaxTime=INFINITE DefaultTime=60 State=UP",
        ]
        gpus = [
            f"NodeName={name} Name=gpu File={self.folder}/dev/{name}{number}"
            for name, count in GPUS.items()
            for number in range(count)
        ]
        (self.folder / "prolog.sh").write_text(PROLOG)
        (self.folder / "prolog.sh").chmod(0o755)
        (self.folder / "slurm.conf").write_text("\n".join(settings) + "\n")
        (self.folder / "gres.conf").write_text("\n".join(gpus) + "\n")
        (self.folder / "cgroup.conf").write_text("CgroupAutomount=no\n")
        DEFAULT.symlink_to(self.folder / "slurm.conf")

    def _daemon(self, name: str, *options: str) -> None:
        env = os.environ | {"SLURM_CONF": str(self.folder / "slurm.conf")}
        done = subprocess.run(
            [f"/usr/sbin/{name}", *options], env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{name}: {done.stderr}"

    def _until(self, holds: object, seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while True:
            with suppress(subprocess.CalledProcessError, subprocess.TimeoutExpired):
                if holds():  # type: ignore[operator]
                    return
            assert time.monotonic() < end, f"Slurm did not answer; see {self.folder}/log"
            time.sleep(0.2)
