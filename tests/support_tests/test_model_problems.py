from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from support.model_problems import first_problem, missing_keys


class Wheel(BaseModel):
    model_config = ConfigDict(extra="forbid")

    spokes: int


class Car(BaseModel):
    model_config = ConfigDict(extra="forbid")

    colour: str
    wheels: Annotated[tuple[Wheel, ...], Field(min_length=2)]
    spare: Wheel | None = None


WHEELS = [{"spokes": 3}, {"spokes": 3}]


def refused(document: object) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Car.model_validate(document)
    return caught.value


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"wheels": WHEELS}, "colour: is missing"),
        ({}, "colour: is missing (and 1 more)"),
        ({"color": "red", "wheels": WHEELS}, "color: is an unknown key; did you mean 'colour'?"),
        (
            {"colour": "red", "wheels": 3, "doors": 5},
            "doors: is an unknown key; there are colour, wheels, spare (and 1 more)",
        ),
        (
            {"colour": "red", "wheels": [WHEELS[0], {"spoke": 3}]},
            "wheels.1.spoke: is an unknown key; did you mean 'spokes'?",
        ),
        (
            {"colour": "red", "wheels": WHEELS, "spare": {"spokes": 3, "x": 1}},
            "spare.x: is an unknown key; there are spokes",
        ),
        (
            {"wheels": WHEELS[:1]},
            "wheels: tuple should have at least 2 items after validation, not 1",
        ),
        ({"colour": 3, "wheels": WHEELS}, "colour: input should be a valid string (got 3)"),
    ],
)
def test_an_unknown_key_comes_first_and_a_missing_one_last(document: object, said: str) -> None:
    assert first_problem(refused(document), Car).startswith(said)


@pytest.mark.parametrize(
    ("document", "keys"),
    [
        ({}, [("colour",), ("wheels",)]),
        ({"colour": "red", "wheels": [{}, WHEELS[0]]}, [("wheels", "0", "spokes")]),
        ({"wheels": WHEELS, "color": "red"}, []),
        ({"wheels": WHEELS[:1]}, []),
    ],
)
def test_keys_are_missing_only_where_nothing_else_is_wrong(
    document: object, keys: list[tuple[str, ...]]
) -> None:
    assert missing_keys(refused(document)) == keys
