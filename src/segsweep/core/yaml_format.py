"""Read and write YAML: plain values only, no tags, no objects, no pickle.

Reading follows YAML 1.2, as DVC does, so `1e-5` is a number. There are two exceptions. `yes`,
`no`, `on` and `off` are booleans, as in YAML 1.1, which W&B reads and writes (with PyYAML). Digits
with a leading zero, such as `010` (8 in YAML 1.1 and 10 in YAML 1.2), are text, so a study that has
them in place of a number is refused. What is written means the same in both versions.
"""

import io
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode
from ruamel.yaml.representer import SafeRepresenter
from ruamel.yaml.resolver import VersionedResolver
from ruamel.yaml.tag import Tag

MAX_VALUES = 100_000
"""Maximum number of values in a file once its aliases are expanded: aliases of aliases can turn a
few lines into billions of values."""

_BOOLEAN_1_1 = re.compile("yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF")
_LEADING_ZERO = re.compile(r"[-+]?0[\d_]+")
_QUOTED = re.compile(r"[-+]?0[\d_]+|[-+]?\d[\d_]*(:[0-5]?\d)+(\.[\d_]*)?|\?.*")
"""Text to write in quotes: `010` and `1:30` are the numbers 8 and 90 in YAML 1.1; PyYAML cannot
read `{a: ? b}`."""


def load_yaml(text: str) -> Any:
    """Read one YAML document.

    Raises:
        ValueError: The text is not safe YAML, a key occurs twice, or the values are too many.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor, yaml.Resolver = _Constructor, _Resolver
    try:
        content = yaml.load(text)
        count = _count(content, {})
    except (YAMLError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())) from error
    if count > MAX_VALUES:
        raise ValueError(f"found {count} values with all aliases expanded, at most {MAX_VALUES}")
    return content


def dump_yaml(value: Any, *, one_line: bool = False) -> str:
    """Return YAML text with the keys in their given order.

    Lists and tables of scalars are on one line.

    Args:
        value: Plain values: tables, lists, text, numbers, booleans, None.
        one_line: Whether tables and lists are all written on one line.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer, yaml.Resolver = _Representer, _WritingResolver
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 10_000  # a wrapped list would leave trailing spaces
    yaml.default_flow_style = one_line or None
    text = io.StringIO()
    yaml.dump(value, text)
    return text.getvalue()


class _Resolver(VersionedResolver):
    """Determines the type of plain text such as `yes`, as the module's docstring says."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        if kind is ScalarNode and implicit[0]:
            if _BOOLEAN_1_1.fullmatch(value):
                return Tag(suffix="tag:yaml.org,2002:bool")
            if _LEADING_ZERO.fullmatch(value):
                return self.DEFAULT_SCALAR_TAG
        return super().resolve(kind, value, implicit)


class _WritingResolver(_Resolver):
    """Decides which text is quoted: any that would not be read as text."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        if kind is ScalarNode and implicit[0] and _QUOTED.fullmatch(value):
            return Tag(suffix="tag:yaml.org,2002:int")
        return super().resolve(kind, value, implicit)


class _Constructor(SafeConstructor):
    """Safe values; refuses a key that occurs twice."""

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> Any:
        keys: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in keys:
                raise ConstructorError(
                    problem=f"the key '{key.value}' is given twice", problem_mark=key.start_mark
                )
            keys.add(key.value)
        return super().construct_mapping(node, deep)


class _Representer(SafeRepresenter):
    """Numbers that YAML 1.1 and 1.2 read alike."""

    def represent_float(self, data: float) -> ScalarNode:
        node = super().represent_float(data)
        if "e" in node.value and "." not in node.value:
            node.value = node.value.replace("e", ".0e")
        return node


_Representer.add_representer(float, _Representer.represent_float)


def _count(content: Any, counts: dict[int, int]) -> int:
    """Count the values in `content`, shared ones each time they occur.

    Args:
        content: What was read.
        counts: Results by `id`, filled as tables and lists are visited.

    Raises:
        ValueError: `content` contains itself.
    """
    if not isinstance(content, dict | list):
        return 1
    if id(content) not in counts:
        counts[id(content)] = -1
        parts = content.values() if isinstance(content, dict) else content
        counts[id(content)] = 1 + sum(_count(part, counts) for part in parts)
    if counts[id(content)] < 0:
        raise ValueError("a value contains itself")
    return counts[id(content)]
