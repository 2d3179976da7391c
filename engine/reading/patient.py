"""What a name or row says about the patient: pregnancy, age and sex, a part of the context."""

from __future__ import annotations

from collections.abc import Mapping

PATIENT_GROUPS: Mapping[str, frozenset[str]] = {
    "pregnancy": frozenset({"obstetric"}),
    "age": frozenset({"paediatric", "neonatal"}),
    "sex": frozenset({"male", "female"}),
}
_ALSO = {"neonatal": "paediatric"}  # a newborn is a child, a child no newborn


def stated_groups(context: frozenset[str]) -> dict[str, frozenset[str]]:
    """Return what a context states about each of `PATIENT_GROUPS`; empty sets where nothing."""
    whole = context | {_ALSO[term] for term in context if term in _ALSO}
    return {group: terms & whole for group, terms in PATIENT_GROUPS.items()}
