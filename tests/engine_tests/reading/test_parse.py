from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.reading.abbreviations import expand_cut
from engine.reading.modality_codes import modalities_of_code
from engine.reading.parse import parse
from engine.reading.slots import Contrast, Laterality, Modality
from engine.vocabulary.lexicon import lexicon

EXAMPLES = settings().max_examples  # fewer in the quick tier


def _terms(text: str) -> set[str]:
    return set(filter(None, text.split(";")))


@pytest.mark.parametrize(
    ("name", "modality", "anatomy"),
    [
        ("CT Thorax & abdo & pel", "CT", "thorax;abdomen;pelvis"),
        ("CT Neck thorax abdomen pel", "CT", "neck;thorax;abdomen;pelvis"),
        ("N.C.A.P", "", "neck;thorax;abdomen;pelvis"),
        ("NHSX^T1_ThoraxAbdoPelvis (Adult)", "", "thorax;abdomen;pelvis"),
        ("Neck^2_DynNeckThorax (Adult)", "", "neck;thorax"),
        ("Abdomen^3_KUB", "", "urinary tract"),
        ("MYHOSP^Lumbar Spine", "", "lumbar spine"),
        ("CTHEAD", "CT", "head"),
        ("LSPINE", "", "lumbar spine"),
        ("RTKNEE", "", "knee"),
        ("MRI C1-C3", "MR", "cervical spine"),
        ("MRI L4/5", "MR", "lumbar spine"),
        ("MRI T12-L1", "MR", "thoracic spine;lumbar spine"),
        ("MRI L5/S1", "MR", "lumbar spine"),
        ("MRI L4-S3", "MR", "lumbar spine;sacrum"),
        ("CT spine C2-L5", "CT", "spine"),
        ("XR LS spine", "XR", "lumbosacral spine"),
        ("MRI thoracic & LS spine", "MR", "thoracic spine;lumbosacral spine"),
        ("MR C T L spine", "MR", "cervical spine;thoracic spine;lumbar spine"),
        ("CT Spine thoracic", "CT", "thoracic spine"),
        ("lower extremity, hip", "", "hip"),
        ("US abdomen and kidneys", "US", "abdomen;kidney"),
        ("MRI Pelvis prostate", "MR", "prostate"),
        ("XR tib/fib", "XR", "tibia;fibula"),
        ("CT sinuses", "CT", "paranasal sinus"),
        ("XR C-spine", "XR", "cervical spine"),
        ("CXR", "XR", "thorax"),
        ("XR facials", "XR", "facial bone"),
        ("CT brain sinuses", "CT", "head;paranasal sinus"),
        ("MRI brn/orbits", "MR", "head;orbit"),
        ("Head^Head facials 2.5", "", "head;facial bone"),
        ("CT head sinus", "CT", "paranasal sinus"),
        ("Skull X-R", "XR", "skull"),
        ("US heart portable", "US", "heart"),
        ("MRI heart", "MR", "heart"),
        ("Intracranial angiogram CT", "CT", "cerebral artery"),
        ("CT intracranial", "CT", "head"),
        ("Ileal loopogram", "FL", "ileal conduit"),
        ("XR digit hand", "XR", "finger"),
        ("XR small finger", "XR", "little finger"),
        ("XR T+F", "XR", "tibia;fibula"),
        ("MRI f/arm", "MR", "forearm"),
        ("MRI low back", "MR", "lumbar spine"),
        ("CT C/T junction", "CT", "cervicothoracic spine"),
        ("MRI head & neck spine", "MR", "head;cervical spine"),
        ("MRI pit fossa", "MR", "pituitary"),
        ("US hep art doppler", "US", "hepatic artery"),
        ("CTA ao", "CT", "aorta"),
        ("CT heart coronary arteries", "CT", "coronary artery"),
        ("US jug vein", "US", "jugular vein"),
        ("MRI sterno-clav jt", "MR", "sternoclavicular joint"),
        ("MRI wh spine", "MR", "spine"),
        ("Video swallow", "FL", "pharynx"),
        ("CTPA", "CT", "pulmonary artery"),
        ("CT PA", "CT", "pulmonary artery"),
        ("XR chest PA", "XR", "thorax"),
        ("CT AP", "CT", "abdomen;pelvis"),
        ("XR pelvis AP", "XR", "pelvis"),
        ("XR toe", "XR", "toe"),
        ("echo TOE", "US", "heart"),
        ("MRCP", "MR", "bile duct;pancreatic duct"),
        ("Barium swallow", "FL", "oesophagus"),
        ("DEXA hip", "DXA", "hip"),
        ("XR Mammogram", "MG", "breast"),
        ("XR Barium follow through", "FL", "small bowel"),
        ("Bone scan", "NM", "skeleton"),
        ("PET/CT whole body", "PET", "whole body"),
        ("NM SPECT CT parathyroid", "NM", "parathyroid"),
        ("CT Angiogram renal", "CT", "renal artery"),
        ("US renal", "US", "kidney"),
        ("Angio cerebral", "IR", "cerebral artery"),
        ("Renal venogram", "IR", "renal vein"),
        ("CT Abdomn and pelvs", "CT", "abdomen;pelvis"),
        ("MRI Internal auditory mea", "MR", "internal auditory meatus"),
        ("Computed tomography of abdomen and pelvis (procedure)", "CT", "abdomen;pelvis"),
        ("XR patellofemoral joint Rt", "XR", "patellofemoral joint"),
        ("WB MRI", "MR", "whole body"),
        ("DXA WB", "DXA", "whole body"),
        ("XR ankle WB", "XR", "ankle"),
        ("US DVT leg Lt", "US", "lower limb vein"),
        ("US Doppler venous left leg", "US", "lower limb vein"),
        ("CT DVT pelvis", "CT", "pelvis"),
        ("MRI pelvis fistula", "MR", "perineum"),
        ("Mammogram with prosthesis", "MG", "breast implant"),
        ("CESM both", "MG", "breast"),
        ("MRI Brain & IAMs", "MR", "head;internal auditory meatus"),
        ("MRI Head / IAMs", "MR", "head;internal auditory meatus"),
        ("Head^IAM (Adult)", "", "internal auditory meatus"),
        ("CT Head w/o & CT Facial w/o", "CT", "head;face"),
        ("MRI whole spine ?cord compression", "MR", "spine"),
        ("CT stroke", "CT", "head"),
        ("CT carotid angiogram stroke", "CT", "carotid artery"),
        ("CT stone", "CT", "urinary tract"),
        ("CT coronary calcium score", "CT", "heart"),
        ("Periapical UL6", "XR", "tooth"),
        ("MRI LE joint Lt wo", "MR", "joint;lower limb"),
        ("XR extremity lower", "XR", "lower limb"),
        ("CT CTAP C-", "CT", "abdomen;pelvis"),
        ("US carotid & vertebral", "US", "carotid artery;vertebral artery"),
        ("US hip effusion", "US", "hip"),
        ("US effusion", "US", "pleura"),
        ("US cervical length", "US", "cervix"),
        ("Doppler carotid", "US", "carotid artery"),
        ("Arthrogram hip", "FL", "hip"),
        ("RP Artery Embo excluding (iliac, tibial) Lt", "IR", "artery"),
        ("Dual energy X-ray photon absorptiometry of hip", "DXA", "hip"),
        ("Positron emission tomography with computed tomography of neck", "PET", "neck"),
        ("CT face", "CT", "facial bone"),
        ("XR cervico-thoracic junction", "XR", "cervicothoracic spine"),
        ("IR TACE", "IR", "hepatic artery"),
        ("IR fistuloplasty", "IR", "arteriovenous fistula"),
        ("Insertion of nasojejunal tube", "FL", "jejunum"),
    ],
)
def test_modality_and_anatomy(name: str, modality: str, anatomy: str) -> None:
    parsed = parse(name)
    assert {str(stated) for stated in parsed.modalities} == _terms(modality)
    assert parsed.anatomy == _terms(anatomy)


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("XR KNEE LT WB", "left"),
        ("XR (L) Knee", "left"),
        ("XR knee R", "right"),
        ("X R clavicle", "right"),
        ("X-R clavicle", "none"),
        ("XR Rt & Lt knees", "bilateral"),
        ("XR knees B/L", "bilateral"),
        ("US guided biopsy breast B", "bilateral"),
        ("MRI breast both with contrast", "bilateral"),
        ("RT knee LT ankle", "none"),
        ("XR Rt knee & Lt ankle", "none"),
        ("XR knee & ankle Lt", "left"),
        ("XR hands L+R", "bilateral"),
        ("XR RT/LT hands", "bilateral"),
        ("US Abdo LFTs", "none"),
        ("XR L spine", "none"),
        ("MRI L5", "none"),
        ("XR Knee", "none"),
    ],
)
def test_side(name: str, side: str) -> None:
    assert parse(name).laterality is Laterality(side)


