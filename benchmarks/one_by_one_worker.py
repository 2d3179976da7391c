"""Look names up one at a time, as a loop over the engine would.

usage: python -m benchmarks.one_by_one_worker EVERY
"""

from __future__ import annotations

import json
import sys
import time

from objectives.cases import dataset_files
from objectives.configuration import load_configuration
from objectives.workspace import Workspace


def main() -> None:
    """Look up every so many of the names; print how many there are and what that took."""
    step = int(sys.argv[1])
    config = load_configuration()
    workspace = Workspace(config)
    cases = workspace.load_cases(dataset_files(config.data.training_dir)).cases
    engine = workspace.lookup_engine()
    chosen = cases[::step]
    started = time.perf_counter()
    for case in chosen:
        engine.lookup(case.exam_name, case.modality_code)
    seconds = time.perf_counter() - started
    print(json.dumps({"n_cases": len(cases), "n_looked_up": len(chosen), "seconds": seconds}))


if __name__ == "__main__":
    main()
