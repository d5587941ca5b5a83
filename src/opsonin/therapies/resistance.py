"""How a tumour escapes a targeted drug: persisters that do not cycle, and cells that resist.

Resistant and sensitive cells differ only in the drug's killing, so that the share r of cycling cells that resist
follows dr/dt = killing · r · (1 − r), and the cycling cells as a whole die at killing · (1 − r): two subclones in one
number, exactly. Persisters that return under the drug add to it, those that return sensitive dilute it.
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
    expanding: share of persisters returning under the drug that resist it.   Each with its source.
    """

    drug: str
    resistant: tuple[float, str]
    tolerance: tuple[float, str]
    expanding: tuple[float, str]


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
        Process(
            f"{drug}_selects",
            laws.reading(lambda killing, r: killing * r * (1 - r), f"{drug}_killing", resistant),
            produces=resistant,
            meaning="sensitive cells die, resistant ones are left",
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
    ]


def _coming_back(persister_return_rate, persister_return, persisters, clone_antigen, clone_escaped, few_cells):
    return persister_return_rate * persister_return * persisters / (clone_antigen + clone_escaped + few_cells)
