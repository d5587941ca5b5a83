"""Virtual patients: indications, covariates, and their sampling with one number per (seed, patient, name)."""

from __future__ import annotations

from opsonin.patients.indication import INDICATIONS, Indication, Kind, Variable, indication, indication_names, trying
from opsonin.patients.sampling import VirtualPatients, sample_patients
from opsonin.patients.several_sites import several_sites

__all__ = [
    "INDICATIONS",
    "Indication",
    "Kind",
    "Variable",
    "VirtualPatients",
    "indication",
    "indication_names",
    "sample_patients",
    "several_sites",
    "trying",
]
