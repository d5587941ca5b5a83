"""Mice: the core of patients with numbers of their own, each with where it comes from.

What counts cells or volumes of a whole body is a patient's times the ratio of weights; what a cell does in a day is
taken to be the same in both. Drug kinetics are scaled to what is published of mice. Nobody here has an age in years, a
performance status or lesions that RECIST would measure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from opsonin.model import LogitNormal, LogNormal, Spread
from opsonin.patients import people
from opsonin.patients.indication import Indication, Variable

ALLOUCH = "Allouch 2022, Nat Commun 13:6739"
BORG = "Borg 2004, J Clin Invest 114:379"
HOSTEN = "Hosten 2010, Anti-Cancer Drugs 21:193"
BALACHANDRAN = "Balachandran 2011, Nat Med 17:1094"
LARMONIER = "Larmonier 2008, J Immunol 181:6955"
CHANG = "Chang 1984, J Biol Response Mod 3:561"
BERTALANFFY = "Bertalanffy 1964, J Natl Cancer Inst 32:535 (B16: a third of new cells a day, doubling in 2.8 days)"
WEIGHT = 0.022  # kg
BODY = WEIGHT / 70.0  # of a patient's
_SCALED = "a patient's times the ratio of weights, 22 g to 70 kg"
_BLOOD_L = 0.0017
_SETTLE = 7.0
_WHERE = "assumed: a tenth of the infused monocytes settles where the leukaemia lies, in marrow and spleen"
_NK_HALF = 300.0
_NK_COUNT = (
    "assumed: about the activated count of the blood after a course of IL-2, as in patients; in mice that is more"
)


class Of(NamedTuple):
    """A value that is another in mice, and where it comes from."""

    value: float
    source: str


def t_all() -> Indication:
    """Human T-cell acute lymphoblastic leukaemia in mice without T, B and NK cells."""
    return _mouse(
        "t-all-mouse",
        "Human T-cell acute lymphoblastic leukaemia in immunodeficient mice",
        f"{ALLOUCH} (abstract); numbers of the model as named",
        _volume(0.001, 0.3, "assumed: a million leukaemia cells in the whole mouse when treatment starts"),
        {**_without_lymphocytes(), **_leukaemia()},
        spreads={"net_growth_rate": LogNormal(0.15), **dict.fromkeys(_BLOOD_CELLS)},
        limits={"net_growth_rate": (0.05, 0.6), **dict.fromkeys(_BLOOD_CELLS, (0.001, 10.0))},
    )


def b16() -> Indication:
    """B16F10 melanoma under the skin of C57BL/6 mice, on which imatinib itself does nothing."""
    return _mouse(
        "b16-mouse",
        "B16F10 melanoma under the skin of mice",
        f"{BERTALANFFY}; {BORG}",
        _volume(0.02, 0.25, "assumed: 20 mm³, which can be felt, a week after inoculation"),
        {**_immunity(), **_b16()},
        spreads={"net_growth_rate": LogNormal(0.15), "imatinib_sensitivity": None, "access": LogitNormal(0.5)},
        limits={"net_growth_rate": (0.05, 0.6), **_LIMITS},
    )


def gist() -> Indication:
    """Gastrointestinal stromal tumours of mice with a mutated Kit."""
    return _mouse(
        "gist-mouse",
        "Gastrointestinal stromal tumour of mice with mutated Kit",
        f"{BALACHANDRAN}; Sommer 2003, Proc Natl Acad Sci 100:6706",
        _volume(0.3, 0.3, "assumed: 300 mm³, of the caecum, known by imaging"),
        {**_immunity(), **_gist()},
        spreads={"net_growth_rate": LogNormal(0.2), "imatinib_sensitivity": LogitNormal(0.3)},
        limits={"net_growth_rate": (0.005, 0.3), **_LIMITS},
    )


_BLOOD_CELLS = ("b_baseline", "cd4_baseline", "cd8_baseline", "nk_baseline")
_LIMITS = {
    "b_baseline": (500.0, 9000.0),
    "cd4_baseline": (200.0, 4000.0),
    "cd8_baseline": (100.0, 3000.0),
    "nk_baseline": (50.0, 1500.0),
    "monocyte_baseline": (50.0, 900.0),
}


def _mouse(
    name: str,
    title: str,
    source: str,
    volume: Variable,
    own: Mapping[str, Of],
    *,
    spreads: Mapping[str, Spread | None],
    limits: Mapping[str, tuple[float, float]],
) -> Indication:
    numbers = {**_body(), **_end(), **_drugs(), **own}
    return Indication(
        name,
        title=title,
        source=source,
        variables=(
            Variable(
                "weight_kg", "kg", lambda z: WEIGHT * np.exp(0.08 * z), "assumed: 22 g, CV 8 %", 0.015, 0.035, "weight"
            ),
            volume,
        ),
        derive=_derive,
        units={**people.UNITS, "ecog": "dimensionless", "albumin_g_per_l": "g/l", "aag_g_per_l": "g/l"},
        values={name: one.value for name, one in numbers.items()},
        sources={name: one.source for name, one in numbers.items()},
        spreads={"frailty": LogNormal(0.1), "stroma_share": None, **spreads},
        limits=limits,
        columns=("weight_kg", "volume_mm3"),
        core="mouse",
        species="mouse",
    )


def _volume(median_ml: float, log_spread: float, source: str) -> Variable:
    return Variable(
        "volume_mm3",
        "mm**3",
        lambda z: 1000 * median_ml * np.exp(log_spread * z),
        source,
        300 * median_ml,
        3000 * median_ml,
        "volume of the tumour, or of all leukaemia cells together",
    )


def _derive(drawn: dict[str, np.ndarray], share: np.ndarray) -> dict[str, np.ndarray]:
    """One sphere of the volume drawn; body surface; covariates of patients, at which their factors are 1."""
    none = np.zeros_like(drawn["weight_kg"])
    return {
        # Meeh's formula with the usual factor of mice, 9.8 (assumed): 77 cm² at 22 g
        "bsa_m2": 9.8e-4 * (1000 * drawn["weight_kg"]) ** (2 / 3),
        "lesion_1": (6 * drawn["volume_mm3"] / np.pi) ** (1 / 3),
        **{f"lesion_{k}": none for k in range(2, 6)},
        "ecog": none,
        "albumin_g_per_l": none + 38.0,
        "aag_g_per_l": none + 1.13,
    }


def _body() -> dict[str, Of]:
    """What counts cells or volumes of a whole body, and how fast a small tumour's bed follows it."""
    patient = {
        "helper_precursors": 0.1,
        "helper_half": 60.0,
        "antigen_half": 200.0,
        "entry_volume": 30.0,
        "exhausting_cells": 100.0,
        "p21_crs_cells": 200.0,
    }
    fast = "assumed: what follows a tumour within weeks in a patient follows one that doubles in days within days"
    return {
        **{name: Of(BODY * value, f"assumed: {_SCALED}") for name, value in patient.items()},
        "precursors_per_mutation": Of(BODY * 0.028, f"assumed: {_SCALED}"),
        "monocyte_baseline": Of(230.0, "Silva-Santana 2020, Animal Model Exp Med 3:304 (C57BL/6 males: 230 per µl)"),
        "p21_blood_volume": Of(_BLOOD_L, "assumed: 77 ml/kg, the usual figure of mice"),
        "monocyte_product_blood_volume": Of(_BLOOD_L, "assumed: 77 ml/kg, the usual figure of mice"),
        "untargeted_share": Of(0.0, "assumed: all tumour is measured"),
        "smallest_site": Of(0.0005, "assumed: half a cubic millimetre"),
        "slowing_volume": Of(
            4.0, "assumed: tumours of mice slow down near the humane end point; 4 ml grow half as fast"
        ),
        "vessel_turnover": Of(0.5, fast),
        "stroma_turnover": Of(0.1, fast),
        "dead_clearance": Of(0.5, fast),
        "stroma_share": Of(0.05, "assumed: transplanted tumours have little stroma"),
        "disease_age": Of(10.0, "assumed: days between inoculation and treatment"),
        "persister_share": Of(1e-6, "assumed: none; no drug of these experiments meets persisters"),
    }


