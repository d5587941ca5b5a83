"""The numbers of CAR T cells: what products have in common, and the attributes in which they differ."""

from __future__ import annotations

from dataclasses import dataclass

from opsonin.biology.clones import CELLS
from opsonin.model import LogitNormal, LogNormal, Parameter

STEIN = (
    "Stein 2019, CPT Pharmacometrics Syst Pharmacol 8:285 (tisagenlecleucel, 90 children and young adults with B-ALL)"
)


@dataclass(frozen=True)
class Product:
    """What differs between products, and why.

    prefix: of every name.   barrier: see the module.   brake, suppression: the share of the tumour's brakes that acts
    on these cells (1 as on the tumour's own T cells).   density: antigen relative to what half activates a cell.
    b_cells: whether normal B cells carry the antigen (1 or 0).   bystander: share of killing that reaches cells
    without the antigen.   severity: factor on severe cytokine release.   reason: the source of these numbers.
    """

    agent: str
    prefix: str
    title: str
    barrier: float
    brake: float
    suppression: float
    exhaustion: float
    density: float
    b_cells: float
    bystander: float
    severity: float
    reason: str


def parameters(product: Product) -> list[Parameter]:
    """Every parameter of a product's kinetics."""
    return [*_common(product), *_attributes(product)]


def _common(product: Product) -> list:
    def own(name: str, value: float, unit: str, source: str, spread=None, meaning: str = "", **limits) -> Parameter:
        return Parameter(f"{product.prefix}_{name}", value, unit, source, spread, meaning=meaning, **limits)

    return [
        own(
            "engraftment",
            0.08,
            "dimensionless",
            "calibrated to: some hundred cells per µl of blood at the peak after 1e8 cells and a 3900-fold expansion "
            f"({STEIN}: 24,000 copies per µg of DNA, a sixth of the leukocytes); the rest is lost in lungs and liver",
            LogitNormal(0.35),
            "share of infused cells that engraft",
        ),
        own(
            "homing",
            1.0,
            "1/day",
            "assumed: infused cells settle within a day or two",
            None,
            "settling of infused cells",
        ),
        own(
            "division_rate",
            1.5,
            "1/day",
            "calibrated to: doubling in 0.78 days during expansion, deaths counted, in a leukaemia after "
            f"lymphodepletion ({STEIN}); spread: a quarter of the variance 0.38 of the logarithm of the time of the "
            "peak there, as burden and divisions vary too",
            LogNormal(0.3),
            "growth of cells that meet plenty of antigen in a body without other lymphocytes",
            lower=0.4,
            upper=4.0,
        ),
        own(
            "divisions_first",
            13.6,
            "dimensionless",
            f"calibrated to: 3900-fold net expansion, 11.9 doublings and what dies meanwhile ({STEIN}); spread: "
            "with that of engraftment, most of the variance 0.65 of the logarithm of the peak there",
            LogNormal(0.05),
            "divisions that an engrafted cell has in it",
            lower=3,
            upper=25,
        ),
        own(
            "loss",
            0.16,
            "1/day",
            f"{STEIN}; spread assumed, below the published variance of 0.91 of its logarithm, in which short series "
            "have a part",
            LogNormal(0.6),
            "contraction of cells that do not divide",
            lower=0.03,
            upper=0.8,
        ),
        own(
            "memory_share",
            0.0079,
            "dimensionless",
            STEIN,
            LogNormal(0.8),
            "share of contracting cells that become memory",
            upper=0.2,
        ),
        own("memory_loss", 0.0032, "1/day", STEIN, LogNormal(0.8), "loss of memory cells", upper=0.05),
        own(
            "recall",
            0.1,
            "1/day",
            "assumed: memory cells that meet antigen divide again within days",
            None,
            "memory cells recalled where the tumour's antigen is plentiful",
        ),
        own(
            "recall_divisions",
            6.0,
            "dimensionless",
            "assumed: half of the divisions of the first expansion, so that memory does not feed on itself",
            None,
            "divisions of a recalled cell",
        ),
        own(
            "antigen_half",
            300.0,
            CELLS,
            "assumed: less than a millilitre of leukaemia stimulates all cells that can reach it",
            None,
            "cells with antigen at which stimulation is half of its greatest",
        ),
        own(
            "contact_half",
            0.1,
            "dimensionless",
            "assumed: a cell that is in the tumour a tenth of its time is stimulated half as strongly as one that "
            "always is",
            None,
            "share of cells in the tumour at which stimulation is half of its greatest",
        ),
        own(
            "sink",
            2.0,
            "dimensionless",
            "calibrated to: hardly any expansion without lymphodepletion (Brentjens 2011, Blood 118:4817, for the "
            "direction): the patient's own lymphocytes take up the interleukins 7 and 15",
            None,
            "how strongly a normal lymphocyte count slows division",
        ),
        own(
            "body_b_cells",
            50.0,
            "dimensionless",
            "assumed: blood has about 2 % of the body's lymphocytes (Ganusov & De Boer 2007, Trends Immunol 28:514)",
            None,
            "B cells of the body for each in blood",
        ),
        own(
            "blood_share",
            0.05,
            "dimensionless",
            "assumed: of the order of lymphocytes in general; expanding cells are in blood more than others",
            LogitNormal(0.3),
            "share of the pool that is in blood",
        ),
        own("blood_volume", 5.0, "l", "assumed: an adult's", None, "blood volume"),
    ]


def _attributes(product: Product) -> list:
    def own(name: str, value: float, meaning: str, spread=None) -> Parameter:
        return Parameter(f"{product.prefix}_{name}", value, "dimensionless", product.reason, spread, meaning=meaning)

    return [
        own(
            "barrier",
            product.barrier,
            "how hard it is for infused cells to pass the tumour's barriers; squared odds of access are divided by it",
            LogNormal(0.5),
        ),
        own("braked", product.brake, "share of the PD-1 brake that acts on these cells"),
        own("suppressed", product.suppression, "share of the tumour's suppression that acts on these cells"),
        own("exhausting", product.exhaustion, "exhaustion relative to the tumour's own T cells"),
        own(
            "antigen_density",
            product.density,
            "antigen of a cancer cell relative to what half activates a CAR",
            LogNormal(0.6),
        ),
        own("on_b_cells", product.b_cells, "whether normal B cells carry the antigen"),
        own("bystander", product.bystander, "share of killing that reaches cells without the antigen"),
        own("severity", product.severity, "factor on severe cytokine release"),
    ]
