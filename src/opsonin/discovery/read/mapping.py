"""The mapping of samples: TOML that says which file holds what, and which column is subject, sample, label or response.

In the style of the record's mappings: every key is checked, and a misspelt one is named with its neighbours.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from opsonin.discovery.read.questions import Discovery
from opsonin.errors import DiscoveryError
from opsonin.record.schema import near

Scalar = bool | int | float | str
Columns = str | list[str]  # one column, or several joined with "/"


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


class Part(BaseModel):
    """What every section may say."""

    model_config = ConfigDict(extra="forbid")


class Files(Part):
    """Which file holds what, relative to DATA. expression: one file, a folder, or sample = "file" of several."""

    expression: str | dict[str, str] | None = None
    genes: str | None = None
    barcodes: str | None = None
    cells: str | None = None
    counts: str | None = None
    samples: str | None = None
    subjects: str | None = None
    panel: str | None = None

    @field_validator("expression")
    @classmethod
    def _each_once(cls, given: str | dict[str, str] | None) -> str | dict[str, str] | None:
        names = list(given.values()) if isinstance(given, dict) else []
        twice = next((one for one in names if names.count(one) > 1), None)
        if isinstance(given, dict) and twice is not None:
            who = " and ".join(sample for sample, name in given.items() if name == twice)
            raise ValueError(f"expression: {who} name the same file {twice!r}, and its cells would count twice")
        return given


class Expression(Part):
    """How the values are meant.

    gene_names: the column of the genes' own table that holds symbols. symbols: a table of identifiers and symbols, its
    first two columns. ignore: columns of a dense table that are no genes. long: columns of a sparse table with one
    value in a row. log_base: of logarithms, e otherwise.
    """

    units: Literal["counts", "normalised", "log-normalised"] | None = None
    modality: Literal["RNA", "bulk RNA", "protein", "cytometry"] = "RNA"
    orientation: Literal["cells in rows", "genes in rows", "long"] | None = None
    layer: str | None = None
    gene_names: str | None = None
    symbols: str | None = None
    species: Literal["human", "mouse"] = "human"
    ignore: list[str] = Field(default_factory=list)
    long: dict[Literal["cell", "gene", "value"], str] = Field(default_factory=dict)
    round: bool = False
    log_base: Annotated[float, Field(gt=1, allow_inf_nan=False)] | None = None
    on_disk: bool | None = None

    @model_validator(mode="after")
    def _of_logarithms(self) -> Expression:
        if self.log_base is not None and self.units != "log-normalised":
            raise ValueError('log_base is of logarithms: write units = "log-normalised" beside it, or leave it out')
        return self


class Columned(Part):
    """A section of columns: `name = "source column"`; names that Opsonin does not know are kept as they are.

    rename: words of a column; constant: the same in every row; pattern: the part of a text that counts (a regular
    expression with one group); where: rows to take.
    """

    model_config = ConfigDict(extra="allow")
    renamed_besides: ClassVar[tuple[str, ...]] = ()  # names that rename may have and that are no columns
    rename: dict[str, dict[str, str]] = Field(default_factory=dict)
    constant: dict[str, Scalar] = Field(default_factory=dict)
    pattern: dict[str, str] = Field(default_factory=dict)
    where: dict[str, Annotated[list[Scalar], Field(min_length=1), BeforeValidator(_listed)]] = Field(
        default_factory=dict
    )

    @field_validator("pattern")
    @classmethod
    def _one_group(cls, patterns: dict[str, str]) -> dict[str, str]:
        for name, text in patterns.items():
            try:
                groups = re.compile(text).groups
            except re.error as problem:
                raise ValueError(f"the pattern of {name} is no regular expression ({problem})") from problem
            if groups != 1:
                raise ValueError(f"the pattern of {name} has {groups} groups; put the part that counts into one ( )")
        return patterns

    @property
    def columns(self) -> dict[str, Columns]:
        """Name -> source column or columns."""
        return dict(self.model_extra or {})

    @model_validator(mode="after")
    def _names_columns(self) -> Columned:
        for name, value in (self.model_extra or {}).items():
            texts = value if isinstance(value, list) else [value]
            if not texts or not all(isinstance(one, str) for one in texts):
                raise ValueError(f"{name} = {value!r} names no column; for a value in every row write constant.{name}")
        there = list(self.model_extra or {})
        for key, names in (("pattern", self.pattern), ("rename", self.rename)):
            lost = next((one for one in names if one not in (*there, *self.renamed_besides)), None)
            if lost is not None:
                raise ValueError(f"{key}.{lost} is of no column that is mapped here{near(lost, there)}; write "
                                 f'{lost} = "its column" beside it')  # fmt: skip
        return self


class Cells(Columned):
    """Columns of the cells' table. unlabelled: what becomes of cells without label where half or more lack one."""

    unlabelled: Literal["refuse", "leave out"] = "refuse"