@pytest.mark.parametrize(
    ("name", "contrast"),
    [
        ("CT head C+", "with"),
        ("CT head +C", "with"),
        ("CT head + contrast", "with"),
        ("CT neck & thorax wi", "with"),
        ("CT abdomen with contr", "with"),
        ("CT abdomen with", "with"),
        ("CT abd w", "with"),
        ("CT Chest w IV contrast", "with"),
        ("MRI brain gad", "with"),
        ("CT thorax portal venous", "with"),
        ("CT liver triple phase", "with"),
        ("MRI IAM C-", "without"),
        ("CT CAP-C", "without"),
        ("CT thorax -C", "without"),
        ("CT CAP+C", "with"),
        ("CT head non-con", "without"),
        ("CT head wo", "without"),
        ("CT head unenhanced", "without"),
        ("CT KUB plain", "without"),
        ("CT head w/wo", "with_and_without"),
        ("CT head w and wo IV contrast", "with_and_without"),
        ("CT head with & without contrast", "with_and_without"),
        ("MRI brain pre and post", "with_and_without"),
        ("MRI ankle W Lt", "with"),
        ("CT thorax with - urgent", "with"),
        ("CT thorax + OPD", "with"),
        ("CT thorax IV urgent", "with"),
        ("CT thorax +/-", "with_and_without"),
        ("CT thorax post inj", "with"),
        ("CT thorax no CE", "without"),
        ("MRI orbits no Gd", "without"),
        ("MRI orbits w/o Gd", "without"),
        ("CT thorax non contrast enhanced", "without"),
        ("CT thorax with-out contrast", "without"),
        ("CT thorax zero contrast", "without"),
        ("CT thorax contrast - no", "without"),
        ("CT thorax contrast (without)", "without"),
        ("CT thorax (C -)", "without"),
        ("CT thorax - C", "without"),
        ("CT thorax C(-)", "without"),
        ("CT thorax (-) C", "without"),
        ("CT thorax C/-", "without"),
        ("CT thorax C\u2010", "without"),
        ("CT thorax C\u2212", "without"),
        ("MRI orbits pre gad", "without"),
        ("CT thorax -contrast", "none"),  # a minus or a dash
        ("CT thorax contrast -", "none"),
        ("CT thorax contrast-", "without"),
        ("CT thorax with contrast -", "with"),
        ("CT thorax with contrast -, urgent", "with"),
        ("CT thorax +ve contrast", "with"),
        ("CT thorax contrast +ve", "with"),
        ("CT thorax -ve contrast", "without"),
        ("CT thorax contrast -ve", "without"),
        ("CT thorax - contrast", "with"),
        ("CT thorax without, with contrast", "with_and_without"),
        ("CT urogram split bolus", "with"),
        ("MRI pituitary Gd", "with"),
        ("MRI with left hip and knee", "none"),
        ("CT chest with abdomen", "none"),
        ("US gd biopsy liver", "none"),
        ("CT head +/- C", "with_and_without"),
        ("MRI orbits PRE+POST C", "with_and_without"),
        ("CT spleen pre/post contrast", "with_and_without"),
        ("CT adrenals nativ+C", "with_and_without"),
        ("MRI neck native 3T", "without"),
        ("MRI parotid W 1.5T", "with"),
        ("Neck^03_Neck_-C_4MM", "without"),
        ("Neck_+C_4MM", "with"),
        ("Abdomen^02_SpleenPrePostC", "with_and_without"),
        ("MRI native kidney", "none"),
        ("US liver w", "with"),
        ("US guided biopsy w", "none"),
        ("XR plain film chest", "none"),
        ("US breast w guide", "none"),
        ("Water soluble contrast enema", "none"),
        ("MRI Brain + C spine", "none"),
        ("MRI brain with C-spine", "none"),
        ("MRI brain + C3-C5", "none"),
        ("CT Brain C/-", "without"),
        ("CT IVC", "none"),
        ("MR Head", "none"),
    ],
)
def test_contrast(name: str, contrast: str) -> None:
    assert parse(name).contrast is Contrast(contrast)


