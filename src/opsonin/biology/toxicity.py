"""Adverse events as hazards that therapies drive through signals; nothing happens without a drive.

Each hazard is of a first event of any grade; `grades` gives the share of that hazard at or above each grade. Terms are
those of CTCAE version 5.
"""

from __future__ import annotations

from opsonin.model import Hazard, LogNormal, Module, Parameter, laws

_SUSCEPTIBLE = "assumed: patients differ about twofold in how readily they show a toxicity at the same exposure"


def toxicity() -> Module:
    """Capillary leak, fatigue, anorexia, fever, chills, transaminases and nausea.

    Shares by grade are assumed; those of grade 3 were chosen with the hazards of the IL-2 module for its
    dose-limiting rates.
    """
    return Module(
        "toxicity",
        [
            Parameter(
                "toxicity_susceptibility",
                1.0,
                "dimensionless",
                _SUSCEPTIBLE,
                LogNormal(0.3),
                lower=0.2,
                upper=5,
                meaning="a patient's readiness for every toxicity",
            ),
            _event("capillary leak syndrome", "capillary_leak", {1: 1.0, 2: 0.75, 3: 0.5, 4: 0.06}, dlt=3),
            _event("fatigue", "fatigue_drive", {1: 1.0, 2: 0.3, 3: 0.028, 4: 0.002}, dlt=3),
            _event("anorexia", "anorexia_drive", {1: 1.0, 2: 0.3, 3: 0.047, 4: 0.003}, dlt=3),
            _event("fever", "fever_drive", {1: 1.0, 2: 0.35, 3: 0.02}),
            _event("chills", "chills_drive", {1: 1.0, 2: 0.3, 3: 0.01}),
            _event("alanine aminotransferase increased", "transaminase_drive", {1: 1.0, 2: 0.3, 3: 0.05, 4: 0.005}),
            _event("nausea", "nausea_drive", {1: 1.0, 2: 0.3, 3: 0.02}),
        ],
        title="Adverse events",
        source="grades: CTCAE version 5.0, National Cancer Institute 2017",
    )


def _event(term: str, signal: str, grades: dict[int, float], dlt: int | None = None) -> Hazard:
    rate = laws.reading(lambda drive, susceptibility: susceptibility * drive, signal, "toxicity_susceptibility")
    return Hazard(term, rate, term=term, grades=grades, dlt=dlt, meaning=f"first {term} of any grade")
