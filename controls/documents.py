"""Reading policy text: YAML (and so JSON) into plain data, remembering on which line everything stood.

Only what a policy needs is taken: mappings with text keys, lists, text, numbers, true, false and null, as in the
YAML 1.2 core schema (``no`` and ``on`` are text, not booleans). Aliases, tags, merge keys, duplicate keys, more than
one document, deep nesting and long texts are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import yaml

from controls.errors import PolicyError, Problem

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32

Path = tuple[str | int, ...]

_MAP, _SEQ, _STR = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:str"
_NULL, _BOOL = "tag:yaml.org,2002:null", "tag:yaml.org,2002:bool"
_INT, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"


class _Refused(Exception):
    def __init__(self, mark: yaml.Mark, message: str, remedy: str) -> None:
        super().__init__(message)
        self.line: int = mark.line + 1
        self.message = message
        self.remedy = remedy


class _Loader(yaml.SafeLoader):
    """Composes nodes, refusing aliases and depth while reading, before anything can grow."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise _Refused(mark, "an alias (*name)", "write the value out; aliases are not allowed")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise _Refused(mark, f"nested more than {MAX_DEPTH} deep", "flatten the condition")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    (_NULL, r"^(?:null|Null|NULL|~|)$", ["n", "N", "~", ""]),
    (_BOOL, r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    (_INT, r"^[-+]?[0-9]{1,18}$", list("-+0123456789")),
    (_FLOAT, r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?$", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), _first)


def read(text: str) -> tuple[object, dict[Path, int]]:
    """The data of a document, and the line (from 1) of each path in it; raises :class:`PolicyError`."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise _error(None, f"{size} bytes long", f"keep a policy within {MAX_BYTES} bytes")
    lines: dict[Path, int] = {}
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return (None if node is None else _data(node, (), lines)), lines
    except _Refused as refused:
        raise _error(refused.line, refused.message, refused.remedy) from refused
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        line = mark.line + 1 if mark is not None else None
        raise _error(line, f"not YAML: {what}", "correct the syntax") from error
    except yaml.YAMLError as error:
        raise _error(None, f"not YAML: {error}".split("\n")[0], "correct the text") from error


def line_of(path: Path, lines: Mapping[Path, int]) -> int | None:
    """The line of a path, or of the nearest part of the document that encloses it."""
    for length in range(len(path), -1, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def _error(line: int | None, message: str, remedy: str) -> PolicyError:
    return PolicyError([Problem("", line, message, remedy)])


def _data(node: yaml.Node, path: Path, lines: dict[Path, int]) -> object:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode) and node.tag == _MAP:
        return _mapping(node, path, lines)
    if isinstance(node, yaml.SequenceNode) and node.tag == _SEQ:
        return [_data(part, (*path, index), lines) for index, part in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    raise _Refused(node.start_mark, f"the tag {node.tag}", "write plain values, without tags")


def _mapping(node: yaml.MappingNode, path: Path, lines: dict[Path, int]) -> dict[str, object]:
    data: dict[str, object] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag != _STR:
            raise _Refused(key.start_mark, "a key that is not text", "quote the key, or write a name")
        if key.value in data:
            raise _Refused(key.start_mark, f"the key {key.value!r} stands here twice", "keep one of them")
        lines[(*path, key.value)] = key.start_mark.line + 1
        data[key.value] = _data(value, (*path, key.value), lines)
    return data


def _scalar(node: yaml.ScalarNode) -> object:
    text = str(node.value)
    if node.tag == _STR:
        return text
    if node.tag == _NULL and text in ("null", "Null", "NULL", "~", ""):
        return None
    try:
        if node.tag == _BOOL:
            return {"true": True, "false": False}[text.lower()]
        if node.tag == _INT:
            return int(text)
        if node.tag == _FLOAT:
            return float(text)
    except (KeyError, ValueError):
        pass
    raise _Refused(node.start_mark, f"the tag {node.tag}", "write plain values, without tags")
