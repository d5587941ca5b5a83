"""Bulk cohorts of treated patients: is a gene's expression before therapy linked with resistance?

Per cohort the log odds of response per standard deviation of the gene, by logistic regression penalised after Firth
(1993), Biometrika 80:27 (finite also where a gene separates responders; cohorts are small), then pooled over cohorts
with random effects. A bulk gene stands for how many of its cells there are as much as for what they do: name genes in
`beside` (of the cell type) to ask for what is left beside their mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from opsonin.discovery.answers import all_numbers
from opsonin.discovery.gene_names import current_symbols
from opsonin.discovery.marker_sources import read_table
from opsonin.discovery.pooling import pool
from opsonin.errors import DiscoveryError

FEWEST = 3  # responders, and non-responders, below which a cohort says nothing
STEPS = 50
LARGEST_STEP = 2.0  # in log odds


@dataclass(frozen=True)
class BulkCohort:
    """expression: gene × patient, on a logarithmic scale; responder: per patient; without a response: left out."""

    name: str
    expression: pd.DataFrame
    responder: Bool[np.ndarray, " patient"]
    disease: str = ""
    left_out: str = ""

    @property
    def usable(self) -> bool:
        """Whether it has enough responders and non-responders."""
        return min(int(self.responder.sum()), int((~self.responder).sum())) >= FEWEST


def read_bulk_cohorts(folder: str | Path) -> list[BulkCohort]:
    """Every `<name>_expression.csv[.gz]` (gene, patients) with its `<name>_clinical.csv` (patientid, response R or NR).

    Raises: DiscoveryError where the folder has none, a file cannot be read, or a clinical table lacks a column,
    has other patients, or other words than R and NR.
    """
    found = sorted(Path(folder).glob("*_expression.csv*"))
    if not found:
        raise DiscoveryError(f"bulk cohorts: there is no *_expression.csv.gz in {folder}.")
    return [_read(path, path.name.partition("_expression.csv")[0]) for path in found]


def association(cohorts: Sequence[BulkCohort], genes: pd.Index, beside: Sequence[str] = ()) -> pd.DataFrame:
    """Per gene (index): the pooled log odds of response per SD, its interval, p, `resistance`, k, i2, and one column a
    cohort.

    resistance: the probability that higher expression goes with resistance (0.5 where no cohort measured the gene).
    A cohort with fewer than 3 responders or non-responders does not take part.
    """
    used = [c for c in cohorts if c.usable]
    log_odds = np.full((genes.size, len(used)), np.nan)
    error = np.full((genes.size, len(used)), np.nan)
    for at, cohort in enumerate(used):
        level, held = design(cohort, genes, beside)
        log_odds[held, at], error[held, at] = firth(level, cohort.responder, content(cohort, beside))
    made = pool(log_odds, error).set_index(genes)
    made.insert(0, "resistance", (1 - made.pop("above")).fillna(0.5))
    return made.join(pd.DataFrame(log_odds, index=genes, columns=pd.Index([f"log odds in {c.name}" for c in used])))


def score_association(cohorts: Sequence[BulkCohort], score: Callable[[pd.DataFrame], pd.Series]) -> pd.DataFrame:
    """The log odds of response per SD of a score, a row per cohort and "all": name, log_odds, se, lower, upper, p, n.

    score: from expression (gene × patient) to a value per patient.
    Raises: DiscoveryError where no cohort has enough responders and non-responders.
    """
    from scipy.special import ndtr

    rows = []
    for cohort in (c for c in cohorts if c.usable):
        level = score(cohort.expression).reindex(cohort.expression.columns).to_numpy(dtype=float)
        level = (level - level.mean()) / level.std(ddof=1)
        slope, error = (float(value[0]) for value in firth(level[None], cohort.responder))
        width, p = 1.959964 * error, 2 * float(ndtr(-abs(slope / error)))
        rows.append((cohort.name, slope, error, slope - width, slope + width, p, level.size))
    if not rows:
        raise DiscoveryError(f"no bulk cohort has {FEWEST} responders and {FEWEST} non-responders.")
    columns = pd.Index(["name", "log_odds", "se", "lower", "upper", "p", "n"])
    made = pd.DataFrame(rows, columns=columns)
    one = pool(made["log_odds"].to_numpy()[None], made["se"].to_numpy()[None]).iloc[0]
    every = ("all", one["pooled"], one["se"], one["lower"], one["upper"], one["p"], made["n"].sum())
    return pd.concat([made, pd.DataFrame([every], columns=columns)], ignore_index=True)


def design(
    cohort: BulkCohort, genes: pd.Index, beside: Sequence[str] = ()
) -> tuple[Float[np.ndarray, "held patient"], Bool[np.ndarray, " gene"]]:
    """The standardised expression of those genes that the cohort has and that vary, and which those are."""
    own = cohort.expression.reindex(genes).to_numpy(dtype=float)
    with np.errstate(invalid="ignore"):
        held = np.isfinite(own).all(axis=1) & (own.std(axis=1) > 0)
    held &= ~genes.isin(list(beside))
    kept = own[held]
    return (kept - kept.mean(axis=1, keepdims=True)) / kept.std(axis=1, ddof=1, keepdims=True), held


def firth(
    level: Float[np.ndarray, "gene patient"],
    responder: Bool[np.ndarray, " patient"],
    beside: Float[np.ndarray, "patient more"] | None = None,
) -> tuple[Float[np.ndarray, " gene"], Float[np.ndarray, " gene"]]:
    """The slope of each gene and its standard error, all genes at once; further covariates are shared by all.

    Newton's method on the penalised score, each step held below 2 in log odds.
    """
    genes, patients = level.shape
    more = np.zeros((patients, 0)) if beside is None else beside
    shared = np.broadcast_to(more, (genes, *more.shape))
    x = np.concatenate([np.ones((genes, patients, 1)), level[:, :, None], shared], axis=2)
    y = responder.astype(float)
    beta = np.zeros((genes, x.shape[2]))
    inverse = np.zeros((genes, x.shape[2], x.shape[2]))
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip((x @ beta[:, :, None])[:, :, 0], -30, 30)))
        w = p * (1 - p)
        inverse = _inverse(np.swapaxes(x, 1, 2) @ (x * w[:, :, None]))
        hat = w * ((x @ inverse) * x).sum(axis=2)
        score = (y - p + hat * (0.5 - p))[:, None, :] @ x
        step = (score @ inverse)[:, 0]
        largest = np.abs(step).max(axis=1, keepdims=True, initial=0.0)
        beta += step * np.minimum(1.0, LARGEST_STEP / np.maximum(largest, 1e-12))
        if largest.max(initial=0.0) < 1e-8:
            break
    return beta[:, 1], np.sqrt(inverse[:, 1, 1])


def _inverse(information: Float[np.ndarray, "gene p p"]) -> Float[np.ndarray, "gene p p"]:
    """Of symmetric matrices; the closed form for two parameters, which is what a bootstrap asks for by the thousand."""
    if information.shape[1] != 2:
        return np.linalg.pinv(information, hermitian=True)
    a, b, d = information[:, 0, 0], information[:, 0, 1], information[:, 1, 1]
    swapped = np.stack([np.stack([d, -b], axis=1), np.stack([-b, a], axis=1)], axis=1)
    return swapped / np.maximum(a * d - b * b, 1e-300)[:, None, None]


def content(cohort: BulkCohort, genes: Sequence[str]) -> Float[np.ndarray, "patient 1"] | None:
    """The standardised mean of the genes named, as a covariate; None where the cohort has none of them."""
    own = cohort.expression.reindex(list(genes)).dropna()
    if not len(own):
        return None
    level = own.to_numpy(dtype=float)
    spread = level.std(axis=1, ddof=1, keepdims=True)
    level = ((level - level.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1.0)).mean(axis=0)
    return (level / max(level.std(ddof=1), 1e-12))[:, None]


def _read(path: Path, name: str) -> BulkCohort:
    clinical = path.with_name(f"{name}_clinical.csv")
    if not clinical.is_file():
        raise DiscoveryError(f"bulk cohorts: {path.name} has no {clinical.name} beside it.")
    patients = read_table(clinical, dtype={"patientid": str})
    lacking = [column for column in ("patientid", "response") if column not in patients.columns]
    if lacking:
        raise DiscoveryError(f"{clinical}: there is no column {lacking[0]}.")
    expression = all_numbers(read_table(path, index_col=0), path)
    expression.index = pd.Index(current_symbols(expression.index), name="gene")
    expression = expression[~expression.index.duplicated()]
    expression.columns = expression.columns.astype(str)
    response = patients.drop_duplicates("patientid").set_index("patientid")["response"]
    if not set(response.index) & set(expression.columns):
        first = ", ".join(map(str, response.index[:3]))
        raise DiscoveryError(f"{clinical}: none of its patients ({first} …) is a column of {path.name} "
                             f"({', '.join(expression.columns[:3])} …); name both alike.")  # fmt: skip
    there = sorted(set(response.dropna().astype(str)))
    if there and not set(there) & {"R", "NR"}:
        raise DiscoveryError(f"{clinical}: the response holds {', '.join(map(repr, there[:6]))}, but says R or NR "
                             "here; write R for who responded and NR for who did not.")  # fmt: skip
    known = [p for p in expression.columns if response.get(p) in ("R", "NR")]
    gone = expression.shape[1] - len(known)
    disease = ", ".join(sorted(patients["cancer_type"].dropna().unique())) if "cancer_type" in patients.columns else ""
    return BulkCohort(
        name,
        expression[known],
        np.array([response[p] == "R" for p in known], dtype=bool),
        disease,
        f"{gone} patients of {name} have no response" if gone else "",
    )
