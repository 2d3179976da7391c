"""The engine's part of ``config.yaml``: weights (judgement) and structural settings (facts)."""

from __future__ import annotations

from typing import Annotated, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False, strict=True)]
Bonus = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False, strict=True)]
Finite = Annotated[float, Field(allow_inf_nan=False, strict=True)]
Penalty = Annotated[float, Field(ge=-1.0, le=0.0, allow_inf_nan=False, strict=True)]

_SUM_TOLERANCE = 1e-6


class Section(BaseModel):
    """A section of the configuration: every key is required, an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class _Simplex(Section):
    """Shares of one whole."""

    @model_validator(mode="after")
    def _sum_to_one(self) -> Self:
        total = sum(float(share) for share in self.model_dump().values())
        if abs(total - 1.0) > _SUM_TOLERANCE:
            raise ValueError(f"the shares must sum to 1, they sum to {total:.6g}")
        return self


class ComponentWeights(_Simplex):
    """How much each slot counts within the component score; the five sum to 1."""

    anatomy: Share
    modality: Share
    laterality: Share
    contrast: Share
    technique: Share


class FinalWeights(_Simplex):
    """How the component score, text similarity and usage frequency are mixed; they sum to 1."""

    component: Share
    semantic: Share
    frequency: Share


class Weights(Section):
    """Everything that a trial may change: how the facts of a candidate become one score.

    Attributes
    ----------
    weights_component : ComponentWeights
    weights_final : FinalWeights
    interventional_bonus : float
        Added when name and row are both interventional, [0, 1].
    interventional_penalty : float
        Added when exactly one of the two is interventional, [-1, 0].
    specificity_penalty_weight : float
        Taken off for each thing that the row says and the name does not, [0, 1].
    exact_match_bonus, synonym_match_bonus, context_match_bonus : float
        Added for the same words, the same slots, the same context, [0, 1].
    contrast_mismatch_score, contrast_null_score : float
        Credit of a soft contrast mismatch, and of contrast stated on one side only, [0, 1].
    """

    weights_component: ComponentWeights
    weights_final: FinalWeights
    interventional_bonus: Bonus
    interventional_penalty: Penalty
    specificity_penalty_weight: Bonus
    exact_match_bonus: Bonus
    synonym_match_bonus: Bonus
    context_match_bonus: Bonus
    contrast_mismatch_score: Share
    contrast_null_score: Share


class RetrievalWeights(_Simplex):
    """What ranks the rows before the first ``retriever_top_k`` are kept; they sum to 1."""

    text: Share
    anatomy: Share
    modality: Share
    laterality: Share
    contrast: Share
    technique: Share


class RetrievalSettings(Section):
    """Structural settings: changing one rebuilds the feature bank.

    Attributes
    ----------
    ngram_range : tuple of int
        Shortest and longest character n-gram of the TF-IDF text similarity.
    weights : RetrievalWeights
    """

    ngram_range: tuple[
        Annotated[int, Field(ge=1, le=8, strict=True)],
        Annotated[int, Field(ge=1, le=8, strict=True)],
    ]
    weights: RetrievalWeights

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.ngram_range[0] > self.ngram_range[1]:
            raise ValueError("ngram_range must be [shortest, longest]")
        return self


class DecisionSettings(Section):
    """What an answer must be worth.

    Attributes
    ----------
    target_error_rate : float
        Share of accepted answers that may be wrong, (0, 1); the accept threshold follows from it.
    bound_confidence : float
        Of the one-sided upper bound that must keep below it, (0.5, 1).
    set_size : int
        Rows that an AMBIGUOUS answer offers at most.
    set_probability : float
        With which the offered rows should hold the right one, [0, 1].
    reject_below : float
        Nothing is close (NO_MATCH) when the first `set_size` rows hold the right one with less
        than this probability, [0, 1].
    """

    target_error_rate: Annotated[float, Field(gt=0.0, lt=1.0, strict=True)]
    bound_confidence: Annotated[float, Field(gt=0.5, lt=1.0, strict=True)]
    set_size: Annotated[int, Field(ge=1, le=5, strict=True)]
    set_probability: Share
    reject_below: Share


class SetModel(Section):
    """Log-odds that the right row is among the first of a ranking: an intercept and slopes.

    Attributes
    ----------
    intercept : float
    score : float
        Per unit of the best row's score, its usage left out.
    margin : float
        Per unit of the square root of the score's lead over the first row outside the set.
    additions : float
        Per thing that the best row says and the name does not.
    completeness : float
        Per unit of the share of the name that was understood.
    """

    intercept: Finite
    score: Finite
    margin: Finite
    additions: Finite
    completeness: Finite


class Calibration(Section):
    """Turns the evidence for an answer into the probability that it is right: plain numbers.

    Attributes
    ----------
    first : tuple of SetModel
        One for the first row alone, one for the first two rows, and so on up to five.
    accept_threshold : float or None
        Lowest confidence of a MATCH, [0, 1]; None when no threshold meets the target: nothing is
        accepted.
    catalogue, weights, settings : str
        Hashes of what it was fitted on; elsewhere it is a default, and the output says so.
    """

    first: Annotated[tuple[SetModel, ...], Field(min_length=5, max_length=5)]
    accept_threshold: Share | None
    catalogue: str
    weights: str
    settings: str


class Judgement(NamedTuple):
    """What turns the facts about a name into an answer.

    Attributes
    ----------
    weights : Weights
    calibration : Calibration
    decision : DecisionSettings
    """

    weights: Weights
    calibration: Calibration
    decision: DecisionSettings
