"""Three drugs for the benchmarks' models, eleven states: see `models.py`."""

from opsonin.model import (
    Administration,
    Assay,
    LogNormal,
    Modulation,
    Module,
    Observable,
    Parameter,
    Process,
    Quantity,
    Species,
    laws,
)

SOURCE = "assumed: a benchmark; of the right order, from no publication"


def number(name: str, value: float, unit: str, spread: float = 0.0) -> Parameter:
    """A parameter; spread: coefficient of variation between patients."""
    return Parameter(name, value, unit, SOURCE, LogNormal(spread) if spread else None)


def antibody() -> Module:
    """Two compartments, and a target in blood that binds within minutes: four states, the stiff part."""
    return Module(
        "antibody",
        [
            number("ab_molar_mass", 146.0, "kg/mol"),
            number("ab_volume", 3.3, "l", 0.15),
            number("ab_volume_outside", 2.7, "l"),
            number("ab_clearance", 0.22, "l/day", 0.3),
            number("ab_exchange", 0.8, "l/day"),
            number("target_total", 1.5, "nM", 0.3),
            number("target_turnover", 1.2, "1/day"),
            number("ab_on", 6.0, "1/nM/day"),
            number("ab_off", 4.0, "1/day"),
            number("complex_loss", 0.6, "1/day"),
            Species("ab_plasma", "nM", scale=100.0),
            Species("ab_tissue", "nM", scale=100.0),
            Species("target", "nM", lambda target_total: target_total),
            Species("target_bound", "nM", scale=1.0),
            Quantity(
                "pd1_occupancy", lambda target, target_bound: target_bound / (target + target_bound), "dimensionless"
            ),
            Process("ab_elimination", lambda ab_clearance, ab_volume, ab_plasma: ab_clearance / ab_volume * ab_plasma,
                    "ab_plasma"),
            Process("ab_out", lambda ab_exchange, ab_plasma: ab_exchange * ab_plasma,
                    {"ab_plasma": lambda ab_volume: 1 / ab_volume},
                    {"ab_tissue": lambda ab_volume_outside: 1 / ab_volume_outside}),
            Process("ab_back", lambda ab_exchange, ab_tissue: ab_exchange * ab_tissue,
                    {"ab_tissue": lambda ab_volume_outside: 1 / ab_volume_outside},
                    {"ab_plasma": lambda ab_volume: 1 / ab_volume}),
            Process("target_synthesis", lambda target_turnover, target_total: target_turnover * target_total,
                    produces="target"),
            Process("target_loss", lambda target_turnover, target: target_turnover * target, "target"),
            Process("binding", lambda ab_on, ab_plasma, target: ab_on * ab_plasma * target,
                    ["ab_plasma", "target"], "target_bound"),
            Process("release", lambda ab_off, target_bound: ab_off * target_bound,
                    "target_bound", ["ab_plasma", "target"]),
            Process("complex_removal", lambda complex_loss, target_bound: complex_loss * target_bound, "target_bound"),
            Observable("antibody", "concentrations",
                       lambda ab_plasma, target_bound, ab_molar_mass: (ab_plasma + target_bound) * ab_molar_mass,
                       "µg/ml", Assay(cv=0.1, lower_limit=0.1)),
            Administration("antibody", "intravenous infusion", "ab_plasma",
                           unit_factor=lambda ab_molar_mass, ab_volume: 1 / (ab_molar_mass * ab_volume)),
        ],
    )  # fmt: skip


