"""Lymphocytes of the blood: B cells, conventional CD4+, CD8+ and regulatory T cells.

Each species counts the cells that would circulate if none had left for the tissues. A cytokine's redistribution is
one signal, `margination`: the count a clinic sees is the species divided by 1 + weight × margination, so that cells
come back when the cytokine goes and none is lost by it. Regulatory T cells are held by an integrating feedback
(`treg_drive`), which lets them recover under a constant depletion. It works on a deficit: weeks of IL-2 lower the
supply a little and for days, or they would leave hardly a regulatory T cell for a year after the last dose.
"""

from __future__ import annotations

from opsonin.model import Assay, LogNormal, Module, Observable, Parameter, Process, Quantity, Species, laws

LN2 = 0.6931471805599453
CELLS = "cells/µl"
FLOW = Assay(cells_counted=50_000.0, cv=0.08, source="assumed: 50,000 lymphocytes counted, 8 % between-run variation")
_COUNT = (
    "assumed: adult reference counts lowered by about a third, as lymphopenia is common in phase I "
    "patients; no table of this trial found"
)
_HOMING = (
    "assumed: no printed counts; chosen for a marked fall of B, CD4+ and CD8+ cells that grows with IL-2 "
    "dose (Chaput 2013, OncoImmunology 2:e23080)"
)
_GE = (
    "Ge 2012, Cancer Immunol Immunother 61:353 (50 mg a day: circulating Treg fall by more than 40 %, "
    "then recover completely during treatment)"
)
_KORETH = "Koreth 2011, N Engl J Med 365:2055 (daily low-dose IL-2: median Treg more than 8-fold at 4 weeks)"


def blood() -> Module:
    """B, CD4+, CD8+ and regulatory T cells, in cells per µl, with their flow-cytometry observables."""
    return Module(
        "blood",
        [*_parameters(), *_species(), *_processes(), *_observables()],
        title="Lymphocytes of the blood",
        source=f"{_GE}; {_KORETH}",
    )


def _parameters() -> list:
    return [
        Parameter(
            "b_baseline", 100.0, CELLS, _COUNT, LogNormal(0.5), lower=10, upper=800, meaning="B cells before treatment"
        ),
        Parameter(
            "cd4_baseline",
            460.0,
            CELLS,
            _COUNT,
            LogNormal(0.4),
            lower=80,
            upper=2000,
            meaning="conventional CD4+ T cells before treatment",
        ),
        Parameter(
            "cd8_baseline",
            300.0,
            CELLS,
            _COUNT,
            LogNormal(0.45),
            lower=40,
            upper=1600,
            meaning="CD8+ T cells before treatment",
        ),
        Parameter(
            "treg_baseline_share",
            0.08,
            "dimensionless",
            "assumed: regulatory T cells about 8 % of CD4+ in advanced cancer, 5 % in health",
            LogNormal(0.3),
            lower=0.02,
            upper=0.25,
            meaning="regulatory share of CD4+ T cells before treatment",
        ),
        Parameter(
            "lymphocyte_half_life",
            30.0,
            "day",
            "assumed: mean of naive and memory cells' turnover, weeks to months",
            meaning="half-life with which B, CD4+ and CD8+ counts return to baseline",
        ),
        Parameter(
            "treg_doubling_time",
            8.0,
            "day",
            "Vukmanovic-Stejic 2006, J Clin Invest 116:2423 (deuterium labelling)",
            meaning="doubling time of regulatory T cells, which balances their loss",
        ),
        Parameter(
            "treg_feedback",
            0.04,
            "1/day",
            f"calibrated to: complete recovery within three months of treatment, {_GE}",
            meaning="rate at which the supply of regulatory T cells answers a deficit",
        ),
        Parameter(
            "treg_supply_return",
            0.1,
            "1/day",
            "assumed: a supply lowered by an excess is back within two weeks, as counts fall to baseline and not below "
            "when IL-2 ends; no series found",
            meaning="rate at which a lowered supply of regulatory T cells returns to baseline",
        ),
        Parameter(
            "treg_growth",
            0.206,
            "1/day",
            f"calibrated to: 8-fold at 4 weeks of 1 MIU/m² a day, {_KORETH}",
            LogNormal(0.3),
            meaning="greatest extra growth rate of regulatory T cells under IL-2",
        ),
        Parameter(
            "treg_crowding",
            20.0,
            "dimensionless",
            "assumed: growth halves at 20 times the baseline count",
            meaning="multiple of the baseline count at which that growth is halved",
        ),
        Parameter(
            "homing_of_b", 1.2, "dimensionless", _HOMING, LogNormal(0.3), meaning="weight of margination for B cells"
        ),
        Parameter(
            "homing_of_cd4",
            0.95,
            "dimensionless",
            _HOMING,
            LogNormal(0.3),
            meaning="weight of margination for CD4+ T cells",
        ),
        Parameter(
            "homing_of_cd8",
            1.3,
            "dimensionless",
            _HOMING + "; above the weight of CD4+, as the CD4:CD8 ratio rose",
            LogNormal(0.3),
            meaning="weight of margination for CD8+ T cells",
        ),
    ]


