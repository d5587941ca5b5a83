"""Normal expression of a gene in blood cells and organs: what a drug against it would hit besides the tumour.

Built for the Human Protein Atlas's consensus tables (Uhlen 2015, Science 347:1260419; Uhlen 2019, Science
366:eaax9198): one column per cell type or organ, in normalised expression, where 1 is the Atlas's limit of detection.
Bulk organs hide their rare cells: a gene of Kupffer cells or microglia shows in the liver or the brain, diluted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.discovery.answers import all_numbers
from opsonin.discovery.gene_names import current_symbols
from opsonin.discovery.marker_sources import read_table
from opsonin.errors import DiscoveryError

DETECTED, HIGH = 1.0, 100.0  # normalised expression at which a penalty begins, and at which it is full
# organs whose damage limits a drug that kills what carries its target; gonads, glands and lymphoid organs are shown,
# not penalised, as their loss is borne or replaced
VITAL = (
    "amygdala", "basal_ganglia", "cerebellum", "cerebral_cortex", "corpus_callosum", "hippocampal_formation",
    "hypothalamus", "midbrain", "pons_and_medulla", "spinal_cord", "thalamus", "retina", "heart_muscle", "lung",
    "liver", "kidney", "bone_marrow", "colon", "duodenum", "rectum", "small_intestine", "stomach", "pancreas",
    "skeletal_muscle", "skin",
)  # fmt: skip
# columns of the organ table that are blood cells already in the blood table
BLOOD_CELLS = ("B_cells", "dendritic_cells", "granulocytes", "monocytes", "NK_cells", "T_cells", "total_PBMC")


@dataclass(frozen=True)
class NormalExpression:
    """blood, tissue: gene (current symbol) × cell type or organ, normalised expression, NaN where not measured."""

    blood: pd.DataFrame
    tissue: pd.DataFrame
    source: str = "Human Protein Atlas (CC BY-SA)"

    def highest(self, genes: pd.Index, vital: tuple[str, ...] = VITAL) -> pd.DataFrame:
        """Per gene the highest normal expression: blood, blood_in, vital, vital_in, organ, organ_in; NaN if unknown.

        vital: the organs that count; `organ` looks at all of them.
        """
        known = [name for name in vital if name in self.tissue.columns]
        if not known:
            raise DiscoveryError(f"the table of organs has none of {', '.join(vital[:3])} …; name its own columns.")
        organs = [name for name in self.tissue.columns if name not in BLOOD_CELLS]
        parts = (("blood", self.blood, list(self.blood.columns)), ("vital", self.tissue, known))
        every = (*parts, ("organ", self.tissue, organs))
        return pd.concat([_top(name, table[of], genes) for name, table, of in every], axis=1)


def freedom(expression: pd.Series) -> pd.Series:
    """How free of normal expression, 1 (at or below detection, 1) to 0 (100 and above), linear in the logarithm."""
    value = np.asarray(expression, dtype=float)
    with np.errstate(invalid="ignore"):
        scaled = np.log(np.clip(value, DETECTED, HIGH)) / np.log(HIGH)
    return pd.Series(1 - scaled, index=expression.index)


def specificity(tissue: Float[np.ndarray, "gene tissue"]) -> Float[np.ndarray, " gene"]:
    """Tau: 0 for a gene of every tissue, 1 for a gene of one (Yanai 2005, Bioinformatics 21:650), of log2(1 + x)."""
    level = np.log2(1 + np.nan_to_num(tissue))
    top = level.max(axis=1, keepdims=True)
    share = np.divide(level, top, out=np.ones_like(level), where=top > 0)
    return (1 - share).sum(axis=1) / max(1, level.shape[1] - 1)


def read_normal(folder: str | Path) -> NormalExpression:
    """The folder's rna_blood.tsv.gz and rna_tissue.tsv.gz (columns symbol and one per cell type or organ).

    A symbol of several rows (gene identifiers) keeps its highest value, as a penalty must not miss one.
    Raises: DiscoveryError where a file is missing or lacks the column symbol.
    """
    made = []
    for name in ("rna_blood", "rna_tissue"):
        path = next((p for p in (Path(folder) / f"{name}.tsv.gz", Path(folder) / f"{name}.tsv") if p.is_file()), None)
        if path is None:
            raise DiscoveryError(f"normal expression: there is no {name}.tsv.gz in {folder}.")
        frame = read_table(path)
        if "symbol" not in frame.columns:
            raise DiscoveryError(f"{path}: there is no column symbol; its columns begin {list(frame.columns[:4])}.")
        frame = frame[frame["symbol"].notna()].drop(columns=["GeneID"], errors="ignore")
        frame["symbol"] = current_symbols(frame["symbol"])
        made.append(all_numbers(frame.set_index("symbol"), path).groupby(level=0).max())
    return NormalExpression(*made)


def _top(name: str, table: pd.DataFrame, genes: pd.Index) -> pd.DataFrame:
    """The highest column of each gene and which it is."""
    own = table.reindex(genes)
    known = own.notna().any(axis=1)
    where = pd.Series("", index=genes, dtype=object)
    where[known] = own[known].idxmax(axis=1).str.replace("_", " ")
    return pd.DataFrame({name: own.max(axis=1), f"{name}_in": where}, index=genes)