def _end() -> dict[str, Of]:
    """Mice die of the tumour's volume, or are put down at it."""
    none = "assumed: {}"
    return {
        "death_rate": Of(0.0005, none.format("without a tumour hardly any mouse dies within the experiment")),
        "burden_half": Of(1e6, none.format("the humane end point tells of the volume instead")),
        "drop_out_rate": Of(0.0, none.format("no mouse leaves")),
        "new_lesion_rate": Of(0.0, none.format("not looked for")),
    }


def _drugs() -> dict[str, Of]:
    """Kinetics where weight and body surface do not scale them as published of mice."""
    return {
        "imatinib_cl": Of(
            4.5,
            "calibrated to: trough above 1 µmol/l with IL-2 at 150 mg/kg a day, "
            f"{HOSTEN}; the powers of weight are patients'",
        ),
        "cgp74588_cl_weight": Of(0.56, "assumed: as that of imatinib; a patient's power would go astray so far down"),
        "cgp74588_v": Of(32.2 * BODY, f"assumed: {_SCALED}"),
        "il2_half_life": Of(1.6, f"{CHANG}: half-life in serum after an injection into a vein, minutes"),
        "il2_cl": Of(0.4, f"calibrated to: that half-life in a plasma volume of 0.9 ml, {CHANG}"),
        "il2_site_rate": Of(
            1.2, f"calibrated to: 10 units/ml and more for 3 to 5 hours after an injection under the skin, {CHANG}"
        ),
        "il2_site_capacity": Of(1000.0, "assumed: nothing is saturated; no series of doses in mice was found"),
        "il2_margination_level": Of(
            200.0, "assumed: levels of mice are twenty times a patient's at the usual doses, and counts halve there"
        ),
        "cyclophosphamide_cl": Of(0.044, "assumed: a half-life of a quarter of an hour in mice"),
        "cyclophosphamide_v": Of(1.7, "assumed: 0.7 l/kg, at the body surface of a mouse"),
        "imatinib_nk_activation": Of(
            0.04,
            f"calibrated to: NK-dependent effect in mice on tumours that imatinib itself does not touch, {BORG}, "
            "for the direction",
        ),
        "imatinib_nk_priming": Of(
            1.0,
            "assumed: three times a patient's, as imatinib with IL-2 works through NK1.1+ cells in mice (Mignot 2008, "
            "J Immunol 180:6477, for the direction)",
        ),
        "imatinib_treg_loss": Of(
            0.12, f"assumed: fewer regulatory T cells under imatinib, {LARMONIER}; {BALACHANDRAN}, for the direction"
        ),
    }


