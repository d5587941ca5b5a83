"""Magrolimab (Hu5F9-G4), an antibody against CD47: 1 mg/kg to prime, then 10 to 30 mg/kg every week.

Red cells carry most of the body's CD47: they take up small doses, so that exposure rises steeply until they are full.
Old red cells, which show a signal to be eaten, are then eaten, once: anaemia, fever and reactions come with the first
doses and pass.
"""

from __future__ import annotations

from opsonin.biology.clones import QSP
from opsonin.model import LogNormal, Modulation, Module, Parameter, Process, Quantity, Species, laws
from opsonin.therapies.antibody_kinetics import Antibody, Constant, Effect, binding, kinetics

SIKIC = "Sikic 2019, J Clin Oncol 37:946 (62 patients with solid tumours)"
DAVDA = "Davda 2014, mAbs 6:1094 (a typical antibody in man)"
_EVENTS = f"in patients of {SIKIC}, most of them with the first doses"

MAGROLIMAB = Antibody(
    "magrolimab",
    f"{DAVDA}; clearance calibrated to: half-life of 13 days where red cells are full, {SIKIC}",
    cl=Constant(0.34, "l/day", (Effect("weight_kg", 0.865, reference=70.0),), cv=0.322),
    v=Constant(3.61, "l", (Effect("weight_kg", 0.957, reference=70.0),), cv=0.351),
    q=Constant(0.747, "l/day", (Effect("weight_kg", 0.865, reference=70.0),)),
    vp=Constant(2.75, "l", (Effect("weight_kg", 0.957, reference=70.0),)),
)


def module() -> Module:
    """Magrolimab: kinetics with the sink of red cells, block of CD47, anaemia and first-dose reactions."""
    return Module(
        "magrolimab",
        [
            *kinetics(MAGROLIMAB),
            *_sink(),
            *binding("magrolimab", "cd47_binding", 0.15, "mg/l", f"Kauder 2018, PLoS One 13:e0201832: 1 nM, {QSP}"),
            *_reactions(),
        ],
        title="Magrolimab",
        source=SIKIC,
    )


def _sink() -> list:
    return [
        Parameter(
            "magrolimab_capacity",
            60.0,
            "mg",
            f"calibrated to: full red cells after 1 mg/kg, {SIKIC}; of the order of the 0.7 µmol of an antibody of two "
            f"arms that 1.5 µmol of CD47 hold ({QSP}, fitted there)",
            LogNormal(0.2),
            meaning="antibody that the CD47 of red cells and other normal cells holds",
        ),
        Parameter(
            "magrolimab_uptake",
            1.0,
            "l/mg/day",
            "assumed: free antibody is taken up within hours where there is room",
            meaning="rate of binding to free CD47",
        ),
        Parameter(
            "magrolimab_release",
            0.15,
            "1/day",
            f"assumed: what gives 1 nM as dissociation constant with the uptake ({QSP})",
            meaning="rate of release from CD47",
        ),
        Parameter(
            "magrolimab_removal",
            0.1,
            "1/day",
            "assumed: a tenth of the bound antibody a day goes with the receptor or the cell, so that weekly doses of "
            "10 mg/kg keep red cells full",
            meaning="rate at which bound antibody is removed",
        ),
        Species("magrolimab_held", "mg", 0.0, "magrolimab on red and other normal cells", scale=10.0),
        Quantity(
            "magrolimab_full",
            lambda magrolimab_held, magrolimab_capacity: magrolimab_held / magrolimab_capacity,
            "dimensionless",
            "share of the normal cells' CD47 that is held",
        ),
        Process(
            "magrolimab_taken_up",
            lambda magrolimab_uptake, magrolimab_concentration, magrolimab_capacity, magrolimab_held: (
                magrolimab_uptake * magrolimab_concentration * (magrolimab_capacity - magrolimab_held)
            ),
            consumes="magrolimab",
            produces="magrolimab_held",
        ),
        Process(
            "magrolimab_released",
            lambda magrolimab_release, magrolimab_held: magrolimab_release * magrolimab_held,
            consumes="magrolimab_held",
            produces="magrolimab",
        ),
        Process(
            "magrolimab_removed",
            lambda magrolimab_removal, magrolimab_held: magrolimab_removal * magrolimab_held,
            consumes="magrolimab_held",
        ),
    ]


def _reactions() -> list:
    return [
        Parameter(
            "magrolimab_pruning",
            0.3,
            "1/day",
            "assumed: old red cells are eaten within days of the first dose, after which young ones withstand the drug",
            meaning="rate at which old red cells are eaten where CD47 is held in full",
        ),
        Parameter(
            "red_cell_ageing",
            0.01,
            "1/day",
            "assumed: of the order of the life of red cells, 120 days",
            meaning="rate at which old red cells come back",
        ),
        Species("old_red_cells", "dimensionless", 1.0, "old red cells, relative to before treatment"),
        Process(
            "red_cells_age",
            lambda red_cell_ageing, old_red_cells: red_cell_ageing * (1 - old_red_cells),
            produces="old_red_cells",
        ),
        Process(
            "red_cells_eaten",
            lambda magrolimab_pruning, magrolimab_full, old_red_cells: (
                magrolimab_pruning * magrolimab_full * old_red_cells
            ),
            consumes="old_red_cells",
        ),
        Quantity(
            "magrolimab_first_contact",
            lambda magrolimab_full, old_red_cells: magrolimab_full * old_red_cells,
            "dimensionless",
            "old red cells that the drug marks, relative to all of them",
        ),
        *_event("anaemia_drive", "anaemia", 0.16, f"calibrated to: transient anaemia in 57 % {_EVENTS}"),
        *_event("infusion_reaction", "reaction", 0.08, f"calibrated to: infusion-related reactions in 34 % {_EVENTS}"),
        *_event("fever_drive", "fever", 0.115, f"calibrated to: fever in 45 % {_EVENTS}"),
        *_event("chills_drive", "chills", 0.115, f"calibrated to: chills in 45 % {_EVENTS}"),
        Parameter(
            "magrolimab_fatigue",
            0.016,
            "1/day",
            f"calibrated to: fatigue in 64 % of patients of {SIKIC}, over two months",
            meaning="hazard of fatigue while CD47 is held in full",
        ),
        Modulation(
            "fatigue_drive",
            lambda magrolimab_fatigue, magrolimab_full: magrolimab_fatigue * magrolimab_full,
        ),
    ]


def _event(signal: str, word: str, rate: float, source: str) -> list:
    name = f"magrolimab_{word}"
    return [
        Parameter(name, rate, "1/day", source, meaning=f"hazard for {signal} at the first full contact"),
        Modulation(signal, laws.reading(lambda rate, contact: rate * contact, name, "magrolimab_first_contact")),
    ]