@pytest.mark.parametrize(
    ("name", "modality", "intervention"),
    [
        ("US guided biopsy breast", "US", "biopsy"),
        ("Spleen Bx w guide", "", "biopsy"),
        ("CT guided ablation of spleen", "CT", "ablation"),
        ("Fluoroscopic guided injection hip Rt", "FL", "injection"),
        ("Pc stent iliac artery Lt", "IR", "stent insertion"),
        ("Fluoroscopic guided angioplasty of iliac artery", "IR", "angioplasty"),
        ("Oesophageal stent under screening", "FL", "stent insertion"),
        ("Percutaneous nephrostomy left", "FL", "nephrostomy"),
        ("US guided nephrostomy", "US", "nephrostomy"),
        ("Venogram upper limb", "IR", "catheter angiography"),
        ("Pacemaker box change", "IR", "pacemaker implantation;exchange"),
        ("CT angiogram aortic stent graft", "CT", ""),
        ("NM MIBI injection", "NM", ""),
        ("MRA renal", "MR", ""),
        ("US guided steroid injection shoulder", "US", "injection"),
        ("XR chest PICC position", "XR", ""),
        ("XR NG tube check", "XR", ""),
        ("PICC insertion XR guided", "IR", "picc insertion"),
        ("CT lower limb for rotation", "CT", ""),
        ("US guided steroid hip", "US", "injection"),
        ("Lumbar epidural", "", "epidural injection"),
        ("MRI epidural abscess", "MR", ""),
        ("Nerve root block L5", "", "nerve block"),
        ("US breast biopsy fine needle", "US", "fine needle aspiration"),
        ("EVAR", "IR", "stent graft insertion"),
        ("Duplex EVAR surveillance", "US", ""),
        ("PAE", "IR", "embolisation"),
        ("XR chest pae", "XR", ""),
        ("SIRT liver", "IR", "radioembolisation"),
        ("TAVI", "IR", "valve implantation"),
        ("CT TAVI", "CT", ""),
        ("US coil check", "US", ""),
        ("US placental localisation", "US", ""),
        ("CT guided bio", "CT", "biopsy"),
        ("US drain insertion spleen", "US", "drain insertion;drainage"),
        ("CT guided insertion of abscess drain", "CT", "drain insertion;drainage"),
        ("US chest drain insertion", "US", "drain insertion;drainage"),
        ("US guided drain spleen", "US", "drainage"),
        ("US injn thumb", "US", "injection"),
        ("Fluoro MUA elbow", "FL", "joint manipulation"),
        ("Fluoro manip elbow", "FL", "joint manipulation"),
        ("MRI hip metal artefact reduction", "MR", ""),
        ("Fluoro pyelogram antegrade", "FL", ""),
        ("Fluoro antegrade pyelogram", "FL", ""),
        ("US guided drain chg spleen", "US", "drainage;exchange"),
        ("Drain exchange spleen US", "US", "drainage;exchange"),
        ("CT brain image guidance", "CT", ""),
        ("MRI sinuses (image guidance)", "MR", ""),
        ("CT image guided biopsy brain", "CT", "biopsy"),
        ("CT liver image guidance", "CT", "guided procedure"),
        ("US guided", "US", "guided procedure"),
    ],
)
def test_intervention(name: str, modality: str, intervention: str) -> None:
    parsed = parse(name)
    assert {str(stated) for stated in parsed.modalities} == _terms(modality)
    assert parsed.intervention == _terms(intervention)


