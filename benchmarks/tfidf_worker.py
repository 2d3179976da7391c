"""Answer every name by the nearest row in TF-IDF, and do nothing else.

usage: python tfidf_worker.py CATALOGUE.json TRAINING.json ...
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

_BATCH = 500  # names


def main() -> None:
    """Print how many names there are, and how many different answers; no label is read."""
    catalogue, *files = (json.loads(Path(name).read_text("utf-8")) for name in sys.argv[1:])
    cases = [case for records in files for case in records]
    names = np.array([row["primary_source_name"] for row in catalogue])
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4))
    texts = [f"{row['primary_source_name']} {row['snomed_fsn']}" for row in catalogue]
    rows = vectorizer.fit_transform(texts).T.tocsr()
    asked = vectorizer.transform([case["EXAM_NAME"] for case in cases])
    best = [
        (asked[start : start + _BATCH] @ rows).toarray().argmax(axis=1)
        for start in range(0, len(cases), _BATCH)
    ]
    n_answers = len(set(names[np.concatenate(best)]))
    print(json.dumps({"n_cases": len(cases), "n_answers": n_answers}))


if __name__ == "__main__":
    main()
