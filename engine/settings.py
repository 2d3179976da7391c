"""The engine's part of ``config.yaml``: weights (judgement) and structural settings (facts)."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False, strict=True)]
Bonus = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False, strict=True)]
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
    """When an answer is accepted.

    Attributes
    ----------
    accept_threshold : float
        Lowest confidence of a MATCH, [0, 1].
    reject_threshold : float
        Below this confidence nothing is close: NO_MATCH, [0, 1].
    ambiguity_margin : float
        A runner-up that scores this little below the best makes the answer AMBIGUOUS, score units.
    """

    accept_threshold: Share
    reject_threshold: Share
    ambiguity_margin: Share

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.reject_threshold > self.accept_threshold:
            raise ValueError("reject_threshold must not lie above accept_threshold")
        return self
