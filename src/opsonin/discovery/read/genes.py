"""Names of genes: brought to human symbols, or refused with what to do."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix, csr_matrix

from opsonin.discovery.read.expression import Read
from opsonin.errors import DiscoveryError
from opsonin.record.schema import near

# genes that nearly every panel or genome holds some of: who finds none of them has no human symbols
_COMMON = """
ACTB B2M GAPDH PTPRC CD3D CD3E CD4 CD8A CD8B CD19 MS4A1 CD79A CD14 LYZ CD68 FCGR3A NKG7 GNLY GZMB PRF1 FOXP3 PDCD1 CTLA4
LAG3 HAVCR2 TIGIT TCF7 IL7R CCR7 SELL CD27 CD274 IFNG CXCL9 CXCL13 TOX EPCAM KRT8 KRT18 KRT19 COL1A1 COL1A2 PECAM1 VWF
DCN MKI67 TOP2A HLA-A HLA-B HLA-C HLA-DRA CD74 MALAT1 FTL FTH1 RPLP0 RPS27 TMSB4X VIM S100A4 S100A8 S100A9 C1QA C1QB
APOE SPP1 TREM2 CSF1R IL2RA STAT1 TP53 EGFR KRAS MYC AXL
"""
COMMON = frozenset(_COMMON.split())
_ENSEMBL = re.compile(r"ENS[A-Z]{0,4}[GT]\d{6,}(\.\d+)?")
_NUMBER = re.compile(r"\d+(\.0)?")
_DATE = re.compile(r"(\d{1,2}-(Mar|Sep|Sept|Dec|Oct|Feb)|(Mar|Sep|Sept|Dec|Oct|Feb)-\d{1,2}|20\d\d-\d\d-\d\d)", re.I)
_GENOME = re.compile(r"(GRCh3\d|hg\d\d|mm\d\d|GRCm3\d)[_-]+")
_MOUSE = re.compile(r"[A-Z][a-z]+[a-z0-9-]*")
_DOTTED = re.compile(r"(HLA|MT|NKX\d)\.[A-Z0-9]+(\.AS\d)?")
SYMBOLS = ("gene_symbols", "gene_symbol", "symbol", "feature_name", "gene_name", "gene_short_name", "name")
FEW = 200  # names below which a panel may lack every common gene


def with_symbols(
    read: Read, gene_names: str | None = None, table: dict[str, str] | None = None, species: str = "human",
    log_base: float | None = None,
) -> Read:  # fmt: skip
    """The same with human symbols as names of genes, each once.

    gene_names: the column of the file's own table of genes that holds symbols.   table: identifier -> symbol.
    Columns of the same symbol are added up, and the file's notes say which.   log_base: of logarithms, which are added
    up as the values that they are of; None for counts.
    Raises: DiscoveryError for identifiers without symbols, mixed species, mouse genes called human, or no known gene.
    """
    names, notes = pd.Series(read.genes.astype(str)), []
    if gene_names is not None:
        names = _own_column(read, gene_names)
    if table is not None:
        mapped = names.str.replace(r"\.\d+$", "", regex=True).map(table).fillna(names.map(table))
        lost = int(mapped.isna().sum())
        if lost == len(mapped):
            raise DiscoveryError(
                f"{read.file}: none of its genes ({names.iloc[0]!r} …) stands in the table of symbols."
            )
        if lost:
            notes.append(f"{lost:,} genes left out, as the table of symbols lacks them")
        names = mapped.fillna("")
    elif _share(names, _ENSEMBL) > 0.5:
        names, column = _beside(read, names)
        notes.append(f"symbols are taken from the column {column!r}, as the genes are named by identifiers")
    names, prefixes = _without_genome(read, names)
    notes += prefixes
    _check_species(read, names, species)
    if species == "mouse":
        names = names.str.upper()
        notes.append("mouse genes are named as the human genes of the same symbol: most, not all, are orthologues")
    dotted = names.str.fullmatch(_DOTTED.pattern)
    if dotted.any():
        names = names.mask(dotted, names.str.replace(".", "-", regex=False))
        notes.append(f"{int(dotted.sum())} names such as HLA.A are read as HLA-A")
    dates = names[names.str.fullmatch(_DATE.pattern, case=False)]
    if len(dates):
        notes.append(f"{len(dates)} names are dates ({dates.iloc[0]!r}): a spreadsheet turned genes such as MARCHF1 or "
                     "SEPTIN2 into them; they match nothing")  # fmt: skip
    if not COMMON & set(names) and len(COMMON & set(read.cells.astype(str))) >= 3:
        first = ", ".join(sorted(COMMON & set(read.cells.astype(str)))[:3])
        raise DiscoveryError(
            f"{read.file}: genes stand where its cells should ({first} …); turn it round with orientation = "
            '"genes in rows" or "cells in rows" in [expression], or leave orientation out.'
        )
    if len(names) >= FEW and not COMMON & set(names):
        raise DiscoveryError(
            f"{read.file}: none of its {len(names):,} genes ({', '.join(names[:3])} …) is a human symbol "
            "that most data hold; name the column of symbols in [expression] gene_names, or a table of "
            "identifiers and symbols in symbols."
        )
    return once(replace(read, notes=[*read.notes, *notes]), names, log_base)


def _own_column(read: Read, column: str) -> pd.Series:
    there = [] if read.other_names is None else [str(one) for one in read.other_names.columns]
    if column not in there:
        raise DiscoveryError(
            f"{read.file}: its genes have no column {column!r}{near(column, there)}; they have "
            f"{', '.join(there) or 'none: leave gene_names out'}."
        )
    assert read.other_names is not None
    return read.other_names[column].astype(object).fillna("").astype(str).reset_index(drop=True)


def _beside(read: Read, names: pd.Series) -> tuple[pd.Series, str]:
    """Symbols that the file holds beside identifiers."""
    if read.other_names is not None:
        for column in SYMBOLS:
            if column in read.other_names.columns:
                own = _own_column(read, column)
                if _share(own, _ENSEMBL) < 0.5 and COMMON & set(own):
                    return own.mask(own == "", names), column
    raise DiscoveryError(
        f"{read.file}: its genes are Ensembl identifiers ({names.iloc[0]} …) without symbols; name the column "
        "that holds symbols in [expression] gene_names, or a table whose first two columns are "
        "identifier and symbol in symbols (BioMart, or the features.tsv of 10x, hold both)."
    )


def _without_genome(read: Read, names: pd.Series) -> tuple[pd.Series, list[str]]:
    found = names.str.extract(f"^({_GENOME.pattern})", expand=True)[0]
    if not found.notna().any():
        return names, []
    genomes = found.dropna().str.rstrip("_-")
    human = genomes.str.match(r"GRCh|hg")
    if human.any() and not human.all():
        raise DiscoveryError(
            f"{read.file} holds genes of two species ({', '.join(sorted(set(genomes)))}): cells of a mixed experiment "
            "or a xenograft; keep the cells and genes of one species (Cell Ranger's gem_classification says which), "
            "then read again."
        )
    return names.str.replace(f"^{_GENOME.pattern}", "", regex=True), [f"the prefix {found.dropna().iloc[0]} is cut off"]


def _check_species(read: Read, names: pd.Series, species: str) -> None:
    mouse = _share(names, _MOUSE)
    upper = {name.upper() for name in names[names.str.fullmatch(_MOUSE.pattern)]} & COMMON
    human = COMMON & set(names)
    if len(upper) >= 3 and len(human) >= 3:
        pair = sorted(upper & human or human)[0]
        raise DiscoveryError(
            f"{read.file} holds genes of two species (such as {pair} and {pair.capitalize()}): cells of a mixed "
            "experiment or a xenograft; keep the cells and genes of one species, then read again."
        )
    if species == "human" and (mouse > 0.5 or (len(upper) >= 3 and not human)):
        raise DiscoveryError(
            f"{read.file}: its genes look like those of the mouse "
            f"({names[names.str.fullmatch(_MOUSE.pattern)].iloc[0]} "
            '…), and markers and targets here are human; write species = "mouse" in [expression] to read them as the '
            "human genes of the same symbol."
        )
    if len(names) and _share(names, _NUMBER) > 0.5:
        raise DiscoveryError(
            f"{read.file}: its genes have numbers ({names.iloc[0]} …) and no symbols; name the column of symbols in "
            "[expression] gene_names, or the list of genes in [files] genes."
        )


def once(read: Read, names: pd.Series, log_base: float | None = None, kind: str = "genes") -> Read:
    """Nameless genes left out, genes of one name added up: rows or columns of a table, it makes no difference.

    log_base: as of `with_symbols`.   Raises: DiscoveryError where the file is read by blocks.
    """
    named = (names != "").to_numpy()
    codes, unique = pd.factorize(names.where(named), use_na_sentinel=True)
    told = list(read.notes)
    if named.all() and len(unique) == len(names):
        return replace(read, genes=pd.Index(names, dtype=object))
    matrix: Any = read.matrix
    if not hasattr(matrix, "indptr"):
        raise DiscoveryError(
            f"{read.file}: {len(names) - len(unique)} of its {kind} share a name or have none, which cannot be put "
            "right while the file is read by blocks; make the names unique first (adata.var_names_make_unique())."
        )
    several = sorted(set(names[named & names.duplicated().to_numpy()]))
    keep = np.flatnonzero(codes >= 0)
    into = coo_matrix((np.ones(len(keep), np.float32), (keep, codes[keep])), shape=(len(names), len(unique))).tocsr()
    if log_base is None or not several:
        made = csr_matrix(matrix @ into)
    else:
        base = np.log(log_base)
        level = csr_matrix((np.expm1(matrix.data * base), matrix.indices, matrix.indptr), matrix.shape)
        made = csr_matrix(level @ into)
        made.data = (np.log1p(made.data) / base).astype(np.float32)
    if several:
        who = ", ".join(several[:8]) + (" …" if len(several) > 8 else "")
        more = int(named.sum()) - len(unique)
        how = "values are added up" + ("" if log_base is None else " before the logarithm")
        told.append(f"{more:,} {kind} share a symbol with another ({who}); their {how}")
    if not named.all():
        told.append(f"{int((~named).sum()):,} {kind} without symbol are left out")
    return replace(read, matrix=made, genes=pd.Index(unique, dtype=object), notes=told)


def _share(names: pd.Series, pattern: re.Pattern[str]) -> float:
    return float(names.str.fullmatch(pattern.pattern).mean()) if len(names) else 0.0