@pytest.mark.parametrize(
    ("name", "technique", "context"),
    [
        ("CT chest HRCT", "high resolution", ""),
        ("MRI skull nav", "navigation", ""),
        ("CT densitometry hip", "bone density", ""),
        ("XR C-Spine 2-3V", "2-3 views", ""),
        ("XR chest mobile", "mobile", ""),
        ("XR genu intercondylar", "tunnel view", ""),
        ("XR knee tunnel", "tunnel view", ""),
        ("CXR apices", "apical view", ""),
        ("XR clavicle apical oblique", "apical view", ""),
        ("CT spleen volume", "volume measurement", ""),
        ("CT wrist vol", "", ""),
        ("MRI shoulder MAR", "prosthesis", ""),
        ("XR skeletal survey PM", "skeletal survey", "post mortem"),
        ("US fetal heart", "echocardiography", "obstetric"),
        ("US leg veins", "doppler", ""),
        ("US oesophagus endosc", "endoscopic", ""),
        ("TEE", "echocardiography;transoesophageal", ""),
        ("Screening sino abdomen", "", "screening"),
        ("Fluoro sino abdomen", "sinography", ""),
        ("XR femur frog", "frog leg view", ""),
        ("XR hip inlet", "inlet view", ""),
        ("XR acetabulum inlet & outlet views", "inlet view;outlet view", ""),
        ("XR humerus ax", "axial view", ""),
        ("XR abdo sup", "supine", ""),
        ("XR hip upright", "erect", ""),
        ("MRI knee upright", "upright", ""),
        ("XR spine whole standing", "erect", ""),
        ("XR thumb stress vws", "stress view", ""),
        ("Mammo mag view", "magnification view", ""),
        ("Mammo mag", "magnification view", ""),
        ("CT mandible CB", "cone beam", ""),
        ("NM shunt Tl-201", "shunt procedure;thallium", ""),
        ("CT wrist dual en", "dual energy", ""),
        ("DXA body comp", "body composition", ""),
        ("US obs mult preg", "", "multiple pregnancy;obstetric"),
        ("US spleen scrn", "", "screening"),
        ("Paed XR hip", "", "paediatric"),
        ("Portable CXR", "mobile", ""),
        ("XR wrist in plaster", "in plaster", ""),
        ("XR wrist POP", "in plaster", ""),
        ("XR knee sky line", "skyline view", ""),
        ("Knee merchant", "skyline view", ""),
        ("XR knees wt brg", "erect", ""),
        ("XR foot DP/Obl", "", ""),
        ("CT liver DP", "dual phase", ""),
        ("US guided steroid injection", "steroid", ""),
        ("Gastrografin swallow", "swallow;water soluble contrast", ""),
        ("Videofluoroscopy SALT", "swallow;video swallow", ""),
        ("Videofluoroscopy", "swallow;video swallow", ""),
        ("Mammogram assessment", "call back", ""),
        ("Mammogram surveillance", "", "surveillance"),
        ("US DVT leg", "doppler", "deep vein thrombosis"),
        ("US 12/40", "", "first trimester;obstetric"),
        ("US 34/40 growth", "growth", "third trimester;obstetric"),
        ("US OB <14 wks", "", "first trimester;obstetric"),
        ("US pelvis non-OB", "", "non obstetric"),
        ("US obstetric anatomy", "anomaly scan", "obstetric"),
        ("neon head US", "", "neonatal;paediatric"),
        ("NM bone MDP", "bone scan", ""),
        ("Amyvid PET", "amyloid", ""),
        ("In-111 WCS", "indium;white cell", ""),
        ("NM HIDA w/EF", "hida;cholecystokinin", ""),
        ("US 1st tri add", "additional", "first trimester;obstetric"),
        ("US ABPI", "ankle brachial index", ""),
        ("radioiodine therapy thyroid", "iodine 131;therapy", ""),
        ("US hip infant", "", "neonatal;paediatric"),
        ("US Preg 1st Tri", "", "first trimester;obstetric"),
        ("US kidney transplant doppler", "doppler", "transplant"),
        ("XR chest portable ward 5 no report", "mobile", ""),
        ("3rd visit obs scan", "", "obstetric"),
        ("US pelvis TV", "transvaginal", ""),
    ],
)
def test_technique_and_context(name: str, technique: str, context: str) -> None:
    assert parse(name).technique == _terms(technique)
    assert parse(name).context == _terms(context)


