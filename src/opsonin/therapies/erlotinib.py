"""Erlotinib by mouth, an inhibitor of the epidermal growth factor receptor (EGFR): 150 mg a day.

It kills cycling cells that depend on EGFR. Some escape by not cycling (drug-tolerant persisters), and of those that
return under the drug some resist for good (`resistance.py`).
"""

from __future__ import annotations

from opsonin.model import (
    Administration,
    Assay,
    Hazard,
    LogitNormal,
    LogNormal,
    Module,
    Observable,
    Parameter,
    Process,
    Quantity,
    Species,
)
from opsonin.therapies.resistance import SHARMA, Escape, escape

LU = "Lu 2006, Clin Pharmacol Ther 80:136 (1047 patients)"
FLAURA = "Soria 2018, N Engl J Med 378:113 (FLAURA, gefitinib or erlotinib: response 76 %, median PFS 10.2 months)"


def module() -> Module:
    """Erlotinib: kinetics, killing of EGFR-dependent cells, persisters, resistance, rash and diarrhoea."""
    return Module(
        "erlotinib",
        [*_kinetics(), *_effect(), *_resistance(), *_toxicities()],
        title="Erlotinib",
        source=f"{LU}; {FLAURA}; {SHARMA}",
    )


def _kinetics() -> list:
    return [
        Parameter("erlotinib_ka", 0.95, "1/hour", f"{LU}; spread assumed", LogNormal(0.5), meaning="absorption rate"),
        Parameter(
            "erlotinib_cl",
            3.95,
            "l/hour",
            f"{LU}; spread assumed (of what explains it, bilirubin, α1-acid glycoprotein and smoking are left out)",
            LogNormal(0.4),
            meaning="apparent clearance",
        ),
        Parameter("erlotinib_v", 233.0, "l", f"{LU}; spread assumed", LogNormal(0.25), meaning="apparent volume"),
        Species("erlotinib_gut", "mg", 0.0, "erlotinib in the gut", scale=150.0),
        Species("erlotinib", "mg", 0.0, "erlotinib in the body", scale=150.0),
        Quantity(
            "erlotinib_concentration",
            lambda erlotinib, erlotinib_v: erlotinib / erlotinib_v,
            "mg/l",
            "erlotinib in plasma",
        ),
        Process(
            "erlotinib_absorption",
            lambda erlotinib_gut, erlotinib_ka: erlotinib_ka * erlotinib_gut,
            consumes="erlotinib_gut",
            produces="erlotinib",
        ),
        Process(
            "erlotinib_elimination",
            lambda erlotinib_cl, erlotinib_concentration: erlotinib_cl * erlotinib_concentration,
            consumes="erlotinib",
        ),
        Administration("erlotinib", "oral", into="erlotinib_gut"),
        Observable(
            "erlotinib",
            "concentrations",
            lambda erlotinib_concentration: erlotinib_concentration,
            "ng/ml",
            Assay(0.10, 5.0, source="assumed: liquid chromatography with mass spectrometry"),
            matrix="plasma",
            agent="erlotinib",
        ),
    ]


def _effect() -> list:
    return [
        Parameter(
            "erlotinib_sensitivity",
            0.02,
            "dimensionless",
            "assumed: few tumours depend on EGFR; with an activating mutation of EGFR it is near 1 "
            "(an indication of such patients sets 0.95)",
            LogitNormal(1.2),
            meaning="share of the full killing by erlotinib that this patient's tumour feels",
        ),
        Parameter(
            "erlotinib_ec50",
            0.13,
            "mg/l",
            "assumed: half inhibition of mutant EGFR at 20 nM free, 6 % unbound; the usual trough is ten times as high",
            meaning="concentration in plasma of half the effect on mutant EGFR",
        ),
        Parameter(
            "erlotinib_kill_rate",
            0.085,
            "1/day",
            f"calibrated to: response in 76 %, {FLAURA}, in tumours that T cells hardly see",
            LogNormal(0.5),
            meaning="killing of cycling cells that depend on EGFR at high concentration",
        ),
        Quantity(
            "erlotinib_effect",
            lambda erlotinib_concentration, erlotinib_ec50, erlotinib_sensitivity: (
                erlotinib_sensitivity * erlotinib_concentration / (erlotinib_ec50 + erlotinib_concentration)
            ),
            "dimensionless",
            "share of the full effect that the tumour feels",
        ),
        Quantity(
            "erlotinib_killing",
            lambda erlotinib_kill_rate, erlotinib_effect: erlotinib_kill_rate * erlotinib_effect,
            "1/day",
            "killing of sensitive cycling cells",
        ),
    ]


def _resistance() -> list:
    return escape(
        Escape(
            "erlotinib",
            resistant=(1e-4, "assumed: resistant cells are there before treatment, too few to be seen; spread assumed"),
            tolerance=(0.03, f"calibrated to: median PFS of 10.2 months, {FLAURA}"),
            expanding=(
                0.2,
                "assumed: a fifth, as the share of returning persisters that resist. That a fraction of persisters "
                "comes to expand under the drug, after weeks to months, stands in Ramirez 2016, Nat Commun 7:10690; "
                f"that it is a fifth is thought to be of {SHARMA}, of which that part could not be read",
            ),
            cost=(
                0.05,
                "assumed: cells with T790M grow more slowly (Chmielecki 2011, Sci Transl Med 3:90ra59, for the "
                "direction); a twentieth of gross growth is a fifth of a tumour's net growth",
            ),
        )
    )


def _toxicities() -> list:
    return [
        Parameter(
            "erlotinib_toxic_level",
            1.5,
            "mg/l",
            "assumed: a scale only, about the mean level of 150 mg a day",
            meaning="level at which the hazards below apply",
        ),
        Parameter(
            "erlotinib_rash",
            0.025,
            "1/day",
            "calibrated to: rash in 71 % over two months, 12 % severe (6580 patients of the TRUST trial: Reck 2010, "
            "J Thorac Oncol 5:1616)",
            meaning="hazard of acneiform rash at that level",
        ),
        Parameter(
            "erlotinib_diarrhoea",
            0.008,
            "1/day",
            "assumed: diarrhoea in about half of patients, a tenth of it severe",
            meaning="hazard of diarrhoea at that level",
        ),
        Hazard(
            "rash acneiform",
            lambda erlotinib_rash, erlotinib_concentration, erlotinib_toxic_level, toxicity_susceptibility: (
                erlotinib_rash * toxicity_susceptibility * erlotinib_concentration / erlotinib_toxic_level
            ),
            term="rash acneiform",
            grades={1: 1.0, 2: 0.5, 3: 0.1},
            dlt=3,
            meaning="first acneiform rash of any grade",
        ),
        Hazard(
            "diarrhoea",
            lambda erlotinib_diarrhoea, erlotinib_concentration, erlotinib_toxic_level, toxicity_susceptibility: (
                erlotinib_diarrhoea * toxicity_susceptibility * erlotinib_concentration / erlotinib_toxic_level
            ),
            term="diarrhoea",
            grades={1: 1.0, 2: 0.4, 3: 0.1, 4: 0.005},
            dlt=3,
            meaning="first diarrhoea of any grade",
        ),
    ]
