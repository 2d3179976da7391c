"""Say in words why an answer was left to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.ranking.departures import Departure
from engine.reading.patient import stated_groups
from engine.reading.slots import Contrast, Laterality

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from engine.catalogue.row_slots import RowSlots
    from engine.reading.query import Query
    from engine.reading.slots import ParsedName


def ambiguity_reasons(
    query: Query, offered: Sequence[RowSlots], departs: Departure, *, is_tie: bool
) -> list[str]:
    """Return what keeps one of the offered rows from being the answer, at least one reason.

    Parameters
    ----------
    query : Query
    offered : sequence of RowSlots, at least one
        From best to worst.
    departs : Departure
        Where the best row says something else than the name.
    is_tie : bool
        Whether the two best rows score the same.
    """
    parsed = query.parsed
    stated = {
        "side": parsed.laterality is not Laterality.NONE,
        "contrast": parsed.contrast is not Contrast.NONE and not query.contrast_is_cut,
        "modality": bool(query.modalities),
        "body part": bool(parsed.anatomy),
        "technique": bool(parsed.technique | parsed.intervention),
        **{group: bool(terms) for group, terms in stated_groups(parsed.context).items()},
    }
    slots: dict[str, set[Hashable]] = {
        "side": {row.laterality for row in offered},
        "contrast": {row.contrast for row in offered},
        "modality": {row.modalities for row in offered},
        "body part": {row.anatomy for row in offered},
        "technique": {row.technique | row.intervention for row in offered},
    }
    reasons = []
    if query.modality_conflict:
        reasons.append("name and MODALITY_CODE disagree")
    reasons += _doubts(query.parsed)
    for kind in Departure:
        if (
            kind is not Departure.DOUBT
            and kind in departs
            and not (kind is Departure.MODALITY and query.modality_conflict)
        ):
            what = kind.word
            reasons.append(f"{what} not as stated" if stated[what] else f"{what} not stated")
    for what, values in slots.items():
        if len(values) > 1 and not any(reason.startswith(what) for reason in reasons):
            reasons += _differing(what, is_stated=stated[what], n_parts=len(parsed.anatomy))
    if parsed.unknown:
        reasons.append("words not understood")
    if is_tie:
        reasons.append("two rows fit equally well")
    return reasons or ["not certain enough"]


def _differing(what: str, *, is_stated: bool, n_parts: int) -> list[str]:
    """Say why offered rows may differ in one slot."""
    if not is_stated:
        return [f"{what} not stated"]
    if what == "body part" and n_parts > 1:
        return ["two body parts" if n_parts == 2 else f"{n_parts} body parts"]  # noqa: PLR2004
    if what in ("body part", "technique"):
        return [f"{what} not certain"]
    return []


def _doubts(parsed: ParsedName) -> list[str]:
    """Say what is only possible, or of another time."""
    sides = sorted(value for slot, value in parsed.doubtful if slot == "laterality")
    reasons = [f"side is an alternative or only possible ({', '.join(sides)})"] if sides else []
    for slot, value in sorted(parsed.doubtful):
        if slot == "contrast":
            reasons.append("contrast is only possible")
        elif slot == "line":
            reasons.append(f"may be no examination ({value})")
        elif slot == "meaning":
            reasons.append(f"two meanings: {value}")
        elif slot != "laterality":
            reasons.append(f"the {value} is only possible")
    reasons += [f"the {value} is of another time" for _, value in sorted(parsed.other_time)]
    return list(dict.fromkeys(reasons))
