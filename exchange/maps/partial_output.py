"""An output that grows by whole chunks under another name, and can be taken up again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, NonNegativeInt, model_validator

from support.atomic_files import write_whole, writing
from support.errors import ConfigurationError, InputFileError
from support.files import read_text
from support.hashing import hash_of

if TYPE_CHECKING:
    from pathlib import Path

_GO_ON = "run the same with --resume"


class _State(BaseModel):
    """How far a partial output is."""

    model_config = ConfigDict(extra="forbid", strict=True)

    depends_on: list[str]
    n_records: NonNegativeInt
    n_bytes: NonNegativeInt
    seal: str

    @classmethod
    def of(cls, depends_on: list[str], n_records: int, n_bytes: int) -> Self:
        """Seal a state."""
        seal = hash_of([depends_on, n_records, n_bytes])
        return cls(depends_on=depends_on, n_records=n_records, n_bytes=n_bytes, seal=seal)

    @model_validator(mode="after")
    def _as_written(self) -> Self:
        if self.seal != hash_of([self.depends_on, self.n_records, self.n_bytes]):
            raise ValueError("was changed after it was written")
        return self


class PartialOutput:
    """An output that grows by whole chunks and can be taken up again.

    Parameters
    ----------
    output : Path
    depends_on : list of str
        What the records depend on.
    """

    def __init__(self, output: Path, depends_on: list[str]) -> None:
        self._output = output
        self._path = output.with_name(f"{output.name}.partial")
        self._state_path = output.with_name(f"{output.name}.partial.json")
        self._depends_on = depends_on
        self._n_bytes = 0

    def open(self, *, resume: bool) -> int:
        """Start anew, or take up what is there; return the number of records it holds."""
        n_records = 0
        if resume:
            n_records, self._n_bytes = self._state()
        with writing(self._path):
            self._output.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("r+b" if resume else "wb") as file:
                file.truncate(self._n_bytes)
        self._write_state(n_records)
        return n_records

    def append(self, text: str, n_records: int) -> None:
        """Add whole records; the state is written after them."""
        data = text.encode()
        with writing(self._path, _GO_ON), self._path.open("ab") as file:
            file.write(data)
        self._n_bytes += len(data)
        self._write_state(n_records)

    def finish(self) -> None:
        """Give the complete output its name."""
        with writing(self._output):
            self._path.replace(self._output)
            self._state_path.unlink()

    def _state(self) -> tuple[int, int]:
        try:
            state = _State.model_validate_json(read_text(self._state_path))
            n_bytes = self._path.stat().st_size
        except (InputFileError, ValueError, OSError):
            raise ConfigurationError(
                f"{self._path}: there is no interrupted run to resume; leave --resume out"
            ) from None
        if state.depends_on != self._depends_on or n_bytes < state.n_bytes:
            raise ConfigurationError(
                f"{self._path}: belongs to another input, configuration or format; "
                "leave --resume out to start anew"
            )
        return state.n_records, state.n_bytes

    def _write_state(self, n_records: int) -> None:
        state = _State.of(self._depends_on, n_records, self._n_bytes)
        write_whole(self._state_path, state.model_dump_json())
