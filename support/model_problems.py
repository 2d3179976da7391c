"""Say in a line what pydantic found wrong with a document, by the keys of the document."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from pydantic import BaseModel

from support.errors import shown
from support.unknown_names import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_ALIKE = 0.75  # how alike two keys are, [0, 1], when one is taken for a slip of the other


def first_problem(error: ValidationError, model: type[BaseModel]) -> str:
    """Say which key is wrong and why, for the first of the problems.

    An unknown key comes first: it may be one of the missing keys, which come last.

    Parameters
    ----------
    error : ValidationError
    model : type
        What the document was to be.
    """
    problems = error.errors(include_url=False, include_context=False)
    first, *others = sorted(
        _but_missing(problems) or problems,
        key=lambda problem: problem["type"] != "extra_forbidden",
    )
    key = ".".join(f"{part!s:.60}" for part in first["loc"])
    if first["type"] == "extra_forbidden":
        reason = _unknown_key(first["loc"], model)
    elif first["type"] == "missing":
        reason = "is missing"
    else:
        message = first["msg"].removeprefix("Value error, ")
        given = "" if first["type"] == "value_error" else f" (got {shown(first['input']):.60})"
        reason = f"{message[0].lower()}{message[1:]}{given}"
    more = f" (and {len(others)} more)" if others else ""
    return f"{key}: {reason}{more}" if key else f"{reason}{more}"


def missing_keys(error: ValidationError) -> list[tuple[str, ...]]:
    """List the paths of the keys that are missing; none when there is anything else wrong."""
    problems = error.errors(include_url=False, include_context=False)
    if _but_missing(problems):
        return []
    return [tuple(map(str, one["loc"])) for one in problems if one["type"] == "missing"]


def _but_missing(problems: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out missing keys, and what follows: a list is too short without a faulty entry."""
    missing = [problem["loc"] for problem in problems if problem["type"] == "missing"]
    return [
        problem
        for problem in problems
        if not any(loc[: len(problem["loc"])] == problem["loc"] for loc in missing)
    ]


def _unknown_key(loc: Sequence[int | str], model: type[BaseModel]) -> str:
    """Say which key may be meant, or which keys there are."""
    *sections, key = loc
    for section in sections:
        if section in model.model_fields:  # else a place in a list
            kind = model.model_fields[str(section)].annotation
            model = next(one for one in (kind, *get_args(kind)) if _is_model(one))
    known = list(model.model_fields)
    near = nearest(str(key), known, _ALIKE)
    hint = f"did you mean {near!r}?" if near else f"there are {', '.join(known)}"
    return f"is an unknown key; {hint}"


def _is_model(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
