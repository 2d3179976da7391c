"""What a decision rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

N_SCORES = 6  # what is known of a ranking: the largest set, and the row after it


class Evidence(NamedTuple):
    """What a decision rests on, one entry a case.

    Attributes
    ----------
    scores : ndarray of float32, shape (n_cases, N_SCORES)
        The highest scores, falling; minus infinity where there is no such candidate.
    usage_part : ndarray of float32, shape (n_cases,)
        What the usage of the best row adds to its score.
    additions : ndarray of float32, shape (n_cases,)
        Things that the best row says and the name does not.
    completeness : ndarray of float64, shape (n_cases,)
        Share of the name that was understood, [0, 1].
    departs : ndarray of bool, shape (n_cases,)
        Whether the best row says something else than the name about side, contrast, modality or
        patient.
    text_similarity : ndarray of float32, shape (n_cases,)
        Of the name with the best row, [0, 1].
    states_nothing : ndarray of bool, shape (n_cases,)
        Whether the name states no anatomy, technique, intervention or context.
    non_clinical : ndarray of bool, shape (n_cases,)
        Whether the line is no examination.
    """

    scores: NDArray[np.float32]
    usage_part: NDArray[np.float32]
    additions: NDArray[np.float32]
    completeness: NDArray[np.float64]
    departs: NDArray[np.bool_]
    text_similarity: NDArray[np.float32]
    states_nothing: NDArray[np.bool_]
    non_clinical: NDArray[np.bool_]
