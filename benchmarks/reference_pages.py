"""``make docs``: write docs/reference from the code, so that it is never behind."""

from __future__ import annotations

import inspect
import re
import sys
from typing import TYPE_CHECKING, Any

from griffe import load
from griffe2md import ConfigDict, render_object_docs
from ruamel.yaml import YAML
from typer import Context
from typer.cli import get_docs_for_click
from typer.main import get_command

from engine.ranking.weights import FEATURE_OF, Feature, value_of
from objectives.configuration import Configuration, load_configuration
from scripts.run_training import app
from studies.pruners import PRUNERS
from studies.samplers import STRATEGIES
from support.atomic_files import write_whole
from support.installation import PROJECT_ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ruamel.yaml.comments import CommentedMap

FOLDER = PROJECT_ROOT / "docs" / "reference"
_CONFIG = PROJECT_ROOT / "config.yaml"
_NOTE = "<!-- Written by `make docs`: change the code, not this page. -->"
_FRONT_DOORS = (
    ("objectives.training.framework", ("ScalableTrainingFramework", "TrainingConfig")),
    ("objectives.training.metrics", ("TrainingMetrics",)),
    ("studies.optimizer", ("TrainingOptimizer", "OptimizationResult")),
    ("studies.definition.options", ("OptimizationConfig",)),
    ("objectives.workspace", ("Workspace",)),
    ("engine.lookup", ("LookupEngine", "Answer", "Explanation")),
    ("objectives.configuration", ("load_configuration",)),
)
_PYTHON = """\
Import training runs from `objectives` and studies from `studies`:

```python
from objectives import ScalableTrainingFramework, TrainingConfig, TrainingMetrics
from studies import OptimizationConfig, OptimizationResult, TrainingOptimizer
```

Scripts that run stand in the guide: [training](../guide/training.md#from-python),
[studies](../guide/studies.md#from-python), [lookups](../guide/mapping.md#from-python).
Whatever a user can mend raises `support.errors.RadTuneError` with a message of one line.
Other modules may change without notice.
"""
_WORDS = {  # of JSON schema
    "integer": "whole number",
    "boolean": "true or false",
    "string": "text",
    "object": "map",
}
_WIDEST = 48  # characters of a default


def command_line() -> str:
    """Describe every verb and option, as Typer does."""
    group = get_command(app)
    context = Context(group, info_name="radtune")
    text = get_docs_for_click(obj=group, ctx=context, name="radtune", title="Command line")
    # what a terminal shows as it is written
    return re.sub(r"\x08\n(.+?)\n*(?=\n\n|\Z)", r"```text\n\1\n```", text, flags=re.DOTALL)


def configuration() -> str:
    """Describe every key of ``config.yaml``: default, range, meaning."""
    text = _CONFIG.read_text(encoding="utf-8")
    document: CommentedMap = YAML().load(text)
    headings = dict(_headings(text))
    schema = Configuration.model_json_schema()
    lines = [
        "# Configuration",
        "",
        "The keys of `config.yaml`. A file of your own may leave keys out: they take the values "
        "below, and one line names them. An unknown key is an error. An exported configuration "
        "also has `provenance`, which says where it comes from.",
    ]
    for key in document:
        heading = headings.get(document.lc.key(key)[0])
        if heading:
            lines += ["", f"## {heading}", "", *_header("key", "default", "range", "meaning")]
        lines += _rows(document, key, key, schema, schema)
    return "\n".join(lines)


def _headings(text: str) -> Iterator[tuple[int, str]]:
    """Yield the headings among the comments, each with the line (from 0) that follows it."""
    for number, line in enumerate(text.splitlines(), start=1):
        found = re.fullmatch(r"# -- (.+?) -+", line)
        if found:
            yield number, found[1]


def _rows(
    parent: CommentedMap, key: str, path: str, schema: Mapping[str, Any], root: Mapping[str, Any]
) -> Iterator[str]:
    """Yield the row of a key, and those of the keys below it."""
    node = schema.get("properties", {}).get(key) or schema["additionalProperties"]
    if "$ref" in node:
        node = root["$defs"][node["$ref"].rpartition("/")[2]]
    value = parent[key]
    if not hasattr(value, "items"):
        shown = _as_yaml(value)
        cells = f"`{shown}`" if len(shown) <= _WIDEST else "see `config.yaml`", _range(node, root)
        yield _row(f"`{path}`", *cells, _comment(parent, key) or _of_weight(path))
        return
    comment = _comment(parent, key)
    if comment:
        yield _row(f"`{path}`", "", "", comment)
    for below in value:
        yield from _rows(value, below, f"{path}.{below}", node, root)


def _as_yaml(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_as_yaml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)


def _comment(parent: CommentedMap, key: str) -> str:
    """Return what stands behind a key in the file."""
    token = (parent.ca.items.get(key) or [None] * 3)[2]
    return str(token.value).partition("\n")[0].lstrip("# ") if token else ""