@pytest.mark.parametrize(
    "name", ["Did not attend", "MDT meeting", "CT head - cancelled", "Teaching", "Report only"]
)
def test_non_clinical(name: str) -> None:
    assert parse(name).non_clinical


@pytest.mark.parametrize(
    "name",
    [
        "Sent elsewhere",
        "Wrong referral",
        "MRI - unable to tolerate",
        "Referred to other hospital",
        "CT outside read",
    ],
)
def test_an_event_is_no_exam(name: str) -> None:
    assert parse(name).non_clinical


@pytest.mark.parametrize(
    "name", ["CT head", "XR chest (no report)", "Sniff test", "CT MDT thorax"]
)
def test_clinical(name: str) -> None:
    assert not parse(name).non_clinical


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("CT Thorax & abdo & pelvis with cont", "ct thorax abdomen pelvis with contrast"),
        ("CTPA", "ct pulmonary artery angiography"),
        ("CT Pulmonary angiogram", "ct pulmonary artery angiography"),
        ("XKNEEL", "xr knee left"),
        ("CABPEC", "ct abdomen pelvis with contrast"),
    ],
)
def test_canonical(name: str, canonical: str) -> None:
    assert parse(name).canonical == canonical


def test_the_code_decides_what_the_words_leave_open() -> None:
    coded = parse("PulmAngio", frozenset({Modality.CT}))
    assert (coded.modalities, coded.interventional) == (frozenset(), False)
    assert parse("PulmAngio").interventional


