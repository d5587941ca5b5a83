"""CDISC files by their standard names (ADSL, ADAE, EX …), as far as they are there; no mapping is needed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from opsonin.errors import ImportDataError
from opsonin.record.manifest import Manifest
from opsonin.record.read import adam_events, adam_findings, adam_oncology, adam_subjects
from opsonin.record.read.adam_domain import MISSING, Domain, Notes
from opsonin.record.read.assemble import Piece, assemble
from opsonin.record.read.cells import Reader
from opsonin.record.read.long import one_unit_each
from opsonin.record.read.tabular import Source, read_table
from opsonin.record.trial_record import TrialRecord

# what to read with which reader; of the names in one line the first file there is read, with `_onco` beside
READERS: tuple[tuple[tuple[str, ...], Callable[[Domain], Piece]], ...] = (
    (("ADAE", "AE"), adam_events.adverse_events),
    (("EX", "ADEX"), adam_events.exposures),
    (("ADTTE",), adam_events.survival),
    (("ADRS",), adam_oncology.responses),
    (("ADTR",), adam_oncology.lesions),
    (("ADPC",), adam_findings.concentrations),
    (("ADLB",), adam_findings.measurements),
    (("ADVS",), adam_findings.measurements),
)
NAMES = ("ADSL", "DM", *(name for names, _ in READERS for name in names))
ENDINGS = (".xpt", ".csv", ".csv.gz", ".parquet")
_NOT_READ = re.compile(r"^(RACE|ETHNIC|LDD|DTH\d|DTHA\d|DTHB|BTOX|SHIFT|R2|LBORNR|LBSTNR|ANR|BNR|CHG|PCHG|BASE).")


class _Columns:
    """The columns worth reading of wide files: all but those that no reader asks for."""

    def __contains__(self, name: object) -> bool:
        return _NOT_READ.match(str(name)) is None


def read_adam(folder: Path) -> TrialRecord:
    """The record of a folder of CDISC files.

    Raises: ImportDataError, where the folder has neither ADSL nor DM, or a file cannot be read.
    """
    files = _files(folder)
    notes = Notes()
    main = "ADSL" if "ADSL" in files else "DM"
    everybody = _domain(main, files[main][0], pd.Series(dtype="datetime64[ns]"), notes)
    everybody = _domain(main, files[main][0], adam_subjects.first_doses(everybody), notes)
    there = adam_subjects.enrolled(everybody)
    pieces = [adam_subjects.subjects(there), *adam_subjects.milestones(there)]
    if main == "ADSL" and "DM" in files:
        demographics = _domain("DM", files["DM"][0], everybody.start, notes)
        beyond = ~demographics.subjects.isin(everybody.subjects)
        demographics.without(beyond, "in DM but not in ADSL: screened and not enrolled", "subjects")
        notes.remark(f"{demographics.size} subjects are in DM, {there.size} of them in the record.")
    for names, read in READERS:
        found = next((name for name in names if name in files), None)
        for path in files.get(found, []) if found else []:
            domain = _domain(str(found), path, everybody.start, notes)
            if domain.size:
                pieces.append(read(domain))
    tables = assemble(one_unit_each(pieces), notes.left_out, first_of_repeated=True)
    study = there.texts("STUDYID").dropna()
    manifest = Manifest(
        kind="real",
        title=str(study.iloc[0]) if len(study) else folder.name,
        source=f"CDISC files: {', '.join(path.name for paths in files.values() for path in paths)}",
        questions=_questions(tables["subjects"], notes),
        rows_left_out=notes.left_out.entries(),
        notes=notes.remarks,
    )
    return TrialRecord(tables, manifest).validate()


def _files(folder: Path) -> dict[str, list[Path]]:
    """The files to read, by standard name."""
    if folder.is_file():
        raise ImportDataError(
            f"{folder} is one file; give a mapping that says what is where, or the folder of ADaM files."
        )
    if not folder.is_dir():
        raise ImportDataError(f"{folder} is not there; give a data file with its mapping, or a folder of ADaM files.")
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        stem, _, ending = path.name.partition(".")
        name = stem.upper().removesuffix("_ONCO")
        if name in NAMES and f".{ending.lower()}" in ENDINGS:
            found.setdefault(name, []).append(path)
    if not {"ADSL", "DM"} & set(found):
        there = ", ".join(sorted(path.name for path in folder.iterdir())[:12]) or "nothing"
        raise ImportDataError(
            f"{folder} holds neither ADSL nor DM ({', '.join(ENDINGS)}), so that no mapping would be needed; it holds "
            f"{there}. Give a mapping file that says what is where."
        )
    for name, paths in found.items():
        stems = [path.name.lower().partition(".")[0] for path in paths]
        if len(set(stems)) < len(stems):
            raise ImportDataError(
                f"{folder} holds {name} more than once ({', '.join(p.name for p in paths)}); keep one."
            )
    return found


def _domain(name: str, path: Path, start: pd.Series, notes: Notes) -> Domain:
    source = read_table(path, columns=_Columns(), fallback="latin-1")
    source = Source(source.file, source.frame.rename(columns=lambda one: str(one).upper()), source.rows)
    return Domain(name, Reader(source, name, MISSING), start, notes)


def _questions(subjects: pd.DataFrame, notes: Notes) -> dict[str, object]:
    """Arms are compared, with placebo as the reference where there is one."""
    asked: dict[str, object] = {"endpoint_names": notes.endpoints} if notes.endpoints else {}
    arms = sorted(subjects["arm"].dropna().unique())
    if len(arms) < 2:
        return asked
    asked["compare"] = "arm"
    control = [arm for arm in arms if re.search(r"placebo|control", arm, re.IGNORECASE)]
    if len(control) == 1:
        asked["reference"] = control[0]
        notes.remark(f"the arms are compared with {control[0]!r}, the only one called so.")
    return asked
