"""Kinds of names that were read wrongly, and their neighbours that are right."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from engine.catalogue.index import CatalogueIndex
from engine.lookup import LookupEngine
from exchange.catalogues.nhs_json import load_catalogue
from tests.conftest import ROOT

if TYPE_CHECKING:
    from objectives.configuration import Configuration

LEFT_TO_A_PERSON = {"AMBIGUOUS"}
NOT_ACCEPTED = {"AMBIGUOUS", "NO_MATCH", "NON_CLINICAL"}


class Case(NamedTuple):
    """A name and what its answer must be; what is empty is not looked at."""

    kind: str
    name: str
    code: str = ""
    row: str = ""
    status: frozenset[str] = frozenset()
    first: tuple[str, ...] = ()  # words of the first row
    first_not: tuple[str, ...] = ()
    offered: str = ""  # the beginning of an offered row
    slots: tuple[tuple[str, str], ...] = ()


def match(kind: str, name: str, code: str, row: str) -> Case:
    return Case(kind, name, code, row, frozenset({"MATCH"}))


def left(kind: str, name: str, code: str, **more: object) -> Case:
    return Case(kind, name, code, status=frozenset(LEFT_TO_A_PERSON))._replace(**more)  # type: ignore[arg-type]


CASES = (
    match("denied action", "US THYROID WITHOUT FNA", "US", "US Thyroid"),
    match("denied action", "US LIVER NO BIOPSY", "US", "US Liver"),
    match("denied action", "US LIVER NO BIOPSY OR DRAINAGE", "US", "US Liver"),
    match("denied action", "US NECK NOT FOR FNA", "US", "US Neck"),
    match("other time", "CT CHEST PRE BIOPSY", "CT", "CT Thorax"),
    match("other time", "XR CHEST POST DRAIN", "CR", "XR Chest"),
    left("possible action", "US SHOULDER LT ? INJECTION", "US"),
    left("possible action", "US SHOULDER LT INJECTION?", "US"),
    left("possible action", "US SHOULDER LT POSSIBLE INJECTION", "US"),
    left("possible action", "US SHOULDER LT INJECTION IF NEEDED", "US"),
    left("possible action", "US SHOULDER LT +/- INJECTION", "US"),
    match("denied technique", "XR KNEE RT NON WEIGHT BEARING", "CR", "XR Knee Rt"),
    match("denied technique", "MAMMOGRAM NON SCREENING BOTH", "MG", "MG Mammogram Both"),
    match("denied technique", "CT CARDIAC NON GATED", "CT", "CT Cardiac"),
    match("denied technique", "US ABDOMEN WITHOUT DOPPLER", "US", "US Abdomen"),
    match("denied technique", "MRI KNEE LT NO ARTHROGRAM", "MR", "MRI Knee Lt"),
    match("denied technique", "XR CHEST NON PORTABLE", "CR", "XR Chest"),
    match("denied technique", "XR CHEST NO LATERAL", "CR", "XR Chest"),
    match("denied age", "CT HEAD NON PAEDIATRIC", "CT", "CT Head"),
    match("denied part", "CT ABDOMEN NO PELVIS", "CT", "CT Abdomen"),
    match("denied part", "XR FACIAL BONES NOT MANDIBLE", "CR", "XR Facial bones"),
    left("denied side", "XR KNEE NOT LEFT", "CR", first_not=("Lt",)),
    left("contrast in doubt", "CT ABDOMEN CONTRAST IF NEEDED", "CT"),
    left("contrast in doubt", "CT ABDOMEN ? CONTRAST", "CT"),
    left("contrast in doubt", "CT ABDOMEN CONTRAST?", "CT"),
    left("contrast in doubt", "CT ABDOMEN WITH OR WITHOUT CONTRAST", "CT"),
    left("contrast in doubt", "CT ABDOMEN +/- CONTRAST", "CT"),
    left("with another word", "CT HEAD WITH CHILD", ""),
    left("with another word", "CT NECK WITH XYZ", "CT"),
    left("with another word", "ABDOMEN_WITH_GR", "CT"),
    left("letter that is no side", "XR KNEE R/O FRACTURE", "CR"),
    left("letter that is no side", "XR ELBOW L/V DIGITAL", "CR"),
    left("letter that is no side", "US BREAST R/V", "US"),
    left("letter that is no side", "XR FOOT R.A. FOLLOW UP", "CR"),
    left("letter that is no side", "XR HIP W/L", "CR"),
    left("letter that is no side", "US BREAST COMPLT", "US"),
    left("letter that is no side", "US SHOULDER L.A. INJECTION", "US"),
    left("letter that is no side", "XR SHOULDER DR R SMITH", "CR"),
    left("letter that is no side", "XR ANKLE A&E R1", "CR"),
    Case("letter that is no side", "XR HIP RT L/V", "CR", first=("Rt",)),
    Case(
        "letter that is no side",
        "MRI PANC/BIL",
        "MR",
        slots=(("anatomy", "bile duct"), ("anatomy", "pancreas"), ("laterality", "none")),
    ),
    Case("sedation", "IR CON SED", "XA", slots=(("contrast", "none"), ("technique", "sedation"))),
    match("rule out beside a side", "XR ANKLE LT R/O FRACTURE", "CR", "XR Ankle Lt"),
    left("alternatives", "XR WRIST RT OR LT", "CR"),
    left("alternatives", "XR WRIST RT +/- LT", "CR"),
    left("alternatives", "XR KNEE RT (LT FOR COMPARISON)", "CR"),
    match("contrast words", "CECT NECK", "CT", "CT Neck with contrast"),
    Case("contrast words", "NCCT NECK", "CT", first_not=("with",)),
    Case("contrast words", "DCE MRI PROSTATE", "MR", first=("with contrast",)),
    Case("contrast words", "CEMRI BREAST", "MR", first=("with contrast",)),
    match("several views", "CHEST PA AND LATERAL", "CR", "XR Chest"),
    match("several views", "HIP LEFT (LATERAL AND AP)", "CR", "XR Hip Lt"),
    match("several views", "CHEST PA/AP PORTABLE", "CR", "Mobile XR Chest"),
    Case("several views", "XR CHEST 1 VIEW", "CR", slots=(("technique", "1 view"),)),
    left("two meanings", "XR PNS", "CR"),
    left("two meanings", "FLUORO CONTRAST ENEMA", "RF"),
    left("two meanings", "CONTRAST SWALLOW", "RF"),
    Case("two meanings", "XR SHOULDER T/V", "CR", slots=(("technique", ""),)),
    *(
        Case("other languages", f"CT ABDOMEN {words}", "CT", slots=(("contrast", "without"),))
        for words in ("SIN CONTRASTE", "SENZA CONTRASTO", "ZONDER CONTRAST", "SEM CONTRASTE")
    ),
    match("other languages", "MR THORACAL SPINE", "MR", "MRI Spine thoracic"),
    left("looked for", "XR CHEST LINE PLACEMENT", "CR", offered="XR Chest"),
    left("looked for", "XR CHEST PICC INSERTION", "CR", offered="XR Chest"),
    match("looked for", "XR CHEST PICC POSITION", "CR", "XR Chest"),
    Case("looked for", "XR CHEST NGT POSITION", "CR", row="XR Chest"),
    Case("kinds of action", "US BREAST HWL LEFT", "US", first=("wire localisation",)),
    match("own name", "NM Renal DTPA renogram", "NM", "NM Renal DTPA renogram"),
    match("own name", "CT Angiogram aorta", "CT", "CT Angiogram aorta"),
    Case("kinds of action", "US GUIDED BIOPSY BREAST LT", "US", first=("core biopsy",)),
    Case("phases", "NM MYOCARDIAL REST/STRESS 4TH VISIT", "NM", first=("stress rest",)),
    match("special row", "TRAUMA CT WHOLE BODY", "CT", "CT Whole body trauma"),
    Case("vessels", "US RENAL ARTERIES", "US", first=("Doppler renal artery",)),
    Case("plural of a pair", "XRAY, lower extremity, hips", "CR", first=("Both",)),
    Case("plural of a pair", "XR HANDS RA VIEWS", "CR", first=("Hand Both",)),
    Case("part after its region", "XRAY, upper extremity, wrist", "CR", first=("Wrist",)),
    Case("breathing", "CT HRCT INSP & EXP", "CT", first=("Thorax high resolution",)),
    Case("place", "PET-CT FDG AT NORTHSITE", "PT", offered="PET CT FDG whole body"),
    Case("phases", "US BLADDER PRE/POST VOID", "US", first=("Bladder",)),
    Case(
        "who is implied", "XR SKELETAL SURVEY NAI", "CR", first=("paediatric",)
    ),
    Case("not to do", "2ND OPINION CT THORAX", "CT", status=frozenset(NOT_ACCEPTED)),
    Case("not to do", "DO NOT USE - CT HEAD", "CT", status=frozenset(NOT_ACCEPTED)),
    Case("not to do", "LUNG MDT MEETING", "", status=frozenset({"NON_CLINICAL"})),
    match("special row", "XR TOES RIGHT GREAT", "CR", "XR Toe great Rt"),
    Case("special row", "US FAST SCAN", "US", first_not=("Obstetric",)),
)  # fmt: skip
# what must stay accepted
GUARDS = (
    ("XR KNEE ?FRACTURE LT", "CR", "XR Knee Lt"),
    ("CT CHEST ?PE", "CT", "CT Angiogram pulmonary artery"),
    ("XR KNEE LT NO REPORT", "CR", "XR Knee Lt"),
    ("XR CHEST NO REPORT REQUIRED", "CR", "XR Chest"),
    ("L/KNEE", "CR", "XR Knee Lt"),
    ("R/HIP", "CR", "XR Hip Rt"),
    ("B/L KNEES", "CR", "XR Knee Both"),
    ("XR BIL KNEES", "CR", "XR Knee Both"),
    ("XR HANDS R+L", "CR", "XR Hand Both"),
    ("XR HANDS L&R", "CR", "XR Hand Both"),
    ("XR KNEE (L)", "CR", "XR Knee Lt"),
    ("XR KNEE LT.", "CR", "XR Knee Lt"),
    ("XR KNEE-L", "CR", "XR Knee Lt"),
    ("XR KNEES LT/RT", "CR", "XR Knee Both"),
    ("XR L/S SPINE", "CR", "XR Spine lumbosacral"),
    ("XR ANKLE R", "CR", "XR Ankle Rt"),
    ("US SHOULDER L", "US", "US Shoulder Lt"),
    ("CT HEAD POST CONTRAST", "CT", "CT Head with contrast"),
    ("CT ABDOMEN PRE AND POST CONTRAST", "CT", "CT Abdomen pre and post contrast"),
    ("MRI LIVER WITH AND WITHOUT CONTRAST", "MR", "MRI Liver pre and post contrast"),
    ("MRI LIVER W/WO", "MR", "MRI Liver pre and post contrast"),
    ("CT HEAD NON CONTRAST", "CT", "CT Head without contrast"),
    ("CT HEAD W/O CONTRAST", "CT", "CT Head without contrast"),
    ("XR CHEST INSP/EXP", "CR", "XR Chest inspiration expiration"),
    ("US POST VOID RESIDUAL BLADDER", "US", "US Bladder volume"),
    ("CT ABDOMEN AND PELVIS WITHOUT CONTRAST", "CT", "CT Abdomen and pelvis without contrast"),
    ("XR FOOT LT GREAT TOE NO 1", "CR", "XR Toe great Lt"),
    ("US GUIDED BIOPSY LIVER", "US", "US guided biopsy liver"),
    ("US LIVER BIOPSY", "US", "US guided biopsy liver"),
    ("CT GUIDED BIOPSY LUNG RT", "CT", "CT guided biopsy lung Rt"),
    ("XR KNEE LT STANDING", "CR", "XR Knee weight bearing Lt"),
    ("XR KNEE WEIGHT BEARING RT", "CR", "XR Knee weight bearing Rt"),
    ("MRI ARTHROGRAM SHOULDER LT", "MR", "MRI Arthrogram shoulder Lt"),
    ("MRI HEAD BEFORE AND AFTER CONTRAST", "MR", "MRI Head pre and post contrast"),
    ("CT KUB NO CONTRAST", "CT", "CT Urinary tract"),
    ("MRI SPINE LUMBAR ?CAUDA EQUINA", "MR", "MRI Spine lumbar"),
)


@pytest.fixture(scope="module")
def engine(config: Configuration) -> LookupEngine:
    index = CatalogueIndex(load_catalogue(ROOT / "data/reference/NHS.json"), config.retrieval)
    return LookupEngine(index, config.judgement, config.retriever_top_k)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_kind_of_name(case: Case, engine: LookupEngine) -> None:
    answer = engine.lookup(case.name, case.code)
    first = answer.row.preferred_name if answer.row else ""
    assert not case.status or answer.status in case.status, (answer.status, first)
    assert not case.row or first == case.row
    assert all(words.lower() in first.lower() for words in case.first), first
    assert not any(words.lower() in first.lower().split() for words in case.first_not), first
    offered = [row.preferred_name for row in answer.offered]
    assert not case.offered or any(name.startswith(case.offered) for name in offered), offered
    for slot, value in case.slots:
        found = getattr(answer.query.parsed, slot)
        assert (
            (value in found if value else not found)
            if isinstance(found, frozenset)
            else (found == value)
        ), (slot, found)


@pytest.mark.parametrize(("name", "code", "row"), GUARDS)
def test_its_neighbours_stay_accepted(
    name: str, code: str, row: str, engine: LookupEngine
) -> None:
    answer = engine.lookup(name, code)
    assert answer.row
    assert (answer.status, answer.row.preferred_name) == ("MATCH", row)
