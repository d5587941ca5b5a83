"""Made-up evidence for a ranking of targets: genes whose place in it follows from how they were made."""

import numpy as np
import pandas as pd

from opsonin.discovery.bulk_cohorts import BulkCohort
from opsonin.discovery.marker_sources import StateMarkers
from opsonin.discovery.normal import NormalExpression
from opsonin.discovery.targets import TargetQuestion

GENES = ("GOOD", "BLOODY", "HEPATIC", "RARE", "UNKNOWN", "INSIDE", "DISSOLVED")


def places() -> pd.DataFrame:
    where = dict.fromkeys(GENES, "surface") | {"INSIDE": "not at the surface", "DISSOLVED": "secreted"}
    return pd.DataFrame({"place": where, "topology": "", "formerly": ""})


def markers(source="made up", genes=GENES, **inside) -> StateMarkers:
    share = pd.Series(dict.fromkeys(genes, 0.6) | {"RARE": 0.12} | inside)[list(genes)]
    frame = pd.DataFrame({"log2_fold_change": 2.0, "inside": share, "outside": 0.02, "p": 1e-9, "q": 1e-8})
    return StateMarkers(frame, source, unit="cells")


def normal() -> NormalExpression:
    genes = [gene for gene in GENES if gene != "UNKNOWN"]
    blood = pd.DataFrame({"classical_monocyte": 1.5, "NK_cell": 0.5}, index=genes)
    tissue = pd.DataFrame({"liver": 2.0, "lung": 3.0, "testis": 80.0, "monocytes": 90.0}, index=genes)
    blood.loc["BLOODY", "NK_cell"], tissue.loc["HEPATIC", "liver"] = 90.0, 95.0
    return NormalExpression(blood, tissue)


def cohort(name="first", seed=1, patients=60, **effect) -> BulkCohort:
    """effect: gene → difference of responders, in SD."""
    rng = np.random.default_rng(seed)
    responder = np.arange(patients) % 3 == 0
    genes = [gene for gene in GENES if gene != "RARE"]
    level = rng.normal(size=(len(genes), patients))
    for gene, size in effect.items():
        level[genes.index(gene), responder] += size
    return BulkCohort(name, pd.DataFrame(level, index=genes), responder)


def question(**changes) -> TargetQuestion:
    given = {"state": "made-up cells", "markers": (markers(),), "normal": normal(), "cohorts": (cohort(),)}
    return TargetQuestion(**(given | {"places": places()} | changes))