@pytest.mark.parametrize(
    ("name", "unknown"),
    [("MRI wrist 3T", ()), ("MRI wrist 0.5 tesla", ()), ("MRI wrist T", ("t",))],
)
def test_field_strengths_say_nothing(name: str, unknown: tuple[str, ...]) -> None:
    assert parse(name).unknown == unknown


@pytest.mark.parametrize(
    ("name", "code", "modality"),
    [
        ("Bone densitometry wrist", "CT", ""),
        ("CT bone density wrist", "", "CT"),
        ("Bone densitometry wrist", "", "DXA"),
        ("Chest film", "CT", ""),
        ("Chest film", "CR", "XR"),
        ("Pelvis CT and chest film", "", "CT"),
        ("Ankle (NM2)", "CR", ""),
        ("CT ankle NM2", "", "CT"),
        ("NM2 ankle", "", "NM"),
    ],
)
def test_a_weak_sign_of_a_modality_yields(name: str, code: str, modality: str) -> None:
    stated = parse(name, modalities_of_code(code)).modalities
    assert {str(one) for one in stated} == _terms(modality)


@pytest.mark.parametrize("name", ["Xelborough", "Wuthe", "Cardiff", "Leach", "Hodgson", "Noah"])
def test_an_unknown_word_stays_unknown(name: str) -> None:
    assert parse(f"CT head {name}").unknown == (name.lower(),)


