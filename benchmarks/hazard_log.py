"""The hazard log: what can go wrong for a patient, what prevents it, and what was counted.

Source: DCB0129, "Clinical risk management: its application in the manufacture of health IT
systems" (NHS England): hazard, cause, effect, control and evidence. Severity and likelihood are
for the clinical safety officer of whoever deploys it: they depend on what a mapping is used for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from objectives.cases.critical_errors import CRITICAL_KINDS

if TYPE_CHECKING:
    from objectives.decisions.decision_quality import DecisionMetrics


class Hazard(NamedTuple):
    """One row of the hazard log.

    Attributes
    ----------
    key : str
        ``H01`` and so on; a key is never used for another hazard.
    hazard, cause, effect, control : str
        In words.
    tests : tuple of str
        Where the control is tested, as pytest names it.
    counted : str
        What is counted among the decisions: a kind of critical error, ``wrong``,
        ``unanswerable``, or empty where nothing can be counted.
    """

    key: str
    hazard: str
    cause: str
    effect: str
    control: str
    tests: tuple[str, ...]
    counted: str = ""


_ENGINE, _CLI = "tests/engine_tests", "tests/scripts_tests"
_DEPARTS = f"{_ENGINE}/ranking/test_departures.py::test_what_departs"
_NEVER = (
    f"{_ENGINE}/test_properties.py"
    "::test_no_name_crashes_the_engine_and_each_answer_keeps_its_promises"
)
_KIND = f"{_ENGINE}/test_kinds.py::test_a_kind_of_name"
_DENIED = f"{_ENGINE}/test_scope_properties.py::test_what_is_denied_or_doubted_is_never_accepted"

HAZARDS = (
    Hazard(
        "H01",
        "A name is mapped to a row of another side, or to a side that it does not state",
        "the side is unread, or a sided row scores higher",
        "the wrong side is imaged, reported or counted",
        "left and right veto each other; a row with a side that the name does not state is never "
        "accepted",
        (f"{_ENGINE}/ranking/test_vetoes.py::test_vetoes", _DEPARTS, _NEVER),
        "side",
    ),
    Hazard(
        "H02",
        "A name is mapped to a row of another modality",
        "no modality in the name, or name and MODALITY_CODE disagree",
        "wrong examination, unneeded radiation, or an MR-unsafe patient in a scanner",
        "stated modalities veto; without one, or where name and code disagree, nothing is "
        "accepted",
        (f"{_ENGINE}/ranking/test_vetoes.py::test_vetoes", _DEPARTS, _NEVER),
        "modality",
    ),
    Hazard(
        "H03",
        "Contrast is added or dropped",
        "an abbreviation for contrast is unread",
        "contrast given to a patient with an allergy or renal failure, or a scan that cannot "
        "answer the question",
        "with and without veto each other; a row that differs in giving contrast is never "
        "accepted, except by its own preferred name",
        (f"{_ENGINE}/ranking/test_vetoes.py::test_vetoes", _DEPARTS, _NEVER),
        "contrast",
    ),
    Hazard(
        "H04",
        "A diagnostic name is mapped to an intervention",
        "a word is taken for an action",
        "a procedure is booked, or consent asked for, that nobody requested",
        "rows flagged interventional are vetoed for a diagnostic name",
        (f"{_ENGINE}/ranking/test_vetoes.py::test_vetoes", _NEVER),
        "interventional",
    ),
    Hazard(
        "H05",
        "A row states pregnancy and the name does not",
        "a word of obstetrics is read where none is meant",
        "wrong pathway, wrong safety questions before radiation",
        "such a row is never accepted",
        (_DEPARTS, _NEVER),
        "pregnancy",
    ),
    Hazard(
        "H06",
        "A row states an age group and the name does not",
        "rows for children score higher",
        "a dose protocol for another age",
        "such a row is never accepted",
        (_DEPARTS, _NEVER),
        "age",
    ),
    Hazard(
        "H07",
        "A row states a sex and the name does not",
        "rows for one sex score higher",
        "wrong examination, distress",
        "such a row is never accepted",
        (_DEPARTS, _NEVER),
        "sex",
    ),
    Hazard(
        "H08",
        "A wrong row is accepted with high confidence",
        "confidence is taken for correctness, or a threshold is chosen by eye",
        "a wrong examination, which nobody looks at again",
        "confidence is calibrated on gold rows; the threshold keeps the upper bound of the error "
        "below `decision.target_error_rate`, without the gate or test sites",
        (
            "tests/objectives_tests/decisions/test_risk_coverage.py::test_the_bound_is_the_exact_one",
            "tests/objectives_tests/decisions/test_calibration.py::test_known_probabilities_are_found_again",
            "tests/studies_tests/test_calibrate.py::test_the_threshold_never_sees_gate_or_test_sites",
        ),
        "wrong",
    ),
    Hazard(
        "H09",
        "A name that no row is right for is accepted",
        "the catalogue lacks the examination, or the name is too vague",
        "a wrong examination",
        "such cases are part of what confidence is calibrated on",
        (f"{_CLI}/test_train.py::test_hardly_a_name_without_a_right_row_is_accepted",),
        "unanswerable",
    ),
    Hazard(
        "H10",
        "A line that is no examination is mapped to one",
        "meetings and teaching stand in examination lists",
        "wrong counts, a booking without a patient",
        "such lines are NON_CLINICAL and get no row",
        (
            f"{_ENGINE}/test_lookup.py::test_a_line_that_is_no_exam_gets_no_row",
            f"{_CLI}/test_validate_and_lookup.py::test_lookup_of_what_is_no_exam_never_matches",
        ),
    ),
    Hazard(
        "H11",
        "Confidence is believed where it was not calibrated",
        "another catalogue or other weights",
        "more wrong answers are accepted than stated",
        "the output says that the calibrator is a default, and how to fit one",
        (
            "tests/objectives_tests/decisions/test_calibration.py::test_a_calibrator_of_other_weights_or_rows_is_called_a_default",
            f"{_CLI}/test_map.py::test_another_catalogue_may_be_given",
        ),
    ),
    Hazard(
        "H12",
        "Tuning trades safety for points",
        "the value of a trial counts right answers only",
        "more dangerous answers than before",
        "a trial with more critical errors of any kind than the current weights is never the "
        "best; on sites not tuned on, an export must not have more of them among first-ranked "
        "rows, all kinds together or one kind beyond chance, nor of any kind among accepted "
        "answers; a smaller rise of one kind is named in the decision",
        (
            "tests/studies_tests/test_coordinator.py::test_a_trial_with_more_critical_errors_is_never_the_best",
            "tests/studies_tests/gate/test_gate.py::test_a_clear_gain_is_exported_unless_it_is_dangerous",
            "tests/studies_tests/gate/test_gate.py"
            "::test_fewer_errors_of_one_kind_do_not_pay_for_more_of_another",
            "tests/studies_tests/gate/test_gate.py"
            "::test_a_rise_by_chance_that_others_outweigh_is_reported_and_no_more",
            "tests/studies_tests/gate/test_gate.py"
            "::test_more_dangerous_answers_among_accepted_ones_stop_an_export",
        ),
    ),
    Hazard(
        "H13",
        "Weights stay in use that no longer hold",
        "data, catalogue or engine changed after tuning",
        "accuracy and safety are not what was measured",
        "a study refuses to go on; an older export is set aside; `train` says which configuration "
        "it uses and why",
        (
            f"{_CLI}/test_optimize.py::test_changed_data_and_changed_strategy_are_refused_with_the_reason",
            f"{_CLI}/test_optimize.py::test_an_older_export_does_not_stay_in_force_after_a_refusal",
            f"{_CLI}/test_optimize.py::test_an_export_is_a_complete_configuration_that_train_prefers",
        ),
    ),
    Hazard(
        "H14",
        "Part of a mapping is taken for the whole",
        "the run was interrupted, or the disk was full",
        "examinations are missing after import",
        "a file appears under its name when it is complete",
        (f"{_CLI}/test_map.py::test_an_interrupted_run_is_whole_and_goes_on",),
    ),
    Hazard(
        "H15",
        "A name is read in the wrong encoding or a column is taken for another",
        "exports of radiology systems differ",
        "words are lost, the wrong row is found",
        "encodings are recognised, columns found by name, and what cannot be read is refused "
        "with file and line",
        (
            f"{_CLI}/test_map.py::test_every_form_of_the_same_names_gets_the_same_answers",
            f"{_CLI}/test_map.py::test_a_mistake_is_one_line_and_writes_nothing",
        ),
    ),
    Hazard(
        "H16",
        "The same name gets another answer on another day or machine",
        "the order of rows, chunks or sums",
        "a mapping that was checked is not the one in use",
        "scores are exact sums, ties have a named order, exported configurations decide the same "
        "bit for bit",
        (
            f"{_ENGINE}/ranking/test_coefficients.py::test_scores_do_not_depend_on_the_order_of_summation",
            f"{_CLI}/test_train.py::test_results_do_not_depend_on_chunks_or_workers",
            "tests/studies_tests/test_calibrate.py::test_an_export_decides_the_same_bit_for_bit",
        ),
    ),
    Hazard(
        "H17",
        "A patient is identified in a log, an error or a report",
        "an identifier was typed into the name of an examination",
        "a breach of confidentiality",
        "what looks like an NHS number, a date of birth or an accession number is flagged in "
        "`warnings` and masked wherever a name is repeated; nothing is sent anywhere",
        (
            "tests/support_tests/test_identifiers.py"
            "::test_a_valid_nhs_number_is_found_in_every_spelling",
            f"{_CLI}/test_privacy.py::test_map_flags_the_line_and_keeps_only_the_users_own_column",
            f"{_CLI}/test_offline.py::test_tuning_and_browsing_the_study_send_nothing",
            f"{_CLI}/test_offline.py::test_mapping_with_two_workers_sends_nothing",
        ),
    ),
    Hazard(
        "H18",
        "A name is mapped to a row of another body part",
        "the part is unread, or only one row of the modality is left",
        "the wrong part is imaged",
        "a row that neither shows nor covers a part that the name states is never accepted; a row "
        "without a rival has not stood out from any",
        (
            _DEPARTS,
            f"{_ENGINE}/test_lookup.py::test_a_row_without_a_rival_is_no_answer_for_that",
        ),
    ),
    Hazard(
        "H19",
        "A row states what the name denies",
        "a denial is unread, or taken to reach another word",
        "a procedure, part, technique or age group that was ruled out is booked",
        "such a row is vetoed, and so is every kind of a denied action",
        (_KIND, _DENIED),
    ),
    Hazard(
        "H20",
        "A row states what the name only thinks of, or what is of another time",
        "a doubt, a condition or a time word is unread",
        "a procedure or contrast that was only possible, or is over, is booked",
        "a name with a doubt is never accepted, and the reason says what is doubtful; a row that "
        "states what is of another time is never accepted",
        (_KIND, _DENIED),
    ),
    Hazard(
        "H21",
        "One of several alternatives is taken for all of them, or a letter for a side",
        '"or" is read as "and"; the letters of an abbreviation, a person or a room are read as '
        "sides",
        "the wrong side, or both, are imaged",
        "alternatives are never accepted; a letter is a side only where a side may stand",
        (_KIND,),
    ),
)


def residual_count(hazard: Hazard, measured: DecisionMetrics) -> str:
    """Return how often a hazard was seen among the decisions, in words."""
    if hazard.counted in CRITICAL_KINDS:
        first = measured.critical.by_kind[hazard.counted]
        accepted = measured.critical_accepted.by_kind[hazard.counted]
        return f"{accepted} accepted ({first} first-ranked)"
    if hazard.counted == "wrong":
        return f"{measured.n_wrong_accepted} of {measured.n_accepted:,} accepted"
    if hazard.counted == "unanswerable":
        n_unanswerable = measured.n_cases - measured.n_answerable
        not_accepted = round((measured.unanswerable_not_accepted or 0.0) * n_unanswerable)
        return f"{n_unanswerable - not_accepted} of {n_unanswerable:,} accepted"
    return "not counted"


def hazard_page(measured: DecisionMetrics, sites: tuple[str, ...]) -> str:
    """Write the hazard log as a Markdown page.

    Parameters
    ----------
    measured : DecisionMetrics
        Decisions of the shipped configuration.
    sites : tuple of str
        Where they were measured.
    """
    lines = [
        "# Hazards",
        "",
        "Written by `make hazards` from the table in `benchmarks/hazard_log.py`, in the manner of "
        "DCB0129; a test fails when the two differ or a hazard has no test. Severity, likelihood "
        "and acceptability depend on what a mapping is used for: they are for the clinical "
        "safety officer of the deploying organisation (DCB0160).",
        "",
        f"Residual counts: the shipped `config.yaml` on {measured.n_cases:,} labelled cases of "
        f"the gate sites {' and '.join(sites)}, which it was not tuned or calibrated on; "
        f"{measured.n_accepted:,} answers were accepted. Dangerous answers among them: "
        f"{measured.critical_accepted.n_cases}. The cases are synthetic.",
        "",
    ]
    for hazard in HAZARDS:
        lines += [
            f"## {hazard.key}: {hazard.hazard}",
            "",
            f"- Cause: {hazard.cause}.",
            f"- Effect: {hazard.effect}.",
            f"- Control: {hazard.control}.",
            f"- Residual: {residual_count(hazard, measured)}.",
            "- Tested by:",
            *(f"  - `{test}`" for test in hazard.tests),
            "",
        ]
    return "\n".join(lines)
