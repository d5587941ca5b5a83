"""Lesions at several sites of one patient, each with its own cancer cells and immune cells.

The full core's tumour is one site. Here what lies in the tumour is repeated: every site has its clones, T cells,
macrophages and brakes; blood, lymph node and liver are the patient's. Effectors of one blood are shared out among the
sites, dead cells of all of them feed one node. So one lesion may shrink while another grows, and the sum of diameters,
new lesions and death follow from all. Sites that are alike make together what one site makes.

How a law of the body reads several sites is said in the tables below; a quantity that is in neither is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from opsonin.biology.baseline_rounds import ROUNDS
from opsonin.biology.lesions import LESIONS
from opsonin.biology.site_shares import for_one_site, reads, renamed, shares
from opsonin.errors import ModelError
from opsonin.model import Derived, Model, Module, Observable, Parameter, Process, Quantity, Species, laws

MOST_SITES = 3
# modules that hold both what lies in the tumour and what does not
MIXED = (
    "cancer cells",
    "dormant cells",
    "presentation",
    "CD8 T cells",
    "checkpoints",
    "myeloid cells",
    "regulatory and natural killer cells of the tumour",
    "baseline",
)
# of these modules: what is the patient's, in blood and lymph node
OF_THE_BODY = frozenset(
    {"dendritic", "helper_cells", "cd8_node", "cd8_memory", "cd8_blood", "monocytes"}
    | {"antigen_supply", "starved", "baseline_antigen", "baseline_dendritic", "baseline_presented"}
    | {"baseline_helper", "baseline_primed", "baseline_cd8_node", "baseline_cd8_memory", "baseline_cd8_blood"}
    | {f"{what}_{number}" for what in ("presented", "helper", "primed") for number in range(1, ROUNDS + 1)}
)
# drawn for each site: what lets immunity in and holds it down there, what escapes it, and growth
DIFFERENT = (
    "access",
    "escape_share",
    "macrophage_supply",
    "mdsc_level",
    "net_growth_rate",
    "pdl1_own",
    "treg_level",
)
# how a law of the body reads the sites: their sum, or their mean weighted by the volume at baseline
SUMS = frozenset(
    {"tumour_cells", "dead_cells", "phagocytosed", "clone_antigen", "clone_escaped", "persisters", "site_volume"}
    | {"baseline_cells", "baseline_volume", "baseline_suppressive", "baseline_entry"}
    | {f"entry_{number}" for number in range(1, ROUNDS + 1)}
)
MEANS = frozenset(
    {"tumour_volume", "cellular_volume", "suppressive_density", "baseline_supply", "baseline_interferon"}
    | {f"interferon_{number}" for number in range(1, ROUNDS)}
)
BIOPSIED = frozenset({"baseline_pdl1"})  # of the first site


def sites_core(modules: Sequence[Module], sites: int) -> list[Module]:
    """The full core's modules for so many sites. One site is the core itself.

    The sites are called "site 1" to "site 3": states such as `clone_antigen_at_site_2`. Target lesions are dealt out
    among them in turn; lesions that are not measured lie in equal shares at all. Parameters of the first site keep
    their names; those in DIFFERENT have the site's at the others (`access_at_site_2`).
    Raises: ModelError for a number of sites outside 1 to 3, and where a law of the body reads what no table names.
    """
    if not 1 <= sites <= MOST_SITES:
        raise ModelError(f"a patient has 1 to {MOST_SITES} sites with immune systems of their own, not {sites}.")
    if sites == 1:
        return list(modules)
    split = _Split.of(modules)
    names = [f"site {k}" for k in range(1, sites + 1)]
    repeated = [module for k, site in enumerate(names) for module in _site(split, site, k, sites)]
    body = [_reading_sites(module, split, names) for module in split.body]
    return [*body, *repeated, _whole(split, body, names)]


def site_names(modules: Sequence[Module]) -> frozenset[str]:
    """Names of states and quantities that each site has of its own: a drug that reads them acts in the tumour."""
    return frozenset(_Split.of(modules).own)


@dataclass(frozen=True)
class _Split:
    """body: modules without what lies in the tumour.   site: modules of what does.   own: names of the latter."""

    body: tuple[Module, ...]
    site: tuple[Module, ...]
    own: Mapping[str, Any]

    @staticmethod
    def of(modules: Sequence[Module]) -> _Split:
        if not any(module.name == MIXED[0] for module in modules):
            raise ModelError("several sites need the full core, with the immune cells of the tumour.")
        mixed = [module for module in modules if module.name in MIXED]
        own = _of_the_site(mixed)
        body, site = [], []
        for module in modules:
            there = [p for p in module.parts if module.name in MIXED and _lies_there(p, own)]
            rest = [part for part in module.parts if not any(part is other for other in there)]
            body += [replace(module, parts=rest)] if rest else []
            site += [replace(module, parts=there)] if there else []
        return _Split(tuple(body), tuple(site), own)


def _of_the_site(modules: Iterable[Module]) -> dict[str, Any]:
    """Every state of the tumour, what differs between sites, and all that follows from these."""
    parts = [part for module in modules for part in module.parts]
    symbols = {p.name: p for p in parts if isinstance(p, Species | Quantity) and p.name not in OF_THE_BODY}
    own: dict[str, Any] = {name: part for name, part in symbols.items() if isinstance(part, Species)}
    own |= {p.name: p for p in parts if isinstance(p, Parameter) and p.name in DIFFERENT}
    own["baseline_volume"] = symbols["baseline_volume"]
    while more := {
        name: part for name, part in symbols.items() if name not in own and any(read in own for read in reads(part))
    }:
        own |= more
    return own


def _lies_there(part: Any, own: Mapping[str, Any]) -> bool:
    if isinstance(part, Process):
        return any(name in own for name, _, _ in part.stoichiometry)
    return isinstance(part, Species | Quantity | Parameter) and part.name in own


def _site(split: _Split, site: str, k: int, sites: int) -> list[Module]:
    """The modules of one site. k: from 0; the first keeps the plain names of its parameters."""
    every = shares()
    parts = {
        module.name: [for_one_site(part, every) for part in module.parts if k or not isinstance(part, Parameter)]
        for module in split.site
    }
    added = [one.kind(one.name, laws.reading(one.law, *one.reads), one.unit, one.meaning) for one in every]
    made = [replace(module, parts=parts[module.name]) for module in split.site]
    made.append(Module("site", [_volume(k, sites), *added], title="A site among several"))
    kept = [replace(module, parts=[p for p in module.parts if p.name != "baseline_volume"]) for module in made[:-1]]
    together = Model([*kept, made[-1]]).at(site)
    drawn = [part for module in split.site for part in module.parts if isinstance(part, Parameter)]
    return [*([] if k else [Module("site parameters", drawn)]), *together.modules]


def _volume(k: int, sites: int) -> Derived:
    """Every so-manieth target lesion, and an equal share of what is not measured."""
    lesions = [f"lesion_{number}" for number in range(1, LESIONS + 1)]
    return Derived(
        "baseline_volume",
        laws.reading(
            lambda more, *diameters: (
                0.5235987755982988
                * (sum(d**3 for d in diameters[k::sites]) + more / sites * sum(d**3 for d in diameters))
            ),
            "untargeted_share",
            *lesions,
        ),
        "ml",
        "volume of the lesions of the site at baseline, as spheres",
    )


def _reading_sites(module: Module, split: _Split, sites: Sequence[str]) -> Module:
    """The module of the body; what is seen of the tumour itself is seen at the site that was biopsied or measured."""
    return replace(module, parts=[_seen(part, split.own, sites) for part in module.parts])


def _seen(part: Any, own: Mapping[str, Any], sites: Sequence[str]) -> Any:
    if not isinstance(part, Observable):
        return part
    if part.table == "lesions":
        site = sites[(int(part.name.rpartition(" ")[2]) - 1) % len(sites)]
    elif part.compartment == "tumour":
        site = sites[0]
    else:
        return part
    names = {name: _at(name, site) for name in reads(part) if name in own and not isinstance(own[name], Parameter)}
    return renamed(part, names) if names else part


def _whole(split: _Split, body: Iterable[Module], sites: Sequence[str]) -> Module:
    """What the body reads of all sites, by the plain names."""
    parts = [part for module in body for part in module.parts]
    read = {name for part in parts for name in reads(part) if name in split.own}
    read |= BIOPSIED
    read -= {name for name, part in split.own.items() if isinstance(part, Parameter)}
    aliases = {"whole_site_volume": "site_volume", "whole_baseline_volume": "baseline_volume"}
    aliases |= {f"whole_entry_{number}": f"entry_{number}" for number in range(1, ROUNDS + 1)}
    return Module(
        "all sites",
        [_one(name, name, split.own, sites) for name in sorted(read)]
        + [_one(alias, name, split.own, sites) for alias, name in aliases.items()],
        title="All sites together",
    )


def _one(alias: str, name: str, own: Mapping[str, Any], sites: Sequence[str]) -> Quantity:
    """One number for the body out of the sites'."""
    part = own[name]
    kind = Derived if isinstance(part, Derived) else Quantity
    each = [_at(name, site) for site in sites]
    if name in BIOPSIED:
        return kind(alias, laws.reading(lambda here: here, each[0]), part.unit, f"{part.meaning}, of the first site")
    if name in SUMS:
        return kind(alias, laws.reading(lambda *here: sum(here), *each), part.unit, f"{part.meaning}, of all sites")
    if name in MEANS:
        weights = [_at("baseline_volume", site) for site in sites]
        return kind(
            alias,
            laws.reading(_weighted, *each, *weights),
            part.unit,
            f"{part.meaning}, mean of the sites by their volume at baseline",
        )
    raise ModelError(
        f"a law of the body reads {name!r}, which each site has of its own; say in biology/sites.py whether the sites' "
        "sum or their mean is meant."
    )


def _weighted(*both: Any) -> Any:
    half = len(both) // 2
    values, weights = both[:half], both[half:]
    return sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)


def _at(name: str, site: str) -> str:
    return f"{name}_at_{site.replace(' ', '_')}"
