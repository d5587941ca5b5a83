"""Where a gene's protein is found: on the cell surface, secreted, or neither as far as is known.

The table shipped (surface.csv, 843 genes) is our own compilation of the immune, myeloid and tumour genes that questions
about targets meet: names and facts of UniProtKB (subcellular location and topology; UniProt's data are CC BY 4.0). It
is no list of the whole surface: a gene outside it is "not listed", which is no evidence that its protein stays inside.
For the whole proteome give a table of your own: an export of UniProt (columns "Gene Names (primary)" and "Subcellular
location [CC]") or of the Human Protein Atlas ("Gene" and "Protein class"), or any with columns gene and place.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

import pandas as pd

from opsonin.discovery.marker_sources import read_table
from opsonin.errors import DiscoveryError

SURFACE, SECRETED, BOTH, UNLISTED = "surface", "secreted", "surface and secreted", "not listed"
INSIDE = "not at the surface"  # said by a table of the whole proteome only
PLACES = (SURFACE, SECRETED, BOTH, INSIDE, UNLISTED)
REACHABLE = {"surface": (SURFACE, BOTH), "secreted": (SECRETED, BOTH), "any": PLACES}
SOURCE = "facts of UniProtKB (CC BY 4.0), compiled by hand for 843 genes"


@cache
def facts() -> pd.DataFrame:
    """gene (index) → place, topology (how it sits in the membrane), formerly (its former symbol)."""
    with files("opsonin.discovery").joinpath("surface.csv").open(encoding="utf-8") as handle:
        return pd.read_csv(handle, dtype=str, keep_default_na=False).set_index("gene")


def places(genes: pd.Index, table: pd.DataFrame | None = None) -> pd.Series:
    """The place of each gene; "not listed" where the table says nothing.

    table: as `read_places` gives; the shipped one otherwise.
    """
    known = facts() if table is None else table
    return known["place"].reindex(genes).fillna(UNLISTED).rename("place")


def read_places(path: str | Path) -> pd.DataFrame:
    """A table of one's own (csv or tsv, also gz): of UniProt, of the Human Protein Atlas, or gene and place.

    Raises: DiscoveryError where the file cannot be read or has none of the columns known.
    """
    source = Path(path)
    frame = read_table(source, dtype=str, keep_default_na=False)
    lower = {str(name).strip().lower(): name for name in frame.columns}
    if {"gene", "place"} <= set(lower):
        gene, place = frame[lower["gene"]], frame[lower["place"]].str.strip()
        wrong = sorted(set(place) - set(PLACES))
        if wrong:
            raise DiscoveryError(f"{source}: the place {wrong[0]!r} is unknown; use one of {', '.join(PLACES)}.")
    elif "subcellular location [cc]" in lower:
        name = next((lower[key] for key in ("gene names (primary)", "gene names", "gene") if key in lower), None)
        if name is None:
            raise DiscoveryError(f"{source}: an export of UniProt needs the column 'Gene Names (primary)'.")
        gene, place = frame[name].str.split().str[0], _from_uniprot(frame[lower["subcellular location [cc]"]])
    elif {"gene", "protein class"} <= set(lower):
        gene, place = frame[lower["gene"]], _from_atlas(frame[lower["protein class"]])
    else:
        raise DiscoveryError(
            f"{source} has none of the columns known; give gene and place, UniProt's 'Gene Names (primary)' and "
            "'Subcellular location [CC]', or the Human Protein Atlas's 'Gene' and 'Protein class'."
        )
    made = pd.DataFrame({"gene": gene, "place": place, "topology": "", "formerly": ""})
    return made[made["gene"].fillna("") != ""].drop_duplicates("gene").set_index("gene")


def _from_uniprot(text: pd.Series) -> pd.Series:
    """UniProt's words: "Cell membrane", "Cell surface" and "Secreted"; one side of the membrane is told apart."""
    at = text.str.contains(r"cell membrane|cell surface", case=False) & ~text.str.contains(
        "cytoplasmic side", case=False
    )
    return _named(at, text.str.contains(r"\bsecreted\b", case=False))


def _from_atlas(text: pd.Series) -> pd.Series:
    return _named(
        text.str.contains(r"CD markers|Predicted membrane proteins", case=False),
        text.str.contains("Predicted secreted proteins", case=False),
    )


def _named(surface: pd.Series, secreted: pd.Series) -> pd.Series:
    made = pd.Series(INSIDE, index=surface.index)
    return made.mask(surface, SURFACE).mask(secreted, SECRETED).mask(surface & secreted, BOTH)
