"""What kind of patients: covariates with their sources, correlations, and parameters that differ from a model's own."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Literal

import numpy as np

from opsonin.errors import ModelError
from opsonin.model import Spread

INDICATIONS = {
    "b-all": "opsonin.patients.leukaemia:b_all",
    "b16-mouse": "opsonin.patients.mice:b16",
    "dlbcl": "opsonin.patients.rate_matched:dlbcl",
    "gastric": "opsonin.patients.rate_matched:gastric",
    "gist": "opsonin.patients.gist:gist",
    "gist-mouse": "opsonin.patients.mice:gist",
    "hcc": "opsonin.patients.hcc:hcc",
    "head-and-neck": "opsonin.patients.rate_matched:head_and_neck",
    "hodgkin": "opsonin.patients.hodgkin:hodgkin",
    "melanoma": "opsonin.patients.melanoma:melanoma",
    "msi-colorectal": "opsonin.patients.rate_matched:msi_colorectal",
    "nsclc": "opsonin.patients.nsclc:nsclc",
    "nsclc-egfr": "opsonin.patients.nsclc:egfr_mutated",
    "nsclc-first-line": "opsonin.patients.nsclc:first_line",
    "nsclc-nonsquamous": "opsonin.patients.nsclc:nonsquamous",
    "nsclc-squamous": "opsonin.patients.nsclc:squamous",
    "pancreas": "opsonin.patients.pancreas:pancreas",
    "prostate": "opsonin.patients.prostate:prostate",
    "prostate-minimal": "opsonin.patients.prostate:minimally_symptomatic",
    "rcc": "opsonin.patients.rate_matched:renal",
    "refractory-solid": "opsonin.patients.refractory_solid:refractory_solid",
    "refractory-solid-full": "opsonin.patients.refractory_mixed:refractory_mixed",
    "t-all": "opsonin.patients.leukaemia:t_all",
    "t-all-mouse": "opsonin.patients.mice:t_all",
    "tnbc": "opsonin.patients.tnbc:tnbc",
    "urothelial": "opsonin.patients.rate_matched:urothelial",
}
_NOTHING: Mapping[str, Mapping[str, float | int]] = MappingProxyType({})
_TRIED: ContextVar[Mapping[str, Mapping[str, float | int]]] = ContextVar("values tried", default=_NOTHING)


@dataclass(frozen=True)
class Variable:
    """One drawn covariate: a function from standard normal numbers to values in `unit`, within plausible limits."""

    name: str
    unit: str
    at: Callable[[np.ndarray], np.ndarray]
    source: str
    lower: float | int = -np.inf
    upper: float | int = np.inf
    meaning: str = ""


@dataclass(frozen=True)
class Kind:
    """One kind of tumour among several that an indication's patients have.

    share: of the patients, relative to the other kinds'.   values, spreads: of parameters that are others in this kind.
    """

    name: str
    share: float
    values: Mapping[str, float | int] = field(default_factory=dict)
    spreads: Mapping[str, Spread] = field(default_factory=dict)


@dataclass(frozen=True)
class Indication:
    """A population of patients.

    derive: covariates that follow from drawn ones; receives the drawn values by name and `share`, uniform numbers
    (patient, lesion), and returns further columns, those of the record's `subjects` among them.
    units: of derived covariates that a model may use.
    values: parameters of the model whose typical value is another here.
    spreads: parameters of the model that differ between patients in another way here; None: not at all.
    limits: plausible limits (lowest, highest) of parameters where others hold here, in the parameter's unit.
    sources: where a value of `values` comes from, for those that a reader should find beside it.
    correlations: (name, name, rho) of the normal scores behind covariates and parameters (a Gaussian copula).
    columns: what the record's `subjects` shows, in order.
    core: the model of a patient without a drug that it is for: "first" (`biology.core`, the tumour as one volume),
    "full" (`biology.full_core`, with the immune cells in it) or "mouse" (the same, as mice are looked at).
    species: whose bodies these are; words follow it.
    criteria: by which its tumours are judged where a study says nothing: "RECIST 1.1", "Lugano" or "marrow".
    biopsy: further columns of `subjects` that come from the model's constants: column → (constant, what is read of it).
    kinds: where patients have tumours of several kinds: each patient's is drawn by their shares, and stands in
    `subjects` as `tumour_type`; `values` and `spreads` are then the typical patient's, and what the kinds share.
    """

    name: str
    title: str
    source: str
    variables: tuple[Variable, ...]
    derive: Callable[[dict[str, np.ndarray], np.ndarray], dict[str, np.ndarray]] = lambda drawn, share: {}
    units: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, float | int] = field(default_factory=dict)
    spreads: Mapping[str, Spread | None] = field(default_factory=dict)
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    correlations: tuple[tuple[str, str, float], ...] = ()
    columns: tuple[str, ...] = ()
    core: Literal["first", "full", "mouse"] = "first"
    species: Literal["human", "mouse"] = "human"
    criteria: str = "RECIST 1.1"
    biopsy: Mapping[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = field(default_factory=dict)
    kinds: tuple[Kind, ...] = ()

    def of(self, kind: Kind) -> Indication:
        """The patients whose tumours are of this kind."""
        return replace(self, values={**self.values, **kind.values}, spreads={**self.spreads, **kind.spreads}, kinds=())

    @cached_property
    def copula(self) -> tuple[tuple[str, ...], np.ndarray]:
        """Correlated names in order of first mention, and the lower Cholesky factor of their correlation matrix.

        A name added at the end of the list leaves the numbers of the others alone.
        Raises: ModelError where the correlations contradict one another.
        """
        order = tuple(dict.fromkeys(name for one, other, _ in self.correlations for name in (one, other)))
        matrix = np.eye(len(order))
        for one, other, rho in self.correlations:
            i, j = order.index(one), order.index(other)
            matrix[i, j] = matrix[j, i] = rho
        try:
            return order, np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError as problem:
            raise ModelError(
                f"indication {self.name!r}: its correlations contradict one another (the matrix of {', '.join(order)} "
                "is not positive definite); make some smaller."
            ) from problem


def indication_names() -> list[str]:
    """The indications that come with Opsonin."""
    return sorted(INDICATIONS)


def indication(name: str) -> Indication:
    """The indication of this name. Raises: ModelError listing the known ones."""
    if name not in INDICATIONS:
        near = difflib.get_close_matches(name, INDICATIONS, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ModelError(f"unknown indication {name!r}; {hint}Known are {', '.join(indication_names())}.")
    home, function = INDICATIONS[name].split(":")
    found = getattr(importlib.import_module(home), function)()
    if found.values:
        from opsonin.patients.sources import sources_of

        told = {**sources_of(name, found.core), **found.sources}
        found = replace(found, sources={value: told[value] for value in found.values if value in told})
    tried = _TRIED.get().get(name)
    return replace(found, values={**found.values, **tried}) if tried else found


@contextmanager
def trying(name: str, values: Mapping[str, float | int]) -> Iterator[None]:
    """Within the block, patients of this indication have these typical values: what a calibration tries."""
    token = _TRIED.set({**_TRIED.get(), name: values})
    try:
        yield
    finally:
        _TRIED.reset(token)
