"""The mapping file: TOML that names what is where in foreign tables. Every key is checked, and misspelt ones named."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from opsonin.errors import ImportDataError
from opsonin.record.questions import unknown_question, wrong_question
from opsonin.record.schema import TABLES, near

Scalar = bool | int | float | str
Columns = str | list[str]  # one column, or several joined with "/"


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


class Section(BaseModel):
    """What every section may say."""

    model_config = ConfigDict(extra="forbid")
    file: str | None = None
    subject_id: Columns | None = None
    where: dict[str, Annotated[list[Scalar], Field(min_length=1), BeforeValidator(_listed)]] = Field(
        default_factory=dict
    )
    rename: dict[str, dict[str, str]] = Field(default_factory=dict)


class Columned(Section):
    """A section that fills columns of a table: `column = "source column"`, and how to read them.

    units: the unit a source column is in, where it is not the record's; constant: the same value in every row;
    protocol_days: columns counted as protocol days (1 is the first, there is no 0); repeated: several rows say the
    same (a subject's arm in every row of a long file); below: words in `value` that mean below the limit.
    """

    model_config = ConfigDict(extra="allow")
    units: dict[str, str] = Field(default_factory=dict)
    constant: dict[str, Scalar] = Field(default_factory=dict)
    protocol_days: list[str] = Field(default_factory=list)
    repeated: bool = False
    below: list[str] = Field(default_factory=list)

    @property
    def columns(self) -> dict[str, Any]:
        """Record column -> source column or columns, `subject_id` apart."""
        return dict(self.model_extra or {})


class EventWhen(BaseModel):
    """An event by words: rows whose `column` holds one of the values in `is`."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    column: str
    values: Annotated[list[Scalar], BeforeValidator(_listed)] = Field(alias="is")


class Survival(Section):
    """Time to an endpoint: a time column with its unit, and one way to tell events from censored times."""

    time: str
    unit: str
    censored: str | None = None
    event: str | None = None
    event_when: EventWhen | None = None
    cause: str | None = None
    origin_day: float = 0.0

    @model_validator(mode="after")
    def _one_way(self) -> Survival:
        given = [name for name in ("censored", "event", "event_when") if getattr(self, name) is not None]
        if len(given) != 1:
            said = " and ".join(given) or "none of them"
            raise ValueError(f"give one of censored, event and event_when (it gives {said})")
        return self


class Response(Section):
    """A response a row: words in `overall`, or a `responder` column of 1 (CR or PR) and 0."""

    overall: str | None = None
    responder: str | None = None
    day: str | None = None
    units: dict[str, str] = Field(default_factory=dict)
    protocol_days: list[str] = Field(default_factory=list)
    confirmed: str | None = None
    criteria: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Response:
        if (self.overall is None) == (self.responder is None):
            raise ValueError("give either overall (CR, PR, SD, PD, NE) or responder (1 = CR or PR)")
        return self


class Marker(Section):
    """Values of one marker; at baseline unless `day` names a column."""

    value: str
    unit: str
    day: str | None = None
    baseline: str | None = None
    units: dict[str, str] = Field(default_factory=dict)
    protocol_days: list[str] = Field(default_factory=list)
    compartment: str = "not stated"
    method: str | None = None


Responses = Literal["best", "visits"]
Many = BeforeValidator(_listed)


class Mapping(BaseModel):
    """A mapping file, whole."""

    model_config = ConfigDict(extra="forbid")
    title: str = ""
    source: str = ""
    file: str | None = None
    missing: list[str] = Field(default_factory=list)
    encoding: str | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    decimal: Annotated[str, Field(min_length=1, max_length=1)] = "."
    ignore_case: bool = False  # "pt11" of one file is "Pt11" of another
    subjects: Annotated[list[Columned], Many]
    survival: dict[str, Annotated[list[Survival], Many]] = Field(default_factory=dict)
    responses: dict[Responses, Annotated[list[Response], Many]] = Field(default_factory=dict)
    markers: dict[str, Annotated[list[Marker], Many]] = Field(default_factory=dict)
    table: dict[str, Annotated[list[Columned], Many]] = Field(default_factory=dict)
    analysis: dict[str, Any] = Field(default_factory=dict)


def read_mapping(path: Path) -> Mapping:
    """The mapping, every key checked.

    Raises: ImportDataError, naming file, section and key, with the nearest names that are accepted.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise ImportDataError(f"the mapping {path} is not there.") from problem
    except OSError as problem:
        raise ImportDataError(f"the mapping {path} cannot be read: {problem.strerror}; give a TOML file.") from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise ImportDataError(f"the mapping {path} cannot be read as TOML: {problem}.") from problem
    try:
        mapping = Mapping.model_validate(content)
    except ValidationError as problem:
        raise ImportDataError(f"{path}: {_first(problem)}") from problem
    _check_columns(mapping, path)
    wrong = unknown_question(mapping.analysis) or wrong_question(mapping.analysis)
    if wrong:
        raise ImportDataError(f"{path}, [analysis]: {wrong}")
    return mapping


def _check_columns(mapping: Mapping, path: Path) -> None:
    """Sections of whole tables name tables and columns that the record has; covariates are welcome in subjects."""
    for section in mapping.subjects:
        if section.subject_id is None and "subject_id" not in section.constant:
            raise ImportDataError(f"{path}, [subjects]: subject_id is missing; name the column or columns it is in.")
        for name in {**section.columns, **section.constant}:
            known = (*TABLES["subjects"].names, *Columned.model_fields)
            if name not in known and (meant := _slip(name, known)):
                raise ImportDataError(f"{path}, [subjects]: unknown key {name!r}{near(meant, [meant])}.")
    for name, sections in mapping.table.items():
        if name not in TABLES:
            raise ImportDataError(
                f"{path}, [table.{name}]: the record has no table {name!r}{near(name, TABLES)}; "
                f"its tables are {', '.join(TABLES)}."
            )
        for section in sections:
            for column in {**section.columns, **section.constant, **section.units, **dict.fromkeys(section.rename)}:
                if column not in TABLES[name].names:
                    known = (*TABLES[name].names, *Columned.model_fields)
                    raise ImportDataError(
                        f"{path}, [table.{name}]: unknown key {column!r}{near(column, known)}; "
                        f"its columns are {', '.join(TABLES[name].names)}."
                    )
    for where, section in _columned(mapping):
        for name, value in section.columns.items():
            if not isinstance(value, str) and not (isinstance(value, list) and all(isinstance(v, str) for v in value)):
                raise ImportDataError(
                    f"{path}, {where}: {name} = {value!r} names no column; write the source column's name, or "
                    f"constant.{name} = {value!r} for the same value in every row."
                )


def _slip(name: str, known: tuple[str, ...]) -> str | None:
    """The known name that this one is a slip of the pen for; a covariate of its own (stage, near to site) is none."""
    turned = next((one for one in known if sorted(one) == sorted(name)), None)
    return turned or next(iter(get_close_matches(name.casefold(), known, n=1, cutoff=0.75)), None)


def _columned(mapping: Mapping) -> list[tuple[str, Columned]]:
    found = [("[subjects]", section) for section in mapping.subjects]
    return found + [(f"[table.{name}]", one) for name, sections in mapping.table.items() for one in sections]


def _first(problem: ValidationError) -> str:
    """pydantic's first complaint as one message."""
    error = problem.errors()[0]
    places = [str(part) for part in error["loc"] if isinstance(part, str) and part != "[key]"]
    parents: dict[str, type[BaseModel]] = {"survival": Survival, "responses": Response, "markers": Marker}
    within = parents.get(places[0]) if len(places) > 2 else Columned if places[:1] == ["subjects"] else Mapping
    depth = {"survival": 2, "responses": 2, "markers": 2, "table": 2, "subjects": 1}.get(places[0], 0)
    section = f"[{'.'.join(places[:depth])}]: " if places[:depth] else ""
    key = ".".join(places[depth:]) or places[-1]
    if error["type"] == "extra_forbidden":
        known = list(within.model_fields) if within else []
        if places[-1] in ("column", "is", "values") or places[-2:-1] == ["event_when"]:
            known = ["column", "is"]
        return f"{section}unknown key {key!r}{near(places[-1], known)}; it knows {', '.join(known)}."
    if error["type"] == "missing":
        return f"{section}{key} is missing."
    if error["type"] == "literal_error":
        return f"[responses.{places[-1]}]: unknown section; write [responses.best], or [responses.visits] with day."
    said = error["msg"].removeprefix("Value error, ")
    return f"{section}{said}." if error["type"] == "value_error" else f"{section}{key}: {said}."
