"""Read and write YAML: plain values only, no tags, no objects, no pickle.

Reading follows YAML 1.2, as DVC does, so `1e-5` is a number. There are two exceptions. `yes`,
`no`, `on` and `off` are booleans, as in YAML 1.1, which W&B reads and writes (with PyYAML). Digits
with a leading zero, such as `010` (8 in YAML 1.1 and 10 in YAML 1.2), and dates are text, so a
study that has them in place of a number is refused. What is written means the same in both
versions.
"""

import io
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode
from ruamel.yaml.representer import SafeRepresenter
from ruamel.yaml.resolver import VersionedResolver
from ruamel.yaml.tag import Tag

from segsweep.core.json_format import MAX_DEPTH

MAX_VALUES = 100_000
"""Maximum number of values in a file once its aliases are expanded: aliases of aliases can turn a
few lines into billions of values."""

MAX_INTEGER = 2**63
"""Integers are smaller than this (64 bits), as NumPy, PyTorch and W&B expect."""

_TOO_MANY = f"more than {MAX_VALUES} values with all aliases expanded"
_TOO_DEEP = f"more than {MAX_DEPTH} levels of lists and tables"
_TEXT_TAG, _MERGE_TAG = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"

_BOOLEAN_1_1 = re.compile("yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF")
_DATE = r"\d{4}-\d\d?-\d\d?.*"
_TEXT = re.compile(rf"[-+]?0[\d_]+|{_DATE}|=")
_QUOTED = re.compile(rf"[-+]?0[\d_]+|[-+]?\d[\d_]*(:[0-5]?\d)+(\.[\d_]*)?|\?.*|{_DATE}|=")
"""Text to write in quotes: `010` and `1:30` are the numbers 8 and 90 in YAML 1.1; PyYAML cannot
read `{a: ? b}`."""


def load_yaml(text: str) -> Any:
    """Read one YAML document: tables with text as keys, lists, and plain values.

    Raises:
        ValueError: The text is not such a document, has a tag, a key twice, an integer of more than
            64 bits, or too many values or levels.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer, yaml.Constructor, yaml.Resolver = _Composer, _Constructor, _Resolver
    try:
        return yaml.load(text)
    except (YAMLError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())) from error


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
            if _TEXT.fullmatch(value):
                return self.DEFAULT_SCALAR_TAG
        return super().resolve(kind, value, implicit)


class _WritingResolver(_Resolver):
    """Decides which text is quoted: any that would not be read as text."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        if kind is ScalarNode and implicit[0] and _QUOTED.fullmatch(value):
            return Tag(suffix="tag:yaml.org,2002:int")
        return super().resolve(kind, value, implicit)


class _Composer(Composer):
    """Refuses tags, and stops at the limits of values and levels while it reads."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        self._level = self._values = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.parser.peek_event()
        if getattr(event, "tag", None) is not None:
            raise _found(event, f"the tag {event.tag}, expected a plain value; remove the tag")
        self._level += 1
        is_key = isinstance(parent, MappingNode) and index is None
        self._values += not is_key
        if self._level > MAX_DEPTH:
            raise _found(event, _TOO_DEEP)
        if self._values > MAX_VALUES:
            raise _found(event, _TOO_MANY)
        node = super().compose_node(parent, index)
        self._level -= 1
        return node


class _Constructor(SafeConstructor):
    """Safe values; checks the whole document before it makes the first of them."""

    def construct_document(self, node: Node) -> Any:
        _check(node, {})
        return super().construct_document(node)

    def construct_yaml_int(self, node: Any) -> int:
        if len(node.value) > 100 or abs(number := super().construct_yaml_int(node)) >= MAX_INTEGER:
            raise _found(node, "an integer of more than 64 bits, expected a smaller one")
        return int(number)


_Constructor.add_constructor("tag:yaml.org,2002:int", _Constructor.construct_yaml_int)


def _found(place: Any, problem: str) -> ComposerError:
    return ComposerError(problem=f"found {problem}", problem_mark=place.start_mark)


def _check(node: Node, checked: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """Return how many values and levels a node has, shared ones each time they occur.

    Args:
        node: A part of the document.
        checked: Results by `id`, filled as tables and lists are visited.

    Raises:
        ComposerError: A node contains itself, has too many values or levels, or a key that is not
            text or occurs twice.
    """
    if isinstance(node, ScalarNode):
        return 1, 1
    if id(node) in checked:
        values, levels = checked[id(node)]
        if not values:
            raise _found(node, "a value that contains itself")
        return values, levels
    checked[id(node)] = 0, 0
    parts = node.value
    if isinstance(node, MappingNode):
        _check_keys([key for key, _ in node.value])
        parts = [value for _, value in node.value]
    sizes = [_check(part, checked) for part in parts]
    values = 1 + sum(count for count, _ in sizes)
    levels = 1 + max((depth for _, depth in sizes), default=0)
    if values > MAX_VALUES:
        raise _found(node, _TOO_MANY)
    if levels > MAX_DEPTH:
        raise _found(node, _TOO_DEEP)
    checked[id(node)] = values, levels
    return values, levels


def _check_keys(keys: list[Node]) -> None:
    seen: set[str] = set()
    for key in keys:
        if not isinstance(key, ScalarNode):
            raise _found(key, "a list or table as a key, expected text")
        if key.value in seen:
            raise ConstructorError(
                problem=f"the key '{key.value}' is given twice", problem_mark=key.start_mark
            )
        if key.tag not in (_TEXT_TAG, _MERGE_TAG):
            raise _found(key, f"the key {key.value or 'null'}, expected text; put it in quotes")
        seen.add(key.value)


class _Representer(SafeRepresenter):
    """Numbers that YAML 1.1 and 1.2 read alike."""

    def represent_float(self, data: float) -> ScalarNode:
        node = super().represent_float(data)
        if "e" in node.value and "." not in node.value:
            node.value = node.value.replace("e", ".0e")
        return node


_Representer.add_representer(float, _Representer.represent_float)
