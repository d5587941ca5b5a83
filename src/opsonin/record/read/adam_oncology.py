"""Responses (ADRS) and lesions (ADTR)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opsonin.record.read.adam_domain import Domain
from opsonin.record.read.assemble import Piece
from opsonin.record.schema import RESPONSES

VISIT = ("OVR", "OVRLRESP", "OVRLRESC")
BEST = ("BOR", "CBOR")
STATES = {
    "present": "present",
    "absent": "absent",
    "not evaluable": "not evaluable",
    "ne": "not evaluable",
    "unequivocal": "unequivocal progression",
    "unequivocal progression": "unequivocal progression",
    "too small to measure": "too small to measure",
}


def responses(domain: Domain) -> Piece:
    """Overall responses at the visits, and the best of each subject (BOR; `confirmed` by CBOR where it is there)."""
    domain.need("USUBJID", "PARAMCD", "AVALC", "ADY|ADT|RSDTC")
    code = domain.texts("PARAMCD")
    gone = ~code.isin([*VISIT, *BEST])
    domain = domain.without(gone, "derived from the overall responses (another PARAMCD)", "responses")
    code = domain.texts("PARAMCD")
    confirmed_too = domain.has("PARAMCD") is not None and code.isin(["BOR"]).any() and code.isin(["CBOR"]).any()
    confirmed = pd.Series([pd.NA] * domain.size, dtype="boolean")
    confirmed[(code == "CBOR").to_numpy(dtype=bool, na_value=False)] = True
    if confirmed_too:
        kept = domain.texts("AVALC")[code == "CBOR"].set_axis(domain.subjects[code == "CBOR"])
        best = domain.texts("AVALC")
        confirmed = (best == domain.subjects.map(kept[~kept.index.duplicated()])).where(best.isin(["CR", "PR"]))
        repeated = (code == "CBOR").to_numpy(dtype=bool, na_value=False)
        domain = domain.without(repeated, "kept as `confirmed` of the best overall response (CBOR)", "responses")
        confirmed, code = confirmed[~repeated].reset_index(drop=True), domain.texts("PARAMCD")
    best = code.isin(BEST)
    said = domain.texts("AVALC")
    upper = said.str.upper()
    words = {one.upper(): one for one in RESPONSES} | {"NON-CR/NON-PD": "SD", "NE/NA": "NE"}
    words = words | {"MISSING": pd.NA, "ND": pd.NA}
    columns: dict[str, object] = {
        "subject_id": domain.subjects,
        "criteria": _criteria(domain),
        "day": domain.days(("ADY",), ("ADT", "RSDTC")),
        "best": best,
        "overall": upper.map(lambda word: words.get(word, word), na_action="ignore").astype("string"),
        "confirmed": confirmed.where(best),
        "source": "derived" if domain.has("RSEVAL", "PARCAT2") is None else "reported",
        "reason": upper.map({"NON-CR/NON-PD": "non-CR/non-PD: no target lesions; written as SD"}).astype("string"),
    }
    columns["day"] = np.where(best & np.isnan(columns["day"]), 0.0, columns["day"])  # type: ignore[arg-type]
    if (upper == "NON-CR/NON-PD").fillna(False).any():
        domain.notes.remark(f"{domain.name}: non-CR/non-PD is written as SD, with that as its reason.")
    return domain.piece("responses", columns, overall="AVALC", day="ADY")


def _criteria(domain: Domain) -> pd.Series:
    """The criteria, with the assessor's name where it is not the investigator."""
    criteria = domain.texts("PARCAT3", "RSCAT").fillna("RECIST 1.1")
    assessor = domain.words("PARCAT2", "RSEVAL")
    other = assessor.notna() & ~assessor.str.lower().str.contains("investigator").fillna(False)
    return criteria.where(~other, criteria + ", " + assessor.fillna(""))


def lesions(domain: Domain) -> Piece:
    """One row a lesion and scan: the longest diameter, the short axis of nodes."""
    domain.need("USUBJID", "PARAMCD", "TRLNKID|LSEXP", "AVAL|TRSTRESN", "ADY|TRDY|ADT|TRDTC")
    lesion = domain.texts("TRLNKID", "LSEXP")
    code, test = domain.texts("PARAMCD"), domain.texts("TRTESTCD")
    sums = lesion.isna() | lesion.str.contains(",").fillna(False) | code.isin(["SDIAM", "SUMDIAM"])
    domain = domain.without(sums, "a sum over lesions", "lesions")
    test = domain.texts("TRTESTCD").fillna(domain.texts("PARAMCD"))
    place = domain.words("TULOC", "TRLOC")
    node = (domain.texts("TULOCGR1") == "NODAL").fillna(place.str.lower().str.contains("lymph node")).fillna(False)
    short = test.str.contains("LPERP|SAXIS|NLDIAM", regex=True).fillna(False)
    size = test.str.contains("DIAM|LPERP|SAXIS", regex=True).fillna(False)
    both = pd.DataFrame({"subject": domain.subjects, "lesion": domain.texts("TRLNKID", "LSEXP")})
    has_short = (short & node).groupby([both["subject"], both["lesion"]]).transform("any")
    other = size & np.where(node & has_short, ~short, short)
    axis = "the other diameter of the lesion (nodes count by the short axis, other lesions by the longest)"
    state = domain.texts("TRTESTCD").isin(["TUMSTATE"])
    domain = domain.without(other, axis, "lesions")
    keep = ~np.asarray(other, dtype=bool)
    node, place, size, state = (one[keep].reset_index(drop=True) for one in (node, place, size, state))
    domain_rows = (size | state).fillna(False)
    domain = domain.without(~domain_rows, "neither a diameter nor a state of a lesion", "lesions")
    node, place, size = (one[domain_rows].reset_index(drop=True) for one in (node, place, size))
    diameter = np.where(size, domain.numbers("AVAL", "TRSTRESN"), np.nan)
    states = domain.texts("AVALC", "TRSTRESC").str.lower().map(STATES).astype("string")
    states = states.mask(size & (diameter > 0), "measured").mask(size & (diameter == 0), "absent")
    group = domain.texts("TRGRPID", "PARCAT1").str.lower()
    kind = group.str.extract(r"(non-target|target|new)", expand=False).fillna("target").astype("string")
    columns: dict[str, object] = {
        "subject_id": domain.subjects,
        "lesion_id": domain.texts("TRLNKID", "LSEXP"),
        "day": domain.days(("ADY", "TRDY"), ("ADT", "TRDTC")),
        "kind": kind,
        "site": place,
        "lymph_node": node.astype("boolean"),
        "diameter_mm": diameter,
        "state": states,
        "scan_id": domain.words("VISIT", "AVISIT"),
    }
    return domain.piece("lesions", columns, diameter_mm="AVAL", day="ADY", state="AVAL")
