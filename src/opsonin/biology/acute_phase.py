"""The liver's answer to cytokines: CYP3A falls, α1-acid glycoprotein rises.

Both are ratios to the patient's own baseline with a turnover of their own, so that a drug bound to α1-acid
glycoprotein or cleared by CYP3A feels a cytokine with the delay of protein synthesis.
"""

from __future__ import annotations

from opsonin.model import LogNormal, Module, Parameter, Process, Species

ELKAHWAJI = "Elkahwaji 1999, Biochem Pharmacol 57:951 (liver biopsies after 5 days of IL-2)"


def acute_phase() -> Module:
    """CYP3A activity and α1-acid glycoprotein, driven by the signal `acute_phase_drive` (0 to 1)."""
    return Module(
        "acute phase",
        [
            Parameter(
                "cyp3a_half_life",
                36.0,
                "hour",
                "assumed: 20 to 50 h in most estimates of hepatic CYP3A4 turnover "
                "in man (reviewed by Yang 2008, Curr Drug Metab 9:384); middle taken",
                meaning="half-life of hepatic CYP3A",
            ),
            Parameter(
                "cyp3a_suppression",
                0.69,
                "dimensionless",
                f"calibrated to: erythromycin N-demethylation 50 % and CYP3A4 "
                f"protein 39 % of control at 9 to 12 MIU/m² a day, {ELKAHWAJI}; the same paper saw no significant "
                "fall at 3 to 6 MIU/m²",
                LogNormal(0.25),
                upper=0.95,
                meaning="share of CYP3A synthesis that a full acute phase suppresses",
            ),
            Parameter(
                "aag_half_life",
                5.0,
                "day",
                "assumed: half-life of α1-acid glycoprotein about 5 days (textbook value)",
                meaning="half-life of α1-acid glycoprotein",
            ),
            Parameter(
                "aag_induction",
                3.0,
                "dimensionless",
                "assumed: two- to fivefold rise of α1-acid glycoprotein in an acute "
                "phase (Fournier 2000, Biochim Biophys Acta 1482:157), no series under s.c. IL-2 found",
                LogNormal(0.3),
                meaning="fold by which a full acute phase adds to its synthesis",
            ),
            Species("cyp3a_activity", "dimensionless", 1.0, "hepatic CYP3A activity, relative to baseline"),
            Species("aag_ratio", "dimensionless", 1.0, "α1-acid glycoprotein, relative to baseline"),
            Process("cyp3a_synthesis", _cyp3a_synthesis, produces="cyp3a_activity"),
            Process("cyp3a_loss", _cyp3a_loss, consumes="cyp3a_activity"),
            Process("aag_synthesis", _aag_synthesis, produces="aag_ratio"),
            Process("aag_loss", _aag_loss, consumes="aag_ratio"),
        ],
        title="Acute phase: CYP3A and α1-acid glycoprotein",
        source=ELKAHWAJI,
    )


LN2 = 0.6931471805599453


def near_power(ratio, power):
    """ratio ** power for a ratio near 1 and a power within ±1: off by at most 1.6 % from 0.5 to 2.2.

    The Padé approximant of first order around 1. A solver evaluates rates millions of times, and this spares it a
    logarithm and an exponential each.
    """
    return ((1 + power) * ratio + (1 - power)) / ((1 - power) * ratio + (1 + power))


def _cyp3a_synthesis(cyp3a_half_life, cyp3a_suppression, acute_phase_drive):
    return LN2 / cyp3a_half_life * (1 - cyp3a_suppression * acute_phase_drive)


def _cyp3a_loss(cyp3a_activity, cyp3a_half_life):
    return LN2 / cyp3a_half_life * cyp3a_activity


def _aag_synthesis(aag_half_life, aag_induction, acute_phase_drive):
    return LN2 / aag_half_life * (1 + aag_induction * acute_phase_drive)


def _aag_loss(aag_ratio, aag_half_life):
    return LN2 / aag_half_life * aag_ratio
