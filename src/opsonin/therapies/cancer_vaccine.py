"""A therapeutic vaccine: antigen with an adjuvant under the skin, which dendritic cells carry to the lymph node.

Antigen without the adjuvant loads dendritic cells that hardly mature. Both drain from the depot together; what counts
in the node is the product of two saturations, antigen found and maturity reached.
"""

from __future__ import annotations

from opsonin.model import (
    Administration,
    LogNormal,
    Modulation,
    Module,
    Parameter,
    Process,
    Quantity,
    Species,
)

OTT = "Ott 2017, Nature 547:217 (up to 20 long peptides, 0.3 mg each, with 2 mg of poly-ICLC; days 1, 4, 8, 15 and 22)"
_LOCAL = "assumed: mild flu-like symptoms and reactions of the skin in most patients"


def module() -> Module:
    """A vaccine of long peptides formulated with poly-ICLC; the dose is that of antigen."""
    return Module("cancer-vaccine", [*_kinetics(), *_effect(), *_toxicity()], title="Therapeutic vaccine", source=OTT)


def _kinetics() -> list:
    return [
        Parameter(
            "vaccine_adjuvant_ratio",
            0.333,
            "dimensionless",
            f"{OTT}: 2 mg for 6 mg",
            meaning="mass of adjuvant for a mass of antigen",
            lower=0,
        ),
        Parameter(
            "vaccine_drainage",
            0.7,
            "1/day",
            "assumed: half of a depot of peptide has drained after a day",
            meaning="drainage from the depot to the lymph node",
        ),
        Parameter(
            "vaccine_loss",
            0.5,
            "1/day",
            "assumed: peptide and adjuvant of the node are gone within days",
            meaning="loss from the lymph node",
        ),
        Species("vaccine_depot", "mg", 0.0, "antigen at the site of injection", scale=1.0),
        Species("vaccine_node", "mg", 0.0, "antigen in the lymph node", scale=1.0),
        Species("vaccine_adjuvant", "mg", 0.0, "adjuvant in the lymph node", scale=0.3),
        Administration("cancer-vaccine", "subcutaneous", into="vaccine_depot", meaning="mass of antigen"),
        Process(
            "vaccine_drains",
            lambda vaccine_depot, vaccine_drainage: vaccine_drainage * vaccine_depot,
            consumes="vaccine_depot",
            produces={
                "vaccine_node": 1,
                "vaccine_adjuvant": lambda vaccine_adjuvant_ratio: vaccine_adjuvant_ratio,
            },
        ),
        Process(
            "vaccine_lost",
            lambda vaccine_node, vaccine_loss: vaccine_loss * vaccine_node,
            consumes="vaccine_node",
        ),
        Process(
            "vaccine_adjuvant_lost",
            lambda vaccine_adjuvant, vaccine_loss: vaccine_loss * vaccine_adjuvant,
            consumes="vaccine_adjuvant",
        ),
    ]


def _effect() -> list:
    return [
        Parameter(
            "vaccine_antigen_half",
            0.5,
            "mg",
            "assumed: a tenth of the usual dose in the node loads half of the dendritic cells there",
            meaning="antigen in the node at which loading is half of its greatest",
        ),
        Parameter(
            "vaccine_adjuvant_half",
            0.2,
            "mg",
            "assumed: a tenth of the usual dose in the node matures half of the dendritic cells there",
            meaning="adjuvant in the node at which maturation is half of its greatest",
        ),
        Parameter(
            "vaccine_immature",
            0.05,
            "dimensionless",
            "assumed: antigen without an adjuvant primes hardly at all",
            meaning="presentation without the adjuvant relative to plenty of it",
        ),
        Parameter(
            "vaccine_strength",
            1.0,
            "dimensionless",
            "assumed: at its best a vaccine brings as many loaded dendritic cells as a tumour can; patients differ "
            f"(T cells against three of five peptides, {OTT})",
            LogNormal(0.5),
            meaning="greatest presentation by the vaccine relative to a tumour's own",
        ),
        Quantity(
            "vaccine_maturity",
            lambda vaccine_adjuvant, vaccine_adjuvant_half, vaccine_immature: (
                vaccine_immature
                + (1 - vaccine_immature) * vaccine_adjuvant / (vaccine_adjuvant + vaccine_adjuvant_half)
            ),
            "dimensionless",
            "maturity of vaccinated dendritic cells",
        ),
        Modulation(
            "vaccine_antigen",
            lambda vaccine_strength, vaccine_maturity, vaccine_node, vaccine_antigen_half: (
                vaccine_strength * vaccine_maturity * vaccine_node / (vaccine_node + vaccine_antigen_half)
            ),
            "loaded dendritic cells beside those the tumour brings",
        ),
    ]


def _toxicity() -> list:
    return [
        Parameter("vaccine_fever", 0.03, "1/day", _LOCAL, meaning="hazard of fever at plenty of adjuvant"),
        Parameter("vaccine_fatigue", 0.03, "1/day", _LOCAL, meaning="hazard of fatigue at plenty of adjuvant"),
        Parameter("vaccine_rash", 0.01, "1/day", _LOCAL, meaning="hazard of a rash at plenty of adjuvant"),
        Quantity(
            "vaccine_irritation",
            lambda vaccine_adjuvant, vaccine_adjuvant_half: (
                vaccine_adjuvant / (vaccine_adjuvant + vaccine_adjuvant_half)
            ),
            "dimensionless",
            "adjuvant's effect on how a patient feels, 0 to 1",
        ),
        Modulation("fever_drive", lambda vaccine_fever, vaccine_irritation: vaccine_fever * vaccine_irritation),
        Modulation("fatigue_drive", lambda vaccine_fatigue, vaccine_irritation: vaccine_fatigue * vaccine_irritation),
        Modulation("rash_drive", lambda vaccine_rash, vaccine_irritation: vaccine_rash * vaccine_irritation),
    ]
