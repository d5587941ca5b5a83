"""Natural killer cells: CD56dim at rest, activated (HLA-DR+), and CD56bright.

A cytokine makes the bright cells divide (they carry the high-affinity receptor), recruits new dim ones, and activates
those. Division is limited by crowding, so that counts reach a plateau after weeks of daily IL-2.
"""

from __future__ import annotations

from opsonin.biology.blood import CELLS, FLOW
from opsonin.model import LogNormal, Module, Observable, Parameter, Process, Quantity, Species

LN2 = 0.6931471805599453
MEROPOL = (
    "Meropol 1996, Clin Cancer Res 2:669 (0.4 to 1.75 MIU/m² a day for 90 days: NK +154 to +530 %, "
    "CD56bright +368 to +2763 %, peak at 6 to 8 weeks)"
)
_CHAPUT = "Chaput 2013, OncoImmunology 2:e23080"


def natural_killer_cells() -> Module:
    """NK cells in cells per µl, their growth and activation, and what flow cytometry shows of them."""
    return Module(
        "natural killer cells",
        [*_parameters(), *_states(), *_processes(), *_observables()],
        title="Natural killer cells of the blood",
        source=MEROPOL,
    )


def _parameters() -> list:
    return [
        Parameter(
            "nk_baseline",
            180.0,
            CELLS,
            "assumed: adult reference count, lowered a little for phase I patients",
            LogNormal(0.45),
            lower=20,
            upper=900,
            meaning="NK cells before treatment, all kinds",
        ),
        Parameter(
            "bright_share",
            0.08,
            "dimensionless",
            "assumed: CD56bright cells are 5 to 10 % of blood NK cells (textbook value)",
            LogNormal(0.3),
            lower=0.02,
            upper=0.25,
            meaning="CD56bright share of NK cells before treatment",
        ),
        Parameter(
            "hladr_share",
            0.08,
            "dimensionless",
            f"assumed: a small share at rest; no printed baseline ({_CHAPUT})",
            LogNormal(0.4),
            lower=0.01,
            upper=0.4,
            meaning="HLA-DR+ share of CD56dim NK cells before treatment",
        ),
        Parameter(
            "trail_share",
            0.04,
            "dimensionless",
            f"assumed: few NK cells carry TRAIL at rest; no printed baseline ({_CHAPUT})",
            LogNormal(0.4),
            lower=0.005,
            upper=0.3,
            meaning="TRAIL+ share of NK cells without a cytokine",
        ),
        Parameter(
            "trail_gain",
            0.7,
            "dimensionless",
            f"assumed: most activated cells carry TRAIL while IL-2 is there; 'significant upregulation' ({_CHAPUT})",
            meaning="TRAIL+ share of activated and CD56bright cells at a full cytokine drive",
        ),
        Parameter(
            "nk_half_life",
            10.0,
            "day",
            "Zhang 2007, Immunology 121:258 (deuterium labelling: turnover of about two weeks, half-life near 10 days)",
            meaning="half-life of NK cells",
        ),
        Parameter(
            "bright_growth",
            0.47,
            "1/day",
            f"calibrated to: CD56bright fold changes, {MEROPOL}",
            LogNormal(0.3),
            meaning="greatest extra growth rate of CD56bright NK cells",
        ),
        Parameter(
            "bright_crowding",
            17.1,
            "dimensionless",
            f"calibrated to: CD56bright plateau at 6 to 8 weeks, {MEROPOL}",
            meaning="multiple of the baseline count at which that growth is halved",
        ),
        Parameter(
            "dim_recruitment",
            0.466,
            "1/day",
            f"calibrated to: NK fold changes, {MEROPOL}",
            LogNormal(0.3),
            meaning="greatest extra supply of CD56dim NK cells, in baseline counts",
        ),
        Parameter(
            "nk_deactivation_half_life",
            4.0,
            "day",
            "assumed: HLA-DR outlasts IL-2 by days; no series found",
            meaning="half-life of activation once the cytokine is gone",
        ),
        Parameter(
            "nk_activation_gain",
            1.2,
            "dimensionless",
            f"assumed: a several-fold rise of HLA-DR+ NK cells after five days; "
            f"'significant upregulation', no printed fold ({_CHAPUT})",
            meaning="activated per CD56dim cell at a full drive, in the long run",
        ),
        Parameter(
            "nk_fitness",
            1.0,
            "dimensionless",
            "assumed: patients differ in how well NK cells answer a cytokine; correlated with frailty in the "
            f"indication, so that HLA-DR+ NK cells carry prognosis ({_CHAPUT}: they correlate with PFS and OS)",
            LogNormal(0.6),
            lower=0.1,
            upper=6,
            meaning="a patient's own answer of NK cells to activation",
        ),
        Parameter(
            "homing_of_nk",
            0.3,
            "dimensionless",
            "assumed: NK cells leave the blood within hours of IL-2 and are back by 24 h "
            "(Meropol 1998, Cancer Immunol Immunother 46:318), so little is left at the next morning's sample",
            LogNormal(0.3),
            meaning="weight of margination for NK cells",
        ),
    ]


