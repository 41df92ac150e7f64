"""Run a command without network and with a read-only home folder.

python offline.py HOME COMMAND...: in namespaces of its own, with only the loopback interface (up)
and a read-only file system on HOME. Linux; needs unshare(1) with user namespaces, or root.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys

SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def main() -> None:
    home, command = sys.argv[1], sys.argv[2:]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as loopback:
        fcntl.ioctl(loopback, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", home], check=True)
    os.environ["HOME"] = home
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
