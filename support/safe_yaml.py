"""Read the plain part of YAML that a configuration needs: no tags, no aliases, each key once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from typing_extensions import override

from support.errors import ConfigurationError
from support.files import read_text

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST = 1 << 18  # characters of a file, 25 times those of config.yaml
_LONGEST = 1 << 10  # characters of a key or value: Python does not print a number of 5,000 digits


def read_yaml(path: Path, example: str) -> dict[Any, Any]:
    """Read a YAML mapping in bounded time and memory.

    Parameters
    ----------
    path : Path
    example : str
        The file that shows how it is to look.

    Raises
    ------
    InputFileError
        When the file cannot be read.
    ConfigurationError
        When it is too long, no mapping in YAML, or more than plain YAML.
    """
    text = read_text(path)
    if len(text) > _LARGEST:
        raise ConfigurationError(
            f"{path}: has {len(text):,} characters, a configuration has {_LARGEST:,} at most"
        )
    try:
        document = _PlainLoader(text).get_single_data()
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
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path}: a mapping of keys is expected; see {example}")
    return document


class _PlainLoader(yaml.SafeLoader):
    """What ``yaml.safe_load`` uses, less what it lets through or stumbles over."""

    @override
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose a node; ``!!bool maybe`` would be a KeyError, ten aliases of ten a bomb."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML's
        value = getattr(event, "value", "")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "tag", None) is not None:
            raise _refused("tags (!NAME) and aliases (*NAME) are not allowed", event)
        if len(value) > _LONGEST:
            raise _refused(f"longer than {_LONGEST:,} characters", event)
        if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in value):
            raise _refused("holds a null or half a character (a lone surrogate)", event)
        return super().compose_node(parent, index)

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping, each key once."""
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue  # refused below
            if key.value in seen:
                raise _refused(f"the key {key.value!r:.60} stands twice", key)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _refused(why: str, at: Any) -> yaml.MarkedYAMLError:  # noqa: ANN401 - a node or an event
    return yaml.MarkedYAMLError(problem=why, problem_mark=at.start_mark)
