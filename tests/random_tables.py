"""Tables of runs with random edits as people and spreadsheets make them, and what is in them."""

import csv
import io
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

PARAMETERS = ("batch_size", "learning_rate", "dropout", "l2_reg")
METRIC = "val_dice"
Row = dict[str, Any]


@dataclass
class Table:
    """A table of runs.

    Attributes:
        rows: The cells, in the order of the file.
        truth: The values of the parameters and of the metric of each run, by its run time.
        names: The present name of each column that was renamed.
        unfinished: Run times of the runs whose value must not be used.
        separator, encoding: How the file is written.
        comma: Whether numbers have decimal commas.
        tolerance: The largest relative error of a number as it is written.
        edits: What was drawn.
    """

    rows: list[Row]
    truth: dict[int, dict[str, float]]
    names: dict[str, str] = field(default_factory=dict)
    unfinished: set[int] = field(default_factory=set)
    separator: str = ","
    encoding: str = "utf-8-sig"
    comma: bool = False
    tolerance: float = 1e-9
    edits: list[str] = field(default_factory=list)

    def name(self, column: str) -> str:
        return self.names.get(column, column)

    def content(self) -> bytes:
        """Return the file."""
        text = io.StringIO(newline="")
        quoting = csv.QUOTE_ALL if self.separator == "," else csv.QUOTE_MINIMAL
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        writer = csv.writer(text, delimiter=self.separator, quoting=quoting)
        writer.writerow(columns)
        for row in self.rows:
            writer.writerow([self._cell(row.get(name, "")) for name in columns])
        return text.getvalue().encode(self.encoding, "replace")

    def _cell(self, value: Any) -> Any:
        is_number = isinstance(value, float) or str(value).endswith("%")
        return str(value).replace(".", ",") if self.comma and is_number else value


def good_table(draw: random.Random) -> Table:
    """Return a table of 24 runs as W&B exports it."""
    rows, truth = [], {}
    for i in range(24):
        values = {
            "batch_size": draw.choice([2, 4, 8, 16]),
            "learning_rate": float(f"{10 ** draw.uniform(-4.5, -2):.6g}"),
            "dropout": round(draw.uniform(0.05, 0.5), 5),
            "l2_reg": float(f"{10 ** draw.uniform(-6, -3):.6g}"),
        }
        dice = round(draw.uniform(0.6, 0.85), 5)
        seconds = 900 + i
        first = {"Name": f"run-{i + 1}", "State": "finished", "Notes": "-", "User": "u", "Tags": ""}
        created = f"2025-03-{1 + i:02d}T00:00:00.000Z"
        first |= {"Created": created, "Runtime": seconds, "Sweep": "abcd1234"}
        losses = {"train_loss": round(0.9 - dice, 5), "val_loss": round(0.95 - dice, 5)}
        rows.append({**first, **values, "epochs": 40, "epoch": 39, **losses, METRIC: dice})
        truth[seconds] = {**values, METRIC: dice}
    return Table(rows, truth)


def rename(table: Table, draw: random.Random) -> None:
    column = draw.choice([*PARAMETERS, METRIC])
    new = draw.choice(
        {
            "batch_size": ["bs", "data/batch_size", "data.batch_size", "batchSize", "config.bs"],
            "learning_rate": ["lr", "optim/lr", "optimizer.lr", "LearningRate", "train_lr"],
            "dropout": ["model/dropout", "dropout_rate", "model.dropout", "params_dropout"],
            "l2_reg": ["weight_decay", "optim/weight_decay", "wd", "l2", "hparams/l2"],
            METRIC: ["val/dice", "valid_dice", "Validation Dice", "val_dice_coef", "val.dsc"],
        }[column]
    )
    old = table.name(column)
    table.rows = [{new if k == old else k: v for k, v in row.items()} for row in table.rows]
    table.names[column] = new


def text_in_a_cell(table: Table, draw: random.Random) -> None:
    column = table.name(draw.choice([*PARAMETERS, METRIC, "train_loss"]))
    row = draw.choice(table.rows)
    row[column] = draw.choice(["auto", "1e-4 (restarted)", "diverged", "see notes", "?", "x"])


def empty_cells(table: Table, draw: random.Random) -> None:
    """Empty `l2_reg` and `dropout` of several runs mean 0."""
    column = draw.choice([*PARAMETERS, METRIC, "train_loss"])
    rows = draw.sample(table.rows, draw.randint(1, 3))
    for row in rows:
        row[table.name(column)] = draw.choice(["", "-", "NaN", "N/A", "null"])
        if column == METRIC:
            table.unfinished.add(row["Runtime"])
        elif column in ("l2_reg", "dropout"):
            table.truth[row["Runtime"]][column] = 0


def no_dropout(table: Table, draw: random.Random) -> None:
    cell = draw.choice(["", "None", "none"])
    for row in draw.sample(table.rows, 8):
        row[table.name("dropout")] = cell
        table.truth[row["Runtime"]]["dropout"] = 0


