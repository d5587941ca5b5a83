"""The samples' own cells as a source of a state's markers, and whether they differ in patients who resist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from opsonin.discovery.answers import listed, number
from opsonin.discovery.consistency import by_tumour_type
from opsonin.discovery.marker_sources import LEVEL, StateMarkers
from opsonin.discovery.pseudobulk import FEWEST_CELLS, group_contrast, state_markers
from opsonin.discovery.samples import Samples
from opsonin.errors import DiscoveryError

RESPONSES = ("responder", "non-responder")


def labelled(samples: Samples, seed: int = 1) -> Samples:
    """The samples themselves, or, where no cell has a label, with those that markers give cell by cell."""
    if samples.labelled:
        return samples
    from opsonin.discovery.annotation import annotate, with_annotation

    return with_annotation(samples, annotate(samples, level="cell", seed=seed))


def own_markers(
    settings: Mapping[str, Any], samples: Samples | None, where: str
) -> tuple[tuple[StateMarkers, ...], StateMarkers | None, tuple[str, ...]]:
    """Markers of the samples' own cells, those cells in who resists against who responds, and what to know of both.

    settings: the keys own, others, by, min_cells and patients of the section `where`.
    Raises: DiscoveryError for values that cannot be, no expression, or too few patients.
    """
    if "own" not in settings:
        lost = next((key for key in ("others", "by", "min_cells", "patients") if key in settings), None)
        if lost is not None:
            raise DiscoveryError(f"{where}: {lost} is of the samples' own cells; write own = their label, or leave "
                                 "it out.")  # fmt: skip
        return (), None, ()
    if samples is None or samples.expression is None:
        raise DiscoveryError(f"{where}: own = … compares the samples' own cells, but there is no expression.")
    said = () if samples.labelled else ("no cell had a label; each was given that of its markers, one by one",)
    samples = labelled(samples)
    by = str(settings.get("by", ""))
    if by not in ("", "tumour type"):
        raise DiscoveryError(f"{where}: by is {by!r}; it can be 'tumour type'.")
    least = int(number(settings, "min_cells", 1 if samples.modality == "bulk RNA" else FEWEST_CELLS, where))
    state = settings["own"] if isinstance(settings["own"], str) else listed(settings, "own", where)
    others = listed(settings, "others", where) if "others" in settings else None
    contrast, told = _resisting(samples, state, least)
    said = (*said, *told)
    whose = _of_patients(samples, settings["patients"], where) if "patients" in settings else samples
    if by:
        found, left = by_tumour_type(whose, state, others=others, min_cells=least)
        return found, contrast, (*said, *(f"left out of the sources: {one}" for one in left))
    one = state_markers(whose, state, others=others, min_cells=least)
    if one.n is not None and one.n < whose.n_subjects:
        few = f"{whose.n_subjects - one.n} of {whose.n_subjects} patients"
        said = (*said, f"{few} have too few cells of the state or of the others and take no part")
    return (one,), contrast, said


def _of_patients(samples: Samples, wanted: Any, where: str) -> Samples:
    """The cells of responders or non-responders alone.

    Raises: DiscoveryError for another word, or where nobody is so.
    """
    if wanted not in RESPONSES:
        raise DiscoveryError(f"{where}: patients = {wanted!r}; it is {' or '.join(RESPONSES)}.")
    known = samples.subjects.get("response", pd.Series(None, samples.subjects.index, dtype=object))
    who = set(samples.subjects["subject"][known == wanted].astype(str))
    if not who:
        raise DiscoveryError(f"{where}: patients = {wanted!r}, but nobody is one; map response, and its words in "
                             "[response].")  # fmt: skip
    own = samples.subjects[samples.subjects["subject"].astype(str).isin(who)].reset_index(drop=True)
    return samples.take(samples.cells["subject"].astype(str).isin(who).to_numpy()).with_(subjects=own)


def _resisting(samples: Samples, state: str | list[str], least: int) -> tuple[StateMarkers | None, tuple[str, ...]]:
    """The state's cells in non-responders against responders, patients as replicates; or why not."""
    if "response" not in samples.subjects.columns or not samples.subjects["response"].notna().any():
        return None, ()
    of = samples.subjects.set_index("subject")["response"]
    yes, no = RESPONSES
    try:
        found = group_contrast(samples, state, of, no, yes, min_cells=least)
    except DiscoveryError as problem:
        return None, (f"the state's own cells are not compared between {no}s and {yes}s: {problem}",)
    differ = int((found.frame["q"] <= LEVEL).sum())
    tested = int(found.frame["p"].notna().sum())
    return found, (
        f"in the state's own cells {differ} of {tested:,} genes differ between {no}s and {yes}s ({found.n} patients) "
        "at a false discovery rate of 5 %; what they say of a target stands beside its score and is no part of it",
    )
