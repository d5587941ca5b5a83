"""The kinetics that antibodies against checkpoints share: two compartments, covariates, and what reaches the tumour.

An antibody is described by an `Antibody` value; `kinetics` makes its parameters, states and observable of it. Names
begin with the drug's: `nivolumab_cl`, `nivolumab_concentration`. In the tumour and in lymph nodes the free
concentration is a share of that in blood, in step with it, since it follows within days and doses are weeks apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from opsonin.model import (
    Administration,
    Assay,
    Covariate,
    Derived,
    LogNormal,
    Modulation,
    Normal,
    Observable,
    Parameter,
    Process,
    Quantity,
    Species,
    laws,
)

ASSAY = "assumed: immunoassay of serum, 10 %, limit 0.1 mg/l"
_KNOWN_BY = {  # covariate: short name, unit, typical value, meaning
    "weight_kg": ("weight", "kg", 72.0, "body weight"),
    "albumin_g_per_l": ("albumin", "g/l", 38.0, "serum albumin"),
    "male": ("sex", "dimensionless", 1.0, "1 for men"),
    "ecog": ("ecog", "dimensionless", 1.0, "performance status"),
}


@dataclass(frozen=True)
class Effect:
    """A covariate's factor: (x / reference)^value; e^value for a man, 1 + value for a woman, e^value from ECOG 1 up."""

    covariate: str
    value: float
    form: Literal["power", "man", "woman", "unfit"] = "power"
    reference: float = 1.0


@dataclass(frozen=True)
class Constant:
    """A clearance or volume in the reference patient.   cv: between patients, beyond what covariates explain."""

    value: float
    unit: str
    effects: tuple[Effect, ...] = ()
    cv: float = 0.0


@dataclass(frozen=True)
class Waning:
    """Clearance times e^(change · x), x = d^steepness / (half^steepness + d^steepness) after d days under the drug."""

    change: float
    sd: float
    half_days: float
    steepness: float


@dataclass(frozen=True)
class Antibody:
    """Two compartments with linear elimination.

    joint: q and vp are spread with cl and v, by the same factors (else they have their own or no spread).
    """

    drug: str
    source: str
    cl: Constant
    v: Constant
    q: Constant
    vp: Constant
    joint: bool = False
    waning: Waning | None = None


def kinetics(antibody: Antibody) -> list:
    """Parameters, covariates, states, processes, intravenous infusion and the concentration in serum (mg/l)."""
    drug = antibody.drug
    clearance = f"{drug}_clearance_now" if antibody.waning else f"{drug}_clearance"
    return [
        *_constants(antibody),
        *(_waning(antibody) if antibody.waning else []),
        *days_under(drug),
        Species(drug, "mg", 0.0, f"{drug} in blood", scale=100.0),
        Species(f"{drug}_peripheral", "mg", 0.0, f"{drug} in other tissues", scale=100.0),
        Quantity(f"{drug}_concentration", laws.reading(_ratio, drug, f"{drug}_volume"), "mg/l", f"{drug} in serum"),
        Process(
            f"{drug}_elimination",
            laws.reading(lambda cl, concentration: cl * concentration, clearance, f"{drug}_concentration"),
            consumes=drug,
        ),
        Process(
            f"{drug}_to_tissues",
            laws.reading(lambda q, concentration: q * concentration, f"{drug}_exchange", f"{drug}_concentration"),
            consumes=drug,
            produces=f"{drug}_peripheral",
        ),
        Process(
            f"{drug}_from_tissues",
            laws.reading(_leaving, f"{drug}_exchange", f"{drug}_peripheral", f"{drug}_peripheral_volume"),
            consumes=f"{drug}_peripheral",
            produces=drug,
        ),
        Administration(drug, "intravenous infusion", into=drug),
        Observable(
            drug,
            "concentrations",
            laws.reading(lambda concentration: concentration, f"{drug}_concentration"),
            "µg/ml",
            Assay(0.10, 0.1, source=ASSAY),
            matrix="serum",
            agent=drug,
        ),
    ]


def days_under(drug: str) -> list:
    """How long a patient has been under a drug: days with a concentration above a trace."""
    return [
        Parameter(
            f"{drug}_trace",
            0.1,
            "mg/l",
            "assumed: about what an assay just sees; far below what does anything",
            meaning=f"concentration from which a day counts as a day under {drug}",
        ),
        Species(f"{drug}_days", "day", 0.0, f"days under {drug}", scale=10.0),
        Process(
            f"{drug}_days_pass",
            laws.reading(lambda c, trace: c / (c + trace), f"{drug}_concentration", f"{drug}_trace"),
            produces=f"{drug}_days",
        ),
    ]


def binding(drug: str, signal: str, kd: float, unit: str, source: str, place: str = "tumour") -> list:
    """What reaches the receptor at the site, over the dissociation constant, as the signal's sum wants it."""
    return [
        Parameter(f"{drug}_kd", kd, unit, source, meaning=f"concentration of {drug} that holds half of the receptor"),
        Parameter(
            f"{drug}_{place}_share",
            0.3,
            "dimensionless",
            "assumed: interstitial fluid of solid tissue holds a fifth to a half of the antibody of plasma, and what "
            "cells bind keeps it from spreading evenly (Thurber 2008, Trends Pharmacol Sci 29:57, for the direction)",
            LogNormal(0.5),
            upper=1.0,
            meaning=f"free concentration of {drug} at the {place} relative to blood",
        ),
        Modulation(
            signal,
            laws.reading(
                lambda share, c, kd: share * c / kd, f"{drug}_{place}_share", f"{drug}_concentration", f"{drug}_kd"
            ),
            "bound in equilibrium with what reaches it",
        ),
    ]


