"""Turn the answers to cases into rows of ``training_results``, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.decision.decide import Decisions, Status
from engine.decision.evidence import N_SCORES
from objectives.cases.critical_errors import CRITICAL_KINDS
from objectives.decisions.case_results import Answers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from objectives.cases.cases import CaseSet
    from objectives.decisions.case_results import Judged
    from objectives.training.sessions import Row

_KINDS = np.array([1 << kind for kind in range(len(CRITICAL_KINDS))])
_HASH_LENGTH = 16  # characters of a file's hash: enough to tell files apart


def result_rows(judged: Judged, loaded: CaseSet, start: int, names: Sequence[str]) -> list[Row]:
    """Return the rows of cases that stand at `start`; no exam name is among them.

    Parameters
    ----------
    judged : Judged
    loaded : CaseSet
    start : int
    names : sequence of str
        Preferred names of the catalogue's rows.
    """
    answers, here = judged.answers, slice(start, start + len(judged.rows))
    hashes = [sha256[:_HASH_LENGTH] for sha256 in loaded.sha256.values()]
    gold_rank = np.where(answers.gold_within[:, -1], np.argmax(answers.gold_within, axis=1) + 1, 0)
    columns = (
        loaded.cases[here],
        loaded.files[here],
        loaded.records[here],
        judged.rows.tolist(),
        answers.decisions.statuses.tolist(),
        answers.decisions.confidences.tolist(),
        answers.decisions.set_sizes.tolist(),
        answers.decisions.set_probabilities.tolist(),
        answers.may_be_accepted.tolist(),
        answers.correct.tolist(),
        gold_rank.tolist(),
        (answers.critical @ _KINDS).tolist(),
        answers.is_retrieved.tolist(),
    )
    return [
        {
            "file_hash": hashes[file],
            "record": record,
            "status": str(status),
            "confidence": confidence,
            "chosen_row": names[row] if row >= 0 else None,
            "correct": correct if case.gold is not None else None,
            "gold_rank": rank,
            "gold_retrieved": is_retrieved,
            "critical_kinds": critical,
            "may_be_accepted": acceptable,
            "set_size": set_size,
            "set_probability": set_probability,
        }
        for (
            case,
            file,
            record,
            row,
            status,
            confidence,
            set_size,
            set_probability,
            acceptable,
            correct,
            rank,
            critical,
            is_retrieved,
        ) in zip(*columns, strict=True)
    ]


def answers_of(rows: Sequence[sa.Row[tuple[object, ...]]]) -> Answers:
    """Return the answers that rows, at least one, were made from."""
    statuses = np.array([Status(row.status) for row in rows], dtype=object)
    rank = np.array([row.gold_rank for row in rows])
    critical = np.array([row.critical_kinds for row in rows])
    return Answers(
        decisions=Decisions(
            statuses,
            np.array([row.confidence for row in rows], dtype=np.float64),
            np.array([row.set_size for row in rows], dtype=np.int64),
            np.array([row.set_probability for row in rows], dtype=np.float64),
        ),
        may_be_accepted=np.array([row.may_be_accepted for row in rows], dtype=np.bool_),
        non_clinical=statuses == Status.NON_CLINICAL,
        correct=rank == 1,
        gold_within=(rank[:, None] > 0) & (np.arange(1, N_SCORES) >= rank[:, None]),
        critical=(critical[:, None] & _KINDS) > 0,
        is_retrieved=np.array([row.gold_retrieved for row in rows], dtype=np.bool_),
    )
