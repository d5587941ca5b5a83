"""Cancer cells: a clone that shows the antigen, one that has lost it, persisters, dead cells, and vessels.

Numbers are absolute (Mcell, millions of cells), since the same T cells control a small tumour and not a large one.
The tumour a patient comes with has escaped whatever immunity there is: its net growth at baseline is what is measured
and drawn; gross growth is that, and what killing takes away (`baseline_kill`, in baseline.py).
"""

from __future__ import annotations

from opsonin.biology.clone_numbers import QSP, clone_numbers
from opsonin.biology.lesions import LESIONS, measured_lesions, new_lesion, relative_diameter
from opsonin.model import Assay, Derived, Module, Observable, Parameter, Process, Quantity, Species, laws

CELLS = "Mcell"
ONE_CELL = 1e-6  # Mcell


def clones() -> Module:
    """The tumour: cells, volume, lesions."""
    return Module(
        "cancer cells",
        [
            *clone_numbers(),
            *_states(),
            *_processes(),
            relative_diameter(),
            new_lesion("cellular_volume"),
            *measured_lesions(),
            Observable(
                "ctDNA",
                "measurements",
                lambda tumour_cells, baseline_cells: tumour_cells / baseline_cells,
                "dimensionless",
                Assay(cv=0.2, lower_limit=1e-3, source="assumed: a barcode for each molecule, deep reads"),
                compartment="blood",
                panel="liquid biopsy",
                meaning="circulating tumour DNA relative to baseline (assumed: shed in step with living cancer cells)",
            ),
        ],
        title="Cancer cells: clones, persisters, vessels",
        source=f"Hahnfeldt 1999, Cancer Res 59:4770 (vessels); Sharma 2010, Cell 141:69 (persisters); {QSP}",
    )


def _states() -> list:
    lesions = [f"lesion_{k}" for k in range(1, LESIONS + 1)]
    return [
        Derived(
            "baseline_volume",
            laws.reading(
                lambda more, *diameters: (1 + more) * 0.5235987755982988 * sum(d**3 for d in diameters),
                "untargeted_share",
                *lesions,
            ),
            "ml",
            "volume of all lesions at baseline, as spheres",
        ),
        Derived(
            "baseline_cells",
            lambda cell_density, baseline_volume, natural_death, dead_clearance, stroma_share: (
                (1 - stroma_share) * cell_density * baseline_volume / (1 + natural_death / dead_clearance)
            ),
            CELLS,
            "living cancer cells at baseline",
        ),
        Quantity(
            "tumour_cells",
            lambda clone_antigen, clone_escaped, persisters: clone_antigen + clone_escaped + persisters,
            CELLS,
            "living cancer cells",
        ),
        Quantity(
            "tumour_volume",
            lambda cellular_volume, stroma: cellular_volume + stroma,
            "dimensionless",
            "volume of the tumour, relative to baseline",
        ),
        Quantity(
            "cellular_volume",
            lambda tumour_cells, dead_cells, cell_density, baseline_volume: (
                (tumour_cells + dead_cells) / (cell_density * baseline_volume)
            ),
            "dimensionless",
            "volume of cancer cells, alive or dead, relative to the tumour at baseline",
        ),
        Quantity(
            "site_volume",
            lambda tumour_volume, baseline_volume, smallest_site: tumour_volume * baseline_volume + smallest_site,
            "ml",
            "volume in which the tumour's immune cells live",
        ),
        Quantity(
            "drawing_volume",
            lambda tumour_cells, cell_density, smallest_site: tumour_cells / cell_density + smallest_site,
            "ml",
            "volume of living cancer cells, which draws monocytes",
        ),
        Parameter(
            "smallest_site",
            0.05,
            "ml",
            "assumed: what is left of a tumour's bed when no cancer cell is",
            meaning="volume of the site without cancer cells",
        ),
        Parameter(
            "few_cells",
            1e-5,
            CELLS,
            "assumed: ten cells; below, loss by chance outweighs growth, so that a tumour can be cured",
            meaning="number of cells at which growth is halved",
        ),
        Species(
            "clone_antigen",
            CELLS,
            lambda baseline_cells, escape_share, persister_share: (
                baseline_cells * (1 - escape_share) * (1 - persister_share)
            ),
            "cycling cells that show the antigen",
            scale=1.0,
        ),
        Species(
            "clone_escaped",
            CELLS,
            lambda baseline_cells, escape_share: baseline_cells * escape_share,
            "cycling cells that have lost the antigen",
            scale=1.0,
        ),
        Species(
            "persisters",
            CELLS,
            lambda baseline_cells, escape_share, persister_share: baseline_cells * (1 - escape_share) * persister_share,
            "drug-tolerant persisters, which hardly divide",
            scale=1.0,
        ),
        Species(
            "dead_cells",
            CELLS,
            lambda baseline_cells, natural_death, dead_clearance: baseline_cells * natural_death / dead_clearance,
            "dead cells, not cleared yet",
            scale=1.0,
        ),
        Species(
            "stroma", "dimensionless", lambda stroma_share: stroma_share, "stroma, relative to the tumour at baseline"
        ),
        Species(
            "vessels",
            "ml",
            lambda vessel_supply: vessel_supply,
            "tumour volume that the vessels can feed",
            scale=10.0,
        ),
        Derived(
            "vessel_supply",
            lambda baseline_volume, slowing_volume: (
                baseline_volume + baseline_volume ** (1 / 3) * slowing_volume ** (2 / 3)
            ),
            "ml",
            "what the vessels can feed at baseline",
        ),
        Quantity("persister_entry", _persister_entry, "1/day", "cycling cells that become persisters by themselves"),
        Derived(
            "gross_growth_rate",
            lambda net_growth_rate, natural_death, baseline_kill, baseline_volume, vessel_supply: (
                (net_growth_rate + natural_death + baseline_kill) / (1 - baseline_volume / vessel_supply)
            ),
            "1/day",
            "growth of cancer cells without any loss and with room to grow",
        ),
        Quantity(
            "growth",
            lambda gross_growth_rate, tumour_growth, tumour_volume, baseline_volume, vessels: (
                gross_growth_rate
                * tumour_growth
                * laws.smooth_positive(1 - tumour_volume * baseline_volume / vessels, 0.01)
            ),
            "1/day",
            "growth of cycling cancer cells",
        ),
        Quantity(
            "seen_kill",
            lambda t_kill, nk_kill, macrophage_kill: t_kill + nk_kill + macrophage_kill,
            "1/day",
            "immune killing of cells that show the antigen",
        ),
        Quantity(
            "unseen_kill",
            lambda t_kill, nk_kill, macrophage_kill, escape_visibility, missing_self: (
                escape_visibility * t_kill + missing_self * nk_kill + macrophage_kill
            ),
            "1/day",
            "immune killing of cells that have lost the antigen",
        ),
        Quantity("drug_loss", _drug_loss, "1/day", "death of cycling cells that needs no antigen"),
        Quantity(
            "seen_loss",
            lambda seen_kill, drug_loss: seen_kill + drug_loss,
            "1/day",
            "death of cycling cells that show the antigen",
        ),
        Quantity(
            "unseen_loss",
            lambda unseen_kill, drug_loss: unseen_kill + drug_loss,
            "1/day",
            "death of cycling cells that have lost the antigen",
        ),
    ]


