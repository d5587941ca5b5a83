"""Concentrations (ADPC) and measurements (ADLB, ADVS)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opsonin.record.read.adam_domain import Domain
from opsonin.record.read.adam_units import cdisc_unit
from opsonin.record.read.assemble import Piece
from opsonin.record.read.study_days import in_days

COMPARTMENTS = {"chemistry": "blood", "hematology": "blood", "haematology": "blood", "urinalysis": "urine"}


def concentrations(domain: Domain) -> Piece:
    """One row a sample; a value below the limit is missing and flagged, whatever number the file puts for it."""
    table = "concentrations"
    domain.need("USUBJID", "PCTEST|PARAM", "PCSPEC|PARCAT1", "AVAL|PCSTRESN", "ADTM|PCDTC|ADT|ADY|PCDY")
    dose = domain.texts("PARAMCD").eq("DOSE").fillna(False) | domain.texts("PARAM").str.contains("Dose$").fillna(False)
    domain = domain.without(dose, "a dose, not a sample; doses are read from EX or ADEX", table)
    domain = domain.without(domain.texts("DTYPE").notna(), "derived from another row (DTYPE)", table)
    unit, scale, domain = _units(domain, table, "AVALU", "PCSTRESU")
    words = domain.texts("PCSTRESC", "AVALC", "AVALCAT1", "PCORRES").str.upper()
    below = (words.str.startswith("<") | words.isin(["BLQ", "BLOQ"])).fillna(False).to_numpy(dtype=bool)
    analyte = domain.words("PCTEST", "PARAM")
    columns: dict[str, object] = {
        "subject_id": domain.subjects,
        "analyte": analyte,
        "matrix": domain.words("PCSPEC", "PARCAT1"),
        "day": domain.days(("ADY", "PCDY"), ("ADTM", "PCDTC", "ADT"), by_clock=True),
        "value": np.where(below, np.nan, domain.numbers("AVAL", "PCSTRESN") * scale),
        "unit": unit,
        "below_limit": below,
        "limit": domain.numbers("ALLOQ", "PCLLOQ") * scale,
        "agent": domain.words("EXTRT").fillna(analyte),
        "dose_day": _since(domain, "PCRFTDTM", "PCRFTDT", "PCRFTDTC"),
        "hours_after_dose": domain.numbers("ARRLT", "NRRLT", "MRRLT"),
        "period": domain.words("AVISIT", "VISIT"),
    }
    return domain.piece(table, columns, value="AVAL", unit="AVALU", day="ADTM", matrix="PCSPEC", analyte="PCTEST")


def measurements(domain: Domain) -> Piece:
    """One row a laboratory value or vital sign; `marker` is PARAM without the unit it ends with."""
    table, part = "measurements", domain.name.removeprefix("AD")[:2]
    domain.need("USUBJID", "PARAM|PARAMCD", f"AVAL|{part}STRESN", f"ADTM|{part}DTC|ADT|ADY|{part}DY")
    domain = domain.without(domain.texts("DTYPE").notna(), "derived from other rows (DTYPE)", table)
    value = domain.numbers("AVAL", f"{part}STRESN")
    domain = domain.without(np.isnan(value), "no number in AVAL", table)
    unit, scale, domain = _units(domain, table, "AVALU", f"{part}STRESU")
    category = domain.words(f"{part}SPEC").fillna(domain.words("PARCAT1", f"{part}CAT").str.lower())
    found = "body" if part == "VS" else category.map(lambda word: COMPARTMENTS.get(word, word), na_action="ignore")
    columns: dict[str, object] = {
        "subject_id": domain.subjects,
        "marker": _name(domain),
        "compartment": found if isinstance(found, str) else found.fillna("not stated").astype("string"),
        "day": domain.days(("ADY", f"{part}DY"), ("ADTM", f"{part}DTC", "ADT"), by_clock=True),
        "value": domain.numbers("AVAL", f"{part}STRESN") * scale,
        "unit": unit,
        "method": domain.words(f"{part}METHOD"),
        "below_limit": domain.texts(f"{part}STRESC").str.startswith("<").fillna(False),
        "baseline": domain.texts("ABLFL", f"{part}BLFL").eq("Y").fillna(False),
    }
    return domain.piece(table, columns, value="AVAL", unit="AVALU", day="ADY", marker="PARAM")


def _name(domain: Domain) -> pd.Series:
    return domain.texts("PARAM", "PARAMCD").str.replace(r"\s*\((?:[^()]|\([^()]*\))*\)$", "", regex=True)


def _units(domain: Domain, table: str, *columns: str) -> tuple[pd.Series, np.ndarray, Domain]:
    """Each row's unit in the record's spelling and the factor to it; rows of unreadable units are reported."""
    inside = domain.texts("PARAM").str.extract(r"\(((?:[^()]|\([^()]*\))*)\)$", expand=False)
    written = domain.texts(*columns).fillna(inside).fillna("")
    read = {one: cdisc_unit(one) for one in written.unique()}
    for one in [one for one, unit in read.items() if unit is None]:
        gone = (written == one).to_numpy(dtype=bool)
        domain = domain.without(gone, f"the unit {one!r} cannot be read", table)
        written = written[~gone].reset_index(drop=True)
    known = {one: unit for one, unit in read.items() if unit is not None}
    unit = written.map({one: unit for one, (unit, _) in known.items()}).astype("string")
    scale = written.map({one: scale for one, (_, scale) in known.items()}).to_numpy(dtype=float)
    return unit, scale, domain


def _since(domain: Domain, *names: str) -> np.ndarray:
    """Dates as elapsed days."""
    return in_days(domain.dates(*names) - domain.subjects.map(domain.start))
