"""The anatomy hierarchy: what covers what, and how close two terms or two sets of terms are."""

from __future__ import annotations

from functools import lru_cache

from engine.vocabulary.lexicon import as_list, read_table

GRID = 128
_WHOLE_BODY = frozenset({"whole body", "half body"})
_FILES = ("anatomy_regions", "anatomy_bones", "anatomy_organs", "anatomy_vessels")


class Hierarchy:
    """Is-a and part-of relations with the steps between any two related terms.

    Attributes
    ----------
    above : dict of str to dict of str to int
        For each term the terms that cover it and the least number of steps up to them.
    alike : dict of str to frozenset of str
        For each term the terms that many catalogues file under the same name.
    generic : frozenset of str
        Bare kinds ("artery", "joint") that yield to any member named beside them.
    """

    def __init__(self) -> None:
        parents: dict[str, tuple[str, ...]] = {}
        generic: set[str] = set()
        alike: dict[str, set[str]] = {}
        for name in _FILES:
            for term, entry in read_table(name)["term"].items():
                parents[term] = (*as_list(entry.get("part_of")), *as_list(entry.get("is_a")))
                if entry.get("generic"):
                    generic.add(term)
                for other in as_list(entry.get("like")):
                    alike.setdefault(term, set()).add(other)
                    alike.setdefault(other, set()).add(term)
        self.alike = {term: frozenset(others) for term, others in alike.items()}
        self.generic = frozenset(generic)
        self.parents = parents
        self.above = {term: self._climb(term) for term in parents}

    def _climb(self, term: str) -> dict[str, int]:
        steps: dict[str, int] = {}
        level, distance = self.parents[term], 1
        while level:
            for parent in level:
                steps.setdefault(parent, distance)
            level = tuple(
                higher
                for parent in level
                for higher in self.parents[parent]
                if higher not in steps
            )
            distance += 1
        return steps


@lru_cache(maxsize=1)
def hierarchy() -> Hierarchy:
    """Return the one hierarchy, loaded on first use."""
    return Hierarchy()


@lru_cache(maxsize=1)
def _numbers() -> tuple[list[int], list[int], int, int, int]:
    table = read_table("closeness")
    return (
        table["row_covers_input"],
        table["row_is_part_of_input"],
        table["siblings"],
        table["one_side_empty"],
        table["whole_body_or_empty"],
    )


@lru_cache(maxsize=1)
def _alike() -> int:
    number: int = read_table("closeness")["alike"]
    return number


def covers(whole: str, part: str) -> bool:
    """Whether `whole` is `part` or a region, kind or organ that `part` belongs to."""
    return whole == part or whole in hierarchy().above.get(part, ())


@lru_cache(maxsize=1 << 18)
def _closeness(input_term: str, row_term: str) -> int:
    if input_term == row_term:
        return GRID
    tree = hierarchy()
    covering, part, siblings, _, _ = _numbers()
    if row_term in tree.alike.get(input_term, ()):
        return _alike()
    steps = tree.above.get(input_term, {}).get(row_term)
    if steps is not None:
        return covering[min(steps, len(covering)) - 1]
    steps = tree.above.get(row_term, {}).get(input_term)
    if steps is not None:
        return part[min(steps, len(part)) - 1]
    shared = set(tree.parents.get(input_term, ())) & set(tree.parents.get(row_term, ()))
    return siblings if shared - tree.generic - {"whole body"} else 0


def closeness(input_term: str, row_term: str) -> float:
    """Return how well a row's term answers an input's term, in [0, 1] on the grid 1/128.

    1 for equal terms, less where the row covers the input ("lower limb" for "knee"), less again
    where the row is only a part of the input, little for siblings, 0 for unrelated terms; nearly
    1 for terms that many catalogues do not tell apart ("lumbar", "lumbosacral spine"). The
    numbers stand in vocabulary/closeness.toml.
    """
    return _closeness(input_term, row_term) / GRID


def _one_side_empty(stated: frozenset[str]) -> float:
    """Compare no anatomy at all with `stated`: a name without a part may mean the whole body."""
    if not stated:
        return 1.0
    _, _, _, other, whole_body = _numbers()
    return (whole_body if stated <= _WHOLE_BODY else other) / GRID


@lru_cache(maxsize=1 << 18)
def anatomy_similarity(input_terms: frozenset[str], row_terms: frozenset[str]) -> float:
    """Return the soft F1 of two sets of terms, in [0, 1] on the grid 1/128.

    Each term counts its best closeness on the other side; precision over the row's terms and
    recall over the input's terms meet in their harmonic mean. Two empty sets agree (1); one
    empty set gives a constant of vocabulary/closeness.toml.
    """
    if not input_terms or not row_terms:
        return _one_side_empty(input_terms | row_terms)
    recall = sum(max(_closeness(term, row) for row in row_terms) for term in input_terms)
    precision = sum(max(_closeness(term, row) for term in input_terms) for row in row_terms)
    if not recall or not precision:
        return 0.0
    mean_recall = recall / len(input_terms)
    mean_precision = precision / len(row_terms)
    return round(2 * mean_recall * mean_precision / (mean_recall + mean_precision)) / GRID
