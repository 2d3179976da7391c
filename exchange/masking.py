"""Mask what looks like a patient identifier in what the engine read from a name."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from engine.reading.slots import Span
from support.identifiers import find_identifiers, mask

if TYPE_CHECKING:
    from engine.reading.slots import ParsedName


def mask_parsed(parsed: ParsedName) -> ParsedName:
    """Return what was read from a name with its text, spans and unknown words masked.

    What the name states stays: those are words of the vocabulary. For showing only; the canonical
    spelling is the engine's own and left alone.
    """
    identifiers = find_identifiers(parsed.text)
    if not identifiers:
        return parsed

    def moved(position: int) -> int:
        grown = [
            len(found.placeholder) - (found.end - found.start)
            for found in identifiers
            if found.end <= position
        ]
        return position + sum(grown)

    spans = [
        span
        for span in parsed.spans
        if not any(found.start < span.end and span.start < found.end for found in identifiers)
    ]
    hidden = [Span(start, end, "ignored", "patient identifier") for _, start, end in identifiers]
    shown = sorted([*spans, *hidden])
    return dataclasses.replace(
        parsed,
        text=mask(parsed.text),
        unknown=tuple(span.value for span in spans if span.slot == "unknown"),
        spans=tuple(span._replace(start=moved(span.start), end=moved(span.end)) for span in shown),
    )
