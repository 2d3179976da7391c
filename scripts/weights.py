"""``radtune weights``: show how much each weight of a configuration matters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from scripts.shared.console import (
    DatasetDirOption,
    DatasetOption,
    JsonOption,
    load_and_warn,
    print_json,
    warn_bad_records,
)
from scripts.shared.progress import case_progress
from studies.weight_report import explain_weights, more_dangerous

if TYPE_CHECKING:
    from collections.abc import Iterator

    from objectives.weight_effects import Span
    from studies.weight_report import WeightsReport

_WIDTH = 120  # columns


def weights(
    dataset: DatasetOption = None,
    dataset_dir: DatasetDirOption = None,
    study_name: Annotated[
        str | None,
        typer.Option(
            help="Study whose trials are used for importances. [default: the configuration's "
            "study, if it exists]"
        ),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            envvar="OPTUNA_STORAGE",
            help="SQLAlchemy URL of the studies. [default: study.storage of the config]",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="Configuration file. [default: optimized_config.yaml if it was made on this "
            "data, else config.yaml]"
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show how much each weight matters.

    Shows how far each weight may move before the objective changes, and what is lost without it.
    Counts the tuning sites and the sanity set. When a share moves, the other shares change in
    proportion. Losses are in points (hundredths of the objective) with their 95% noise.
    Importances are in [0, 1].
    """
    with case_progress() as on_cases:
        report = explain_weights(
            config,
            dataset or [],
            dataset_dir,
            study_name=study_name,
            storage=storage,
            on_cases=on_cases,
        )
    load_and_warn(report.config)
    warn_bad_records(report.bad_records)
    if as_json:
        print_json(_document(report))
    else:
        _print_block(report)


def _document(report: WeightsReport) -> dict[str, object]:
    """Lay out the report with one flat object a weight."""
    found = report.importances
    weights: list[object] = []
    for effect, sentence in report.weights:
        entry = {**effect._asdict(), "sentence": sentence}
        if found:
            entry["ped_anova"] = found.ped_anova.get(effect.name)
            entry["fanova"] = found.fanova.get(effect.name)
        weights.append(entry)
    study = found and {"study_name": found.study_name, "n_complete": found.n_complete}
    fields = report._asdict()
    del fields["importances"]
    return {**fields, "weights": weights, "study": study}


def _print_block(report: WeightsReport) -> None:
    found = report.importances
    typer.echo(
        f"Configuration: {report.config} ({report.why}), objective {report.value:.4f} on "
        f"{report.n_cases:,} cases of {len(report.sites)} tuning sites and "
        f"{report.n_sanity_cases} sanity cases"
    )
    if found:
        typer.echo(f"Study: {found.study_name}, {found.n_complete} complete trials")
    Console(width=_WIDTH).print(_table(report))
    typer.echo("\n".join(meaning.sentence for meaning in report.weights))
    typer.echo(f"Without effect: {', '.join(_without_effect(report)) or 'none'}")


def _without_effect(report: WeightsReport) -> Iterator[str]:
    for effect, _ in report.weights:
        if not effect.has_effect:
            dangers = more_dangerous(effect)
            yield f"{effect.name} (but {dangers})" if dangers else effect.name


def _table(report: WeightsReport) -> Table:
    found = report.importances
    table = Table("weight", box=None)
    columns = ["value", "equal", "within noise", "lost without it"]
    for column in columns + (["PED-ANOVA", "fANOVA"] if found else []):
        table.add_column(column, justify="right")
    for effect, _ in report.weights:
        cells = [
            f"{effect.value:.3f}",
            _range(effect.equal),
            _range(effect.within_noise),
            f"{100 * effect.lost_without:.2f} ± {100 * effect.noise_without:.2f}",
        ]
        if found:
            cells += [_share(of.get(effect.name)) for of in (found.ped_anova, found.fanova)]
        table.add_row(effect.name, *cells)
    return table


def _range(span: Span) -> str:
    return f"{span.low:.3f} to {span.high:.3f}"


def _share(importance: float | None) -> str:
    return "" if importance is None else f"{importance:.3f}"
