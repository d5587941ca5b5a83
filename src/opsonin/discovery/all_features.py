"""All features of patients that the samples allow, in one table: composition, states, heterogeneity."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from opsonin.discovery.annotation import Annotation
from opsonin.discovery.compositions import CENTRED, composition_features
from opsonin.discovery.feature_table import FeatureTable
from opsonin.discovery.heterogeneity import heterogeneity_features
from opsonin.discovery.samples import Samples
from opsonin.discovery.state_table import Share, State
from opsonin.discovery.states import state_features

MALIGNANT = ("melanoma cell", "epithelial cell")  # of the shipped table; a copy-number call knows better


def patient_features(
    samples: Samples,
    annotation: Annotation | None = None,
    *,
    label: str = "label",
    against: str = CENTRED,
    components: np.ndarray | None = None,
    malignant: np.ndarray | None = None,
    states: tuple[State, ...] | None = None,
    shares: tuple[Share, ...] | None = None,
    fewest: int = 20,
    seed: int = 1,
    within: Mapping[str, np.ndarray] | None = None,
    composed: bool = True,
) -> FeatureTable:
    """Composition (log-ratios and shares), states and heterogeneity of every sample with enough cells.

    composed: False leaves composition and diversity of labels out, as of sorted cells.
    malignant: which cells are; those that the annotation takes for melanoma or epithelial cells by default.
    within: as of `state_features`.   Raises: DiscoveryError as its parts.
    """
    tables = [composition_features(samples, label=label, against=against, fewest=fewest)] if composed else []
    if samples.expression is not None and (annotation is not None or within or states):
        tables.append(state_features(samples, annotation, states, shares, within=within, seed=seed))
    if malignant is None and annotation is not None:
        known = [kind for kind in MALIGNANT if kind in annotation.table.by_name]
        malignant = annotation.at(known).isin(known).to_numpy() if known else None
    tables.append(
        heterogeneity_features(
            samples,
            label=label,
            components=components,
            malignant=malignant,
            fewest=fewest,
            seed=seed,
            diversity=composed,
        )
    )
    return FeatureTable.joined(tables)
