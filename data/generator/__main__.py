"""Write every generated data file: ``python -m data.generator [--output DIR] [--seed N]``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from data.generator.cases import build_training_files
from data.generator.catalogue import DEFAULT_SEED, build_catalogue
from data.generator.files import (
    catalogue_records,
    checksum_lines,
    slot_records,
    write_json,
    write_text,
)

DATA_DIR = Path(__file__).resolve().parents[1]


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the arguments and write the files.

    Parameters
    ----------
    arguments
        Command line; None reads the one of the process.
    """
    parser = argparse.ArgumentParser(prog="python -m data.generator", description=__doc__)
    parser.add_argument("--output", type=Path, default=DATA_DIR, help="folder to write into")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="seed of every draw")
    options = parser.parse_args(arguments)
    written = write_all(options.output, options.seed)
    print(f"{len(written)} files written to {options.output}")


def write_all(output: Path, seed: int) -> list[Path]:
    """Write the catalogue, the training files and SHA256SUMS.

    Parameters
    ----------
    output
        Folder that gets ``reference/``, ``training/`` and ``SHA256SUMS``.
    seed
        Seed of every draw.

    Returns
    -------
    list of Path
        The files written, without SHA256SUMS.
    """
    rows = build_catalogue(seed)
    contents: dict[Path, object] = {
        output / "reference" / "NHS.json": catalogue_records(rows),
        output / "reference" / "slots.json": slot_records(rows),
    }
    for name, records in build_training_files(rows, seed).items():
        contents[output / "training" / name] = records
    for path, content in contents.items():
        write_json(path, content)
    sanity = (output / "sanity").glob("*.json")
    write_text(output / "SHA256SUMS", checksum_lines([*contents, *sanity], output))
    return list(contents)


if __name__ == "__main__":
    main()
