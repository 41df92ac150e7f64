"""Run the command of a rule and record what its outputs were made from.

With --cache the result is also saved in the cache by its key, and a result that is already there is
restored instead of made again. In the command, @key is replaced by the key, @checkpoints by the
folder where unfinished work is kept, and @final by a file that the command writes if its result is
final; a command without @final always has a final result. Only final results go into the cache.

Lines that the command prints to stdout go to the log and to the terminal, its stderr to the log.
If two copies of one job run, the second waits for the first and leaves its result alone.

Example:
  python workflow/scripts/run_job.py --log logs/sample.log --outputs a.png a.json \\
    --inputs raw.png -- python make_a.py raw.png a.png
"""

import argparse
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

from segsweep.core.command_log import copy_output
from segsweep.core.errors import MachineError, UserError, command_line, parser
from segsweep.core.expected_inputs import VARIABLE, save_expected, written_files
from segsweep.core.files import content_hash, locked
from segsweep.core.processes import die_with_parent, dying_with_me
from segsweep.pipeline.cache import CacheEntry
from segsweep.pipeline.cache_keys import cache_key
from segsweep.pipeline.cluster_nodes import record_failures
from segsweep.pipeline.fingerprint import STATE
from segsweep.pipeline.job_inputs import JobInputs
from segsweep.pipeline.job_record import is_up_to_date, lock_path, mark_written, write_record

SENTINELS = tuple(str(STATE / name) for name in ("sentinel", "sentinel-dry"))


def main() -> None:
    die_with_parent()
    options, command = _arguments()
    with locked(lock_path(options.outputs[-1])):
        _run_job(options, command)


def _run_job(options: argparse.Namespace, command: list[str]) -> None:
    inputs = [path for path in options.inputs if path not in SENTINELS]
    job_inputs = JobInputs(inputs)
    made_from = job_inputs.hashes
    if is_up_to_date(options.outputs, made_from, _hash_of):
        mark_written(options.outputs[-1])
        print(f"{options.outputs[0]}: made by another copy of this job", file=sys.stderr)
        return
    for path in (*options.outputs, options.log):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="segsweep-") as folder:
        files = Path(folder) / "files.json"
        outputs = [*options.outputs[:-1], *options.cache_only]
        environment = save_expected(files, job_inputs.expected(), outputs)
        if options.cache is None:
            _run(command, Path(options.log), options.outputs[0], environment)
            job_inputs.check()
            written = written_files(files)
        else:
            written = _restore_or_run(options, command, job_inputs, environment)
    write_record(
        options.outputs,
        made_from,
        options.cache,
        options.packages,
        options.unkeyed_inputs,
        written,
    )


def _restore_or_run(
    options: argparse.Namespace,
    command: list[str],
    inputs: JobInputs,
    environment: dict[str, str],
) -> dict[str, str]:
    """Restore the outputs from the cache, or make them and save them there.

    Returns:
        The SHA-256 of the outputs as they were written, by absolute path.
    """
    files = Path(environment[VARIABLE])
    keyed = [digest for path, digest in inputs.hashes.items() if path not in options.unkeyed_inputs]
    key = cache_key(options.cache, options.packages, keyed)
    entry = CacheEntry(key)
    log = Path(options.log)
    outputs = [Path(path) for path in options.outputs[:-1]]
    unhashed = [Path(path) for path in options.unhashed_outputs]
    cache_only = [Path(path) for path in options.cache_only]
    with entry.locked():
        restored = entry.restore(outputs, unhashed)
        if restored is not None:
            log.write_text(f"restored from the cache: {entry.folder}\n", encoding="utf-8")
            print(f"{outputs[0]}: restored from the cache", file=sys.stderr)
            if options.after_restore:
                subprocess.run(
                    [sys.executable, *options.after_restore], check=True, env=environment
                )
                inputs.check()
            return restored | written_files(files)
        final = files.with_name("final")
        values = {"@key": key, "@checkpoints": str(entry.checkpoints), "@final": str(final)}
        failures = record_failures(outputs[0].parent) if options.on_nodes else nullcontext()
        with failures:
            words = [values.get(word, word) for word in command]
            _run(words, log, options.outputs[0], environment)
        inputs.check()
        written = written_files(files)
        if "@final" not in command or final.exists():
            entry.save([*outputs, *cache_only], unhashed, written)
        for path in cache_only:
            path.unlink()
        return written


def _hash_of(path: str) -> str | None:
    return content_hash(path) if Path(path).exists() else None


def _run(command: list[str], log: Path, output: str, environment: dict[str, str]) -> None:
    """Run `command`, which makes `output`, and write its lines to the log as they come.

    Raises:
        UserError: The command failed and said that the user made a mistake (`error: ...`).
        MachineError: The command failed for any other reason.
    """
    with log.open("w", encoding="utf-8") as file:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            preexec_fn=dying_with_me(),
        )
        copy_output(child, file)
        status = child.wait()
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if status:
        raise _failure(log, output)


def _failure(log: Path, output: str) -> UserError:
    """Return why `output` was not made: the machine failed, unless the command says otherwise."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    for kind in (UserError, MachineError):
        prefix = f"{kind.word}: "
        if messages := [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]:
            break
    cause = "\n".join(messages or lines[-1:] or ["no output"])
    return kind(f"{output} was not made, see {log}: {cause}")


def _arguments() -> tuple[argparse.Namespace, list[str]]:
    own, command = sys.argv[1:], []
    if "--" in own:
        split = own.index("--")
        own, command = own[:split], own[split + 1 :]
    arguments = parser(__doc__)
    arguments.add_argument("--log", required=True, metavar="FILE", help="what the command prints")
    arguments.add_argument(
        "--outputs",
        required=True,
        nargs="+",
        metavar="FILE",
        help="all outputs; the last is the provenance record",
    )
    arguments.add_argument("--inputs", required=True, nargs="+", metavar="FILE", help="all inputs")
    arguments.add_argument(
        "--cache", metavar="TAG", help="the kind of work, if the result goes into the cache"
    )
    arguments.add_argument(
        "--packages",
        nargs="*",
        default=[],
        metavar="NAME",
        help="packages whose versions are part of the key, in addition to torch and numpy",
    )
    arguments.add_argument(
        "--unkeyed-inputs",
        nargs="*",
        default=[],
        metavar="FILE",
        help="inputs that are not part of the key",
    )
    arguments.add_argument(
        "--unhashed-outputs",
        nargs="*",
        default=[],
        metavar="PATH",
        help="files or folders that are cached but not in the record (times, logs)",
    )
    arguments.add_argument(
        "--cache-only",
        nargs="*",
        default=[],
        metavar="FILE",
        help="files that the command makes and that only the cache keeps (weights)",
    )
    arguments.add_argument(
        "--after-restore",
        nargs="*",
        default=[],
        metavar="WORD",
        help="a Python script with its arguments to run after a result was restored",
    )
    arguments.add_argument(
        "--on-nodes",
        action="store_true",
        help="record failures of the machine, so that later jobs avoid its node",
    )
    options = arguments.parse_args(own)
    if not command:
        arguments.error("found no command, expected one after --")
    return options, command


if __name__ == "__main__":
    command_line(main)