def _without_lymphocytes() -> dict[str, Of]:
    none = "assumed: mice of this strain have none; a thousandth of a patient's, as a number is needed"
    return {
        **{name: Of(0.3, none) for name in _BLOOD_CELLS},
        "precursors_per_mutation": Of(1e-12, "assumed: no T cells"),
        "helper_precursors": Of(1e-12, "assumed: no T cells"),
        "nk_kill_rate": Of(1e-9, "assumed: no NK cells"),
    }


def _leukaemia() -> dict[str, Of]:
    return {
        "net_growth_rate": Of(0.20, "assumed: doubling in three and a half days, so that mice live for a month"),
        "cell_density": Of(1000.0, "assumed: leukaemia cells packed as in marrow"),
        "end_point_volume": Of(
            1.0,
            "assumed: 1000 million leukaemia cells, twenty of a hundred cells of a mouse's "
            "marrow, spleen and blood together",
        ),
        "smallest_site": Of(0.01, "assumed: the niches of marrow and spleen in which the first leukaemia cells lie"),
        "p21_homing": Of(_SETTLE, _WHERE),
        "monocyte_product_homing": Of(_SETTLE, _WHERE),
        "escape_share": Of(0.01, "assumed: without T cells it does not matter"),
    }


def _immunity() -> dict[str, Of]:
    """Blood of C57BL/6 mice, and killing by their NK cells."""
    white = "assumed: in proportion, of 5,000 to 8,000 lymphocytes per µl (2020, Comp Med 70:336: C57BL/6)"
    return {
        "b_baseline": Of(3000.0, white),
        "cd4_baseline": Of(1000.0, white),
        "cd8_baseline": Of(700.0, white),
        "nk_baseline": Of(250.0, white),
        "treg_baseline_share": Of(0.1, white),
        "mutational_burden": Of(5.0, "assumed: seen a little by T cells, as mice do not reject it"),
    }


def _b16() -> dict[str, Of]:
    return {
        "net_growth_rate": Of(
            0.30,
            f"assumed: between {BERTALANFFY} and 0.36 a day, the median of untreated mice of published caliper series",
        ),
        "nk_kill_half": Of(_NK_HALF, _NK_COUNT),
        "nk_kill_rate": Of(
            0.35, "calibrated to: IL-2 with imatinib slows B16F10, Geisler 2014, Oncol Rep 31:2015, for the direction"
        ),
        "access": Of(0.2, "assumed: a cold tumour"),
        "imatinib_sensitivity": Of(1e-9, f"{BORG}: tumours that imatinib does not touch in vitro"),
        "escape_share": Of(0.3, "assumed: little MHC class I"),
    }


def _gist() -> dict[str, Of]:
    return {
        "net_growth_rate": Of(0.03, "assumed: tumours of these mice grow over months"),
        "imatinib_sensitivity": Of(0.9, f"{BALACHANDRAN}; Rossi 2006, Proc Natl Acad Sci 103:12843; share assumed"),
        "imatinib_kill_rate": Of(0.12, "assumed: shrinks tumours within two weeks"),
        "nk_kill_half": Of(_NK_HALF, _NK_COUNT),
        "nk_kill_rate": Of(0.035, "assumed: as much of growth as in B16F10"),
    }
