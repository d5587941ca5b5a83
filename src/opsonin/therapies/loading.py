"""From the text of a study's `agent = …` to a module: a name of ours, or a user's own file."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from opsonin.errors import ModelError, TherapyError
from opsonin.model import Administration, Module, Observable
from opsonin.record.schema import ROUTES

REGISTRY = {
    "armoured-car-t": "opsonin.therapies.armoured_car_t:module",
    "atezolizumab": "opsonin.therapies.atezolizumab:module",
    "cancer-vaccine": "opsonin.therapies.cancer_vaccine:module",
    "car-t": "opsonin.therapies.car_t:module",
    "car-t-solid": "opsonin.therapies.car_t:solid",
    "cyclophosphamide": "opsonin.therapies.cyclophosphamide:module",
    "erlotinib": "opsonin.therapies.erlotinib:module",
    "fludarabine": "opsonin.therapies.lymphodepletion:fludarabine",
    "imatinib": "opsonin.therapies.imatinib:module",
    "imatinib-kit": "opsonin.therapies.imatinib_kit:module",
    "interleukin-2": "opsonin.therapies.interleukin2:module",
    "ipilimumab": "opsonin.therapies.ipilimumab:module",
    "lymphodepleting-cyclophosphamide": "opsonin.therapies.lymphodepletion:cyclophosphamide",
    "magrolimab": "opsonin.therapies.magrolimab:module",
    "monocytes": "opsonin.therapies.monocytes:module",
    "motixafortide": "opsonin.therapies.recruiter:module",
    "nivolumab": "opsonin.therapies.nivolumab:module",
    "p21-monocytes": "opsonin.therapies.engineered_monocytes:module",
    "pembrolizumab": "opsonin.therapies.pembrolizumab:module",
    "pexidartinib": "opsonin.therapies.csf1r_inhibitor:module",
    "sipuleucel-t": "opsonin.therapies.sipuleucel_t:module",
}


def names() -> list[str]:
    """The agents that come with Opsonin."""
    return sorted(REGISTRY)


def load_agent(text: str, folder: str | Path = ".") -> Module:
    """The module of an agent: a name such as "imatinib", or "./my_drug.py:module".

    folder: where a relative file is looked for (the study's folder).
    Raises: TherapyError for an unknown name, and, naming file, line and cause, where a user's file is missing, cannot
    be imported, has no such function, raises in it, returns something else than a Module, or one that takes no dose.
    """
    if text in REGISTRY:
        home, function = REGISTRY[text].split(":")
        return getattr(importlib.import_module(home), function)()
    file, colon, function = text.rpartition(":")
    if not colon or not file.endswith(".py"):
        near = difflib.get_close_matches(text, names(), n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise TherapyError(
            f"unknown agent {text!r}; {hint}Known are {', '.join(names())}; your own is written './my_drug.py:module', "
            "a file and the function in it that returns a Module."
        )
    return _own(Path(folder) / file, function, text)


def _own(path: Path, function: str, text: str) -> Module:
    if not path.is_file():
        raise TherapyError(f"agent {text!r}: there is no file {path}; the path is relative to the study file.")
    make = getattr(_imported(path, text), function, None)
    if not callable(make):
        raise TherapyError(
            f"agent {text!r}: {path} defines no function {function!r}; write 'def {function}(): return Module(…)'."
        )
    try:
        made = make()
    except ModelError as problem:
        raise TherapyError(f"agent {text!r}: {_where(path, problem)}: {problem}") from problem
    except (Exception, SystemExit) as problem:  # a user's code may raise anything
        raise TherapyError(f"agent {text!r}: {_where(path, problem)}: {type(problem).__name__}: {problem}") from problem
    if not isinstance(made, Module):
        raise TherapyError(
            f"agent {text!r}: {function}() in {path} returned {type(made).__name__}, not a Module; "
            "write 'return Module(name, [parts])'."
        )
    if not any(isinstance(part, Administration) for part in made.parts):
        raise TherapyError(
            f"agent {text!r}: the module {made.name!r} of {path} has no Administration, so no dose can enter; "
            "add Administration(agent, route, into=species)."
        )
    _check_names(made, f"agent {text!r}: {path}")
    return made


def _check_names(module: Module, where: str) -> None:
    """Raises: TherapyError for a route that no record knows, and for samples of an agent that is not given."""
    given = [part for part in module.parts if isinstance(part, Administration)]
    for part in given:
        if part.route not in ROUTES:
            raise TherapyError(
                f"{where}: the route of Administration({part.agent!r}, …) is {part.route!r}; a record knows "
                f"{', '.join(ROUTES)}."
            )
    agents = list(dict.fromkeys(part.agent for part in given))
    for part in module.parts:
        if isinstance(part, Observable) and part.agent and part.agent not in agents:
            raise TherapyError(
                f"{where}: Observable({part.name!r}, …) is of the agent {part.agent!r}, but the module gives "
                f"{', '.join(map(repr, agents))}; the agent of an observable is that of an Administration."
            )


def _imported(path: Path, text: str) -> ModuleType:
    """The user's file as a module, under a name of its own; the file's folder can be imported from."""
    name = f"opsonin_agent_{path.stem}_{hashlib.blake2b(str(path.resolve()).encode(), digest_size=4).hexdigest()}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None  # a .py file always has one
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # no __pycache__ beside a user's study
    try:
        spec.loader.exec_module(module)
    except SyntaxError as problem:
        raise TherapyError(
            f"agent {text!r}: {problem.filename or path}{_at_line(problem.lineno)}: {problem.msg}"
        ) from problem
    except (Exception, SystemExit) as problem:  # a user's code may raise anything
        raise TherapyError(f"agent {text!r}: {_where(path, problem)}: {type(problem).__name__}: {problem}") from problem
    finally:
        sys.dont_write_bytecode = bytecode
        sys.path.remove(folder)
    return module


def _at_line(number: int | None) -> str:
    """ ", line 3"; empty where there is none, as in a file that is no text."""
    return f", line {number}" if number else ""


def _where(path: Path, problem: BaseException) -> str:
    """ "file, line n" of the last line of the user's own file in the traceback."""
    frames: list[Any] = [
        f for f in traceback.extract_tb(problem.__traceback__) if Path(f.filename).resolve() == path.resolve()
    ]
    return f"{path}, line {frames[-1].lineno}" if frames else str(path)
