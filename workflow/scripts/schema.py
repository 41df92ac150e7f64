"""Write the study's JSON schema and reference page, after a change to src/segsweep/config.

Example:
  python workflow/scripts/schema.py
"""

from segsweep.config.json_schema import reference, schema
from segsweep.core.errors import command_line, parser
from segsweep.core.files import write_json, write_text


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument(
        "--out", default="docs", metavar="DIR", help="the folder to write to (default: %(default)s)"
    )
    out = arguments.parse_args().out
    write_json(f"{out}/study.schema.json", schema())
    write_text(f"{out}/study.md", reference())
    print(f"wrote {out}/study.schema.json and {out}/study.md")


if __name__ == "__main__":
    command_line(main)
