"""Run in text2term's own environment: map names to an ontology made of the catalogue's rows.

usage: python text2term_worker.py JOB.json FOUND.json
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

import text2term  # type: ignore[import-not-found]

_IRI = "http://example.org/catalogue#R"
_HEAD = """<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
         xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#"
         xmlns:owl="http://www.w3.org/2002/07/owl#"
         xmlns:oboInOwl="http://www.geneontology.org/formats/oboInOwl#">
<owl:Ontology rdf:about="http://example.org/catalogue"/>
<owl:AnnotationProperty rdf:about="http://www.geneontology.org/formats/oboInOwl#hasExactSynonym"/>
"""


def _ontology(rows: list[list[str]]) -> str:
    """Write every row as a class: its preferred name as label, its FSN as exact synonym."""
    classes = (
        f'<owl:Class rdf:about="{_IRI}{number}"><rdfs:label>{escape(name)}</rdfs:label>'
        f"<oboInOwl:hasExactSynonym>{escape(fsn)}</oboInOwl:hasExactSynonym></owl:Class>\n"
        for number, (name, fsn) in enumerate(rows)
    )
    return _HEAD + "".join(classes) + "</rdf:RDF>\n"


def main() -> None:
    """Answer a job: for each name the rows found, best first, with their scores."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        ontology = Path(folder, "catalogue.owl")
        ontology.write_text(_ontology(job["rows"]), encoding="utf-8")
        unique = list(dict.fromkeys(job["names"]))
        mapped = text2term.map_terms(
            unique,
            str(ontology),
            mapper=text2term.Mapper.TFIDF,
            max_mappings=job["top_k"],
            min_score=0.0,
            excl_metadata=True,
            source_terms_ids=[f"N{number}" for number in range(len(unique))],
        )
    found: dict[int, list[tuple[int, float]]] = {}
    for identifier, iri, score in zip(
        mapped["Source Term ID"], mapped["Mapped Term IRI"], mapped["Mapping Score"], strict=True
    ):
        number = int(str(identifier).rsplit("N", 1)[1])
        found.setdefault(number, []).append((int(str(iri).rsplit("#R", 1)[1]), float(score)))
    by_name = {
        name: sorted(found.get(number, []), key=lambda pair: -pair[1])
        for number, name in enumerate(unique)
    }
    answers = [by_name[name] for name in job["names"]]
    Path(sys.argv[2]).write_text(json.dumps(answers), encoding="utf-8")


if __name__ == "__main__":
    main()
