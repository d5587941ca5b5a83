"""Interleukin-2 (aldesleukin) under the skin.

The drug leaves the injection site by a saturable passage and is lost there on the way, so that the share that arrives
falls with the dose; in blood it is one compartment. Effects follow `il2_effect`, the blood level with a delay of a day,
since what patients feel and what a sample taken the next morning shows outlasts the drug.
"""

from __future__ import annotations

from opsonin.model import (
    Administration,
    Assay,
    LogitNormal,
    LogNormal,
    Modulation,
    Module,
    Observable,
    Parameter,
    Process,
    Quantity,
    Species,
)

LN2 = 0.6931471805599453
KONRAD = "Konrad 1990, Cancer Res 50:2009"
KIRCHNER = "Kirchner 1998, Br J Clin Pharmacol 46:5"
_LABEL = "product information of aldesleukin"
_MTD = "calibrated to: maximum tolerated dose 6 MIU a day, Pautier 2013, OncoImmunology 2:e23079"
_FEVER = (
    "assumed: common from the lowest dose; every patient at 6 MIU had an event (Pautier 2013, OncoImmunology 2:e23079)"
)


def module() -> Module:
    """Interleukin-2: kinetics in IU, effects on lymphocytes, NK cells and the acute phase, toxicities."""
    return Module(
        "interleukin-2",
        [*_kinetics(), *_effects(), *_toxicities()],
        title="Subcutaneous interleukin-2",
        source=f"{KONRAD}; {KIRCHNER}",
    )


def _kinetics() -> list:
    return [
        Parameter(
            "il2_site_rate",
            0.3,
            "1/hour",
            f"calibrated to: peak at 2 to 6 h ({_LABEL}) and a level near constant for about 8 h ({KONRAD})",
            LogNormal(0.3),
            meaning="rate at which a small dose leaves the injection site, absorbed or lost",
        ),
        Parameter(
            "il2_site_share",
            0.38,
            "dimensionless",
            f"{_LABEL}: absolute bioavailability 31 to 47 %, geometric middle, taken as the limit of small doses",
            LogitNormal(0.3),
            meaning="share of a small dose that is absorbed",
        ),
        Parameter(
            "il2_site_capacity",
            3.87,
            "MIU",
            f"calibrated to: AUC(0–24 h) 627 IU·h/ml after 20 MIU/m² once, {KIRCHNER}, with the clearance of {KONRAD}",
            meaning="amount at the site at which the passage into blood is half saturated",
        ),
        Parameter("il2_cl", 120.0, "ml/minute", KONRAD, LogNormal(0.3), meaning="clearance (spread assumed)"),
        Parameter(
            "il2_half_life",
            85.0,
            "minute",
            f"{KONRAD}: second phase; the first (13 min) does not show after an injection under the skin",
            LogNormal(0.15),
            meaning="half-life in blood (spread assumed)",
        ),
        Parameter(
            "il2_effect_half_life",
            1.0,
            "day",
            "assumed: lymphocyte counts and symptoms recover over a day or two after the last dose",
            meaning="half-life of the delayed effect",
        ),
        Species("il2_site", "MIU", 0.0, "interleukin-2 at the injection site", scale=3.0),
        Species("il2", "MIU", 0.0, "interleukin-2 in blood", scale=0.3),
        Species("il2_effect", "IU/ml", 0.0, "level of interleukin-2 with a delay of about a day", scale=5.0),
        Quantity(
            "il2_volume", lambda il2_cl, il2_half_life: il2_cl * il2_half_life / LN2, "l", "volume of distribution"
        ),
        Quantity("il2_concentration", lambda il2, il2_volume: il2 / il2_volume, "IU/ml", "interleukin-2 in serum"),
        Process(
            "il2_absorption",
            lambda il2_site, il2_site_rate, il2_site_share, il2_site_capacity: (
                il2_site_rate * il2_site_share * il2_site / (1 + il2_site / il2_site_capacity)
            ),
            consumes="il2_site",
            produces="il2",
        ),
        Process(
            "il2_lost_at_site",
            lambda il2_site, il2_site_rate, il2_site_share: il2_site_rate * (1 - il2_site_share) * il2_site,
            consumes="il2_site",
        ),
        Process("il2_elimination", lambda il2_cl, il2_concentration: il2_cl * il2_concentration, consumes="il2"),
        Process(
            "il2_effect_rise",
            lambda il2_concentration, il2_effect_half_life: LN2 / il2_effect_half_life * il2_concentration,
            produces="il2_effect",
        ),
        Process(
            "il2_effect_fall",
            lambda il2_effect, il2_effect_half_life: LN2 / il2_effect_half_life * il2_effect,
            consumes="il2_effect",
        ),
        Administration("interleukin-2", "subcutaneous", into="il2_site"),
        Administration("interleukin-2", "intravenous infusion", into="il2"),
        Observable(
            "interleukin-2",
            "concentrations",
            lambda il2_concentration: il2_concentration,
            "IU/ml",
            Assay(0.15, 1.0, source="assumed: immunoassay, 15 %, limit 1 IU/ml"),
            matrix="serum",
            agent="interleukin-2",
        ),
    ]


