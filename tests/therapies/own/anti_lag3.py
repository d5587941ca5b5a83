"""A relatlimab-like antibody against LAG-3, every 4 weeks: it relieves a brake of exhausted T cells."""

from opsonin import model as m
from opsonin.model import Modulation, Parameter, Quantity, laws

LABEL = "assumed: remembered from the product information of Opdualag (2022), to be checked"
TAWBI = "assumed: events of grade 3 or more rise by some 9 points beside anti-PD-1 (Tawbi 2022, N Engl J Med 386:24)"
HAZARDS = {"rash": 3e-4, "colitis": 3e-5, "hepatitis": 1e-4, "hypothyroidism": 2e-4, "other_immune": 1.5e-3}
ASSAY = m.Assay(cv=0.1, lower_limit=0.2)


def module():
    hazards = [Parameter(f"lag3_{n}", rate, "1/day", TAWBI, meaning="at full hold") for n, rate in HAZARDS.items()]
    return m.Module(
        "anti-lag-3",
        [
            Parameter("lag3_cl", 5.5, "ml/hour", LABEL, m.LogNormal(0.4), meaning="clearance at steady state"),
            Parameter("lag3_v", 6.6, "l", LABEL, m.LogNormal(0.2), meaning="volume at steady state"),
            Parameter("lag3_kd", 0.5, "mg/l", "assumed: LAG-3 is held at usual doses", meaning="level of half hold"),
            Parameter(
                "lag3_reach", 0.3, "", "assumed: as for pembrolizumab", meaning="level at the tumour over blood's"
            ),
            Parameter("lag3_gain", 1.5, "", "assumed: no measurement", meaning="rise of killing per exhausted cell"),
            Parameter("lag3_slow", 0.3, "", "assumed: direction from mice", meaning="share of exhaustion taken away"),
            Parameter("lag3_joint", 2.0, "", TAWBI, meaning="rise of toxicity where PD-1 is held too"),
            *hazards,
            m.Species("lag3_drug", "mg", meaning="antibody in the body"),
            Quantity("lag3_level", lambda lag3_drug, lag3_v: lag3_drug / lag3_v, "mg/l", "antibody in serum"),
            Quantity(
                "lag3_held", lambda lag3_level, lag3_reach, lag3_kd: laws.hill(lag3_level * lag3_reach, lag3_kd), ""
            ),
            Quantity(
                "lag3_toxic",
                lambda lag3_level, lag3_kd, lag3_joint, pd1_free: (
                    laws.hill(lag3_level, lag3_kd) * (1 + lag3_joint * (1 - pd1_free))
                ),
                "",
                "hold in blood, raised by anti-PD-1",
            ),
            m.Process("lag3_loss", lambda lag3_cl, lag3_level: lag3_cl * lag3_level, consumes="lag3_drug"),
            Modulation(
                "t_killing",
                lambda lag3_gain, lag3_held, cd8_exhausted, exhausted_strength, killers: (
                    1 + lag3_gain * lag3_held * cd8_exhausted * exhausted_strength / killers
                ),
            ),
            Modulation("exhaustion", lambda lag3_slow, lag3_held: 1 - lag3_slow * lag3_held),
            *(Modulation(f"{n}_drive", laws.reading(lambda h, x: h * x, f"lag3_{n}", "lag3_toxic")) for n in HAZARDS),
            m.Administration("anti-lag-3", "intravenous infusion", into="lag3_drug"),
            m.Observable(
                "anti-lag-3", "concentrations", lambda lag3_level: lag3_level, "µg/ml", ASSAY, agent="anti-lag-3"
            ),
        ],
    )
