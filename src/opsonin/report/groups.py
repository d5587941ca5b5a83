"""How a record's patients are grouped in every figure: by the column the study compares, by dose level, or by arm."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from opsonin.report import palette

EVERYONE = "all patients"


@dataclass(frozen=True)
class Groups:
    """Patients by group, with one colour each.

    of: subject_id → group label.   labels: in reading order.   colours: label → hex.
    ordered: whether the groups are dose levels (a sequential scale) rather than arms.   noun: "dose level", "arm", …
    """

    of: pd.Series
    labels: tuple[str, ...]
    colours: dict[str, str]
    ordered: bool
    noun: str

    @property
    def many(self) -> bool:
        """Whether there are too many groups to tell apart by colour in one panel."""
        return len(self.labels) > 5

    @property
    def single(self) -> bool:
        return len(self.labels) == 1

    def label(self, subject_ids: pd.Series) -> pd.Series:
        """The group of each row; rows of unknown patients are missing."""
        return subject_ids.map(self.of)

    def sizes(self) -> dict[str, int]:
        counts = self.of.value_counts()
        return {label: int(counts.get(label, 0)) for label in self.labels}

    def key(self) -> list[tuple[str, str]]:
        """(label, colour) for the key above a figure; empty for one group."""
        return [] if self.single else [(label, self.colours[label]) for label in self.labels]


def grouped(record: Any) -> Groups:
    """The groups of a record as the analyses have them, each with its colour."""
    from opsonin.analysis.comparison import groups as analysed

    found = analysed(record.subjects, record.manifest.questions or {})
    if not found.several:
        labels = [found.labels[0] if found.labels and found.by != "all" else EVERYONE]
        of = pd.Series(labels[0], index=found.of.index, dtype=object)
        return Groups(of, tuple(labels), {labels[0]: palette.BLUE}, False, "group")
    if found.ordered:
        present = set(found.of.dropna())
        shades = dict(zip(found.labels, palette.levels(len(found.labels)), strict=True))
        tried = tuple(
            label for label in found.labels if label in present
        )  # untried levels keep their place in the scale
        return Groups(found.of, tried, shades, True, "dose level")
    labels = [found.reference, *(label for label in found.labels if label != found.reference)]
    colours = dict(zip(labels, palette.groups(len(labels)), strict=True))
    return Groups(
        found.of,
        tuple(labels),
        colours,
        False,
        "group" if found.by == "arm" and len(labels) > 5 else found.by.replace("_", " "),
    )


def level_names(record: Any) -> dict[int, str]:
    """Dose level → what it is called; empty where the record has no levels."""
    from opsonin.analysis.comparison import level_names as analysed

    return analysed(record.subjects, record.manifest.questions or {})


def short_names(labels: Iterable[str]) -> dict[str, str]:
    """Doses without the words that all begin with: "interleukin-2 3 MIU" → "3 MIU"; other labels stay as they are.

    Of combinations each part: "imatinib 400 mg + interleukin-2 3 MIU" → "400 mg + 3 MIU".
    """
    every = list(labels)
    columns = list(zip(*(label.split(_TOGETHER) for label in every), strict=False))
    if len(columns) > 1 and all(label.count(_TOGETHER) == len(columns) - 1 for label in every):
        parts = [_without_shared_words(column) for column in columns]
        return {label: _TOGETHER.join(part[k] for part in parts) for k, label in enumerate(every)}
    return dict(zip(every, _without_shared_words(every), strict=True))


_TOGETHER = " + "


def _without_shared_words(labels: Sequence[str]) -> list[str]:
    parts = [label.split() for label in labels]
    while len(parts) > 1 and all(
        len(part) > 1 and part[0] == parts[0][0] and not part[0][0].isdigit() for part in parts
    ):
        parts = [part[1:] for part in parts]
    if not all(part and part[0][0].isdigit() for part in parts):
        return list(labels)
    return [" ".join(part) for part in parts]


def shared_words(name: str, short: str) -> str:
    """What a dose's name says beside its short one: "interleukin-2", or "imatinib + interleukin-2"."""
    pairs = zip(name.split(_TOGETHER), short.split(_TOGETHER), strict=False)
    return _TOGETHER.join(whole.removesuffix(part).strip() for whole, part in pairs).strip(" +")