def _effects() -> list:
    return [
        Parameter(
            "il2_margination_level",
            9.2,
            "IU/ml",
            (
                "assumed: counts fall by about half at 6 MIU a day, whose level this is, and with its square, so that "
                "the fall grows in proportion to dose though absorption saturates; published: marked, in proportion "
                "to dose (Chaput 2013, OncoImmunology 2:e23080)"
            ),
            LogNormal(0.2),
            meaning="level at which margination is 1",
        ),
        Parameter(
            "il2_ec50_nk_growth",
            6.84,
            "IU/ml",
            (
                "calibrated to: NK and CD56bright fold changes at 0.4 and 1.75 MIU/m² a day, Meropol "
                "1996, Clin Cancer Res 2:669"
            ),
            meaning="level of half the greatest growth of NK cells",
        ),
        Parameter(
            "il2_ec50_nk_activation",
            25.0,
            "IU/ml",
            (
                "Meropol 1998, Cancer Immunol Immunother 46:318 (activation at levels above 100 pM, "
                "which is about 25 IU/ml)"
            ),
            meaning="level of half the greatest activation of NK cells",
        ),
        Parameter(
            "il2_ec50_treg",
            0.8,
            "IU/ml",
            (
                "assumed: no more expansion of regulatory T cells above 1 MIU/m² a day (Whangbo 2019, "
                "Blood Adv 3:2550), so that this dose gives four fifths of the effect"
            ),
            meaning="level of half the greatest growth of regulatory T cells",
        ),
        Parameter(
            "il2_t_growth",
            0.03,
            "1/day",
            (
                "assumed: a small rebound of T cells after IL-2 (Lotze 1985, J Immunol 135:2865: "
                "depletion, then expansion)"
            ),
            LogNormal(0.3),
            meaning="greatest growth of conventional T cells",
        ),
        Parameter(
            "il2_ec50_acute_phase",
            20.0,
            "IU/ml",
            "assumed: a clear acute phase at the trial's doses, since exposure to imatinib rose in "
            "17 patients (Pautier 2013); "
            "liver biopsies showed a fall of CYP3A4 only above 6 MIU/m² (Elkahwaji 1999)",
            LogNormal(0.3),
            meaning="level of half the greatest acute phase",
        ),
        Modulation(
            "margination",
            lambda il2_effect, il2_margination_level: (il2_effect / il2_margination_level) ** 2,
            "lymphocytes leave the blood, more than in proportion to the level",
        ),
        Modulation(
            "nk_proliferation", lambda il2_effect, il2_ec50_nk_growth: il2_effect / (il2_ec50_nk_growth + il2_effect)
        ),
        Modulation(
            "nk_activation",
            lambda il2_effect, il2_ec50_nk_activation: il2_effect / (il2_ec50_nk_activation + il2_effect),
        ),
        Modulation("treg_proliferation", lambda il2_effect, il2_ec50_treg: il2_effect / (il2_ec50_treg + il2_effect)),
        Modulation(
            "t_cell_proliferation",
            lambda il2_t_growth, il2_effect, il2_ec50_nk_growth: (
                il2_t_growth * il2_effect / (il2_ec50_nk_growth + il2_effect)
            ),
        ),
        Modulation(
            "acute_phase_drive",
            lambda il2_effect, il2_ec50_acute_phase: il2_effect / (il2_ec50_acute_phase + il2_effect),
        ),
    ]


def _toxicities() -> list:
    return [
        Parameter(
            "il2_toxic_level",
            9.3,
            "IU/ml",
            "assumed: a scale only, the mean level of the typical patient at 6 MIU a day",
            meaning="level at which the hazards below apply",
        ),
        Parameter("il2_capillary_leak", 0.04, "1/day", _MTD, meaning="hazard of capillary leak at that level"),
        Parameter("il2_fatigue", 0.30, "1/day", _MTD, meaning="hazard of fatigue at that level"),
        Parameter("il2_anorexia", 0.12, "1/day", _MTD, meaning="hazard of anorexia at that level"),
        Parameter("il2_fever", 0.40, "1/day", _FEVER, meaning="hazard of fever at that level"),
        Parameter("il2_chills", 0.25, "1/day", _FEVER, meaning="hazard of chills at that level"),
        Parameter("il2_transaminase", 0.15, "1/day", _FEVER, meaning="hazard of a rise of transaminases at that level"),
        Parameter("il2_nausea", 0.12, "1/day", _FEVER, meaning="hazard of nausea at that level"),
        Quantity(
            "il2_toxic",
            lambda il2_effect, il2_toxic_level: il2_effect / il2_toxic_level,
            "dimensionless",
            "level relative to that of 6 MIU a day",
        ),
        Modulation(
            "capillary_leak",
            lambda il2_capillary_leak, il2_toxic: il2_capillary_leak * il2_toxic**5,
            "steep: the fifth power of the level",
        ),
        Modulation(
            "fatigue_drive",
            lambda il2_fatigue, il2_toxic: il2_fatigue * il2_toxic**4,
            "steep: the fourth power of the level",
        ),
        Modulation(
            "anorexia_drive",
            lambda il2_anorexia, il2_toxic: il2_anorexia * il2_toxic**4,
            "steep: the fourth power of the level",
        ),
        Modulation("fever_drive", lambda il2_fever, il2_toxic: il2_fever * il2_toxic),
        Modulation("chills_drive", lambda il2_chills, il2_toxic: il2_chills * il2_toxic),
        Modulation("transaminase_drive", lambda il2_transaminase, il2_toxic: il2_transaminase * il2_toxic),
        Modulation("nausea_drive", lambda il2_nausea, il2_toxic: il2_nausea * il2_toxic),
    ]
