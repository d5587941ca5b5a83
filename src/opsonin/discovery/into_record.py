"""Samples and their features as a record, on which every analysis works as on any trial's."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opsonin.discovery.feature_table import FeatureTable
from opsonin.discovery.sample_days import said_of_days
from opsonin.discovery.samples import Samples
from opsonin.errors import DiscoveryError
from opsonin.record import Manifest, TrialRecord

RESPONSES = {"responder": "PR", "non-responder": "SD"}
OUTCOME, EVENT = "_days", "_event"


def as_record(samples: Samples, table: FeatureTable, questions: dict[str, Any] | None = None) -> TrialRecord:
    """Subjects, measurements, responses and times to event.

    A responder is written as PR and another as SD, since samples know no more; the manifest says so. Outcomes are the
    subjects' columns `<endpoint>_days` and `<endpoint>_event`.
    Raises: DiscoveryError where the features are of subjects that the samples lack.
    """
    subjects = samples.subjects.assign(subject_id=samples.subjects["subject"].astype(str)).drop_duplicates("subject_id")
    measurements = table.as_measurements()
    foreign = sorted(set(measurements["subject_id"]) - set(subjects["subject_id"]))
    if foreign:
        raise DiscoveryError(f"features are given of {foreign[0]!r}, who is no subject of these samples.")
    asked = dict(questions or {})
    frames: dict[str, pd.DataFrame] = {"measurements": measurements}
    known = subjects["response"].isin(list(RESPONSES)) if "response" in subjects else pd.Series(False, subjects.index)
    if known.any():
        best = subjects.loc[known, ["subject_id", "response"]]
        frames["responses"] = pd.DataFrame(
            {"subject_id": best["subject_id"], "criteria": "as reported", "day": 0.0, "best": True,
             "overall": best["response"].map(RESPONSES), "source": "reported"}
        )  # fmt: skip
        asked.setdefault("responder_only", True)
    rows = []
    for column in [name for name in subjects.columns if str(name).endswith(OUTCOME)]:
        endpoint = str(column).removesuffix(OUTCOME)
        if f"{endpoint}{EVENT}" not in subjects:
            continue
        own = subjects[subjects[column].notna() & subjects[f"{endpoint}{EVENT}"].notna()]
        rows.append(pd.DataFrame(
            {"subject_id": own["subject_id"], "endpoint": endpoint, "day": own[column].astype(float),
             "event": own[f"{endpoint}{EVENT}"].astype(bool), "origin_day": 0.0}
        ))  # fmt: skip
    if rows:
        frames["survival"] = pd.concat(rows, ignore_index=True)
    taken = {"subject", "response", *(c for c in subjects.columns if str(c).endswith((OUTCOME, EVENT)))}
    frames["subjects"] = subjects.drop(columns=[c for c in subjects.columns if c in taken]).reset_index(drop=True)
    manifest = Manifest(kind="real", title=samples.title, source=samples.reference, questions=asked)
    manifest.notes += samples.told()
    manifest.notes += [said] if len(table.frame) and (said := said_of_days(samples.samples)) else []
    if known.any():
        manifest.notes.append("Responders are written as PR and others as SD, as the samples say no more of them.")
    return TrialRecord(frames, manifest)
