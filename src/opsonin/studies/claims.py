"""What was published of the first combination trial, of its agents and of phase I patients, claim by claim."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from opsonin.studies.published import Claim, Simulated

PAUTIER, CHAPUT = "Pautier 2013", "Chaput 2013"


def above(figure: float | int, upper: float | int = np.inf) -> Callable[[Simulated], bool]:
    """Agreement: the simulated figure lies between the two."""
    return lambda s: figure < s.value < upper


def contains(figure: float | int) -> Callable[[Simulated], bool]:
    """Agreement: the published figure is within the simulated interval."""
    return lambda s: s.lower <= figure <= s.upper


def within(figure: float | int, share: float | int) -> Callable[[Simulated], bool]:
    """Agreement: the simulated figure is within so much of the published one."""
    return lambda s: abs(s.value / figure - 1) <= share


CLAIMS = (
    Claim("mtd", "Dose level declared", f"2, 6 MIU a day ({PAUTIER})", lambda s: s.value == 2),
    Claim("enrolled", "Patients enrolled", f"17 ({PAUTIER})", contains(17)),
    Claim("adverse-events-level-2", "Patients at 6 MIU with a related event", f"all ({PAUTIER})", above(0.95, 1.01)),
    Claim(
        "imatinib-exposure",
        "AUC and Cmax of imatinib and CGP74588, with interleukin-2 (day 14) over without (day 9)",
        f"all above 1 ({PAUTIER})",
        above(1.0),
    ),
    Claim(
        "il2-exposure",
        "AUC of interleukin-2 with imatinib over without",
        f"no difference ({PAUTIER})",
        within(1.0, 0.02),
    ),
    Claim(
        "lymphocytes",
        "B, CD4+, CD8+ counts on day 15 over baseline (the least reduced)",
        f"markedly reduced, in proportion to dose ({CHAPUT})",
        above(0.0, 0.85),
    ),
    Claim(
        "lymphocytes-dose",
        "B, CD4+, CD8+: log2 of that ratio per doubling of the dose (the flattest)",
        f"falling in proportion to dose ({CHAPUT})",
        above(-2.0, 0.0),
        "patients who stop for a dose-limiting toxicity recover before the sample",
    ),
    Claim(
        "treg-fold",
        "Regulatory share of CD4+ on day 15 over baseline",
        f"up, less than 2-fold ({CHAPUT})",
        above(1.0, 2.0),
    ),
    Claim("hladr-nk", "HLA-DR+ NK cells on day 15 over baseline", f"up ({CHAPUT})", above(1.2)),
    Claim("trail-nk", "TRAIL+ NK cells on day 15 over baseline", f"up ({CHAPUT})", above(1.2)),
    Claim("bright-nk", "CD56bright NK cells on day 15 over baseline", f"CD56 up ({CHAPUT})", above(1.2)),
    Claim("objective-responses", "Objective responses", f"0 of 17 ({PAUTIER})", contains(0)),
    Claim("stable-disease", "Stable disease as best response", f"8 of 17 ({PAUTIER})", contains(8)),
    Claim(
        "stable-disease-duration",
        "Duration of stable disease, median",
        f"12 weeks ({PAUTIER})",
        contains(12),
        (
            "scans every six weeks see progression late, and all lesions of a virtual patient grow "
            "alike, which makes courses too regular"
        ),
        12,
    ),
    Claim(
        "hladr-nk-outcome",
        "HLA-DR+ NK cells on day 15 against PFS and OS (the weaker)",
        f"more cells, longer ({CHAPUT})",
        above(0.0, 0.95),
    ),
    Claim(
        "cd4-cd8-outcome",
        "Rise of CD4:CD8 (day 15 over day 1) against OS",
        f"a rise, longer survival ({CHAPUT})",
        above(0.0, 0.95),
        (
            "in the model the ratio rises because CD8+ cells leave the blood, which has nothing to do "
            "with survival; a mechanism that links both is missing, or the finding in 17 patients was "
            "chance"
        ),
    ),
    Claim(
        "survival-phase-1",
        "Overall survival, median",
        "43 weeks in 29 other phase I trials (Arkenau 2008)",
        contains(43),
    ),
    Claim(
        "pfs-phase-1",
        "Progression-free survival, median",
        "11 weeks in 29 other phase I trials (Arkenau 2008)",
        contains(11),
        "about half progress by the first scan at six weeks, nine weeks after the baseline scan",
        11,
    ),
    Claim(
        "il2-auc-once", "AUC(0–24 h) of interleukin-2, 20 MIU/m² once", "627 IU·h/ml (Kirchner 1998)", within(627, 0.1)
    ),
    Claim(
        "il2-auc-ratio",
        "AUC(0–24 h) of interleukin-2, 10 MIU/m² twice over 20 once",
        "1.8, 1130 over 627 IU·h/ml (Kirchner 1998)",
        within(1.8, 0.2),
        (
            "the loss at the injection site saturates too little; soluble receptors, which the paper "
            "blames, and accumulation over days of treatment are not in the model, and the first day "
            "alone is simulated"
        ),
    ),
    Claim("il2-tmax", "Peak of interleukin-2 under the skin", "2 to 6 h (product information)", above(2.0, 6.0)),
    Claim(
        "il2-low-dose-peak",
        "Peak of interleukin-2 at 1.75 MIU/m²",
        "below 2.3 IU/ml (Meropol 1996)",
        above(0.0, 2.3),
        (
            "clearance is that of high intravenous doses; at low doses receptors on the expanded cells "
            "take up most of the drug, which is not modelled; effects at low doses are calibrated on the "
            "model's own levels"
        ),
    ),
    Claim(
        "nk-low-dose",
        "NK cells after 7 weeks of 1.75 MIU/m² a day, over baseline",
        "6.3; 2.54 at 0.4 MIU/m² (Meropol 1996)",
        within(6.3, 0.15),
    ),
    Claim(
        "bright-low-dose",
        "CD56bright NK cells after 7 weeks of 1.75 MIU/m² a day, over baseline",
        "28.6; 4.68 at 0.4 MIU/m² (Meropol 1996)",
        within(28.6, 0.15),
    ),
    Claim(
        "treg-low-dose",
        "Regulatory T cells after 4 weeks of 1 MIU/m² a day, over baseline",
        "above 8 (Koreth 2011)",
        within(8, 0.1),
    ),
    Claim(
        "treg-cyclophosphamide",
        "Lowest regulatory T-cell count under 50 mg of cyclophosphamide a day, over baseline",
        "below 0.6, then recovery (Ge 2012)",
        above(0.0, 0.6),
    ),
    Claim(
        "cyp3a",
        "CYP3A activity after 10.5 MIU/m² a day into a vein for five days",
        "0.50 at 9 to 12 MIU/m² (Elkahwaji 1999)",
        within(0.5, 0.1),
    ),
    Claim(
        "cyp3a-low",
        "CYP3A activity after 4.5 MIU/m² a day into a vein for five days",
        "not significantly below 1, five patients (Elkahwaji 1999)",
        above(0.8, 1.1),
        (
            "the trial's rise of imatinib at lower doses asks for a sensitive acute phase, the biopsies "
            "for an insensitive one; one curve cannot serve both"
        ),
    ),
    Claim("imatinib-peak", "Imatinib at 400 mg a day, steady peak", "2.6 ± 0.8 mg/l (Peng 2005)", above(1.8, 3.4)),
    Claim("imatinib-trough", "Imatinib at 400 mg a day, steady trough", "1.2 ± 0.8 mg/l (Peng 2005)", above(0.4, 2.0)),
    Claim(
        "metabolite-ratio", "AUC of CGP74588 over imatinib, steady", "0.25 ± 0.07 (Delbaldo 2006)", above(0.18, 0.32)
    ),
)
