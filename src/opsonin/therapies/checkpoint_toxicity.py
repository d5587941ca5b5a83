"""Immune-related events under antibodies that block a checkpoint: hazards by organ, which wane under the drug.

A block lets go the self-reactive T cells there are; who has such cells shows it early. So the hazards follow the share
of the receptor held in blood and fall over months of treatment.
"""

from __future__ import annotations

from opsonin.biology.immune_toxicity import LARKIN
from opsonin.model import Modulation, Parameter, Quantity, laws

ORGANS = {  # signal → name of the parameter
    "rash_drive": "rash",
    "colitis_drive": "colitis",
    "hepatitis_drive": "hepatitis",
    "pneumonitis_drive": "pneumonitis",
    "hypothyroidism_drive": "hypothyroidism",
    "other_immune_drive": "other_immune",
}


def immune_events(drug: str, half: float, half_source: str, rates: dict[str, float], source: str) -> list:
    """The drug's hazards at full effect (1/day, by signal), a fresh patient and a receptor held in full.

    half: concentration in serum (mg/l) of half the effect.
    """
    parts: list = [
        Parameter(
            f"{drug}_toxic_half",
            half,
            "mg/l",
            half_source,
            meaning=f"concentration of {drug} in serum at which immune-related hazards are half of their greatest",
        ),
        Parameter(
            f"{drug}_toxic_time",
            120.0,
            "day",
            "assumed: median onsets of 5 to 15 weeks by organ (Weber 2017, J Clin Oncol 35:785, nivolumab), few later",
            meaning="time under the drug over which immune-related hazards fall e-fold",
        ),
        Quantity(
            f"{drug}_toxic",
            laws.reading(
                lambda c, half, days, time: c / (c + half) * laws.exp(-days / time),
                f"{drug}_concentration",
                f"{drug}_toxic_half",
                f"{drug}_days",
                f"{drug}_toxic_time",
            ),
            "dimensionless",
            f"share of the immune-related hazards that {drug} has now",
        ),
    ]
    for signal, rate in rates.items():
        name = f"{drug}_{ORGANS[signal]}"
        parts.append(Parameter(name, rate, "1/day", source, meaning=f"hazard for {signal} at full effect"))
        parts.append(Modulation(signal, laws.reading(lambda rate, toxic: rate * toxic, name, f"{drug}_toxic")))
    return parts


PD1_RATES = {
    "rash_drive": 0.0023,
    "colitis_drive": 0.00008,
    "hepatitis_drive": 0.00028,
    "pneumonitis_drive": 0.00014,
    "hypothyroidism_drive": 0.00066,
    "other_immune_drive": 0.0082,
}
PD1_SOURCE = (
    f"calibrated to: rash 26 %, colitis 1 %, hepatitis 4 %, hypothyroidism 9 % under nivolumab, {LARKIN}; pneumonitis "
    "2.8 %, any event 66 %, grade 3 or more 14 % over 110 trials, Wang 2019, JAMA Oncol 5:1008"
)
PD1_HALF = "assumed: receptors of blood are held in full at every dose in use, so that toxicity hardly depends on dose"


def pd1_events(drug: str, relative: float = 1.0, why: str = "") -> list:
    """The events of a block of PD-1 or its ligand; relative: to nivolumab's hazards, with the reason in `why`."""
    rates = {signal: rate * relative for signal, rate in PD1_RATES.items()}
    return immune_events(drug, 0.3, PD1_HALF, rates, f"{PD1_SOURCE}{why}")