def _states() -> list:
    return [
        Quantity(
            "bright_baseline",
            lambda nk_baseline, bright_share: nk_baseline * bright_share,
            CELLS,
            "CD56bright NK cells before treatment",
        ),
        Quantity(
            "dim_baseline",
            lambda nk_baseline, bright_share, hladr_share: nk_baseline * (1 - bright_share) / (1 + hladr_share),
            CELLS,
            "resting CD56dim NK cells before treatment",
        ),
        Quantity("nk_turnover", lambda nk_half_life: LN2 / nk_half_life, "1/day", "turnover of NK cells"),
        Quantity(
            "nk_deactivation",
            lambda nk_deactivation_half_life: LN2 / nk_deactivation_half_life,
            "1/day",
            "return to rest",
        ),
        Species("nk_dim", CELLS, lambda dim_baseline: dim_baseline, "CD56dim NK cells at rest"),
        Species("nk_bright", CELLS, lambda bright_baseline: bright_baseline, "CD56bright NK cells"),
        Species(
            "nk_active",
            CELLS,
            lambda dim_baseline, hladr_share: dim_baseline * hladr_share,
            "activated (HLA-DR+) NK cells",
        ),
    ]


def _processes() -> list:
    return [
        Process("dim_supply", lambda nk_turnover, dim_baseline: nk_turnover * dim_baseline, produces="nk_dim"),
        Process("dim_recruited", _dim_recruitment, produces="nk_dim"),
        Process("dim_loss", lambda nk_turnover, nk_dim: nk_turnover * nk_dim, consumes="nk_dim"),
        Process(
            "bright_supply", lambda nk_turnover, bright_baseline: nk_turnover * bright_baseline, produces="nk_bright"
        ),
        Process("bright_divide", _bright_growth, produces="nk_bright"),
        Process("bright_loss", lambda nk_turnover, nk_bright: nk_turnover * nk_bright, consumes="nk_bright"),
        Process("nk_activate", _activate, consumes="nk_dim", produces="nk_active"),
        Process(
            "nk_rest",
            lambda nk_deactivation, nk_active: nk_deactivation * nk_active,
            consumes="nk_active",
            produces="nk_dim",
        ),
    ]


def _dim_recruitment(dim_baseline, dim_recruitment, nk_proliferation):
    return dim_recruitment * nk_proliferation * dim_baseline


def _bright_growth(nk_bright, bright_baseline, bright_growth, bright_crowding, nk_proliferation):
    return bright_growth * nk_proliferation * nk_bright / (1 + nk_bright / (bright_crowding * bright_baseline))


def _activate(nk_dim, nk_deactivation, hladr_share, nk_activation_gain, nk_activation, nk_priming, nk_fitness):
    return nk_deactivation * (hladr_share + nk_activation_gain * nk_activation * nk_priming * nk_fitness) * nk_dim


def _observables() -> list:
    def flow(name, expression, meaning):
        return Observable(
            name, "measurements", expression, CELLS, FLOW, compartment="blood", panel="T-B-NK", meaning=meaning
        )

    return [
        flow(
            "NK",
            lambda nk_dim, nk_bright, nk_active, homing_of_nk, margination: (
                (nk_dim + nk_bright + nk_active) / (1 + homing_of_nk * margination)
            ),
            "circulating NK cells",
        ),
        flow(
            "CD56bright NK",
            lambda nk_bright, homing_of_nk, margination: nk_bright / (1 + homing_of_nk * margination),
            "circulating CD56bright NK cells",
        ),
        flow(
            "HLA-DR+ NK",
            lambda nk_active, homing_of_nk, margination: nk_active / (1 + homing_of_nk * margination),
            "circulating activated NK cells",
        ),
        flow("TRAIL+ NK", _trail, "circulating NK cells with TRAIL"),
    ]


def _trail(nk_dim, nk_bright, nk_active, trail_share, trail_gain, nk_activation, homing_of_nk, margination):
    carrying = trail_share * (nk_dim + nk_bright + nk_active) + trail_gain * nk_activation * (nk_active + nk_bright)
    return carrying / (1 + homing_of_nk * margination)