def _of_weight(path: str) -> str:
    """Return what the weight of a key means."""
    section, _, name = path.rpartition(".")
    feature = FEATURE_OF.get(f"{name}_weight")
    return "" if feature is None or section.startswith("study") else feature.meaning


def _range(node: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    """Write the range of a value in words, from its JSON schema."""
    if "$ref" in node:
        node = root["$defs"][node["$ref"].rpartition("/")[2]]
    if "anyOf" in node:
        return " or ".join(_range(one, root) for one in node["anyOf"])
    kind = node["type"]
    if kind == "array":
        if "prefixItems" in node:
            return f"[low, high], each {_range(node['prefixItems'][0], root)}"
        return f"list, each {_range(node['items'], root)}"
    word: str = node.get("format") or _WORDS.get(kind, kind)
    low = node.get("minimum", node.get("exclusiveMinimum"))
    high = node.get("maximum", node.get("exclusiveMaximum"))
    if low is None:
        return word
    above = "above " if "exclusiveMinimum" in node else ""
    if high is None:
        return f"{word}, {above or 'at least '}{low:g}"
    return f"{word}, {above}{low:g} to {'below ' if 'exclusiveMaximum' in node else ''}{high:g}"


def weights() -> str:
    """Describe the table of weights."""
    current = load_configuration(_CONFIG).weights
    lines = [
        "# Weights",
        "",
        "The weights that a trial may change. Slot weights sum to 1. So do `component_weight`, "
        "`semantic_weight` and `frequency_weight`. A study tunes within the search range "
        "(`study.bounds`) and never leaves the limits. "
        "`radtune weights` shows what each is worth ([guide](../guide/weights.md)).",
        "",
        *_header("weight", "default", "limits", "search range", "kind", "meaning"),
    ]
    lines += [
        _row(
            f"`{feature.weight}`",
            f"{value_of(current, feature):g}",
            _span(feature.kind.limits),
            _span(feature.default_range),
            feature.kind.value,
            feature.meaning,
        )
        for feature in Feature
    ]
    return "\n".join(lines)


def _span(limits: tuple[float, float]) -> str:
    return f"{limits[0]:g} to {limits[1]:g}"


def strategies() -> str:
    """Describe the strategies."""
    default = load_configuration(_CONFIG).study.strategy
    first = "A strategy proposes the weights of the next trial. Choose it with `--strategy NAME`."
    return _registry("Strategies", first, STRATEGIES, default)


def pruners() -> str:
    """Describe the pruners."""
    default = load_configuration(_CONFIG).study.pruner
    first = (
        "A pruner stops trials that are not worth finishing. Choose it with `--pruner NAME`. "
        "Settings are under `study.pruners` ([configuration](configuration.md))."
    )
    return _registry("Pruners", first, PRUNERS, default)


def _registry(title: str, first: str, registry: Mapping[str, type], default: str) -> str:
    lines = [f"# {title}", "", first]
    for name, found in registry.items():
        prose = re.split(r"\n\n\w+\n-+\n", inspect.getdoc(found) or "")[0]
        lines += ["", f"## {name}{' (default)' if name == default else ''}", "", _plain(prose)]
    return "\n".join(lines)


def python_api() -> str:
    """Describe the front doors for Python, from their docstrings."""
    options = ConfigDict(
        docstring_style="numpy",
        show_signature_annotations=True,
        show_if_no_docstring=False,
        show_object_full_path=False,
        show_root_full_path=False,
        show_root_members_full_path=False,
        show_bases=False,
        summary=False,
        members_order="source",
    )
    parts = ["# Python", "", _PYTHON]
    for module, names in _FRONT_DOORS:
        found = load(module, search_paths=[PROJECT_ROOT], docstring_parser="numpy")
        parts += [_plain(render_object_docs(found[name], options)) for name in names]
    return "\n".join(parts)


def _plain(text: str) -> str:
    """Turn what docstrings and links to other pages look like into plain Markdown."""
    text = re.sub(r"(?<!`)``(?!`)", "`", text)
    text = re.sub(r"\[([^\[\]]*)\]\(#[^)]*\)", r"\1", text)
    text = re.sub(r"<code>\(?([^<)]*)\)?</code>", r"`\1`", text)
    return re.sub(r" \u2013$", "", text, flags=re.MULTILINE)


def _header(*names: str) -> list[str]:
    return [_row(*names), _row(*["---"] * len(names))]


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


PAGES = {
    "command-line.md": command_line,
    "configuration.md": configuration,
    "weights.md": weights,
    "strategies.md": strategies,
    "pruners.md": pruners,
    "python-api.md": python_api,
}


def written(name: str) -> str:
    """Return a page as it stands on disk when it is right."""
    heading, _, rest = PAGES[name]().strip().partition("\n")
    return f"{heading}\n\n{_NOTE}\n{rest}\n"


def main() -> None:
    """Write every page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in PAGES:
        write_whole(FOLDER / name, written(name))
    sys.stdout.write(f"{len(PAGES)} pages in {FOLDER.relative_to(PROJECT_ROOT)}\n")


if __name__ == "__main__":
    main()
