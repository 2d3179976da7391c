"""Local exam codes, in the style of each site."""

from __future__ import annotations

import random
import re
import string

from data.generator.site import Site

N_MNEMONIC_LETTERS = 5


class Codes:
    """Hand out exam codes that no other line of the site has."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._used: set[str] = set()

    def new(self, name: str, modality: str, rng: random.Random) -> str:
        """Make a code for a line."""
        while True:
            code = self._draw(name, modality or "ZZ", rng)
            if code not in self._used:
                self._used.add(code)
                return code

    def _draw(self, name: str, modality: str, rng: random.Random) -> str:
        digits = int(self._site.code["digits"])
        number = "".join(rng.choices(string.digits, k=digits))
        letters = "".join(rng.choices(string.ascii_uppercase, k=digits))
        extra = rng.choice(("", letters)) + rng.choice(("", number, number))
        styles = {
            "modality_number": f"{modality[:2]}{number}",
            "prefix_number": f"{self._site.code.get('prefix', '')}{number}",
            "numeric": number,
            "letters_number": f"{_initials(name, 3)}{number}",
            "letters": letters,
            "modality_letters": modality[0] + letters,
            "mnemonic": f"{_initials(name, N_MNEMONIC_LETTERS)}{extra}",
        }
        return styles[self._site.code["style"]]


def _initials(name: str, n_letters: int) -> str:
    words = re.findall(r"[A-Za-z]+", name.upper()) or ["X"]
    per_word = -(-n_letters // len(words))
    return "".join(word[:per_word] for word in words)[:n_letters].ljust(2, "X")
