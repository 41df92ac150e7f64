"""Lock files of GPUs in a folder where every user of the machine may write, such as /tmp."""

import fcntl
import os
import pwd
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from segsweep.core.errors import MachineError

FILE_TYPES = {
    stat.S_IFREG: "a file",
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
}


def try_lock(path: Path) -> int | None:
    """Return the locked file `path`, open for reading; None if another process has locked it.

    Raises:
        MachineError: The file cannot be created, opened or locked, or is not a regular file.
    """
    lock = _open_lock(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except OSError as error:
        os.close(lock)
        raise MachineError(
            f"{path}: cannot be locked ({error.strerror}), expected a file system with flock; "
            f"mount a local file system, such as tmpfs, on {path.parent}, or set "
            "training.device: cpu"
        ) from error
    return lock


def _open_lock(path: Path) -> int:
    """Open a lock file that any user of the machine can lock.

    The file is only opened for reading. `filelock` opens for writing and truncates, which fails for
    files of other users. O_CREAT is not used for an existing file, because Linux may refuse it for
    another user's file in /tmp (fs.protected_regular).
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        if not os.path.lexists(path):
            _create_lock(path)
        lock = os.open(path, flags)
    except OSError as error:
        raise _unusable(path, error) from error
    if not stat.S_ISREG(os.fstat(lock).st_mode):
        os.close(lock)
        raise _unusable(path)
    return lock


def _create_lock(path: Path) -> None:
    """Create a lock file that has its permissions, whatever the umask, from the first moment."""
    file, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        os.fchmod(file, 0o444)
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        os.close(file)
        Path(temporary).unlink()


def _unusable(path: Path, error: OSError | None = None) -> MachineError:
    """Return the error for a lock file that cannot be used."""
    try:
        found = path.lstat()
    except OSError:
        reason = error.strerror if error else "it was deleted"
        return MachineError(
            f"{path}: cannot be created ({reason}), expected a folder in which every user can "
            f"create files; make {path.parent} such a folder (mode 1777), or set "
            "training.device: cpu"
        )
    what = FILE_TYPES.get(stat.S_IFMT(found.st_mode), "a device")
    try:
        owner = pwd.getpwuid(found.st_uid).pw_name
    except KeyError:
        owner = str(found.st_uid)
    advice = "remove it, or ask its owner or an administrator to"
    if stat.S_ISREG(found.st_mode):
        reason = error.strerror if error else "not a file when it was opened"
        what += f" that cannot be opened ({reason})"
        advice = f"let its owner or an administrator run `chmod 444 {path}`"
    return MachineError(
        f"{path}: found {what} of user {owner}, expected the lock file of a GPU, which every user "
        f"can read; {advice}"
    )