def interleukin_2() -> Module:
    """Depot, blood and tissue, cleared in part by the cells it makes grow: three states."""
    return Module(
        "interleukin-2",
        [
            number("il2_absorption", 3.0, "1/day", 0.3),
            number("il2_share", 0.6, "dimensionless"),
            number("il2_clearance", 6.0, "l/h", 0.3),
            number("il2_volume", 9.0, "l", 0.2),
            number("il2_exchange", 2.0, "l/h"),
            number("il2_volume_outside", 7.0, "l"),
            number("il2_by_cells", 0.4, "dimensionless"),
            number("il2_half", 30.0, "IU/ml", 0.3),
            Species("il2_depot", "MIU", scale=1.0),
            Species("il2_blood", "MIU", scale=0.1),
            Species("il2_tissue", "MIU", scale=0.1),
            Quantity("il2_level", lambda il2_blood, il2_volume: il2_blood / il2_volume, "IU/ml"),
            Quantity("il2_drive", lambda il2_level, il2_half: laws.hill(il2_level, il2_half), "dimensionless"),
            Process("il2_uptake", lambda il2_absorption, il2_depot: il2_absorption * il2_depot,
                    "il2_depot", "il2_blood"),
            Process("il2_elimination",
                    lambda il2_clearance, il2_by_cells, il2_level, treg, treg_normal:
                    il2_clearance * (1 + il2_by_cells * treg / treg_normal) * il2_level, "il2_blood"),
            Process("il2_out", lambda il2_exchange, il2_level: il2_exchange * il2_level, "il2_blood", "il2_tissue"),
            Process("il2_back", lambda il2_exchange, il2_tissue, il2_volume_outside:
                    il2_exchange * il2_tissue / il2_volume_outside, "il2_tissue", "il2_blood"),
            Modulation("t_cell_growth", lambda il2_drive: 1 + 4 * il2_drive),
            Observable("interleukin-2", "concentrations", lambda il2_level: il2_level, "IU/ml", Assay(cv=0.15)),
            Administration("interleukin-2", "subcutaneous", "il2_depot", fraction=lambda il2_share: il2_share),
        ],
    )  # fmt: skip


def inhibitor() -> Module:
    """Gut, blood, tissue and a metabolite; its clearance follows CYP3A: four states."""
    return Module(
        "kinase inhibitor",
        [
            number("ki_absorption", 0.6, "1/h", 0.4),
            number("ki_clearance", 14.0, "l/h", 0.36),
            number("ki_volume", 180.0, "l", 0.3),
            number("ki_volume_outside", 120.0, "l"),
            number("ki_exchange", 20.0, "l/h"),
            number("ki_metabolised", 0.25, "dimensionless"),
            number("metabolite_loss", 0.05, "1/h", 0.3),
            number("ki_half", 1.2, "mg/l", 0.4),
            Species("ki_gut", "mg"),
            Species("ki_blood", "mg"),
            Species("ki_tissue", "mg"),
            Species("metabolite", "mg"),
            Quantity("ki_level", lambda ki_blood, ki_volume: ki_blood / ki_volume, "mg/l"),
            Quantity("metabolite_level", lambda metabolite, ki_volume: metabolite / ki_volume, "mg/l"),
            Quantity("ki_effect", lambda ki_level, metabolite_level, ki_half:
                     laws.hill(ki_level + metabolite_level, ki_half), "dimensionless"),
            Process("ki_uptake", lambda ki_absorption, ki_gut: ki_absorption * ki_gut, "ki_gut", "ki_blood"),
            Process("ki_elimination", lambda ki_clearance, ki_level, cyp3a: ki_clearance * ki_level * cyp3a,
                    "ki_blood", {"metabolite": lambda ki_metabolised: ki_metabolised}),
            Process("ki_out", lambda ki_exchange, ki_level: ki_exchange * ki_level, "ki_blood", "ki_tissue"),
            Process("ki_back", lambda ki_exchange, ki_tissue, ki_volume_outside:
                    ki_exchange * ki_tissue / ki_volume_outside, "ki_tissue", "ki_blood"),
            Process("metabolite_elimination", lambda metabolite_loss, metabolite: metabolite_loss * metabolite,
                    "metabolite"),
            Observable("inhibitor", "concentrations", lambda ki_level: ki_level, "ng/ml", Assay(cv=0.15)),
            Administration("inhibitor", "oral", "ki_gut", fraction=0.98),
        ],
    )  # fmt: skip
