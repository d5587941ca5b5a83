"""Death from tumour burden and frailty, and leaving the trial for other reasons."""

from __future__ import annotations

from opsonin.biology.lesions import LESIONS
from opsonin.biology.tumour import ARKENAU
from opsonin.model import Covariate, Hazard, LogNormal, Module, Parameter, Quantity, laws


def survival() -> Module:
    """Hazards of death and of drop-out."""
    return Module(
        "survival",
        [
            Covariate("ecog", "dimensionless", 1.0, "performance status"),
            Covariate("albumin_g_per_l", "g/l", 38.0, "serum albumin"),
            Parameter(
                "death_rate",
                0.00060,
                "1/day",
                f"calibrated to: median overall survival of 43 weeks, {ARKENAU}",
                meaning=(
                    "hazard of death of a patient with ECOG 0, albumin 38 g/l and a median tumour at its "
                    "baseline volume"
                ),
            ),
            Parameter(
                "frailty",
                1.0,
                "dimensionless",
                "assumed: unexplained differences in the hazard of death between patients of one cohort",
                LogNormal(0.6),
                lower=0.1,
                upper=10,
                meaning="a patient's own factor on the hazard of death",
            ),
            Parameter(
                "ecog_hazard_ratio",
                1.5,
                "dimensionless",
                "assumed: hazard ratio of death per ECOG point, typical of phase I cohorts",
                meaning="hazard ratio of death per ECOG point",
            ),
            Parameter(
                "albumin_exponent",
                -2.0,
                "dimensionless",
                f"assumed: hazard ratio near 1.5 at 31 g/l; low albumin is an independent risk factor in {ARKENAU}",
                meaning="power of albumin in the hazard of death",
            ),
            Parameter(
                "albumin_reference",
                38.0,
                "g/l",
                "assumed: a middle value of phase I patients",
                meaning="albumin at which its factor is 1",
            ),
            Parameter(
                "burden_reference",
                73.5,
                "mm",
                "Bratman 2020, Nat Cancer 1:873 (INSPIRE: median sum of diameters at baseline)",
                meaning="sum of diameters at which burden is 1",
            ),
            Parameter(
                "burden_half",
                3.0,
                "dimensionless",
                "assumed: burden doubles the hazard of death at three median tumours",
                meaning="burden that doubles the hazard of death",
            ),
            Parameter(
                "drop_out_rate",
                0.0005,
                "1/day",
                "assumed: about 1.5 % of patients a month leave for reasons of their own",
                meaning="hazard of leaving the trial",
            ),
            Quantity(
                "baseline_burden",
                laws.reading(
                    lambda reference, *lesions: sum(lesions) / reference,
                    "burden_reference",
                    *(f"lesion_{k}" for k in range(1, LESIONS + 1)),
                ),
                "dimensionless",
                "sum of target diameters at baseline, relative to the median",
            ),
            Quantity(
                "risk",
                _risk,
                "dimensionless",
                "a patient's factor on the hazard of death from baseline findings and frailty",
            ),
            Hazard("death", _death, term="death", role="death", related=False, meaning="death from any cause"),
            Hazard(
                "drop_out",
                lambda drop_out_rate: drop_out_rate,
                term="drop-out",
                role="drop-out",
                related=False,
                meaning="withdrawal of consent, moving away",
            ),
        ],
        title="Survival",
        source=ARKENAU,
    )


def _risk(frailty, ecog, ecog_hazard_ratio, albumin_g_per_l, albumin_reference, albumin_exponent):
    return frailty * ecog_hazard_ratio**ecog * (albumin_g_per_l / albumin_reference) ** albumin_exponent


def _death(death_rate, mortality, risk, tumour_volume, baseline_burden, burden_half):
    return death_rate * mortality * risk * (1 + baseline_burden * tumour_volume / burden_half)
