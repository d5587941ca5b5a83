"""Refractory solid tumours of several kinds on the full core: whom phase I trials enrol, tumour by tumour.

Each patient has a tumour of one kind, in the shares of a published cohort of mixed tumours; what differs between kinds
is what their own indications, or measurements, say of burden, escape, access, stroma, vessels and immune cells. What a
trial for refractory disease selects for, growth and frailty, is one distribution for all of them. The first core's
`refractory-solid` is another, smaller model of the same people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from opsonin.model import LogNormal
from opsonin.patients import people
from opsonin.patients.advanced import LORIS, Burden, advanced, escape_share, log_normal
from opsonin.patients.indication import Indication, Kind, indication
from opsonin.patients.refractory_solid import ARKENAU, refractory_solid

_INSPIRE = (
    "Bratman 2020, Nat Cancer 1:873 (INSPIRE, patients with ctDNA by cohort: 18 head and neck, 18 triple-negative "
    "breast, 18 ovarian, 12 melanoma, 30 others)"
)
# what one kind of tumour has of its own; growth, death and sensitivity to drugs are the refractory patients'
_MECHANISMS = (
    "access",
    "stroma_share",
    "entry_volume",
    "macrophage_supply",
    "mdsc_level",
    "treg_level",
    "pdl1_own",
    "precursors_per_mutation",
)


def refractory_mixed() -> Indication:
    """The population of the first trial of imatinib with interleukin-2, with the immune cells of their tumours."""
    first = {variable.name: variable for variable in refractory_solid().variables}
    made = advanced(
        "refractory-solid-full",
        title="Refractory solid tumours of several kinds, performance status 0 to 2",
        source=f"{ARKENAU}; kinds of tumour: {_INSPIRE}",
        age=first["age_years"],
        male=first["male"],
        ecog=first["ecog"],
        size=first["sum_of_diameters_mm"],
        body=people.body(),
        burden=Burden(4.2, 1.3, 0.17, f"{LORIS}, the kinds together"),
        values={
            # calibrated to: stable disease in 8 of 17 (Pautier 2013, OncoImmunology 2:e23079); faster than most
            # indications' own, as these tumours have progressed under every treatment
            "net_growth_rate": 0.0115,
            "death_rate": 0.00064,  # calibrated to: median overall survival of 43 weeks, ARKENAU
            "burden_half": 3.0,  # assumed: as of the first trial's patients, who die of more than the lesions measured
        },
        spreads={"net_growth_rate": LogNormal(0.6)},
    )
    return replace(made, kinds=_kinds())


def _kinds() -> tuple[Kind, ...]:
    return (
        _kind("head and neck", 18, "head-and-neck", Burden(5.3, 0.95, 0.25)),
        _kind("triple-negative breast", 18, "tnbc", Burden(3.5, 0.84, 0.12)),
        # assumed: an ovarian carcinoma lets T cells in as a triple-negative breast cancer does
        _kind("ovary", 18, "tnbc", Burden(2.6, 1.24, 0.29)),
        _kind("melanoma", 12, "melanoma", Burden(12.8, 1.46, 0.07)),
        # 30 others of INSPIRE: a third each sarcomas, carcinomas of the gut and pancreas, and of other organs (assumed)
        _kind("sarcoma", 10, "gist", Burden(1.8, 1.0, 0.15)),
        _kind("digestive", 10, "pancreas", Burden(4.0, 0.9, 0.2)),
        _kind("other carcinoma", 10, "nsclc", Burden(6.9, 1.0, 0.2)),
    )


def _kind(name: str, share: float, like: str, burden: Burden) -> Kind:
    """like: the indication whose mechanisms this kind has."""
    own: Mapping[str, float | int] = indication(like).values
    return Kind(
        name,
        share,
        values={
            "mutational_burden": burden.median,
            "escape_share": escape_share(burden.hla_loss),
            **{parameter: own[parameter] for parameter in _MECHANISMS if parameter in own},
        },
        spreads={"mutational_burden": log_normal(burden.log_spread)},
    )
