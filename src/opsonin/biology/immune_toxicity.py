"""Adverse events of drugs and cells that act on immunity, as hazards that therapies drive; without a drive, none.

A checkpoint block lets self-reactive T cells go. Which organ suffers is the drug's affair (its drives); how readily a
patient has such events is theirs, one factor for all organs, so that events come together in the same patients and
become rarer with time, as the susceptible have had theirs. Where both brakes, PD-1 and CTLA-4, are released in the same
patient, hepatitis and the many rarer events come more often than the sum of two drugs says.

Cytokine release syndrome has two hazards: one of any grade, one that starts at grade 3, since products differ in the
share that is severe (77 % and 46 % after tisagenlecleucel, 84 % and 5 % after idecabtagene vicleucel).
"""

from __future__ import annotations

from opsonin.model import Hazard, LogNormal, Module, Parameter, Quantity, Signal, laws

LARKIN = (
    "Larkin 2015, N Engl J Med 373:23 (CheckMate 067: any grade and grade 3 or 4 under ipilimumab, nivolumab and both)"
)


def immune_toxicity() -> Module:
    """Immune-related events by organ, cytokine release, neurotoxicity, blood counts, infusion reactions."""
    return Module(
        "immune toxicity",
        [*_signals(), *_parameters(), *_quantities(), *_autoimmune(), *_cytokines(), *_others()],
        title="Adverse events of immunotherapy",
        source=f"grades: CTCAE version 5.0, National Cancer Institute 2017; shares by grade: {LARKIN}",
    )


def _signals() -> list:
    return [
        Signal("other_immune_drive", "sum", "1/day", meaning="hazard of any other immune-related event"),
        Signal("severe_cytokine_release", "sum", "1/day", meaning="hazard of cytokine release syndrome of grade 3 up"),
    ]


def _parameters() -> list:
    return [
        Parameter(
            "autoimmune_susceptibility",
            1.0,
            "dimensionless",
            "assumed: patients differ severalfold in how readily tolerance breaks, so that most immune-related events "
            "come in the first months and often several in one patient",
            LogNormal(0.8),
            lower=0.05,
            upper=20,
            meaning="a patient's readiness for immune-related events",
        ),
        Parameter(
            "joint_release",
            1.5,
            "dimensionless",
            f"calibrated to: grade 3 or 4 events in 55 % under both drugs, where independent ones would come to 38 %; "
            f"hepatitis in 18 % for 8 %; {LARKIN}",
            meaning="added hazard of hepatitis and other events where PD-1 and CTLA-4 are both blocked",
        ),
    ]


def _quantities() -> list:
    return [
        Quantity(
            "jointly_released",
            lambda joint_release, pd1_free, pdl1_free, ctla4_free: (
                1 + joint_release * (1 - pd1_free * pdl1_free) * (1 - ctla4_free)
            ),
            "dimensionless",
            "factor on hepatitis and other events from a block of both brakes",
        )
    ]


def _autoimmune() -> list:
    """Shares of the hazard at or above each grade; colitis is the diagnosis, diarrhoea without it an other event."""
    return [
        _immune("colitis", "colitis_drive", {1: 1.0, 2: 0.9, 3: 0.7, 4: 0.06, 5: 0.005}),
        _immune("immune-mediated hepatitis", "hepatitis_drive", {1: 1.0, 2: 0.65, 3: 0.4, 4: 0.06}, joint=True),
        _immune("pneumonitis", "pneumonitis_drive", {1: 1.0, 2: 0.7, 3: 0.3, 4: 0.06, 5: 0.03}),
        _immune("rash maculo-papular", "rash_drive", {1: 1.0, 2: 0.35, 3: 0.045}),
        _immune("hypothyroidism", "hypothyroidism_drive", {1: 1.0, 2: 0.6, 3: 0.02}, dlt=4),
        _immune(
            "immune system disorders - other", "other_immune_drive", {1: 1.0, 2: 0.4, 3: 0.12, 4: 0.02}, joint=True
        ),
    ]


def _cytokines() -> list:
    """Grades of the ASTCT consensus (Lee 2019, Biol Blood Marrow Transplant 25:625)."""
    return [
        _event("cytokine release syndrome", "cytokine_release", {1: 1.0, 2: 0.4, 3: 0.02}, dlt=3),
        _event(
            "cytokine release syndrome",
            "severe_cytokine_release",
            {3: 1.0, 4: 0.5, 5: 0.01},
            dlt=3,
            name="severe cytokine release syndrome",
        ),
        _event(
            "immune effector cell-associated neurotoxicity syndrome",
            "neurotoxicity",
            {1: 1.0, 2: 0.7, 3: 0.5, 4: 0.15, 5: 0.01},
            dlt=3,
        ),
    ]


def _others() -> list:
    return [
        _event("neutrophil count decreased", "neutropenia_drive", {1: 1.0, 2: 0.8, 3: 0.5, 4: 0.25}, dlt=4),
        _event("anaemia", "anaemia_drive", {1: 1.0, 2: 0.5, 3: 0.15, 4: 0.01}, dlt=4),
        _event("infusion related reaction", "infusion_reaction", {1: 1.0, 2: 0.7, 3: 0.05, 4: 0.01}, dlt=3),
    ]


def _immune(term: str, signal: str, grades: dict[int, float], dlt: int = 3, joint: bool = False) -> Hazard:
    factors = ("autoimmune_susceptibility", "jointly_released") if joint else ("autoimmune_susceptibility",)
    return _event(term, signal, grades, dlt, factors=factors)


def _event(
    term: str, signal: str, grades: dict[int, float], dlt: int, name: str = "", factors: tuple[str, ...] = ()
) -> Hazard:
    rate = laws.reading(_product, signal, "toxicity_susceptibility", *factors)
    lowest = min(grades)
    meaning = f"first {term} of any grade" if lowest == 1 else f"first {term} of grade {lowest} or more"
    return Hazard(name or term, rate, term=term, grades=grades, dlt=dlt, meaning=meaning)


def _product(drive, *factors):
    for factor in factors:
        drive = drive * factor
    return drive
