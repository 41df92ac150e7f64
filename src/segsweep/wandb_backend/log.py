"""A W&B log without its sweep, so that `wandb sync` can send it where that sweep is not known.

The log is LevelDB's (google/leveldb, doc/log_format.md) after a header of W&B's own: blocks of
32 KiB, and in them records whole or in parts, each part with its CRC-32, length and kind.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from wandb.proto import wandb_internal_pb2

HEADER, BLOCK = 7, 1 << 15
PART = struct.Struct("<IHB")
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def forget_sweep(log: Path) -> None:
    """Rewrite a log as one of a run that belongs to no sweep; a record that is cut off is left out.

    Raises `google.protobuf.message.DecodeError` where it is no log.
    """
    content = log.read_bytes()
    log.write_bytes(content[:HEADER] + framed(map(_without_sweep, records(content))))


def _without_sweep(record: bytes) -> bytes:
    told = wandb_internal_pb2.Record.FromString(record)  # type: ignore[attr-defined]
    if not told.run.sweep_id:
        return record
    told.run.ClearField("sweep_id")
    return bytes(told.SerializeToString())


def records(log: bytes) -> Iterator[bytes]:
    """The records of a log, put together from their parts."""
    place, record = HEADER, b""
    while place + PART.size <= len(log):
        if BLOCK - place % BLOCK < PART.size:
            place += BLOCK - place % BLOCK
            continue
        _, length, kind = PART.unpack_from(log, place)
        place += PART.size
        part = log[place : place + length]
        if not kind or len(part) < length:
            return
        place += length
        record = part if kind in (WHOLE, FIRST) else record + part
        if kind in (WHOLE, LAST):
            yield record


def framed(told: Iterable[bytes]) -> bytes:
    """Records as the blocks that follow a log's header."""
    out = bytearray(HEADER)
    for record in told:
        rest, begun = record, False
        while rest or not begun:
            room = BLOCK - len(out) % BLOCK
            if room < PART.size:
                out += bytes(room)
                continue
            part, rest = rest[: room - PART.size], rest[room - PART.size :]
            kind = (MIDDLE if rest else LAST) if begun else (FIRST if rest else WHOLE)
            checksum = zlib.crc32(bytes([kind]) + part)
            out += PART.pack(checksum, len(part), kind) + part
            begun = True
    return bytes(out[HEADER:])