_SHORT = {"cl": "clearance", "v": "volume", "q": "exchange", "vp": "peripheral_volume"}
_MEANING = {
    "cl": "clearance",
    "v": "volume of blood and what is in step with it",
    "q": "exchange with other tissues",
    "vp": "volume of other tissues",
}


def _constants(antibody: Antibody) -> list:
    parts: list = []
    seen: set[str] = set()
    for short in _SHORT:
        constant: Constant = getattr(antibody, short)
        factors = []
        for effect in constant.effects:
            if effect.covariate not in seen:
                parts.append(_covariate(effect.covariate))
                seen.add(effect.covariate)
            factors.append(_effect(antibody, short, effect, parts))
        parts += _constant(antibody, short, constant, factors)
    return parts


def _covariate(name: str) -> Covariate:
    _, unit, typical, meaning = _KNOWN_BY[name]
    return Covariate(name, unit, typical, meaning)


def _effect(antibody: Antibody, short: str, effect: Effect, parts: list) -> tuple:
    """(form, names the factor reads); its parameters are added to the parts."""
    drug, covariate = antibody.drug, _KNOWN_BY[effect.covariate]
    word = {"man": "male", "woman": "female"}.get(effect.form, covariate[0])
    name, reference = f"{drug}_{short}_{word}", f"{drug}_{covariate[0]}_reference"
    parts.append(
        Parameter(
            name, effect.value, "dimensionless", antibody.source, meaning=f"effect of {word} on {_MEANING[short]}"
        )
    )
    if effect.form != "power":
        return effect.form, (effect.covariate, name)
    if all(part.name != reference for part in parts if isinstance(part, Parameter)):
        parts.append(
            Parameter(reference, effect.reference, covariate[1], antibody.source, meaning=f"reference {covariate[3]}")
        )
    return effect.form, (effect.covariate, reference, name)


def _constant(antibody: Antibody, short: str, constant: Constant, factors: list) -> list:
    drug = antibody.drug
    name = f"{drug}_{short}"
    spread = LogNormal(constant.cv) if constant.cv else None
    shared = {"q": "cl", "vp": "v"}.get(short) if antibody.joint else None
    ties = (f"{drug}_{shared}", f"{drug}_{shared}_typical") if shared else ()
    made: list = [
        Parameter(
            name, constant.value, constant.unit, antibody.source, spread, f"{_MEANING[short]} in the reference patient"
        )
    ]
    if antibody.joint and short in ("cl", "v"):
        made.append(
            Parameter(
                f"{name}_typical",
                constant.value,
                constant.unit,
                antibody.source,
                meaning=f"{_MEANING[short]} of the typical reference patient, with which its pair is spread",
            )
        )
    names = [name, *ties]
    forms: list[tuple[str, int]] = [("ratio", 2)] if shared else []
    for form, reads in factors:
        names += reads
        forms.append((form, len(reads)))
    law = laws.reading(_Factors(tuple(forms)), *names)
    return [*made, Derived(f"{drug}_{_SHORT[short]}", law, constant.unit, f"{_MEANING[short]} of this patient")]


@dataclass(frozen=True)
class _Factors:
    """A value times its factors, each of a form that takes the next few arguments."""

    forms: tuple[tuple[str, int], ...]

    def __call__(self, value, *rest):
        for form, count in self.forms:
            value = value * _FORMS[form](*rest[:count])
            rest = rest[count:]
        return value


_FORMS = {
    "ratio": lambda x, typical: x / typical,
    "power": lambda x, reference, exponent: (x / reference) ** exponent,
    "man": lambda male, value: laws.exp(value * male),
    "woman": lambda male, value: 1 + value * (1 - male),
    "unfit": lambda ecog, value: laws.exp(value * laws.minimum(ecog, 1)),
}


def _ratio(amount, volume):
    return amount / volume


def _leaving(q, amount, volume):
    return q * amount / volume


def _waning(antibody: Antibody) -> list:
    drug, waning, source = antibody.drug, antibody.waning, antibody.source
    assert waning is not None
    return [
        Parameter(
            f"{drug}_cl_change",
            waning.change,
            "dimensionless",
            source,
            Normal(waning.sd),
            "logarithm of the change of clearance in the long run",
        ),
        Parameter(f"{drug}_cl_half_time", waning.half_days, "day", source, meaning="time of half that change"),
        Parameter(f"{drug}_cl_steepness", waning.steepness, "dimensionless", source, meaning="steepness of the change"),
        Quantity(
            f"{drug}_clearance_now",
            laws.reading(
                lambda cl, change, days, half, steepness: cl * laws.exp(change * laws.hill(days, half, steepness)),
                f"{drug}_clearance",
                f"{drug}_cl_change",
                f"{drug}_days",
                f"{drug}_cl_half_time",
                f"{drug}_cl_steepness",
            ),
            antibody.cl.unit,
            "clearance, which falls as the disease and its catabolism abate",
        ),
    ]
