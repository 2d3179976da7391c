"""Names of scanner protocols: "Thorax^1_ChestAbdoPelvis_SAFIRE (Adult)"."""

from __future__ import annotations

import random
import re

from data.generator.lexicon import Lexicon
from data.generator.phrases import Phrases
from data.generator.site import Site


def protocol_name(
    phrases: Phrases, site: Site, lexicon: Lexicon, rng: random.Random
) -> str | None:
    """Write a name as the scanner has it; None where scanners have no such protocol."""
    slots = phrases.row.slots
    patterns = site.protocol.get(slots.modality)
    if not patterns or slots.interventional:
        return None
    regions = [lexicon.regions[term] for term in slots.anatomy if term in lexicon.regions]
    if not regions:
        return None
    words = [
        phrases.lead,
        phrases.anatomy,
        *phrases.head,
        *phrases.core,
        *phrases.tail,
        phrases.contrast,
        phrases.side,
    ]
    name = rng.choice(list(patterns)).format(
        region=regions[0], n=rng.randint(1, 9), body=_body([w for w in words if w], rng)
    )
    if "paediatric" in slots.context or "neonatal" in slots.context:
        name = name.replace(" (Adult)", "") + " (Child)"
    elif slots.context:
        return None
    return name


def _body(texts: list[str], rng: random.Random) -> str:
    style = rng.choice(("camel", "snake", "snake", "plain"))
    words = [word for text in texts for word in re.split(r"[ ,&()]+", text) if word]
    if style == "plain":
        return " ".join(words)
    joiner = "_" if style == "snake" else ""
    return joiner.join(word[0].upper() + word[1:] for word in words)
