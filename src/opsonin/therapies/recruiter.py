"""Motixafortide (BL-8040) under the skin, a blocker of CXCR4: it brings T cells into the tumour. 1.25 mg/kg.

CXCL12 of the tumour's stroma holds T cells at its margin and draws suppressor cells; without CXCR4 it does neither. The
drug itself is gone within a day; the receptor stays held for days.
"""

from __future__ import annotations

from opsonin.model import (
    Administration,
    Assay,
    Hazard,
    LogNormal,
    Modulation,
    Module,
    Observable,
    Parameter,
    Process,
    Quantity,
    Species,
)

COMBAT = "Bockorny 2020, Nat Med 26:878 (COMBAT, pancreatic cancer)"
# sections 12.1 and 12.2 of the product information (2023) were read, 12.3 (kinetics) could not be
_LABEL = "product information of motixafortide"
_KINETICS = f"thought to be the value of the {_LABEL}, whose section on kinetics could not be read"


def module() -> Module:
    """Motixafortide: kinetics, hold on CXCR4, recruitment of T cells, fewer suppressor cells."""
    return Module(
        "motixafortide",
        [*_kinetics(), *_receptor(), *_effects()],
        title="Motixafortide, a recruiter of T cells",
        source=COMBAT,
    )


def _kinetics() -> list:
    return [
        Parameter(
            "motixafortide_ka",
            2.0,
            "1/hour",
            f"assumed: peak within an hour, {_KINETICS}",
            LogNormal(0.3),
            meaning="absorption rate",
        ),
        Parameter(
            "motixafortide_cl",
            45.0,
            "l/hour",
            f"assumed: {_KINETICS}; spread assumed",
            LogNormal(0.3),
            meaning="apparent clearance",
        ),
        Parameter(
            "motixafortide_v",
            27.0,
            "l",
            f"assumed: {_KINETICS}; spread assumed",
            LogNormal(0.3),
            meaning="apparent volume",
        ),
        Species("motixafortide_site", "mg", 0.0, "motixafortide at the injection site", scale=50.0),
        Species("motixafortide", "mg", 0.0, "motixafortide in blood", scale=10.0),
        Quantity(
            "motixafortide_concentration",
            lambda motixafortide, motixafortide_v: motixafortide / motixafortide_v,
            "mg/l",
            "motixafortide in plasma",
        ),
        Process(
            "motixafortide_absorption",
            lambda motixafortide_site, motixafortide_ka: motixafortide_ka * motixafortide_site,
            consumes="motixafortide_site",
            produces="motixafortide",
        ),
        Process(
            "motixafortide_elimination",
            lambda motixafortide_cl, motixafortide_concentration: motixafortide_cl * motixafortide_concentration,
            consumes="motixafortide",
        ),
        Administration("motixafortide", "subcutaneous", into="motixafortide_site"),
        Observable(
            "motixafortide",
            "concentrations",
            lambda motixafortide_concentration: motixafortide_concentration,
            "ng/ml",
            Assay(0.10, 2.0, source="assumed: liquid chromatography with mass spectrometry"),
            matrix="plasma",
            agent="motixafortide",
        ),
    ]


def _receptor() -> list:
    return [
        Parameter(
            "motixafortide_association",
            5.0,
            "l/µg/day",
            "assumed: what holds nearly all of the receptor after 1.25 mg/kg; in vitro half of it is inhibited at 0.42 "
            f"to 4.5 nM, and the binding constant is 7.9 pM ({_LABEL})",
            meaning="rate of binding of free drug to CXCR4",
        ),
        Parameter(
            "motixafortide_free",
            0.01,
            "dimensionless",
            f"assumed: 99 % bound to protein, {_KINETICS}",
            LogNormal(0.3),
            meaning="free share in plasma",
        ),
        Parameter(
            "motixafortide_release",
            0.46,
            "1/day",
            "assumed: half of the receptor is free after a day and a half, as it is held for over 72 hours; in vitro "
            f"it lets go six times as fast, 2.9 a day (both {_LABEL}), so that what was let go must bind again",
            LogNormal(0.3),
            meaning="rate of release from CXCR4",
        ),
        Species("cxcr4_held", "dimensionless", 0.0, "share of CXCR4 that is held", scale=0.1),
        Process(
            "cxcr4_binds",
            _binds,
            produces="cxcr4_held",
        ),
        Process(
            "cxcr4_freed",
            lambda motixafortide_release, cxcr4_held: motixafortide_release * cxcr4_held,
            consumes="cxcr4_held",
        ),
    ]


def _binds(motixafortide_association, motixafortide_free, motixafortide_concentration, cxcr4_held):
    return motixafortide_association * motixafortide_free * motixafortide_concentration * (1 - cxcr4_held)


def _effects() -> list:
    return [
        Parameter(
            "motixafortide_infiltration",
            2.0,
            "dimensionless",
            f"assumed: entry triples at most; {COMBAT} saw more CD8+ T cells in biopsies; its size was not read",
            LogNormal(0.5),
            meaning="added entry of T cells where CXCR4 is held in full, relative to without",
        ),
        Parameter(
            "motixafortide_mdsc",
            0.4,
            "dimensionless",
            f"assumed: entry of suppressor cells falls by two fifths ({COMBAT}, for the direction)",
            upper=1.0,
            meaning="share of the entry of suppressor cells that needs CXCR4",
        ),
        Parameter(
            "motixafortide_treg",
            0.2,
            "dimensionless",
            f"assumed: entry of regulatory T cells falls by a fifth ({COMBAT}, for the direction)",
            upper=1.0,
            meaning="share of the entry of regulatory T cells that needs CXCR4",
        ),
        Modulation(
            "infiltration", lambda motixafortide_infiltration, cxcr4_held: 1 + motixafortide_infiltration * cxcr4_held
        ),
        Modulation("mdsc_recruitment", lambda motixafortide_mdsc, cxcr4_held: 1 - motixafortide_mdsc * cxcr4_held),
        Modulation("treg_recruitment", lambda motixafortide_treg, cxcr4_held: 1 - motixafortide_treg * cxcr4_held),
        Parameter(
            "motixafortide_site_reaction",
            0.04,
            "1/mg/day",
            "calibrated to: pain at the injection site in 53 % after one or two doses of 1.25 mg/kg with premedication "
            "(product information of motixafortide)",
            meaning="hazard of an injection site reaction by what lies there",
        ),
        Hazard(
            "injection site reaction",
            lambda motixafortide_site_reaction, motixafortide_site, toxicity_susceptibility: (
                motixafortide_site_reaction * motixafortide_site * toxicity_susceptibility
            ),
            term="injection site reaction",
            grades={1: 1.0, 2: 0.4, 3: 0.05},
            meaning="first injection site reaction of any grade",
        ),
    ]
