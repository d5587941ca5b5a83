"""From a schema's complaints to one message: file, line, field, what was wrong, what to write."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, get_args

from opsonin.errors import StudyError

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

_SHOWN = 5  # problems in one message; the rest are counted
_WANTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list, such as [1, 15]",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}


def near(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: "; did you mean 'x'?", or what there is."""
    names = list(dict.fromkeys(known))
    lower = {n.lower(): n for n in names}
    found = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=0.6)
    if found:
        return f"; did you mean {lower[found[0]]!r}?"
    return f"; there is {', '.join(names)}." if names else "."


def toml_error(problem: tomllib.TOMLDecodeError, name: str, text: str) -> StudyError:
    """The error for a file that is not TOML, with the line it stumbled over."""
    match = re.search(r"\(at line (\d+), column (\d+)\)", str(problem))
    reason = re.sub(r"\s*\(at .*\)$", "", str(problem))
    if match is None:
        return StudyError(f"{name}: not readable as TOML: {reason}.")
    number = int(match[1])
    lines = text.splitlines()
    line = lines[number - 1].strip() if number <= len(lines) else ""
    return StudyError(f"{name}, line {number}: not readable as TOML: {reason}. The line is: {line}")


def schema_error(problem: ValidationError, schema: type[BaseModel], name: str, text: str, data: dict) -> StudyError:
    """One StudyError for all that the schema found, a line each."""
    found = [_sentence(error, schema, name, text) for error in problem.errors() if not _misspelt(error, data, schema)]
    more = [f"… and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return StudyError("\n".join(found[:_SHOWN] + more))


def field_error(name: str, text: str, path: tuple[str | int, ...], message: str) -> StudyError:
    """A StudyError about one field, such as ("treatment", 1, "dose")."""
    return StudyError(f"{_where(name, text, path)}: {message}")


def say_path(path: tuple[str | int, ...]) -> str:
    """("treatment", 1, "dose") → "treatment[2].dose"; lists count from 1."""
    said = ""
    for part in path:
        said += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if said else part
    return said


def line_of(text: str, path: tuple[str | int, ...]) -> int | None:
    """The line of a field in a TOML text, as far as its headers and keys stand on lines of their own."""
    keys = [p for p in path if isinstance(p, str)]
    index = next((p for p in path[1:2] if isinstance(p, int)), None)
    if not keys:
        return None
    section, start, seen = keys[0], None, -1
    best = None
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*(\[\[?)\s*([^\]]+?)\s*\]", line)
        if header:
            name = header[2].replace('"', "").split(".")[0].strip()
            seen += name == section and header[1] == "[["
            inside = name == section and (header[1] == "[" or index is None or seen == index)
            start = number if inside else None
            best = number if inside and best is None else best
            continue
        key = re.match(r"\s*\"?([\w\-]+)\"?\s*=", line)
        if key and start is not None and len(keys) > 1 and key[1] == keys[1]:
            return number
        if key and best is None and start is None and seen == -1 and key[1] == section:
            return number
    return best


def _where(name: str, text: str, path: tuple[str | int, ...]) -> str:
    line = line_of(text, path)
    place = f"{name}, line {line}" if line else name
    return f"{place}: {say_path(path)}" if path else place


def _sentence(error: Any, schema: type[BaseModel], name: str, text: str) -> str:
    path = tuple(error["loc"])
    value, kind = error["input"], error["type"]
    where = _where(name, text, path)
    if kind == "extra_forbidden":
        parent = _fields_at(schema, path[:-1])
        inside = say_path(path[:-1]) or "a study file"
        return f"{where}: {inside} has no field {path[-1]!r}{near(str(path[-1]), parent)}"
    if kind == "missing":
        return f"{where}: missing; it must be given."
    if kind == "value_error":
        return f"{where}: {_ended(str(error['ctx']['error']))}"
    if kind == "literal_error":
        choices = re.findall(r"'([^']+)'", error["ctx"]["expected"])
        return f"{where}: {value!r} is not known{near(str(value), choices)}"
    if kind == "list_type" and isinstance(value, dict) and len(path) == 1:
        return f"{where}: is one table; head each with [[{path[0]}]], in two brackets, as there may be several."
    if kind in _WANTED:
        return f"{where}: must be {_WANTED[kind]}, not {value!r}."
    if kind in ("greater_than_equal", "less_than_equal"):
        limit = error["ctx"]["ge"] if kind == "greater_than_equal" else error["ctx"]["le"]
        return f"{where}: must be {limit:,} or {'more' if kind == 'greater_than_equal' else 'less'}, not {value!r}."
    if kind in ("too_short", "string_too_short"):
        return f"{where}: is empty; give at least one entry."
    return f"{where}: {value!r} is not possible: {error['msg'].lower()}."


def _ended(message: str) -> str:
    """With one mark at its end: a question keeps its own."""
    return message if message.endswith("?") else f"{message.rstrip('.')}."


def _misspelt(error: Any, data: dict, schema: type[BaseModel]) -> bool:
    """Whether a missing field stands there under a near-miss name, which is then reported by itself."""
    if error["type"] != "missing":
        return False
    *path, wanted = error["loc"]
    inside: Any = data
    for part in path:
        inside = inside[part]
    unknown = [k for k in inside if k not in _fields_at(schema, tuple(path))]
    return bool(difflib.get_close_matches(wanted, unknown, n=1, cutoff=0.6))


def _fields_at(schema: type[BaseModel], path: tuple) -> list[str]:
    """The fields that may stand at a path."""
    here: Any = schema
    for part in path:
        if isinstance(part, str) and here is not None:
            fields = _named(here)
            here = _model_in(fields[part].annotation) if part in fields else None
    return list(_named(here)) if here is not None else []


def _named(model: Any) -> dict[str, Any]:
    """A model's fields as a file names them."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model_in(annotation: Any) -> Any:
    """The pydantic model inside list[Model], Model | None, Annotated[…]."""
    if hasattr(annotation, "model_fields"):
        return annotation
    return next((m for m in map(_model_in, get_args(annotation)) if m is not None), None)
