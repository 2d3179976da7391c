"""Look names up one at a time, as a loop over the engine would.

usage: python -m benchmarks.one_by_one_worker
"""

from __future__ import annotations

import json

from objectives.cases.cases import dataset_files
from objectives.configuration import load_configuration
from objectives.workspace import Workspace


def main() -> None:
    """Look up every name; print how many there are."""
    config = load_configuration()
    workspace = Workspace(config)
    cases = workspace.load_cases(dataset_files(config.data.training_dir)).cases
    engine = workspace.lookup_engine()
    for case in cases:
        engine.lookup(case.exam_name, case.modality_code)
    print(json.dumps({"n_cases": len(cases)}))


if __name__ == "__main__":
    main()
