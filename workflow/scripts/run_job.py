"""Run the command of a rule and record what its outputs were made from.

With --tag the result is also kept in the store by its key: a result that is there already is
copied out instead of made again. In the command, @key stands for the key and @checkpoints for the
folder where unfinished work is kept. What the command prints to stdout are lines for people: they
go to the log and to the terminal; its stderr goes to the log.

Of two copies of one job, the second waits for the first and leaves alone what that made.

Example:
  python workflow/scripts/run_job.py --log logs/sample.log --outs a.png a.json --ins raw.png \\
    -- python make_a.py raw.png a.png
"""

import argparse
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

from segsweep.core.errors import MachineError, UserError, command_line
from segsweep.core.files import content_hash, locked
from segsweep.core.processes import die_with_parent, dying_with_me
from segsweep.pipeline.cache import Entry, key_of
from segsweep.pipeline.cluster_nodes import counted
from segsweep.pipeline.fingerprint import STATE
from segsweep.pipeline.job_record import check_sources, holds, lock_of, note, write_record
from segsweep.training.pruning import PruningThresholds, is_final, truncate

SENTINELS = tuple(str(STATE / name) for name in ("sentinel", "sentinel-dry"))


FIT = "fit"
"""The work of a training, which may end without a result that holds for good."""


def main() -> None:
    die_with_parent()
    arguments, command = _arguments()
    with locked(lock_of(arguments.outs[-1])):
        _keep(arguments, command)


def _keep(arguments: argparse.Namespace, command: list[str]) -> None:
    ins = [path for path in arguments.ins if path not in SENTINELS]
    check_sources(ins)
    made_from = {path: content_hash(path) for path in ins}
    if holds(arguments.outs, made_from, _hash_of):
        note(arguments.outs[-1])
        print(f"{arguments.outs[0]}: made by another copy of this job", file=sys.stderr)
        return
    beside = [path for path in (arguments.bars, arguments.after) if path]
    for out in arguments.outs:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
    log = Path(arguments.log)
    log.parent.mkdir(parents=True, exist_ok=True)
    if arguments.tag is None:
        _run(command, log, arguments.outs[0])
        check_sources(ins)
    else:
        decides = [digest for path, digest in made_from.items() if path not in beside]
        key = key_of(arguments.tag, arguments.packages, decides)
        entry = Entry(key)
        outs = [Path(out) for out in arguments.outs[:-1]]
        asides = [Path(aside) for aside in arguments.asides]
        stored = [Path(path) for path in arguments.stored]
        with entry.locked():
            if entry.copy_out(outs, asides):
                log.write_text(f"taken from the store: {entry.folder}\n", encoding="utf-8")
                print(f"{outs[0]}: taken from the store", file=sys.stderr)
                if arguments.bars:
                    truncate(outs[0].parent, PruningThresholds.read(arguments.bars))
            else:
                words = {"@key": key, "@checkpoints": str(entry.checkpoints)}
                with counted(outs[0].parent) if arguments.tag == FIT else nullcontext():
                    _run([words.get(word, word) for word in command], log, arguments.outs[0])
                check_sources(ins)
                if arguments.tag != FIT or is_final(outs[0]):
                    entry.keep([*outs, *stored], asides)
                for path in stored:
                    path.unlink()
    write_record(arguments.outs, made_from, arguments.tag, arguments.packages, beside)


def _hash_of(path: str) -> str | None:
    return content_hash(path) if Path(path).exists() else None


def _run(command: list[str], log: Path, out: str) -> None:
    """Run `command`, which makes `out`; its lines go to the log and the terminal as they come."""
    shown = sys.stderr
    log.write_text("", encoding="utf-8")
    with log.open("a", encoding="utf-8") as file:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            preexec_fn=dying_with_me(),
        )
        assert child.stdout is not None
        for line in child.stdout:
            file.write(line)
            file.flush()
            _show(line.rstrip("\n"), shown.isatty())
        status = child.wait()
    if shown.isatty():
        print(file=shown)
    if status:
        raise _fault(log, out)


def _fault(log: Path, out: str) -> UserError:
    """Why `out` was not made: by the machine's fault, unless the command called it a mistake."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    for kind in (UserError, MachineError):
        begin = f"{kind.word}: "
        if said := [line.removeprefix(begin) for line in lines if line.startswith(begin)]:
            break
    cause = "\n".join(said or lines[-1:] or ["no output"])
    return kind(f"{out} was not made, see {log}: {cause}")


def _show(line: str, terminal: bool) -> None:
    """Progress overwrites itself on a terminal; elsewhere every line stays."""
    print(f"\r\033[K{line}" if terminal else line, end="" if terminal else "\n", file=sys.stderr)
    sys.stderr.flush()


def _arguments() -> tuple[argparse.Namespace, list[str]]:
    own, command = sys.argv[1:], []
    if "--" in own:
        split = own.index("--")
        own, command = own[:split], own[split + 1 :]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--log", required=True, metavar="FILE", help="what the command printed")
    parser.add_argument(
        "--outs", required=True, nargs="+", metavar="FILE", help="outputs; the last is the record"
    )
    parser.add_argument("--ins", required=True, nargs="+", metavar="FILE", help="inputs")
    parser.add_argument("--tag", help="the kind of work, to keep the result in the store")
    parser.add_argument(
        "--packages",
        nargs="*",
        default=[],
        metavar="NAME",
        help="packages whose versions are part of the key, beside torch and numpy",
    )
    parser.add_argument(
        "--stored",
        nargs="*",
        default=[],
        metavar="FILE",
        help="files that the command makes and that only the store keeps (weights)",
    )
    parser.add_argument(
        "--bars",
        metavar="FILE",
        help="an input that is no part of the key: what a training must reach, or it is stopped; "
        "a stopped one is not in the store but keeps its checkpoint",
    )
    parser.add_argument(
        "--after",
        metavar="FILE",
        help="an input that is no part of the key: it only has to be made before",
    )
    parser.add_argument(
        "--asides",
        nargs="*",
        default=[],
        metavar="PATH",
        help="files or folders that are kept along but not recorded (times, logs)",
    )
    arguments = parser.parse_args(own)
    if not command:
        parser.error("no command; put it after --")
    return arguments, command


if __name__ == "__main__":
    command_line(main)
