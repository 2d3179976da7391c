"""How words vary: British and American letters, plurals, abbreviations inside a phrase."""

from __future__ import annotations

from typing import Any, TypeVar

_Meaning = TypeVar("_Meaning")

_SHORTEST_PLURAL = 4
_MOST_REMEMBERED = 1 << 17


class Spelling:
    """Fold a word to a form that all its spellings share.

    Parameters
    ----------
    letters : dict of str to str
        British letters to the others ("oes": "es").
    words : dict of str to list of str
        Word to its abbreviations inside a phrase of several words.
    plurals : dict of str to str
        Irregular plurals.
    head_nouns : frozenset of str
        Nouns that may stand first ("artery iliac").
    glued : dict of str to list of str
        Short pieces of glued words, and word endings that are no rest of one.

    Attributes
    ----------
    pieces, endings : frozenset of str
        The same as sets.
    """

    def __init__(
        self,
        letters: dict[str, str],
        words: dict[str, list[str]],
        plurals: dict[str, str],
        head_nouns: frozenset[str],
        glued: dict[str, list[str]],
    ) -> None:
        self.pieces = frozenset(glued["pieces"])
        self.endings = frozenset(glued["endings"])
        self._letters = tuple(letters.items())
        self._singular = {plural: singular for singular, plural in plurals.items()}
        self._head_nouns = head_nouns
        self._fold: dict[str, str] = {}
        self._expanded: dict[str, str] = {}
        self._long: dict[str, str] = {}
        for word, brief in words.items():
            for short in brief:
                self._long.setdefault(short, self.fold(word))

    def fold(self, word: str) -> str:
        """Fold letters and plural of one word; folding twice changes nothing that matters."""
        folded = self._fold.get(word)
        if folded is None:
            folded = self._singular.get(word, word)
            for british, other in self._letters:
                if british in folded:
                    folded = folded.replace(british, other)
            folded = _singular(folded)
            if len(self._fold) < _MOST_REMEMBERED:
                self._fold[word] = folded
        return folded

    def expand(self, word: str) -> str:
        """Fold one word of a phrase, abbreviations included."""
        expanded = self._long.get(word) or self.fold(word)
        if len(self._expanded) < _MOST_REMEMBERED:
            self._expanded[word] = expanded
        return expanded

    def folded_phrase(self, words: list[str]) -> str:
        """Fold a phrase; abbreviations count only beside other words."""
        if len(words) == 1:
            return self.fold(words[0])
        folded = [self._expanded.get(word) or self.expand(word) for word in words]
        if len(words[0]) == 1:
            # "a head" is no "artery head": one letter abbreviates only behind another word
            folded[0] = words[0]
        return " ".join(folded)

    def folded_index(self, exact: dict[str, _Meaning]) -> dict[str, _Meaning]:
        """Index phrases by their folded form; a form of two meanings is left out."""
        index: dict[str, _Meaning] = {}
        refused: set[str] = set()
        inverted: dict[str, _Meaning] = {}
        for phrase, meaning in exact.items():
            words = phrase.split()
            folded = self.folded_phrase(words)
            if index.setdefault(folded, meaning) != meaning:
                refused.add(folded)
            if len(words) > 1 and words[-1] in self._head_nouns:
                inverted.setdefault(self.folded_phrase([words[-1], *words[:-1]]), meaning)
                inverted.setdefault(self.folded_phrase([*words[-2:], *words[:-2]]), meaning)
        for folded in refused:
            del index[folded]
        return inverted | index


def _singular(word: str) -> str:
    if len(word) < _SHORTEST_PLURAL or word[-1] != "s" or word.endswith("ss"):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("uses", "xes")):
        word = word[:-2]
    return word[:-1] if word[-1] == "s" else word


def load_spelling(table: dict[str, Any]) -> Spelling:
    """Build the spelling tables from the content of spelling.toml."""
    return Spelling(
        table["letters"],
        table["words"],
        table["plurals"],
        frozenset(table["head_nouns"]["nouns"]),
        table["glued"],
    )
