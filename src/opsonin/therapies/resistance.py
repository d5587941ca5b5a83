"""How a tumour escapes a targeted drug: persisters that do not cycle, and cells that resist.

Resistant and sensitive cells differ in the drug's killing and, by the cost of resistance, in growth, so that the share
r of cycling cells that resist follows dr/dt = (killing − cost · growth) · r · (1 − r), while the cycling cells as a
whole die at killing · (1 − r) and grow 1 − cost · r times as fast: two subclones in one number, exactly. Persisters
that return under the drug add to it, those that return sensitive dilute it.
"""

from __future__ import annotations

from dataclasses import dataclass

from opsonin.model import LogNormal, Modulation, Parameter, Process, Quantity, Species, laws

SHARMA = "Sharma 2010, Cell 141:69"


@dataclass(frozen=True)
class Escape:
    """How one drug is escaped.

    Reads the quantities `<drug>_effect` (share of the full effect that the tumour feels) and `<drug>_killing` (1/day).
    resistant: share of cycling cells before treatment.   tolerance: sensitive cells that become persisters, 1/day.
    expanding: share of persisters returning under the drug that resist it.   cost: by how much more slowly resistant
    cells grow, as a share of growth without any loss.   Each with its source.
    """

    drug: str
    resistant: tuple[float, str]
    tolerance: tuple[float, str]
    expanding: tuple[float, str]
    cost: tuple[float, str]


def escape(how: Escape) -> list:
    """Killing of what is sensitive, persisters, selection of what resists."""
    drug, resistant = how.drug, f"{how.drug}_resistant"
    return [
        *_parameters(how),
        Species(
            resistant,
            "dimensionless",
            laws.reading(lambda share: share, f"{drug}_resistant_share"),
            f"share of cycling cells that resist {drug}",
            scale=0.01,
        ),
        Modulation(
            "cycling_killing",
            laws.reading(lambda killing, r: killing * (1 - r), f"{drug}_killing", resistant),
            "sensitive cycling cells die; persisters do not",
        ),
        Modulation(
            "persister_switch",
            laws.reading(
                lambda rate, effect, r: rate * effect * (1 - r), f"{drug}_tolerance", f"{drug}_effect", resistant
            ),
            "sensitive cells that stop cycling under the drug",
        ),
        Modulation(
            "tumour_growth",
            laws.reading(lambda cost, r: 1 - cost * r, f"{drug}_resistance_cost", resistant),
            "resistant cells grow more slowly",
        ),
        Process(
            f"{drug}_selects",
            laws.reading(lambda killing, r: killing * r * (1 - r), f"{drug}_killing", resistant),
            produces=resistant,
            meaning="sensitive cells die, resistant ones are left",
        ),
        Process(
            f"{drug}_resistance_outgrown",
            laws.reading(
                lambda cost, growth, r: cost * growth / (1 - cost * r) * r * (1 - r),
                f"{drug}_resistance_cost",
                "growth",
                resistant,
            ),
            consumes=resistant,
            meaning="sensitive cells outgrow resistant ones; by the growth of a tumour without these",
        ),
        Quantity(
            f"{drug}_coming_back", _coming_back, "1/day", "persisters that return to the cycle, for each cycling cell"
        ),
        Process(
            f"{drug}_resistance_acquired",
            laws.reading(
                lambda back, expanding, effect, r: back * expanding * effect * (1 - r),
                f"{drug}_coming_back",
                f"{drug}_expanding",
                f"{drug}_effect",
                resistant,
            ),
            produces=resistant,
            meaning="persisters that return under the drug and resist it",
        ),
        Process(
            f"{drug}_resistance_diluted",
            laws.reading(
                lambda back, expanding, effect, r: back * (1 - expanding * effect) * r,
                f"{drug}_coming_back",
                f"{drug}_expanding",
                f"{drug}_effect",
                resistant,
            ),
            consumes=resistant,
            meaning="persisters that return sensitive",
        ),
    ]


def _parameters(how: Escape) -> list:
    drug = how.drug
    return [
        Parameter(
            f"{drug}_resistant_share",
            how.resistant[0],
            "dimensionless",
            how.resistant[1],
            LogNormal(2.0),
            upper=0.5,
            meaning=f"share of cycling cells that resist {drug} before treatment",
        ),
        Parameter(
            f"{drug}_tolerance",
            how.tolerance[0],
            "1/day",
            how.tolerance[1],
            LogNormal(0.8),
            meaning="sensitive cycling cells that become persisters under the full effect",
        ),
        Parameter(
            f"{drug}_expanding",
            how.expanding[0],
            "dimensionless",
            how.expanding[1],
            meaning=f"share of persisters returning under {drug} that resist it",
        ),
        Parameter(
            f"{drug}_resistance_cost",
            how.cost[0],
            "dimensionless",
            how.cost[1],
            meaning=f"by how much more slowly cells that resist {drug} grow, as a share of growth without any loss",
        ),
    ]


def _coming_back(persister_return_rate, persister_return, persisters, clone_antigen, clone_escaped, few_cells):
    return persister_return_rate * persister_return * persisters / (clone_antigen + clone_escaped + few_cells)
