"""A bispecific T-cell engager against an antigen of melanoma (tebentafusp-like): cytokine release at first doses."""

from opsonin import model as m
from opsonin.model import Modulation, Parameter, Process, Quantity, Species, laws

LABEL = "assumed: remembered from the product information of tebentafusp (2022), to be checked"
NATHAN = "assumed: 89 % have cytokine release, 1 % severe, most by the third dose (Nathan 2021, N Engl J Med 385:1196)"
GUESS = "assumed: no measurement in patients"
HAZARDS = {"cytokine_release": 2.0, "fever_drive": 1.0, "rash_drive": 0.15, "transaminase_drive": 0.1}
ASSAY = m.Assay(cv=0.15, lower_limit=0.05)


def module():
    hazards = [Parameter(f"engager_{n}", rate, "1/day", NATHAN, meaning="at full hold") for n, rate in HAZARDS.items()]
    return m.Module(
        "engager",
        [
            Parameter("engager_cl", 16.4, "l/day", LABEL, m.LogNormal(0.4), meaning="clearance"),
            Parameter("engager_v", 7.56, "l", LABEL, m.LogNormal(0.2), meaning="volume of distribution"),
            Parameter("engager_ec50", 1, "ng/ml", GUESS, m.LogNormal(0.5), meaning="concentration of half the effect"),
            Parameter("engager_hold", 3, "day", GUESS, meaning="how long bridges outlast the drug"),
            Parameter("engager_kill", 0.1, "1/day", GUESS, meaning="killing at full hold among plenty of T cells"),
            Parameter("engager_half", 5, "Mcell/ml", GUESS, meaning="T cells in a volume of tumour that kill half so"),
            Parameter("engager_draw", 1, "", GUESS, meaning="greatest factor on entry of T cells, less one"),
            Parameter("engager_calm", 2, "day", NATHAN, meaning="time under full hold by which release falls e-fold"),
            *hazards,
            Species("engager", "µg", meaning="drug in the body"),
            Species("engaged", "", meaning="share of the antigen that is bridged"),
            Species("engager_days", "day", meaning="days under full hold, which tire cytokine release"),
            Quantity("engager_level", lambda engager, engager_v: engager / engager_v, "ng/ml", "drug in serum"),
            Quantity("engager_effect", lambda engager_level, engager_ec50: laws.hill(engager_level, engager_ec50), ""),
            Quantity(
                "engager_toxic",
                lambda engager_effect, engager_days, engager_calm: (
                    engager_effect * laws.exp(-engager_days / engager_calm)
                ),
                "",
            ),
            Process("engager_loss", lambda engager_cl, engager_level: engager_cl * engager_level, consumes="engager"),
            Process("engage", lambda engager_effect, engager_hold: engager_effect / engager_hold, produces="engaged"),
            Process("disengage", lambda engaged, engager_hold: engaged / engager_hold, consumes="engaged"),
            Process("engager_counts", lambda engager_effect: engager_effect, produces="engager_days"),
            Modulation(
                "antigen_positive_killing",
                lambda engager_kill, engaged, killers, site_volume, engager_half, suppression: (
                    engager_kill * engaged * suppression * laws.hill(killers / site_volume, engager_half)
                ),
            ),
            Modulation("infiltration", lambda engager_draw, engaged: 1 + engager_draw * engaged),
            *(Modulation(n, laws.reading(lambda h, x: h * x, f"engager_{n}", "engager_toxic")) for n in HAZARDS),
            m.Administration("engager", "intravenous infusion", into="engager"),
            m.Observable(
                "engager", "concentrations", lambda engager_level: engager_level, "ng/ml", ASSAY, agent="engager"
            ),
        ],
    )