def _species() -> list:
    return [
        Species("b_cells", CELLS, lambda b_baseline: b_baseline, "B cells"),
        Species("cd4_cells", CELLS, lambda cd4_baseline: cd4_baseline, "conventional CD4+ T cells"),
        Species("cd8_cells", CELLS, lambda cd8_baseline: cd8_baseline, "CD8+ T cells"),
        Species("treg_cells", CELLS, lambda treg_baseline: treg_baseline, "regulatory T cells"),
        Species("treg_drive", "dimensionless", 1.0, "supply of regulatory T cells, relative to baseline"),
        Quantity(
            "treg_baseline",
            lambda cd4_baseline, treg_baseline_share: cd4_baseline * treg_baseline_share / (1 - treg_baseline_share),
            CELLS,
            "regulatory T cells before treatment",
        ),
        Quantity(
            "treg_loss", lambda treg_doubling_time: LN2 / treg_doubling_time, "1/day", "turnover of regulatory T cells"
        ),
        Quantity(
            "lymphocyte_turnover",
            lambda lymphocyte_half_life: LN2 / lymphocyte_half_life,
            "1/day",
            "turnover of lymphocytes",
        ),
        Quantity(
            "treg_share",
            lambda treg_cells, cd4_cells: treg_cells / (treg_cells + cd4_cells),
            "dimensionless",
            "regulatory share of CD4+ T cells",
        ),
    ]


def _processes() -> list:
    return [
        Process(
            "b_supply", lambda lymphocyte_turnover, b_baseline: lymphocyte_turnover * b_baseline, produces="b_cells"
        ),
        Process(
            "b_loss",
            lambda b_cells, lymphocyte_turnover, lymphocyte_depletion: (
                (lymphocyte_turnover + lymphocyte_depletion) * b_cells
            ),
            consumes="b_cells",
        ),
        Process(
            "cd4_supply",
            lambda lymphocyte_turnover, cd4_baseline: lymphocyte_turnover * cd4_baseline,
            produces="cd4_cells",
        ),
        Process(
            "cd4_growth", lambda cd4_cells, t_cell_proliferation: t_cell_proliferation * cd4_cells, produces="cd4_cells"
        ),
        Process(
            "cd4_loss",
            lambda cd4_cells, lymphocyte_turnover, lymphocyte_depletion: (
                (lymphocyte_turnover + lymphocyte_depletion) * cd4_cells
            ),
            consumes="cd4_cells",
        ),
        Process(
            "cd8_supply",
            lambda lymphocyte_turnover, cd8_baseline: lymphocyte_turnover * cd8_baseline,
            produces="cd8_cells",
        ),
        Process(
            "cd8_growth", lambda cd8_cells, t_cell_proliferation: t_cell_proliferation * cd8_cells, produces="cd8_cells"
        ),
        Process(
            "cd8_loss",
            lambda cd8_cells, lymphocyte_turnover, lymphocyte_depletion: (
                (lymphocyte_turnover + lymphocyte_depletion) * cd8_cells
            ),
            consumes="cd8_cells",
        ),
        Process(
            "treg_supply",
            lambda treg_loss, treg_baseline, treg_drive: treg_loss * treg_baseline * treg_drive,
            produces="treg_cells",
        ),
        Process("treg_divide", _treg_growth, produces="treg_cells"),
        Process(
            "treg_removal",
            lambda treg_cells, treg_loss, treg_depletion: (treg_loss + treg_depletion) * treg_cells,
            consumes="treg_cells",
        ),
        Process(
            "treg_drive_rise",
            lambda treg_feedback, treg_drive: treg_feedback * treg_drive,
            produces="treg_drive",
            meaning="the supply grows while cells are few and shrinks while they are many: no change at baseline",
        ),
        Process(
            "treg_drive_fall",
            lambda treg_feedback, treg_drive, treg_cells, treg_baseline: (
                treg_feedback * treg_drive * treg_cells / treg_baseline
            ),
            consumes="treg_drive",
        ),
        Process(
            "treg_drive_return",
            lambda treg_supply_return, treg_drive: treg_supply_return * laws.positive(1 - treg_drive),
            produces="treg_drive",
            meaning="a supply below baseline returns by itself",
        ),
    ]


def _treg_growth(treg_cells, treg_baseline, treg_growth, treg_crowding, treg_proliferation):
    return treg_growth * treg_proliferation * treg_cells / (1 + treg_cells / (treg_crowding * treg_baseline))


def _observables() -> list:
    def flow(name, expression, meaning):
        return Observable(
            name, "measurements", expression, CELLS, FLOW, compartment="blood", panel="T-B-NK", meaning=meaning
        )

    return [
        flow(
            "B",
            lambda b_cells, homing_of_b, margination: b_cells / (1 + homing_of_b * margination),
            "circulating B cells",
        ),
        flow(
            "CD4+",
            lambda cd4_cells, treg_cells, homing_of_cd4, margination: (
                (cd4_cells + treg_cells) / (1 + homing_of_cd4 * margination)
            ),
            "circulating CD4+ T cells, regulatory ones included",
        ),
        flow(
            "CD8+",
            lambda cd8_cells, homing_of_cd8, margination: cd8_cells / (1 + homing_of_cd8 * margination),
            "circulating CD8+ T cells",
        ),
        flow(
            "Treg",
            lambda treg_cells, homing_of_cd4, margination: treg_cells / (1 + homing_of_cd4 * margination),
            "circulating regulatory T cells",
        ),
        Observable(
            "Treg of CD4+",
            "measurements",
            lambda treg_share: treg_share,
            "percent",
            FLOW,
            compartment="blood",
            panel="T-B-NK",
            meaning="regulatory share of CD4+ T cells",
        ),
        Observable(
            "CD4:CD8",
            "measurements",
            lambda cd4_cells, treg_cells, cd8_cells, homing_of_cd4, homing_of_cd8, margination: (
                (cd4_cells + treg_cells)
                / cd8_cells
                * (1 + homing_of_cd8 * margination)
                / (1 + homing_of_cd4 * margination)
            ),
            "dimensionless",
            FLOW,
            compartment="blood",
            panel="T-B-NK",
            meaning="ratio of CD4+ to CD8+ T cells",
        ),
    ]