class Counts(Columned):
    """A table of samples × labels. labels: the columns that are counted; all that are not mapped, otherwise."""

    renamed_besides = ("label",)
    labels: list[str] = Field(default_factory=list)
    ignore: list[str] = Field(default_factory=list)
    unit: Literal["cells", "percent"] = "cells"


class Response(Part):
    """Which words say who responded. mixed: a subject whose samples differ and that has no response of its own."""

    responder: Annotated[list[str], BeforeValidator(_listed)]
    non_responder: Annotated[list[str], BeforeValidator(_listed)] = Field(default_factory=list)
    mixed: Literal["responder", "non-responder", "not classed"] = "not classed"


class Outcome(Part):
    """Time to an event, in the subjects' table."""

    time: str
    unit: str
    event: str | None = None
    censored: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Outcome:
        if (self.event is None) == (self.censored is None):
            raise ValueError("give either event or censored")
        return self


class Mapping(Part):
    """A mapping of samples, whole."""

    title: str = ""
    source: str = ""
    missing: list[str] = Field(default_factory=lambda: ["NA", "NaN", "nan", "None"])
    ignore_case: bool = False  # "Mel129pa" of one file is "Mel129PA" of another
    encoding: str | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    files: Files = Field(default_factory=Files)
    expression: Expression = Field(default_factory=Expression)
    cells: Cells = Field(default_factory=Cells)
    counts: Counts | None = None
    samples: Columned | None = None
    subjects: Columned | None = None
    response: Response | None = None
    outcomes: dict[str, Outcome] = Field(default_factory=dict)
    times: dict[str, float | Literal["unknown"]] = Field(default_factory=dict)
    discovery: Discovery = Field(default_factory=Discovery)


def names_samples(mapping: Mapping) -> bool:
    """Whether [files] names cells, counts or expression; a question about published tables needs none."""
    files = mapping.files
    return any((files.expression, files.cells, files.counts, files.panel))


def read_mapping(path: Path) -> Mapping:
    """The mapping, every key checked.

    Raises: DiscoveryError, naming file, section and key, with the nearest names that are accepted.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as problem:
        raise DiscoveryError(f"the mapping {path} is not there.") from problem
    except OSError as problem:
        raise DiscoveryError(f"the mapping {path} cannot be read: {problem.strerror}; give a TOML file.") from problem
    except UnicodeDecodeError as problem:
        raise DiscoveryError(f"the mapping {path} is not UTF-8 ({problem}); save it so.") from problem
    except tomllib.TOMLDecodeError as problem:
        raise DiscoveryError(f"the mapping {path} cannot be read as TOML: {problem}.") from problem
    try:
        mapping = Mapping.model_validate(content)
    except ValidationError as problem:
        raise DiscoveryError(f"{path}{_first(problem)}") from problem
    if mapping.files.counts is not None and mapping.counts is None:
        raise DiscoveryError(f"{path}: [files] counts is given without [counts]; say there which column is the sample.")
    for section, has in (("samples", mapping.samples), ("subjects", mapping.subjects)):
        if getattr(mapping.files, section) is not None and has is None:
            raise DiscoveryError(f"{path}: [files] {section} is given without [{section}], which says what its columns "
                                 f'are; write {section.removesuffix("s")} = "column" there.')  # fmt: skip
    if mapping.samples is not None and mapping.files.samples is None:
        raise DiscoveryError(f"{path}: [samples] has no table to read; name one in [files] samples, or map its columns "
                             "in [cells] or [counts].")  # fmt: skip
    if mapping.outcomes and mapping.subjects is None:
        raise DiscoveryError(f"{path}: [outcomes] stand in the subjects' table; say in [subjects] which column is who.")
    return mapping


_SECTIONS: dict[str, type[BaseModel]] = {
    "files": Files, "expression": Expression, "cells": Cells, "counts": Counts, "samples": Columned,
    "subjects": Columned, "response": Response, "outcomes": Outcome, "discovery": Discovery,
}  # fmt: skip


_KINDS = ("str", "bool", "int", "float", "list")  # pydantic's words for one of several kinds that a value may be


def _first(problem: ValidationError) -> str:
    """pydantic's first complaint as one message, behind the file's name."""
    error = problem.errors()[0]
    places = [str(part) for part in error["loc"] if isinstance(part, str) and "[" not in part and part not in _KINDS]
    section = f", [{places[0]}]" if places and places[0] in _SECTIONS else ""
    key = ".".join(places[1:] if section else places)
    if error["type"] == "extra_forbidden":
        known = list((_SECTIONS[places[0]] if section else Mapping).model_fields)
        return f"{section}: unknown key {key!r}{near(places[-1], known)}; it knows {', '.join(known)}."
    if error["type"] == "missing":
        return f"{section}: {key} is missing."
    said = error["msg"].removeprefix("Value error, ")
    if error["type"] != "value_error" and isinstance(error["input"], Scalar):
        said += f", not {error['input']!r}"
    return f"{section}: {said}." if error["type"] == "value_error" or not key else f"{section}: {key}: {said}."
