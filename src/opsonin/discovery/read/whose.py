"""Tables of samples and of subjects: when and where a sample was taken, who responded, and how long they lived."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from opsonin.discovery.read.columns import as_source, first_of, mapped, plain
from opsonin.discovery.read.expression import Read
from opsonin.discovery.read.mapping import Columned, Mapping, Response
from opsonin.discovery.samples import SAMPLE
from opsonin.errors import DiscoveryError
from opsonin.record.read.cells import Reader
from opsonin.record.read.quantities import factor_to
from opsonin.record.read.tabular import Source

Note = tuple[str, str, int | None]
YES, NO = "responder", "non-responder"


def spelt_alike(frame: pd.DataFrame, samples: Source | None, subjects: Source | None, mapping: Mapping) -> pd.DataFrame:
    """With ignore_case, samples and subjects spelt as in their own tables."""
    if not mapping.ignore_case:
        return frame
    made = frame.copy()
    for source, section, name in ((samples, mapping.samples, "sample"), (subjects, mapping.subjects, "subject"),
                                  (samples, mapping.samples, "subject")):  # fmt: skip
        column = None if source is None or section is None else section.columns.get(name)
        if not isinstance(column, str) or source is None or name not in made.columns:
            continue
        own = {str(one).casefold(): str(one) for one in source.column(column)}
        made[name] = [own.get(str(one).casefold(), one) for one in made[name]]
    return made


def samples_table(frame: pd.DataFrame, source: Source | None, mapping: Mapping) -> tuple[pd.DataFrame, list[Note]]:
    """One row per sample that has cells or counts.   frame: cells, or samples with counts.

    Raises: DiscoveryError where one sample is of several subjects.
    """
    notes: list[Note] = []
    compared = mapping.discovery.compare  # of the cells' own columns no other is asked of samples
    further = [str(one) for one in frame.columns if frame["sample"].is_unique or one == compared]
    own_columns = dict.fromkeys([*(one for one in SAMPLE if one in frame.columns), *further])
    known = [column for column in own_columns if column not in ("sample", "cell", "label")]
    made, several = first_of(frame, "sample", known)
    if source is not None and mapping.samples is not None:
        own, _ = mapped(mapping.samples, source, "samples", mapping.missing)
        if "sample" not in own.columns:
            raise DiscoveryError(f'{source.file}: [samples] maps no sample; write sample = "column".')
        if own["sample"].duplicated().any():
            raise DiscoveryError(f"{source.file}: the sample {own['sample'][own['sample'].duplicated()].iloc[0]!r} "
                                 "stands there twice.")  # fmt: skip
        here = set(made["sample"].astype(str))
        bare = [str(one) for one in own["sample"] if str(one) not in here]
        if bare:
            notes.append(("left out", f"samples without cells: {', '.join(bare[:5])}", len(bare)))
        unknown = sorted(here - set(own["sample"].astype(str)))
        if len(unknown) == len(here):
            raise DiscoveryError(
                f"{source.file} names none of the samples of the cells ({unknown[0]!r} …), but "
                f"{own['sample'].iloc[0]!r} …"
            )
        if unknown:
            notes.append(("note", f"samples are not in the table of samples: {', '.join(unknown[:5])}", len(unknown)))
        rest = made.drop(columns=[c for c in own.columns if c in made.columns and c not in ("sample", "subject")])
        made = rest.merge(own.drop(columns=["subject"], errors="ignore"), on="sample", how="left")
        if "subject" in own.columns:
            by = own.set_index("sample")["subject"]
            own_subject = made["subject"] if "subject" in made.columns else made["sample"]
            made["subject"] = made["sample"].map(by).where(made["sample"].isin(by.index), own_subject)
            several = [one for one in several if one != "subject"]
        several = [one for one in several if one not in own.columns]
    if "subject" in several:
        of = frame.dropna(subset=["subject"]).groupby("sample", observed=True)["subject"].unique()
        first = next(name for name in of.index if len(of[name]) > 1)
        raise DiscoveryError(
            f"the sample {first!r} holds cells of several subjects ({', '.join(map(str, of[first][:3]))} …); map "
            'sample and subject so that each has one (sample = ["subject column", "sample column"] joins the two).'
        )
    for column in several:
        notes.append(("note", f"{column} differs within a sample and is kept with the cells alone", None))
    if "subject" not in made.columns:
        made["subject"] = made["sample"]
    made = made[made["subject"].notna()].reset_index(drop=True)
    if "day" in made.columns and mapping.times:
        raise DiscoveryError("day is mapped, and [times] gives days too; keep one of them.")
    if mapping.times:
        made["day"] = _days(made, mapping)
    elif "day" in made.columns:
        days = pd.to_numeric(made["day"], errors="coerce")
        text = days.isna() & made["day"].notna()
        if text.any():
            raise DiscoveryError(f"day is mapped, but {made['day'][text].iloc[0]!r} of the sample "
                                 f"{made['sample'][text].iloc[0]!r} is no number; map it as time and give its elapsed "
                                 "day in [times], or keep the number alone (pattern.day).")  # fmt: skip
        made["day"] = days.astype(float)
    for column in ("sample", "subject"):
        made[column] = made[column].astype(str)
    return made, notes


def _days(samples: pd.DataFrame, mapping: Mapping) -> pd.Series:
    if "time" not in samples.columns:
        raise DiscoveryError('[times] gives the days of time points, but no section maps time; write time = "column".')
    found = samples["time"].astype(object)
    unknown = sorted({str(one) for one in found.dropna()} - set(mapping.times))
    if unknown:
        raise DiscoveryError(
            f"[times] does not say the day of {unknown[0]!r}; it knows {', '.join(mapping.times)}. Add "
            f'"{unknown[0]}" = its elapsed day (baseline is 0), or "unknown".'
        )
    return found.map({time: float("nan") if day == "unknown" else day for time, day in mapping.times.items()}).astype(
        float
    )


def subjects_table(
    samples: pd.DataFrame, frame: pd.DataFrame, source: Source | None, read: Read | None, mapping: Mapping
) -> tuple[pd.DataFrame, pd.DataFrame, list[Note]]:
    """One row per subject, and the samples with their response in classes.

    Raises: DiscoveryError for a response that no word of [response] knows, or a subject given twice.
    """
    notes: list[Note] = []
    subjects = pd.DataFrame({"subject": samples["subject"].drop_duplicates().to_numpy()})
    section = mapping.subjects
    if section is not None:
        own = _own_columns(section, source, read, mapping)
        unknown = sorted(set(subjects["subject"]) - set(own["subject"].astype(str)))
        if len(unknown) == len(subjects):
            raise DiscoveryError(
                f"[subjects] names none of the subjects of the samples ({unknown[0]!r} …), but "
                f"{own['subject'].iloc[0]!r} …{_like(unknown[0], own['subject'])}"
            )
        if unknown:
            reason = f"subjects are not in the table of subjects: {', '.join(unknown[:5])}"
            reason += _like(unknown[0], own["subject"])
            notes.append(("note", reason, len(unknown)))
        subjects = subjects.merge(own.assign(subject=own["subject"].astype(str)), on="subject", how="left")
    samples = samples.copy()
    said = mapping.response
    if said is None:
        return subjects, samples, notes
    before: set[str] = set()
    for name, table in (("subjects", subjects), ("samples", samples)):
        if "response" in table.columns:
            before |= {str(one) for one in plain(table["response"]).dropna()}
            table["response"] = classed(table["response"], said, name)
    others = _other_words(before, said)
    if others:
        notes.append(("note", f"count as non-responders, as [response] non_responder is not given: {others}", None))
    if "response" in samples.columns:
        derived, mixed = _of_subjects(samples, subjects["subject"].tolist(), said)
        if "response" not in subjects.columns:
            subjects["response"] = derived
            if mixed:
                who = ", ".join(mixed[:5])
                reason = f"subjects have samples that differ in response ({who}) and count as {said.mixed}"
                notes.append(("note", reason, len(mixed)))
    elif "response" in subjects.columns:
        samples["response"] = samples["subject"].map(subjects.set_index("subject")["response"])
    else:
        raise DiscoveryError('[response] gives words, but no section maps response; write response = "column".')
    bare = int(subjects["response"].isna().sum())
    if bare:
        unknown = sorted(before - {*said.responder, *said.non_responder}) if said.non_responder else []
        words = f" (words of neither: {', '.join(map(repr, unknown[:5]))})" if unknown else ""
        notes.append(("note", f"subjects are neither responder nor non-responder{words}", bare))
    return subjects, samples, notes


def classed(words: pd.Series, said: Response, where: str) -> pd.Series:
    """ "responder", "non-responder" or missing. Without non_responder every other word is one.

    Raises: DiscoveryError where no word is a responder's, or [response] names both sorts and another word stands there.
    """
    found = plain(words)
    there = {str(one) for one in found.dropna()}
    unknown = there - {*said.responder, *said.non_responder}
    if not there & {*said.responder, *said.non_responder} or (unknown and not there & {*said.responder}):
        raise DiscoveryError(
            f"[response]: none of {', '.join(map(repr, said.responder))} stands in the response of the {where}; "
            f"it holds {', '.join(map(repr, sorted(there)[:8])) or 'nothing'}; write the words of those who responded "
            "in responder, or map another column."
        )
    classes: list[Any] = []
    for one in found:
        if one is None:
            classes.append(None)
        elif str(one) in said.responder:
            classes.append(YES)
        elif not said.non_responder or str(one) in said.non_responder:
            classes.append(NO)
        else:
            classes.append(None)
    return pd.Series(classes, index=words.index, dtype=object)


def _other_words(words: set[str], said: Response) -> str:
    """Words that nobody named, where more than one is a non-responder's: "not evaluable" may be among them."""
    others = sorted(words - set(said.responder))
    return ", ".join(map(repr, others[:8])) if not said.non_responder and len(others) > 1 else ""


