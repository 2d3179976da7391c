"""What happens to a name in real systems: typing errors, cuts, prefixes and suffixes."""

from __future__ import annotations

import random
import string
from collections.abc import Collection

MIN_TYPO_LETTERS = 5
MIN_CUT_VISIBLE = 4


class Noise:
    """Spoil names without changing what they say.

    Parameters
    ----------
    vocabulary
        Every lower-case word that means something: no error may turn one into another.
    untouchable
        Words that are never misspelt or cut.
    """

    def __init__(self, vocabulary: Collection[str], untouchable: Collection[str]) -> None:
        self._vocabulary = frozenset(vocabulary)
        self._untouchable = frozenset(untouchable)

    def misspell(self, name: str, rng: random.Random) -> str:
        """Make one edit in one word of five or more letters."""
        words = name.split(" ")
        places = [
            number
            for number, word in enumerate(words)
            if len(word) >= MIN_TYPO_LETTERS
            and word.isalpha()
            and word.lower() not in self._untouchable
        ]
        if not places:
            return name
        place = rng.choice(places)
        edited = _edit(words[place], rng)
        if edited.lower() in self._vocabulary:
            return name
        return " ".join([*words[:place], edited, *words[place + 1 :]])

    def cut(self, name: str, length: int) -> str | None:
        """Cut a name at a fixed length; None when the cut would lose what matters.

        Only the last word may be cut, and what is left of it must fit one word alone.
        """
        if len(name) <= length:
            return name
        head, _, last = name.rpartition(" ")
        visible = name[:length]
        kept = visible[len(head) + 1 :].lower()
        if len(visible) <= len(head) + MIN_CUT_VISIBLE or not last.isalpha():
            return None
        if last.lower() in self._untouchable and last.lower() != "contrast":
            return None
        stems = {word[:6] for word in self._vocabulary if word.startswith(kept)}
        return visible if len(stems) <= 1 else None


def _edit(word: str, rng: random.Random) -> str:
    place = rng.randrange(1, len(word) - 1)
    kind = rng.choice(("drop", "double", "swap", "swap", "replace"))
    if kind == "drop":
        return word[:place] + word[place + 1 :]
    if kind == "double":
        return word[:place] + word[place] + word[place:]
    if kind == "swap":
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    letter = rng.choice(string.ascii_lowercase)
    return word[:place] + (letter.upper() if word.isupper() else letter) + word[place + 1 :]