def percent(table: Table, draw: random.Random) -> None:
    column = table.name(draw.choice([METRIC, "dropout"]))
    sign = draw.choice(["%", " %", ""])
    for row in table.rows:
        if isinstance(row[column], float):
            value = round(100 * row[column], 6)
            row[column] = f"{value}{sign}" if sign else value


def one_other_scale(table: Table, draw: random.Random) -> None:
    row, column = draw.choice(table.rows), table.name(METRIC)
    if isinstance(row[column], float) and row[column] <= 1:
        row[column] = round(100 * row[column], 4)


def copies(table: Table, draw: random.Random) -> None:
    rows = draw.sample(table.rows, draw.randint(1, 6))
    tag = draw.choice(["", "seen"])
    table.rows += [{**row, "Tags": tag} for row in rows]


def ended_otherwise(table: Table, draw: random.Random) -> None:
    state = draw.choice(["crashed", "failed", "killed", "running", "preempted", "pending"])
    for row in draw.sample(table.rows, draw.randint(1, 6)):
        row["State"] = state
        table.unfinished.add(row["Runtime"])
        if draw.random() < 0.5:
            row[table.name(METRIC)] = ""


def ended_early(table: Table, draw: random.Random) -> None:
    epoch = draw.choice([3, 4, 9])
    for row in draw.sample(table.rows, draw.randint(4, 10)):
        row["epoch"] = epoch
        table.unfinished.add(row["Runtime"])


def more_columns(table: Table, draw: random.Random) -> None:
    name, cells = draw.choice(
        [
            ("seed", [0, 1, 2]),
            ("fold", [0, 1, 2, 3, 4]),
            ("gpu_type_x", ["A100", "V100"]),
            ("notes of mine", ["a", "b", "c", "d"]),
            ("optimizer", ["adam", "Adam", "sgd"]),
            ("scheduler", ["none", "cosine"]),
            ("image_size", ["1,024", "512"]),
            ("use_bn", ["true", "false"]),
            ("best_val_loss", [0.1, 0.2]),
            ("test_dice", [0.71, 0.72]),
            ("model", [json.dumps({"name": "unet", "depth": d}) for d in (3, 4)]),
            ("Group", ["g1", "g2"]),
            ("Run Count", [1]),
        ]
    )
    if name == "image_size" and table.comma:
        return
    for row in table.rows:
        row[name] = draw.choice(cells)


def spreadsheet(table: Table, draw: random.Random) -> None:
    table.separator, table.comma = draw.choice([(";", True), (";", False), ("\t", False)])
    table.encoding = draw.choice(["utf-8", "utf-16", "cp1252"])


def windows_text(table: Table, draw: random.Random) -> None:
    table.encoding = draw.choice(["cp1252", "utf-16", "utf-8"])
    draw.choice(table.rows)["Notes"] = "größer, mit Rauschen"


def short_numbers(table: Table, draw: random.Random) -> None:
    column = table.name(draw.choice(["learning_rate", "l2_reg"]))
    table.tolerance = 0.01
    for row in table.rows:
        if isinstance(row[column], float):
            text = f"{row[column]:.2E}"
            row[column] = text.replace(".", ",") if table.comma else text


def header_again(table: Table, draw: random.Random) -> None:
    table.rows.insert(draw.randrange(len(table.rows)), {name: name for name in table.rows[0]})


def shuffle(table: Table, draw: random.Random) -> None:
    draw.shuffle(table.rows)


EDITS: tuple[Callable[[Table, random.Random], None], ...] = (
    rename,
    text_in_a_cell,
    empty_cells,
    no_dropout,
    percent,
    one_other_scale,
    ended_otherwise,
    ended_early,
    copies,
    more_columns,
    spreadsheet,
    windows_text,
    short_numbers,
    shuffle,
    header_again,
)


def edited_table(seed: int) -> Table:
    """Return a table with one to four edits."""
    draw = random.Random(seed)
    table = good_table(draw)
    chosen = sorted(draw.sample(range(len(EDITS)), draw.randint(1, 4)))
    for edit in (EDITS[i] for i in chosen):
        edit(table, draw)
        table.edits.append(edit.__name__)
    return table


def damaged(content: bytes, seed: int) -> bytes:
    """Return a file with a few bytes deleted, doubled or replaced."""
    draw = random.Random(seed)
    data = bytearray(content)
    for _ in range(draw.randint(1, 8)):
        place = draw.randrange(len(data))
        kind = draw.random()
        if kind < 0.3:
            del data[place : place + draw.choice([1, 1, 20, 200])]
        elif kind < 0.6:
            data[place:place] = draw.choice([b'"', b",", b"\n", b"\x00", b"\xff", b"{", b"1e999"])
        else:
            data[place] = draw.randrange(256)
        data = data or bytearray(b"x")
    return bytes(data)
