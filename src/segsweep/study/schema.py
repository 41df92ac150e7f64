"""The study's JSON schema and its reference in Markdown, generated from the typed study."""

from collections.abc import Iterator
from typing import Any

import yaml
from pydantic.fields import FieldInfo

from segsweep.study import Study
from segsweep.study.sections import Section
from segsweep.sweep.space import to_wandb

INTRODUCTION = """\
# The study, key by key

Generated from `src/segsweep/study/` by `make schema`; do not edit. Every key has a default, so
a study may leave out what it does not change. `docs/study.schema.json` is the same as JSON schema,
which editors use to complete and check `params.yaml`.

| key | default | what it means |
| --- | --- | --- |
"""


def schema() -> dict[str, Any]:
    """The JSON schema of a study."""
    return Study.model_json_schema()


def fields(section: type[Section] = Study, prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every field of the study with its dotted place, in order."""
    for name, field in section.model_fields.items():
        yield f"{prefix}{name}", field
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Section):
            yield from fields(inner, f"{prefix}{name}.")


def reference() -> str:
    """The Markdown table of all keys."""
    rows = []
    for place, field in fields():
        default = field.get_default(call_default_factory=True, validated_data={})
        if isinstance(default, Section):
            rows.append(f"| **`{place}`** | | **{described(field)}** |")
        else:
            rows.append(f"| `{place}` | `{_shown(default)}` | {described(field)} |")
    return INTRODUCTION + "\n".join(rows) + "\n"


def described(field: FieldInfo) -> str:
    """A field's description on one line."""
    return " ".join((field.description or "").split())


def _shown(default: Any) -> str:
    if isinstance(default, dict):
        default = {name: to_wandb(parameter) for name, parameter in default.items()}
    text = yaml.safe_dump(default, default_flow_style=True, sort_keys=False, width=10_000)
    return text.strip().removesuffix("...").strip()
