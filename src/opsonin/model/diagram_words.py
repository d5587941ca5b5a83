"""The words in a model's picture: short, as a reader says them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsonin.model.parts import Species

LONGEST = 40  # characters of a state's name; a longer meaning gives way to the identifier


def words(name: str) -> str:
    """A name as a reader says it."""
    return name.replace("_", " ")


def within(text: str, module: str) -> str:
    """The text without the site that its module's frame names already: "C at lesion 2" in "tumour at lesion 2"."""
    _, at, site = module.rpartition(" at ")
    return text.replace(f" at {site}", "") if at else text


def series(names: Iterable[str]) -> list[str]:
    """Names that differ only in a number at their end, in one: "lesion 1 … 5"."""
    groups: dict[str, list[str]] = {}
    for name in names:
        stem = re.sub(r"\d+$", "", name)
        groups.setdefault(stem if stem.endswith(" ") else name, []).append(name)
    return [f"{each[0]} … {each[-1].removeprefix(stem)}" if len(each) > 1 else each[0] for stem, each in groups.items()]


def short_name(part: Species) -> str:
    """The beginning of a state's meaning, where that is short, else its name."""
    said = re.split(r"[,;:]", re.sub(r"\s*\([^)]*\)", "", part.meaning))[0].strip()
    return said if 0 < len(said) <= LONGEST else words(part.name)


def own_words(process: str, *species: str) -> str:
    """A process's name without what it shares with its species: "cd8 supply" of cd8 is "supply", as is "cd8_supply" of
    cd8_cells; "imatinib_absorption" from imatinib_gut "absorption"."""
    text = words(process)
    for name in species:
        for own in (words(name), words(name).split(" ")[0]):
            text = text.removeprefix(f"{own} ") or text
    return text
