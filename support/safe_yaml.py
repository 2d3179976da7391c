"""Read the plain part of YAML that a configuration needs: no tags, no bombs, each key once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from typing_extensions import override

from support.errors import ConfigurationError
from support.files import read_text

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST = 1 << 18  # characters of a file, 25 times those of config.yaml
_LONGEST = 1 << 10  # characters of a key or value
_MOST = 1 << 16  # keys and values, aliases written out


def read_yaml(path: Path) -> object:
    """Read one YAML document in bounded time and memory.

    Raises
    ------
    InputFileError
        When the file cannot be read.
    ConfigurationError
        When it is too long, no YAML, or more than plain YAML: tags, or a few aliases that stand
        for very many values.
    """
    text = read_text(path)
    if len(text) > _LARGEST:
        raise ConfigurationError(
            f"{path}: has {len(text):,} characters, a configuration has {_LARGEST:,} at most"
        )
    try:
        return _PlainLoader(text).get_single_data()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None)
        why = f" ({problem})" if problem else ""
        raise ConfigurationError(f"{path}: not valid YAML{where}{why}") from None
    except RecursionError:
        raise ConfigurationError(f"{path}: not valid YAML (nested too deeply)") from None
    except ValueError as error:
        raise ConfigurationError(f"{path}: not valid YAML ({error})") from None


class _PlainLoader(yaml.SafeLoader):
    """What ``yaml.safe_load`` uses, less what no configuration needs."""

    @override
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose a node; tags are refused, and text that cannot be printed or stored."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML's
        if getattr(event, "tag", None) is not None:
            raise _refused("tags (!NAME) are not allowed", event)
        if isinstance(event, yaml.ScalarEvent):
            if len(event.value) > _LONGEST:
                raise _refused(f"longer than {_LONGEST:,} characters", event)
            if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in event.value):
                raise _refused("holds a null or half a character (a lone surrogate)", event)
        return super().compose_node(parent, index)

    @override
    def compose_document(self) -> yaml.Node | None:
        """Compose a document, and count what it says with every alias written out."""
        root = super().compose_document()
        if root is not None:
            _count(root, {})
        return root

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping, each key once."""
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in seen:
                raise _refused(f"the key {key.value!r:.60} stands twice", node)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _count(node: yaml.Node, counts: dict[int, int]) -> int:
    """Count a node and all below it; one that is used twice counts twice."""
    if id(node) in counts:
        n_nodes = counts[id(node)]
        if not n_nodes:
            raise _refused("holds itself", node)
        return n_nodes
    counts[id(node)] = 0
    n_nodes = 1
    if isinstance(node, yaml.SequenceNode):
        n_nodes += sum(_count(child, counts) for child in node.value)
    elif isinstance(node, yaml.MappingNode):
        n_nodes += sum(_count(child, counts) for pair in node.value for child in pair)
    if n_nodes > _MOST:
        raise _refused(f"holds more than {_MOST:,} values, aliases (*NAME) written out", node)
    counts[id(node)] = n_nodes
    return n_nodes


def _refused(why: str, at: Any) -> yaml.MarkedYAMLError:  # noqa: ANN401 - a node or an event
    return yaml.MarkedYAMLError(problem=why, problem_mark=at.start_mark)
