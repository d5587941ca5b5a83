"""Patients whose lesions lie at several sites, each with its own immune system: what differs between the sites.

A site's number is as the indication says of a tumour's, and is correlated with the other sites' of the same patient:
sites of one patient are more alike than tumours of two. The first site's numbers are those the patient has with one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

from opsonin.biology import DIFFERENT
from opsonin.errors import ModelError
from opsonin.patients.indication import Indication

# assumed: half of what patients differ in is the patient's and half the lesion's (metastases of one patient differ in
# infiltrates: Reuben 2017, NPJ Genom Med 2:10, for the direction); growth is more alike
ALIKE = 0.5
ALIKE_IN_GROWTH = 0.8


def several_sites(indication: Indication, sites: int) -> Indication:
    """The patients of an indication with so many sites; one site is the indication itself.

    Raises: ModelError where its patients are of the first core, which has no immune cells in the tumour.
    """
    if sites == 1:
        return indication
    if indication.core == "first":
        raise ModelError(
            f"patients of {indication.name!r} are of the first core, whose tumour is one volume; several sites need an "
            "indication of the full core, such as 'refractory-solid-full'."
        )
    further = [f"_at_site_{k}" for k in range(2, sites + 1)]
    return replace(
        indication,
        title=f"{indication.title}, lesions at {sites} sites with immune cells of their own",
        values=_also(indication.values, further),
        spreads=_also(indication.spreads, further),
        limits=_also(indication.limits, further),
        sources=_also(indication.sources, further),
        correlations=(*indication.correlations, *_correlations(indication, further)),
        kinds=tuple(
            replace(kind, values=_also(kind.values, further), spreads=_also(kind.spreads, further))
            for kind in indication.kinds
        ),
    )


def _also(given: Mapping[str, Any], further: list[str]) -> dict[str, Any]:
    """What is said of a parameter is said of it at every site."""
    return {**given, **{name + at: given[name] for name in DIFFERENT if name in given for at in further}}


def _correlations(indication: Indication, further: list[str]) -> list[tuple[str, str, float]]:
    """Between sites; and what a number of the first site is correlated with, that of the others is too."""
    made = []
    for name in DIFFERENT:
        rho = ALIKE_IN_GROWTH if name == "net_growth_rate" else ALIKE
        made += [(one, other, rho) for one, other in combinations([name, *(name + at for at in further)], 2)]
        for one, other, known in indication.correlations:
            if name in (one, other):
                rest = other if one == name else one
                made += [(name + at, rest, known) for at in further]
    return made
