"""Adverse events (ADAE, AE), doses (EX, ADEX) and times to events (ADTTE)."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from opsonin.errors import ImportDataError
from opsonin.record.read.adam_domain import Domain
from opsonin.record.read.adam_units import cdisc_unit
from opsonin.record.read.assemble import Piece
from opsonin.record.read.quantities import DAYS, factor_to
from opsonin.record.read.study_days import in_days

RELATED = {
    "yes": ("Y", "YES", "RELATED", "POSSIBLE", "POSSIBLY RELATED", "PROBABLE", "PROBABLY RELATED", "DEFINITE",
            "DEFINITELY RELATED", "CERTAIN"),
    "no": ("N", "NO", "NONE", "NOT RELATED", "UNRELATED", "UNLIKELY", "UNLIKELY RELATED", "REMOTE"),
}  # fmt: skip
ROUTES = {
    "oral": "oral", "subcutaneous": "subcutaneous", "intravenous": "intravenous infusion",
    "intravenous drip": "intravenous infusion", "intravenous infusion": "intravenous infusion",
    "intravenous bolus": "intravenous bolus", "intravenous push": "intravenous bolus",
    "intratumor": "intratumoural", "intratumoral": "intratumoural", "intralesional": "intratumoural",
    "intramuscular": "intramuscular", "transdermal": "transdermal",
}  # fmt: skip
ENDPOINTS = {
    "overall survival": "OS",
    "progression free survival": "PFS",
    "time to progression": "TTP",
    "duration of response": "DOR",
    "relapse free survival": "RFS",
    "recurrence free survival": "RFS",
}


def adverse_events(domain: Domain) -> Piece:
    """One row an event; grade where the trial graded, severity as written."""
    domain.need("USUBJID", "AEDECOD|AETERM")
    number = domain.texts("AESEQ", "ASEQ")
    related = domain.texts("AREL", "AEREL").str.upper()
    known = {word: answer for answer, words in RELATED.items() for word in words}
    if related.notna().any():
        said = {one: sorted(w for w in related.dropna().unique() if known.get(w) == one) for one in ("yes", "no")}
        domain.notes.remark(
            f"{domain.name}: related is 'yes' where the file says {', '.join(said['yes']) or 'nothing'}, 'no' where it "
            f"says {', '.join(said['no']) or 'nothing'}, else unknown."
        )
    grade = domain.texts("ATOXGRN", "ATOXGR", "AETOXGRN", "AETOXGR").str.extract(r"([1-5])", expand=False)
    columns: dict[str, object] = {
        "subject_id": domain.subjects,
        "event_id": number.fillna(pd.Series(domain.reader.source.rows).astype("string")),
        "term": domain.words("AEDECOD", "AETERM"),
        "grade": pd.to_numeric(grade).to_numpy(dtype=float, na_value=np.nan),
        "severity": domain.words("ASEV", "AESEV"),
        "start_day": domain.days(("ASTDY", "AESTDY"), ("ASTDT", "AESTDTC")),
        "end_day": domain.days(("AENDY", "AEENDY"), ("AENDT", "AEENDTC")),
        "related": related.map(known).fillna("unknown").astype("string"),
        "serious": domain.flags("AESER"),
        "dlt": domain.flags("DLTFL", "ADLTFL", "AEDLT"),
        "action": domain.words("AEACN"),
    }
    return domain.piece("adverse_events", columns, term="AEDECOD", event_id="AESEQ")


def exposures(domain: Domain) -> Piece:
    """One row a dosing record; of ADEX, whose parameters repeat the doses, one row of each EXSEQ."""
    domain.need("USUBJID", "EXTRT", "EXDOSE", "EXDOSU", "EXSTDY|ASTDY|EXSTDTC|ASTDT|ASTDTM")
    if domain.has("PARAMCD"):
        seen = domain.reader.source.frame[["USUBJID", "EXSEQ"]] if domain.has("EXSEQ") else None
        summary = domain.texts("EXTRT").isna() | domain.texts("EXSEQ").isna()
        domain = domain.without(summary, "a summary over doses", "exposures")
        if seen is not None:
            again = domain.reader.source.frame.duplicated(["USUBJID", "EXSEQ"])
            domain = domain.without(again, "another parameter of a dose already read (EXSEQ)", "exposures")
    route = domain.texts("EXROUTE").str.lower()
    known = route.map(ROUTES).fillna("other").astype("string")
    for word in route[(known == "other") | (route == "intravenous")].dropna().unique():
        domain.notes.remark(f"{domain.name}: the route {word!r} is written as {ROUTES.get(word, 'other')!r}.")
    frequency = domain.texts("EXDOSFRQ").dropna().unique()
    if len(frequency):
        often = ", ".join(sorted(frequency))
        domain.notes.remark(f"{domain.name}: amount is one dose (EXDOSE), given {often} from start_day to end_day.")
    domain, route = _readable(domain, known, "EXDOSU")
    columns: dict[str, object] = {
        "subject_id": domain.subjects,
        "agent": domain.words("EXTRT"),
        "start_day": domain.days(("ASTDY", "EXSTDY"), ("ASTDTM", "ASTDT", "EXSTDTC")),
        "end_day": domain.days(("AENDY", "EXENDY"), ("AENDTM", "AENDT", "EXENDTC")),
        "amount": domain.numbers("EXDOSE"),
        "unit": domain.texts("EXDOSU").map(lambda text: (cdisc_unit(text) or ("", 1))[0], na_action="ignore"),
        "route": route,
        "planned_amount": domain.numbers("EXPLDOS"),
        "reason": domain.words("EXADJ"),
    }
    sources = {"start_day": "EXSTDY", "amount": "EXDOSE", "unit": "EXDOSU", "agent": "EXTRT"}
    return domain.piece("exposures", columns, **sources)


def _readable(domain: Domain, beside: pd.Series, column: str) -> tuple[Domain, pd.Series]:
    unit = domain.texts(column)
    for one in unit.dropna().unique():
        if cdisc_unit(one) is None:
            gone = (unit == one).fillna(False)
            domain = domain.without(gone, f"the unit {one!r} cannot be read", "exposures")
            beside, unit = beside[~gone].reset_index(drop=True), unit[~gone].reset_index(drop=True)
    return domain, beside


def survival(domain: Domain) -> Piece:
    """One row a subject and endpoint; CNSR 0 is an event, 1 and more are censored."""
    domain.need("USUBJID", "PARAMCD", "AVAL", "CNSR")
    code, full = domain.texts("PARAMCD"), domain.texts("PARAM")
    plain = full.str.replace(r"\s*\(.*\)$", "", regex=True).str.replace("-", " ").str.lower()
    endpoint = plain.map(ENDPOINTS).fillna(code).astype("string")
    for name, words in zip(endpoint, full, strict=True):
        if pd.notna(name) and pd.notna(words):
            domain.notes.endpoints.setdefault(str(name), str(words))
    censored = domain.numbers("CNSR")
    if (censored < 0).any():
        raise ImportDataError(f"{domain.reader.place(censored < 0)}: CNSR is negative; 0 is an event, 1 censored.")
    event = pd.Series(censored == 0, dtype="boolean").mask(np.isnan(censored))
    origin = in_days(domain.dates("STARTDT") - domain.subjects.map(domain.start))
    columns: dict[str, object] = {
        "subject_id": domain.subjects,
        "endpoint": endpoint,
        "day": domain.numbers("AVAL") * _scale(domain, code, full),
        "event": event,
        "origin_day": np.where(np.isnan(origin), 0.0, origin),
        "cause": domain.texts("EVNTDESC").where(event.fillna(False)),
    }
    return domain.piece("survival", columns, day="AVAL", event="CNSR", endpoint="PARAMCD")


def _scale(domain: Domain, code: pd.Series, full: pd.Series) -> np.ndarray:
    """Days in one unit of AVAL, by AVALU, else by words in PARAM, else by the dates beside."""
    scale = np.full(domain.size, np.nan)
    unit = domain.texts("AVALU").fillna(full.str.extract(r"\(([A-Za-z]+)\)$", expand=False))
    for one in unit.dropna().unique():
        at = (unit == one).fillna(False).to_numpy(dtype=bool)
        if re.sub("s$", "", one.lower()) in DAYS or domain.has("AVALU"):
            scale[at] = factor_to(one.lower(), "day", f"{domain.reader.place(at)}: AVAL in {one!r}")
    value = domain.numbers("AVAL")
    between = in_days(domain.dates("ADT") - domain.dates("STARTDT"))
    for one in code.dropna().unique():
        at = (code == one).fillna(False).to_numpy(dtype=bool) & np.isnan(scale)
        told = at & ~np.isnan(between) & ~np.isnan(value)
        if not at.any():
            continue
        fits = [name for name in ("day", "week", "month", "year")
                if told.any() and (np.abs(value[told] * DAYS[name] - between[told]) <= 1.5).mean() >= 0.95]  # fmt: skip
        if told.any() and not fits:
            raise ImportDataError(
                f"{domain.reader.place(told)}: AVAL of {one} is the time from STARTDT to ADT in no unit "
                "(days, weeks, months, years); add AVALU."
            )
        known = "as STARTDT and ADT show" if told.any() else "assumed, as nothing tells the unit"
        scale[at] = DAYS[fits[0] if fits else "day"]
        if told.any() and np.median(value[told] * scale[told] - between[told]) == 1:
            known += ", the first day counted as 1"
        domain.notes.remark(f"{domain.name}: AVAL of {one} is in {fits[0] if fits else 'day'}s ({known}).")
    return scale
