"""Which of the body parts in a name are meant: a region before its part is only the path to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.vocabulary.anatomy import covers, hierarchy

# Regions so wide that any named part inside them is what is meant, wherever it stands.
_WIDE = frozenset({"upper limb", "lower limb", "spine", "skeleton", "trunk", "back", "device"})

_LIMBS = frozenset({"upper limb", "lower limb"})
_BARE_VESSELS = frozenset({"artery", "vein"})


class Mention(NamedTuple):
    """One body part as it stands in a name.

    Attributes
    ----------
    term : str
    is_added : bool
        It follows an "and" ("abdomen and kidney"), so the part before it stays meant.
    is_implied : bool
        A technique implies it ("urogram": urinary tract).
    """

    term: str
    is_added: bool
    is_implied: bool


def stated_anatomy(mentions: Sequence[Mention]) -> frozenset[str]:
    """Return the parts that are meant.

    "Lower extremity, hip" means the hip; "thorax abdomen pelvis" means three parts; "abdomen and
    kidney" means two.
    """
    meant = {
        mention.term
        for position, mention in enumerate(mentions)
        if not any(
            _yields(mention, other, comes_later=later > position)
            for later, other in enumerate(mentions)
            if later != position
        )
    }
    return frozenset(_limb_vessels(meant))


def _limb_vessels(terms: set[str]) -> set[str]:
    """Read a limb and a bare "vein" or "artery" apart from it as one ("venous Doppler Lt leg")."""
    vessels = terms & _BARE_VESSELS
    limbs = terms & _LIMBS
    if not vessels or not limbs:
        return terms
    return terms - vessels - limbs | {f"{limb} {vessel}" for limb in limbs for vessel in vessels}


def _yields(mention: Mention, other: Mention, *, comes_later: bool) -> bool:
    if mention.term == other.term:
        return False
    if covers(mention.term, other.term):
        if mention.is_implied or mention.term in hierarchy().generic or mention.term in _WIDE:
            return True
        if other.is_implied:
            return _is_region(mention.term)
        return comes_later and not other.is_added
    # what a technique implies adds nothing to a stated organ that holds it
    return (
        mention.is_implied
        and not other.is_implied
        and covers(other.term, mention.term)
        and not _is_region(other.term)
        and other.term not in hierarchy().generic
        and other.term not in _WIDE
    )


def _is_region(term: str) -> bool:
    return "whole body" in hierarchy().parents.get(term, ())