def _like(name: str, others: pd.Series) -> str:
    """The same name but for zeros in front or a fraction of none: "1", "01" and "1.0"."""

    def bare(one: str) -> str:
        return re.sub(r"\.0+$", "", re.sub(r"\d+(\.0+)?", lambda found: found[0].lstrip("0") or "0", one)).casefold()

    return next(
        (f"; {one!r} stands there: write both alike" for one in map(str, others) if bare(one) == bare(name)), ""
    )


def _of_subjects(samples: pd.DataFrame, order: Sequence[str], said: Response) -> tuple[list[Any], list[str]]:
    by = samples.dropna(subset=["response"]).groupby("subject")["response"].agg(lambda own: sorted(set(own)))
    mixed = [subject for subject in order if subject in by.index and len(by[subject]) > 1]
    instead = None if said.mixed == "not classed" else said.mixed
    found = [None if s not in by.index else by[s][0] if len(by[s]) == 1 else instead for s in order]
    return found, mixed


def _own_columns(section: Columned, source: Source | None, read: Read | None, mapping: Mapping) -> pd.DataFrame:
    if source is None:
        if read is None or read.about is None:
            raise DiscoveryError("[subjects] has no table to read; name one in [files] subjects.")
        source = as_source(read.file, read.about)
    if "subject" not in section.columns:
        raise DiscoveryError(f'{source.file}: [subjects] maps no subject; write subject = "column".')
    frame, keep = mapped(section, source, "subjects", mapping.missing)
    own = source.taken(keep)
    if not len(frame):
        raise DiscoveryError(f"{source.file} has no row with a subject; give the table of the patients, or leave "
                             "[subjects] out.")  # fmt: skip
    for name, outcome in mapping.outcomes.items():
        reader = Reader(own, f"[outcomes.{name}]", ("", *mapping.missing))
        days = reader.numbers(outcome.time) * factor_to(outcome.unit, "day", f"[outcomes.{name}]")
        flags = reader.flags(outcome.event or str(outcome.censored)).to_numpy(dtype=object)
        happened = [None if pd.isna(one) else bool(one) == (outcome.event is not None) for one in flags]
        known = np.isfinite(days) & np.array([one is not None for one in happened])
        if (days[known] < 0).any():
            raise DiscoveryError(
                f"{source.file}: a time of {name} is below zero; times count from each patient's start."
            )
        frame[f"{name}_days"] = np.where(known, days, np.nan)
        frame[f"{name}_event"] = [one if k else None for one, k in zip(happened, known, strict=True)]
    frame = frame[frame["subject"].notna()].reset_index(drop=True)
    columns = [column for column in frame.columns if column != "subject"]
    made, several = first_of(frame, "subject", columns)
    if several:
        raise DiscoveryError(
            f"{source.file}: {several[0]} differs between rows of one subject; a column that changes belongs to "
            "[samples] or [cells]."
        )
    return made
