"""The scope of what is read: affirmed, denied, possible, of another time.

Between words and slots: only what is affirmed is stated. Source: Chapman et al. (2001), "A simple
algorithm for identifying negated findings and diseases in discharge summaries"; Harkema et al.
(2009), "ConText: an algorithm for determining negation, experiencer, and temporal status from
clinical reports".
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from engine.reading.patient import PATIENT_GROUPS
from engine.reading.phrases import Read
from engine.reading.slots import Scope
from engine.vocabulary.lexicon import Sense, read_table


class _Triggers(NamedTuple):
    before: dict[str, Scope]
    after: dict[str, Scope]
    between: frozenset[str]
    terminators: frozenset[str]
    pseudo: frozenset[str]
    joining: frozenset[str]
    contrast: frozenset[str]
    circumstances: frozenset[str]


_SLOTS = frozenset(
    {"modality", "anatomy", "laterality", "contrast", "technique", "intervention", "context"}
)
_TRIGGER = (Sense("ignored", "scope", ""),)
_MOST_READS = 3  # of a trigger
_MOST_STEPS = 3  # words that say nothing, between a trigger and its term
_AFTER_WITH = _SLOTS - {"context", "modality", "laterality"}


@lru_cache(maxsize=1)
def _triggers() -> _Triggers:
    table = read_table("scope")
    kinds = {
        scope: table[scope.replace(" ", "_")]
        for scope in (Scope.DENIED, Scope.POSSIBLE, Scope.OTHER_TIME)
    }
    return _Triggers(
        {word: scope for scope, kind in kinds.items() for word in kind.get("before", ())},
        {word: scope for scope, kind in kinds.items() for word in kind.get("after", ())},
        frozenset(table["alternative"]["between"]),
        frozenset(table["terminators"]["words"]),
        frozenset(table["pseudo"]["after"]),
        frozenset(table["joining"]["words"]),
        frozenset(table["contrast_too"]["words"]),
        frozenset(table["circumstances"]["values"]).union(*PATIENT_GROUPS.values()),
    )


def with_scopes(reads: list[Read], text: str, *, may_have_contrast: bool) -> list[Read]:
    """Give every run of a name its scope; triggers become words that say nothing.

    Parameters
    ----------
    reads : list of Read
    text : str
        The name as given.
    may_have_contrast : bool
        Whether "with" before a word that says nothing may mean contrast.
    """
    scoping = _Scoping(reads, text)
    scoping.settle()
    if may_have_contrast:
        scoping.doubt_with()
    return scoping.reads


class _Scoping:
    """Finds triggers in the runs of a name and what they reach."""

    def __init__(self, reads: list[Read], text: str) -> None:
        self.reads = list(reads)
        self._text = text
        self._known = _triggers()

    def settle(self) -> None:
        """Find every trigger, from left to right."""
        at = 0
        while at < len(self.reads):
            at = self._trigger_at(at)
        for at in range(len(self.reads)):
            self._question_mark(at)
            self._or_inside(at)
        if self.reads and "?" in self._text[self.reads[-1].end :]:
            self._doubt(self._before(len(self.reads)))

    def doubt_with(self) -> None:
        """Take "with" before anything but a part, technique, action or contrast for doubt."""
        for at, part in enumerate(self.reads[:-1]):
            following = self.reads[at + 1]
            if part.words not in ("with", "w") or _slots(part):
                continue
            if following.scope is not Scope.AFFIRMED or _slots(following) & _AFTER_WITH:
                continue
            if following.words.split()[0] not in self._known.pseudo:
                doubted = (Sense("contrast", "with", ""),)
                self.reads[at] = part._replace(senses=doubted, scope=Scope.POSSIBLE)

    def _trigger_at(self, at: int) -> int:
        """Settle the trigger that begins here, if any; return where to look next."""
        for n_reads in range(_MOST_READS, 0, -1):
            end = at + n_reads
            run = self.reads[at:end]
            words = " ".join(part.words for part in run)
            if len(run) < n_reads or not all(self._may_be_trigger(part) for part in run):
                continue
            if words in self._known.between and self._alternative(at, end):
                return end
            after = self._known.after.get(words)
            if after is not None and self._reach(self._before(at), after):
                self._make_trigger(at, end)
                return end
            before = self._known.before.get(words)
            if before is not None and self._reach_forwards(at, end, before):
                return end
        return at + 1

    def _may_be_trigger(self, part: Read) -> bool:
        is_used = part.senses[0].value == "negation"  # of a word for contrast
        return not is_used and (not _slots(part) or part.words in self._known.contrast)

    def _make_trigger(self, start: int, end: int) -> None:
        for at in range(start, end):
            self.reads[at] = self.reads[at]._replace(senses=_TRIGGER)

    def _reach_forwards(self, at: int, end: int, scope: Scope) -> bool:
        target = end if scope is Scope.OTHER_TIME else self._after(end)
        if target is None or target >= len(self.reads):
            return False
        first = self.reads[at]
        if _slots(first) and not self._denies_with_contrast_word(first, self.reads[target]):
            return False
        if not self._reach(target, scope):
            return False
        self._make_trigger(at, end)
        if scope is not Scope.OTHER_TIME:
            self._go_on(target, scope)
        return True

    def _denies_with_contrast_word(self, trigger: Read, target: Read) -> bool:
        """Tell whether a word that states contrast denies what follows instead."""
        slots = _slots(target)
        if not slots or "contrast" in slots or "modality" in slots:
            return False
        return len(trigger.words) > len("w o") or "anatomy" not in slots

    def _go_on(self, target: int, scope: Scope) -> None:
        """Reach over "or", "/" and from a side to its part."""
        reached = _slots(self.reads[target])
        following = target + 1
        if following < len(self.reads) and "laterality" in reached:
            if "anatomy" in _slots(self.reads[following]):
                self._reach(following, scope)
            return
        while following < len(self.reads):
            part = self.reads[following]
            is_joined = part.words in self._known.joining and not _slots(part)
            at = following + 1 if is_joined else following
            if at >= len(self.reads):
                return
            if not (is_joined or "/" in part.gap) or not reached & _slots(self.reads[at]):
                return
            if scope is not Scope.DENIED or not self._reach(at, scope):
                return
            following = at + 1

    def _reach(self, target: int | None, scope: Scope) -> bool:
        """Give a term a scope; tell whether it takes it."""
        if target is None:
            return False
        part = self.reads[target]
        slots = _slots(part)
        if scope is Scope.POSSIBLE and self._is_finding(part):
            self.reads[target] = part._replace(scope=Scope.ASKED)
            return True
        if not slots or (scope is Scope.OTHER_TIME and "intervention" not in slots):
            return False
        self.reads[target] = part._replace(scope=scope)
        return True

    def _before(self, at: int) -> int | None:
        """Return the nearest term before a place."""
        for step in range(1, _MOST_STEPS + 1):
            if at - step < 0:
                return None
            if _slots(self.reads[at - step]):
                return at - step
        return None

    def _after(self, at: int) -> int | None:
        """Return the next term, over a few words that say nothing."""
        for step in range(_MOST_STEPS):
            if at + step >= len(self.reads):
                return None
            part = self.reads[at + step]
            if any(mark in part.gap for mark in ",;)") or part.words in self._known.terminators:
                return None
            first = part.words.split()[0]
            if step == 0 and (first in self._known.pseudo or first[0].isdecimal()):
                return None
            if _slots(part) or _is_unknown(part):
                return at + step
        return None

    def _alternative(self, at: int, end: int) -> bool:
        """Settle "or" between two terms of the same slot."""
        before, after = self._before(at), self._after(end)
        if before is None or after is None:
            return False
        terms = self.reads[before], self.reads[after]
        if any(term.scope is not Scope.AFFIRMED for term in terms):
            return False
        if not _slots(terms[0]) & _slots(terms[1]):
            return False
        for term in (before, after):
            self.reads[term] = self.reads[term]._replace(scope=Scope.ALTERNATIVE)
        self._make_trigger(at, end)
        return True

    def _or_inside(self, at: int) -> None:
        """Doubt a phrase that holds "or" or "+/-" itself."""
        part = self.reads[at]
        words = set(part.words.split())
        if words & {"or", "+/-"} and _slots(part) & {"contrast", "laterality"}:
            self.reads[at] = part._replace(scope=Scope.ALTERNATIVE)

    def _question_mark(self, at: int) -> None:
        gap = self.reads[at].gap
        if "?" not in gap:
            return
        if gap.startswith("?") and gap != "?":
            self._doubt(self._before(at))
        else:
            self._doubt(at if _slots(self.reads[at]) else None)

    def _is_finding(self, part: Read) -> bool:
        """Tell an indication or a finding, whatever it implies, from who and when it is."""
        (first, *_) = part.senses
        return first.slot == "context" and first.value not in self._known.circumstances

    def _doubt(self, target: int | None) -> None:
        if target is not None and self.reads[target].scope is Scope.AFFIRMED:
            self._reach(target, Scope.POSSIBLE)


def _slots(part: Read) -> frozenset[str]:
    stated = {sense.slot for sense in part.senses} | {
        slot for sense in part.senses for slot, _ in sense.implied
    }
    return frozenset(stated) & _SLOTS


def _is_unknown(part: Read) -> bool:
    return any(sense.slot == "unknown" for sense in part.senses)
