"""Read the cells of a table of runs: encoding, separator, and decimal point or comma.

W&B writes UTF-8, commas and decimal points. Spreadsheets save the same table as UTF-16 or in a
Windows code page, with semicolons or tabs, and with decimal commas. What is read follows from the
file itself:

- The encoding is UTF-8 or UTF-16 by the first bytes, else Windows-1252.
- The separator is the one that gives the most columns of the header.
- The decimal sign is a comma if numbers have commas where thousands have none, as in `0,07208`,
  and no number has a point. `1,024` is then 1.024, and else 1024.
"""

import csv
import io
import re
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from segsweep.core.errors import UserError
from segsweep.importers.runs import Notes

TextRow = dict[str, str]

MAX_COLUMNS = 2000
"""Maximum number of columns of a table. W&B's exports have tens to hundreds."""

SEPARATORS = ",;\t|"
_POINT = re.compile(r"[-+]?(\d+\.\d*|\.\d+)([eE][-+]?\d+)?")
_COMMA = re.compile(r"[-+]?\d*,\d+([eE][-+]?\d+)?")
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
_POINT_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(\.\d{3})+(,\d*)?")

EXPORT = (
    "export the table of runs: on the sweep's page of W&B open the table of runs and choose "
    "Export > CSV"
)


def read_table(path: Path, notes: Notes) -> list[TextRow]:
    """Return the rows of a table in which every row is a run, with numbers as Python writes them.

    Rows that repeat the header are left out.

    Raises:
        UserError: The file is not such a table.
    """
    lines, separator = _lines(path, notes)
    if len(lines) < 2 or len(lines[0]) < 2:
        raise UserError(
            f"{path}: found {max(0, len(lines) - 1)} rows of {len(lines[0]) if lines else 0} "
            "columns, expected one row for each run and columns separated by commas, semicolons "
            f"or tabs; {EXPORT}"
        )
    header, *cells = lines
    if len(header) > MAX_COLUMNS:
        raise UserError(
            f"{path}: found {len(header)} columns, expected at most {MAX_COLUMNS}; export the "
            "columns of parameters and metrics only"
        )
    for row in cells:
        if len(row) > len(header):
            raise UserError(
                f"{path}: found a row of {len(row)} cells ({row[0]}), expected {len(header)} as "
                "in the header; export the table again"
            )
    if repeated := [row for row in cells if row == header]:
        notes.left_out["the column names in place of a run"] += len(repeated)
        cells = [row for row in cells if row != header]
    _refuse_other_tables(path, header, cells)
    numbers = _plain_numbers(cells, separator, notes)
    names = _unique_names(header)
    return [dict(zip_longest(names, row, fillvalue="")) for row in numbers]


def _lines(path: Path, notes: Notes) -> tuple[list[list[str]], str]:
    """Return the cells of all lines that are not empty, and the separator."""
    try:
        text = _decode(path.read_bytes(), notes)
        if "\0" in text:
            raise UserError(
                f"{path}: cannot be read as CSV (it is not text); save the table as CSV"
            )
        text, separator = _separator(text)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        lines = [[" ".join(cell.splitlines()) for cell in line] for line in reader]
        return [line for line in lines if any(cell.strip() for cell in line)], separator
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as CSV ({error})") from error


def _decode(content: bytes, notes: Notes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252")
        notes.add("The file is not UTF-8; its text was read as Windows-1252.")
        return text


def _separator(text: str) -> tuple[str, str]:
    """Return the text without a line `sep=;`, as Excel writes it, and the separator."""
    first, _, rest = text.partition("\n")
    if match := re.fullmatch(r'"?sep=(.)"?\s*', first):
        return rest, match[1]
    header = next(filter(str.strip, text.splitlines()), "")
    columns = {s: len(next(csv.reader([header], delimiter=s), [])) for s in SEPARATORS}
    return text, max(columns, key=lambda separator: columns[separator])


def _refuse_other_tables(path: Path, header: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    """Raise `UserError` for exports of W&B that are not one row for each run."""
    ends = tuple(name for name in header if name.endswith(("__MIN", "__MAX")))
    if ends or (header[0] == "Step" and all(" - " in name for name in header[1:])):
        raise UserError(
            f"{path}: found the export of a chart ({(*ends, header[1])[0]}), one row for each "
            f"step, expected one row for each run; {EXPORT}"
        )
    columns = {name.strip().lower(): index for index, name in enumerate(header)}
    counts = columns.get("run count", columns.get("runs"))
    names = columns.get("name", 0)
    for row in cells:
        count = row[counts].strip() if counts is not None and counts < len(row) else ""
        name = row[names] if names < len(row) else ""
        if (count.isdigit() and int(count) > 1) or name.startswith("Group: "):
            raise UserError(
                f"{path}: found a table of groups (row {name or row[0]} is a group of "
                f"{count or 'several'} runs), expected one row for each run; ungroup the table of "
                "runs on W&B's page, then export it again as CSV"
            )
        if dictionary := next((cell for cell in row if cell.startswith("{'")), None):
            raise UserError(
                f"{path}: found a Python dictionary in one cell ({dictionary[:40]}...), expected a "
                "column for each value; export the table of runs as CSV on W&B's page, or write "
                "pandas.json_normalize(rows).to_csv(...), where rows is a list of dictionaries "
                "with the keys name, config and summary"
            )


def _plain_numbers(cells: Sequence[Sequence[str]], separator: str, notes: Notes) -> list[list[str]]:
    """Return the cells with decimal points and without marks of thousands."""
    numbers = {
        cell.strip() for row in cells for cell in row if cell and cell.strip()[-1:].isdigit()
    }
    has_point = any(_POINT.fullmatch(cell) for cell in numbers)
    with_comma = [cell for cell in numbers if _COMMA.fullmatch(cell)]
    is_comma = not has_point and any(
        separator != "," or not _THOUSANDS.fullmatch(cell) for cell in with_comma
    )
    if is_comma:
        example = min(with_comma)
        notes.add(f"Numbers have decimal commas: {example} was read as {_with_point(example)}.")
        return [[_with_point(cell) for cell in row] for row in cells]
    if thousands := sorted(cell for cell in numbers if _THOUSANDS.fullmatch(cell)):
        notes.add(
            f"Commas mark thousands: {thousands[0]} was read as {thousands[0].replace(',', '')}."
        )
        return [
            [cell.replace(",", "") if _THOUSANDS.fullmatch(cell.strip()) else cell for cell in row]
            for row in cells
        ]
    return [list(row) for row in cells]


def _with_point(cell: str) -> str:
    """Return a number with a decimal comma as one with a point; other text as it is."""
    text = cell.strip()
    if _POINT_THOUSANDS.fullmatch(text):
        text = text.replace(".", "")
        return text.replace(",", ".")
    bare = text.removesuffix("%").rstrip()
    return text.replace(",", ".") if _COMMA.fullmatch(bare) else cell


def _unique_names(header: Sequence[str]) -> list[str]:
    """Return column names; the second column of the same name was logged and becomes `.copy`."""
    names: list[str] = []
    for index, cell in enumerate(header):
        name = cell.strip() or f"column {index + 1}"
        while name in names:
            name += ".copy"
        names.append(name)
    return names
