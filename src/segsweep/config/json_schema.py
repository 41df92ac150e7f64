"""The study's JSON schema and its reference in Markdown, generated from the typed study."""

from collections.abc import Iterator
from typing import Any

import yaml
from pydantic.fields import FieldInfo

from segsweep.config.search_space import to_wandb
from segsweep.config.sections import Section
from segsweep.config.study import Study

INTRODUCTION = """\
# The study, key by key

Generated from `src/segsweep/study/` by `make schema`; do not edit. Every key has a default, so
a study may leave out what it does not change. `docs/study.schema.json` is the same as JSON schema,
which editors use to complete and check `params.yaml`.

| key | default | allowed | what it means |
| --- | --- | --- | --- |
"""

ENDS = {
    "minimum": "≥\N{NO-BREAK SPACE}",
    "exclusiveMinimum": ">\N{NO-BREAK SPACE}",
    "maximum": "≤\N{NO-BREAK SPACE}",
    "exclusiveMaximum": "<\N{NO-BREAK SPACE}",
}
NUMBERS = {"integer": "whole number", "number": "number"}


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
    rows, whole = [], schema()
    for place, field in fields():
        default = field.get_default(call_default_factory=True, validated_data={})
        if isinstance(default, Section):
            rows.append(f"| **`{place}`** | | | **{described(field)}** |")
        else:
            may_be = allowed(_at(place, whole), whole)
            rows.append(f"| `{place}` | `{_shown(default)}` | {may_be} | {described(field)} |")
    return INTRODUCTION + "\n".join(rows) + "\n"


def described(field: FieldInfo) -> str:
    """A field's description on one line."""
    return " ".join((field.description or "").split())


def allowed(shape: dict[str, Any], whole: dict[str, Any]) -> str:
    """The values that a JSON schema lets a key have, in a few words; `whole` has its references."""
    shape = _resolved(shape, whole)
    if "anyOf" in shape:
        return " or ".join(allowed(one, whole) for one in shape["anyOf"])
    if chosen := shape.get("enum", shape.get("examples")):
        return ", ".join(f"`{value}`" for value in chosen)
    if "const" in shape:
        return f"`{shape['const']}`"
    kind = shape["type"]
    if kind in NUMBERS:
        ends = ", ".join(f"{sign}{shape[end]}" for end, sign in ENDS.items() if end in shape)
        return f"{NUMBERS[kind]} {ends}".strip()
    if kind == "array":
        count = f" of {shape['minItems']}" if "maxItems" in shape else ""
        return f"list{count}, each a {allowed(shape['items'], whole)}"
    if kind == "object":
        named = shape.get("properties", {}).get("type")
        return f"table of type {allowed(named, whole)}" if named else "table"
    if "pattern" in shape:
        return f"`{shape['pattern'].strip('^$')}`"
    return {"boolean": "`true`, `false`", "null": "`null`", "string": "text"}[kind]


def _at(place: str, whole: dict[str, Any]) -> dict[str, Any]:
    """The JSON schema of the key at a dotted place."""
    found = whole
    for name in place.split("."):
        found = _resolved(found, whole)["properties"][name]
    return found


def _resolved(shape: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """What a reference of a JSON schema stands for; anything else as it is."""
    name = shape.get("$ref", "").rpartition("/")[2]
    return whole["$defs"][name] if name else shape


def _shown(default: Any) -> str:
    if isinstance(default, dict):
        default = {name: to_wandb(parameter) for name, parameter in default.items()}
    text = yaml.safe_dump(default, default_flow_style=True, sort_keys=False, width=10_000)
    return text.strip().removesuffix("...").strip()
