"""The one table of weights: what each is called, may be, multiplies and means.

A new weight is a row of `Feature`, a function in `engine.ranking.features` that computes the
feature, and a line in ``config.yaml``. Coefficients, search space, bounds, ``radtune weights``
and the reference page follow from the row.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, create_model

from engine.settings import Section, Share, Simplex


class Kind(Enum):
    """How a weight enters the score; the value says it in words."""

    SLOT = "share of the component score"
    FINAL = "share of the whole score"
    CREDIT = "part of the contrast share that is given"
    BONUS = "added to the score"
    PENALTY = "added to the score; not above 0"
    DEDUCTION = "taken off the score for each"

    @property
    def limits(self) -> tuple[float, float]:
        """The lowest and the highest value that a weight of this kind can have."""
        return (-1.0, 0.0) if self is Kind.PENALTY else (0.0, 1.0)

    @property
    def is_share(self) -> bool:
        """Whether weights of this kind, together, are one whole."""
        return self in (Kind.SLOT, Kind.FINAL)


class Feature(IntEnum):
    """The columns of a feature vector, each with the weight that multiplies it.

    A row is: the name of the weight, its kind, its default range in a search, and what it does.
    Shares have the range [0, 1]. Every feature lies in [0, 1] unless it is a count.

    Attributes
    ----------
    weight : str
        The name that users know.
    kind : Kind
    default_range : tuple of float
    meaning : str
    """

    weight: str
    kind: Kind
    default_range: tuple[float, float]
    meaning: str

    def __new__(cls, weight: str, kind: Kind, low: float, high: float, meaning: str) -> Self:
        """Make a row of the table; rows are numbered in their order."""
        row = int.__new__(cls, len(cls.__members__))
        row._value_ = len(cls.__members__)
        row.weight, row.kind, row.meaning = weight, kind, meaning
        row.default_range = low, high
        return row

    ANATOMY = "anatomy_weight", Kind.SLOT, 0.0, 1.0, "how alike the body parts are"
    MODALITY = "modality_weight", Kind.SLOT, 0.0, 1.0, "the same modality"
    LATERALITY = "laterality_weight", Kind.SLOT, 0.0, 1.0, "the same side"
    CONTRAST_MATCH = "contrast_weight", Kind.SLOT, 0.0, 1.0, "the same contrast"
    CONTRAST_MISMATCH = (
        "contrast_mismatch_score", Kind.CREDIT, 0.0, 1.0, "for with against with and without",
    )  # fmt: skip
    CONTRAST_NULL = (
        "contrast_null_score", Kind.CREDIT, 0.0, 1.0, "when only one of the two states contrast",
    )  # fmt: skip
    TECHNIQUE = "technique_weight", Kind.SLOT, 0.0, 1.0, "the same technique and intervention"
    SEMANTIC = "semantic_weight", Kind.FINAL, 0.0, 1.0, "how alike the names are as text"
    FREQUENCY = "frequency_weight", Kind.FINAL, 0.0, 1.0, "how often the row is used"
    INTERVENTIONAL_AGREEMENT = (
        "interventional_bonus", Kind.BONUS, 0.0, 0.5, "name and row are both interventional",
    )  # fmt: skip
    INTERVENTIONAL_CONFLICT = (
        "interventional_penalty", Kind.PENALTY, -0.5, 0.0, "exactly one of the two is",
    )  # fmt: skip
    UNSTATED_ADDITIONS = (  # a count, 0 and up
        "specificity_penalty_weight", Kind.DEDUCTION, 0.0, 0.3,
        "thing that the row says and the name does not",
    )  # fmt: skip
    EXACT_MATCH = "exact_match_bonus", Kind.BONUS, 0.0, 0.5, "the same words"
    SYNONYM_MATCH = (
        "synonym_match_bonus", Kind.BONUS, 0.0, 0.5, "the same slots, and no word left over",
    )  # fmt: skip
    CONTEXT_MATCH = (
        "context_match_bonus", Kind.BONUS, 0.0, 0.3, "the same context, such as paediatric",
    )  # fmt: skip


N_FEATURES = len(Feature)
SLOTS = tuple(feature for feature in Feature if feature.kind is Kind.SLOT)
FINALS = tuple(feature for feature in Feature if feature.kind is Kind.FINAL)
CREDITS = tuple(feature for feature in Feature if feature.kind is Kind.CREDIT)
ADDED = tuple(f for f in Feature if not f.kind.is_share and f.kind is not Kind.CREDIT)
SHARES = (*SLOTS, *FINALS)  # of the whole score: they sum to 1
OTHERS = (*ADDED, *CREDITS)
FEATURE_OF = {feature.weight: feature for feature in (*SHARES, *OTHERS)}  # by name of the weight
_SUFFIX = "_weight"


def key_of(feature: Feature) -> str:
    """Return the key of a weight in its section of ``config.yaml``."""
    return feature.weight.removesuffix(_SUFFIX) if feature.kind.is_share else feature.weight


def _model(name: str, base: type[Section], doc: str, fields: dict[str, Any]) -> Any:  # noqa: ANN401
    every: dict[str, Any] = {key: (kind, ...) for key, kind in fields.items()}
    return create_model(name, __base__=base, __module__=__name__, __doc__=doc, **every)


def _value(kind: Kind) -> Any:  # noqa: ANN401 - a type
    low, high = kind.limits
    return Annotated[float, Field(ge=low, le=high, allow_inf_nan=False, strict=True)]


if TYPE_CHECKING:

    class ComponentWeights(Simplex):
        """How much each slot counts within the component score; they sum to 1."""

    class FinalWeights(Simplex):
        """How the component score, text similarity and usage are mixed; they sum to 1."""

        component: Share

    class Weights(Section):
        """Everything that a trial may change, as ``config.yaml`` has it.

        Attributes
        ----------
        weights_component : ComponentWeights
        weights_final : FinalWeights
            And every other row of `Feature` under its own name.
        """

        weights_component: ComponentWeights
        weights_final: FinalWeights

else:
    ComponentWeights = _model(
        "ComponentWeights",
        Simplex,
        "How much each slot counts within the component score; they sum to 1.",
        {key_of(feature): Share for feature in SLOTS},
    )
    FinalWeights = _model(
        "FinalWeights",
        Simplex,
        "How the component score, text similarity and usage are mixed; they sum to 1.",
        {"component": Share, **{key_of(feature): Share for feature in FINALS}},
    )
    Weights = _model(
        "Weights",
        Section,
        "Everything that a trial may change, as ``config.yaml`` has it.",
        {
            "weights_component": ComponentWeights,
            "weights_final": FinalWeights,
            **{feature.weight: _value(feature.kind) for feature in OTHERS},
        },
    )


def value_of(weights: Weights, feature: Feature) -> float:
    """Return the value of a weight."""
    section: object = weights
    if feature.kind is Kind.SLOT:
        section = weights.weights_component
    elif feature.kind is Kind.FINAL:
        section = weights.weights_final
    return float(getattr(section, key_of(feature)))


def make_weights(component: float, values: dict[Feature, float]) -> Weights:
    """Build weights from the component share and the value of every row of the table.

    Raises
    ------
    pydantic.ValidationError
    """
    return Weights.model_validate(
        {
            "weights_component": {key_of(feature): values[feature] for feature in SLOTS},
            "weights_final": {
                "component": component,
                **{key_of(feature): values[feature] for feature in FINALS},
            },
            **{feature.weight: values[feature] for feature in OTHERS},
        }
    )
