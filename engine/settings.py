"""What sections of ``config.yaml`` are made of, and the structural settings of the engine."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False, strict=True)]
Finite = Annotated[float, Field(allow_inf_nan=False, strict=True)]

_SUM_TOLERANCE = 1e-6


class Section(BaseModel):
    """A section of the configuration: every key is required, an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class Simplex(Section):
    """Shares of one whole."""

    @model_validator(mode="after")
    def _sum_to_one(self) -> Self:
        total = sum(float(share) for share in self.model_dump().values())
        if abs(total - 1.0) > _SUM_TOLERANCE:
            raise ValueError(f"the shares must sum to 1, they sum to {total:.6g}")
        return self


class RetrievalWeights(Simplex):
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
