"""Generate the study's JSON schema and its reference in Markdown from the typed study."""

from collections.abc import Iterator
from typing import Any

from pydantic.fields import FieldInfo

from segsweep.config.search_space import to_wandb
from segsweep.config.sections import Section
from segsweep.config.study import Study
from segsweep.core.yaml_format import dump_yaml

INTRODUCTION = """\
# All keys of a study

Generated from `src/segsweep/config/` by `make schema`; do not edit. Every key has a default, so
a study needs only the keys that it changes. `docs/study.schema.json` holds the same as JSON schema,
which editors use to complete and check `params.yaml`.

| key | default | allowed | meaning |
| --- | --- | --- | --- |
"""

BOUNDS = {
    "minimum": "≥\N{NO-BREAK SPACE}",
    "exclusiveMinimum": ">\N{NO-BREAK SPACE}",
    "maximum": "≤\N{NO-BREAK SPACE}",
    "exclusiveMaximum": "<\N{NO-BREAK SPACE}",
}
NUMBERS = {"integer": "whole number", "number": "number"}


def schema() -> dict[str, Any]:
    """Return the JSON schema of a study."""
    return Study.model_json_schema()


def fields(section: type[Section] = Study, prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yield every field of the study with its dotted key, in order."""
    for name, field in section.model_fields.items():
        yield f"{prefix}{name}", field
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Section):
            yield from fields(inner, f"{prefix}{name}.")


def reference() -> str:
    """Return the Markdown page with the table of all keys."""
    rows, root = [], schema()
    for key, field in fields():
        default = field.get_default(call_default_factory=True, validated_data={})
        description = " ".join((field.description or "").split())
        if isinstance(default, Section):
            rows.append(f"| **`{key}`** | | | **{description}** |")
        else:
            allowed = _allowed(_schema_of(key, root), root)
            rows.append(f"| `{key}` | `{_format_default(default)}` | {allowed} | {description} |")
    return INTRODUCTION + "\n".join(rows) + "\n"


def _allowed(node: dict[str, Any], root: dict[str, Any]) -> str:
    """Describe the values that a key may have.

    Args:
        node: The JSON schema of the key.
        root: The JSON schema of the study, which holds what `node` refers to.
    """
    node = _resolve(node, root)
    if "anyOf" in node:
        return " or ".join(_allowed(option, root) for option in node["anyOf"])
    if values := node.get("enum", node.get("examples")):
        return ", ".join(f"`{value}`" for value in values)
    if "const" in node:
        return f"`{node['const']}`"
    kind = node["type"]
    if kind in NUMBERS:
        bounds = ", ".join(f"{sign}{node[name]}" for name, sign in BOUNDS.items() if name in node)
        return f"{NUMBERS[kind]} {bounds}".strip()
    if kind == "array":
        count = f" of {node['minItems']}" if "maxItems" in node else ""
        return f"list{count}, each a {_allowed(node['items'], root)}"
    if kind == "object":
        type_field = node.get("properties", {}).get("type")
        return f"table of type {_allowed(type_field, root)}" if type_field else "table"
    if "pattern" in node:
        return f"`{node['pattern'].strip('^$')}`"
    return {"boolean": "`true`, `false`", "null": "`null`", "string": "text"}[kind]


def _schema_of(key: str, root: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of a dotted key."""
    node = root
    for name in key.split("."):
        node = _resolve(node, root)["properties"][name]
    return node


def _resolve(node: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference of a JSON schema."""
    name = node.get("$ref", "").rpartition("/")[2]
    return root["$defs"][name] if name else node


def _format_default(default: Any) -> str:
    if isinstance(default, dict):
        default = {name: to_wandb(parameter) for name, parameter in default.items()}
    return dump_yaml(default, one_line=True).strip().removesuffix("...").strip()