def _drug_loss(natural_death, tumour_killing, cycling_killing, added_phagocytosis):
    return natural_death + tumour_killing + cycling_killing + added_phagocytosis


def _persister_entry(persister_return_rate, persister_share):
    return persister_return_rate * persister_share


def _processes() -> list:
    return [
        Process("antigen_grow", _grow("clone_antigen"), produces="clone_antigen"),
        Process("escaped_grow", _grow("clone_escaped"), produces="clone_escaped"),
        Process(
            "antigen_die",
            lambda clone_antigen, seen_loss, antigen_positive_killing: (
                (seen_loss + antigen_positive_killing) * clone_antigen
            ),
            consumes="clone_antigen",
            produces="dead_cells",
        ),
        Process(
            "escaped_die",
            lambda clone_escaped, unseen_loss, antigen_loss_killing: (
                (unseen_loss + antigen_loss_killing) * clone_escaped
            ),
            consumes="clone_escaped",
            produces="dead_cells",
        ),
        Process(
            "persisters_die",
            lambda persisters, seen_kill, persister_killing, antigen_positive_killing, added_phagocytosis: (
                (seen_kill + persister_killing + antigen_positive_killing + added_phagocytosis) * persisters
            ),
            consumes="persisters",
            produces="dead_cells",
        ),
        Process(
            "tolerance",
            lambda clone_antigen, persister_entry, persister_switch: (
                (persister_entry + persister_switch) * clone_antigen
            ),
            consumes="clone_antigen",
            produces="persisters",
        ),
        Process(
            "tolerance_lost",
            lambda persisters, persister_return_rate, persister_return: (
                persister_return_rate * persister_return * persisters
            ),
            consumes="persisters",
            produces="clone_antigen",
        ),
        Process(
            "antigen_lost",
            lambda clone_antigen, escape_mutation: escape_mutation * clone_antigen,
            consumes="clone_antigen",
            produces="clone_escaped",
        ),
        Process("dead_cleared", lambda dead_cells, dead_clearance: dead_clearance * dead_cells, consumes="dead_cells"),
        Process(
            "vessels_grow",
            lambda vessel_turnover, vessel_growth, site_volume, slowing_volume: (
                vessel_turnover * vessel_growth * (site_volume + site_volume ** (1 / 3) * slowing_volume ** (2 / 3))
            ),
            produces="vessels",
            meaning="a part in proportion to the tumour's radius only, so that vessels lag behind a tumour that grows",
        ),
        Process(
            "stroma_made",
            lambda stroma_turnover, stroma_share, cellular_volume: (
                stroma_turnover * stroma_share / (1 - stroma_share) * cellular_volume
            ),
            produces="stroma",
        ),
        Process("stroma_lost", lambda stroma_turnover, stroma: stroma_turnover * stroma, consumes="stroma"),
        Process("vessels_lost", lambda vessel_turnover, vessels: vessel_turnover * vessels, consumes="vessels"),
    ]


def _grow(clone: str):
    return laws.reading(lambda cells, growth, few: growth * cells**2 / (cells + few), clone, "growth", "few_cells")