@pytest.mark.parametrize(
    "name", ["Parker", "Floor", "South", "Contract", "Bell", "Patel", "March"]
)
def test_people_places_and_ordinary_words_say_nothing(name: str) -> None:
    assert parse(f"CT head {name}").anatomy == {"head"}
    assert not parse(f"CT head {name}").interventional
    assert parse(f"CT head {name}").contrast is Contrast.NONE


@pytest.mark.parametrize(
    ("name", "anatomy"),
    [
        ("XR shdr", "shoulder"),
        ("CT chst abdo plv", "thorax;abdomen;pelvis"),
        ("MRI hd/brn", "head"),
        ("MRI nk", "neck"),
        ("CT sin", "paranasal sinus"),
        ("US ren", "kidney"),
        ("US bldr", "bladder"),
        ("XR sternm", "sternum"),
        ("XR clvcl", "clavicle"),
        ("CT abdmn Lt", "abdomen"),
        ("MRI pituit C+", "pituitary"),
        ("US thyro neck", "thyroid;neck"),
        ("MRI cervic", "cervical spine"),
        ("US abdomen & urinary tr", "abdomen;urinary tract"),
        ("CT superiorvena cava", "superior vena cava"),
        ("CHESTPA", "thorax"),
        ("MRI AnkleR", "ankle"),
        ("MRI natalCleft", "buttock"),
        ("US axill Lt", "axilla"),
        ("US breast / axill", "breast;axilla"),
        ("US adren", "adrenal"),
        ("MRI parot", "parotid gland"),
        ("HipsArthrogLT", "hip"),
        ("Head^02_SinusRout_Orbit", "paranasal sinus;orbit"),
        ("CTAPelvis", "pelvis"),
        ("LiverPVphase", "liver"),
        ("McFoot MRI knee", "knee"),
    ],
)
def test_words_that_were_cut(name: str, anatomy: str) -> None:
    assert parse(name).anatomy == _terms(anatomy)


@pytest.mark.parametrize(
    "cut", ["angiog", "embolis", "biops", "contr", "bilat", "stenti", "drain"]
)
def test_a_cut_inside_a_name_is_never_guessed_to_be_more_than_a_part_or_technique(
    cut: str,
) -> None:
    assert expand_cut(cut) == cut


def test_two_known_words_are_never_exchanged() -> None:
    assert parse("US renal").anatomy == {"kidney"}
    assert parse("US penile").anatomy == {"penis"}
    assert parse("XR ilium").anatomy == {"ilium"}
    assert parse("MR ileum").anatomy == {"ileum"}


@settings(max_examples=2 * EXAMPLES, deadline=None)
@given(st.sampled_from(sorted(lexicon().senses)))
def test_swapping_the_side_swaps_the_side(key: tuple[str, str]) -> None:
    slot, value = key
    if slot not in {"anatomy", "technique", "intervention", "context"}:
        return
    left, right = parse(f"{value} Lt"), parse(f"{value} Rt")
    if left.laterality is Laterality.LEFT:
        assert right.laterality is Laterality.RIGHT
        assert right.anatomy == left.anatomy
    else:
        assert left.laterality is Laterality.BILATERAL is right.laterality


@settings(max_examples=5 * EXAMPLES, deadline=None)
@given(st.text(max_size=80))
def test_what_is_read_stands_in_the_text(text: str) -> None:
    assert all(0 <= span.start < span.end <= len(text) for span in parse(text).spans)
