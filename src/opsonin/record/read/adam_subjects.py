"""Subjects and their milestones from ADSL (or DM where there is none)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opsonin.record.read.adam_domain import Domain
from opsonin.record.read.assemble import Piece
from opsonin.record.read.quantities import DAYS
from opsonin.record.read.study_days import in_days

NOT_ENROLLED = ("screen failure", "scrnfail", "not assigned", "notassgn")


def enrolled(domain: Domain) -> Domain:
    """The rows of subjects that entered the trial; screen failures are reported."""
    arm = domain.texts("TRT01P", "ARM", "ARMCD").str.lower()
    return domain.without(arm.isin(NOT_ENROLLED), "screen failure: never enrolled", "subjects")


def subjects(domain: Domain) -> Piece:
    """One row a subject: arm as planned, site, age, sex, body size, ECOG, day of enrolment on the trial's clock."""
    domain.need("USUBJID")
    sex = domain.texts("SEX").str.upper()
    unit = domain.texts("AGEU").str.lower().str.rstrip("s").fillna("year")
    years = unit.map({one: DAYS[one] / DAYS["year"] for one in ("day", "week", "month", "year")})
    entered = domain.dates("RANDDT", "RFICDT", "RFICDTC", "TRTSDT", "RFSTDTC")
    columns: dict[str, object] = {
        "subject_id": domain.subjects,
        "arm": domain.texts("TRT01P", "ARM", "ACTARM"),
        "site": domain.texts("SITEID"),
        "age_years": domain.numbers("AGE") * years.to_numpy(dtype=float),
        "sex": sex.where(sex.isin(["F", "M"])),
        "weight_kg": domain.numbers("WEIGHTBL", "WTBL"),
        "height_cm": domain.numbers("HEIGHTBL", "HTBL"),
        "ecog": domain.numbers("ECOGBL", "ECOG"),
        "enrolled_day": in_days(entered - entered.min()),
    }
    if domain.has("COHORTN"):
        columns["cohort"] = domain.numbers("COHORTN")
    if domain.has("BMIBL"):
        columns["bmi_kg_per_m2"] = domain.numbers("BMIBL")
    if domain.has("RACE"):
        columns["race"] = domain.words("RACE")
    actual = domain.texts("TRT01A")
    if (actual != columns["arm"]).fillna(False).any():
        columns["arm_as_treated"] = actual
        domain.notes.remark("subjects.arm is the arm as planned (TRT01P); arm_as_treated is TRT01A.")
    return domain.piece("subjects", columns, subject_id="USUBJID", age_years="AGE", ecog="ECOGBL")


def milestones(domain: Domain) -> list[Piece]:
    """Enrolment, first dose, end of treatment and of study, death: the dates that ADSL has."""
    first = domain.subjects.map(domain.start)
    made = []
    ends = (
        ("enrolled", ("RANDDT", "RFICDT", "RFICDTC"), ()),
        ("first dose", ("TRTSDT", "RFXSTDTC"), ()),
        ("off treatment", ("TRTEDT", "RFXENDTC"), ()),
        ("off study", ("EOSDT", "RFENDT"), ("DCSREAS", "DCREASCD", "EOSSTT", "DCDECOD")),
        ("death", ("DTHDT", "DTHDTC"), ("DTHCAUS",)),
    )
    for milestone, dates, reasons in ends:
        day = np.floor(in_days(domain.dates(*dates) - first))
        columns: dict[str, object] = {"subject_id": domain.subjects, "milestone": milestone, "day": day}
        columns["reason"] = domain.words(*reasons) if reasons else pd.NA
        made.append(domain.piece("disposition", columns).kept(~np.isnan(day)))
    return made


def first_doses(domain: Domain) -> pd.Series:
    """Each subject's first dose (else the reference start) as a date, indexed by USUBJID: protocol day 1."""
    dates = domain.dates("TRTSDT", "RFXSTDTC", "RFSTDTC").dt.normalize()
    made = pd.Series(dates.to_numpy(), index=domain.subjects.astype(object))
    return made[~made.index.duplicated()]
