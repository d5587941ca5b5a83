"""Surface proteins counted by sequencing (CITE-seq): which cells have them, gates, and levels for annotation.

Every antibody leaves some counts on every cell. Where a protein's counts fall into two groups, the upper one has it;
where they do not, nobody is said to. The scale is linear for the few counts of background and logarithmic above, and
what the isotype controls say of a cell is taken off.
Source: Mulè 2022, Nat Commun 13:2099 (background as the lower of two normal components, and the controls' part).
"""

from __future__ import annotations

import math
import re
import tomllib
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from opsonin.discovery.marker_table import MarkerTable, table_of
from opsonin.discovery.samples import Samples
from opsonin.errors import DiscoveryError

ISOTYPE = re.compile(r"isotype|^(mouse|rat) ?igg", re.IGNORECASE)
COFACTOR = 5.0  # counts about which the scale turns from linear to logarithmic, as background is
LEAST = 0.9  # of the upper group on that scale: about five counts
APART = 2.0  # Ashman's D from which two normal components are two groups
LEAST_SHARE = 0.002  # of cells, in the upper group
ROUNDS = 100
BINS = 400
NARROWEST = 0.15  # standard deviation of a group, which counts that are whole numbers cannot undercut
FILE = "protein_markers.toml"


class TwoGroups(NamedTuple):
    """Means, standard deviations and share of the upper of two normal components; apart: Ashman's D."""

    lower: float
    upper: float
    sd_lower: float
    sd_upper: float
    share: float
    apart: float


def protein_markers() -> MarkerTable:
    """The table of surface proteins shipped with Opsonin: blood."""
    return table_of({"types": _content()["types"]}, FILE)


def positive_probability(samples: Samples) -> pd.DataFrame:
    """Probability (cell, protein) that the cell has the protein; 0 throughout where counts do not fall into two groups.

    Raises: DiscoveryError for data that are no counts of proteins.
    """
    if samples.modality != "protein" or samples.units != "counts":
        raise DiscoveryError(
            f"surface proteins are read as counts; these are {samples.modality}, {samples.units}. Map the table with "
            'modality = "protein" and units = "counts".'
        )
    values = np.arcsinh(samples.matrix().toarray() / COFACTOR)
    names = [str(name).strip() for name in samples.genes]
    controls = [at for at, name in enumerate(names) if ISOTYPE.search(name)]
    if controls:
        ambient = values[:, controls].mean(axis=1)
        ambient -= ambient.mean()
        spread = float((ambient**2).sum())
        slopes = np.clip(ambient @ values / spread, 0.0, 1.0) if spread > 0 else np.zeros(values.shape[1])
        values = values - ambient[:, None] * slopes[None, :]
    found = np.zeros_like(values)
    for column, own in enumerate(values.T):
        if column not in controls:
            found[:, column] = _upper(own, two_groups(own))
    return pd.DataFrame(found, columns=pd.Index(names))


def two_groups(values: Float[np.ndarray, " cell"]) -> TwoGroups:
    """Two normal components by expectation and maximisation over a histogram, the best of four starts."""
    spread, mean = float(values.std()), float(values.mean())
    best = TwoGroups(mean, mean, spread, spread, 0.0, 0.0)
    if not spread > 0:
        return best
    cells, edges = np.histogram(values, bins=BINS)
    places, most = (edges[1:] + edges[:-1]) / 2, -np.inf
    for quantile in (0.5, 0.75, 0.9, 0.98):
        upper = (places > np.quantile(values, quantile)).astype(float)
        if 0 < (upper * cells).sum() < values.size:
            fit, likelihood = _fitted(places, cells.astype(float), upper, max(NARROWEST, 0.05 * spread))
            if likelihood > most:
                best, most = fit, likelihood
    return best


def gate(positive: pd.DataFrame, gates: dict[str, str]) -> pd.Series:
    """Each cell's first gate that it passes, or missing.   gates: name → "CD3+ CD19-".

    Raises: DiscoveryError for a gate that cannot be read, or a protein that was not measured.
    """
    found = pd.Series(None, index=positive.index, dtype=object)
    for name, words in gates.items():
        passed = np.ones(len(positive), dtype=bool)
        for word in words.split():
            if word[-1] not in "+-" or len(word) < 2:
                raise DiscoveryError(f"the gate {name!r} has {word!r}; write proteins with + or -, such as CD3+ CD19-.")
            if word[:-1] not in positive:
                raise DiscoveryError(f"the gate {name!r} asks for {word[:-1]}, which was not measured.")
            has = positive[word[:-1]].to_numpy() > 0.5
            passed &= has if word[-1] == "+" else ~has
        found = found.where(~(passed & found.isna().to_numpy()), name)
    return found


def default_gates() -> tuple[dict[str, str], dict[str, str]]:
    """Gates of lineages, and of T cells' memory, shipped with Opsonin."""
    content = _content()
    return dict(content["gates"]), dict(content["gates_T"])


def _content() -> dict:
    return tomllib.loads((files("opsonin.discovery") / FILE).read_text("utf-8"))


def _fitted(places: np.ndarray, cells: np.ndarray, upper: np.ndarray, floor: float) -> tuple[TwoGroups, float]:
    """The components from a start (the upper group's share of each place), and their log-likelihood."""
    fit, before, likelihood = TwoGroups(0, 0, 0, 0, 0, 0), -np.inf, -np.inf
    for _ in range(ROUNDS):
        share = float(np.clip((cells * upper).sum() / cells.sum(), 1e-6, 1 - 1e-6))
        (low, sd_low), (high, sd_high) = (_moments(places, cells * weight, floor) for weight in (1 - upper, upper))
        fit = TwoGroups(low, high, sd_low, sd_high, share, abs(high - low) * math.sqrt(2 / (sd_low**2 + sd_high**2)))
        logs = (math.log(1 - share) + _log_normal(places, low, sd_low),
                math.log(share) + _log_normal(places, high, sd_high))  # fmt: skip
        whole = np.logaddexp(*logs)
        upper = np.exp(logs[1] - whole)
        likelihood = float((cells * whole).sum())
        if likelihood - before < 1e-6 * abs(likelihood):
            break
        before = likelihood
    if fit.upper < fit.lower:
        fit = TwoGroups(fit.upper, fit.lower, fit.sd_upper, fit.sd_lower, 1 - fit.share, fit.apart)
    return fit, likelihood


def _moments(places: np.ndarray, weight: np.ndarray, floor: float) -> tuple[float, float]:
    total = max(float(weight.sum()), 1e-9)
    mean = float((weight * places).sum() / total)
    return mean, max(math.sqrt(float((weight * (places - mean) ** 2).sum()) / total), floor)


def _log_normal(values: np.ndarray, mean: float, sd: float) -> np.ndarray:
    return -0.5 * ((values - mean) / sd) ** 2 - np.log(sd)


def _upper(values: np.ndarray, fit: TwoGroups) -> np.ndarray:
    """Probability of the upper group; it never falls with the value (a wide lower component has a far tail)."""
    if fit.apart < APART or fit.upper < LEAST or not LEAST_SHARE <= fit.share <= 1 - LEAST_SHARE:
        return np.zeros_like(values)
    low = np.log(1 - fit.share) + _log_normal(values, fit.lower, fit.sd_lower)
    high = np.log(fit.share) + _log_normal(values, fit.upper, fit.sd_upper)
    chance = np.exp(high - np.logaddexp(low, high))
    order = np.argsort(values, kind="stable")
    below = values[order] < fit.lower
    rising = np.where(below, 0.0, chance[order])
    found = np.empty_like(chance)
    found[order] = np.maximum.accumulate(rising)
    return found
