"""What a first therapy of one's own gets wrong, by which message it is told, and what is no mistake.

The files run in one process of their own: under the tests' type checks a wrong argument would be stopped before the
message that a user sees.
"""

import json
import subprocess
import sys

import pytest

from opsonin.biology import core_for
from opsonin.model import Model
from opsonin.therapies import check_at_rest, load_agent, names

RIGHT = """\
from opsonin.model import Administration, Assay, LogNormal, Modulation, Module, Observable
from opsonin.model import Hazard, Parameter, Process, Quantity, Species, laws

GUESS = "assumed: a drug that does not exist"


def module():
    return Module(
        "x",
        [
            Parameter("x_cl", 1.5, "l/day", GUESS),
            Parameter("x_v", 4.0, "l", GUESS),
            Parameter("x_kd", 1.0, "mg/l", GUESS),
            Parameter("x_rash", 0.01, "1/day", GUESS),
            Species("x", "mg"), Species("x_tissue", "mg"),
            Quantity("x_level", lambda x, x_v: x / x_v, "mg/l"),
            Quantity("x_effect", lambda x_level, x_kd: laws.hill(x_level, x_kd), ""),
            Process("x_loss", lambda x_cl, x_level: x_cl * x_level, consumes="x"),
            Modulation("t_killing", lambda x_effect: 1 + x_effect),
            Modulation("rash_drive", lambda x_rash, x_effect: x_rash * x_effect),
            Administration("x", "intravenous infusion", into="x"),
            Observable("x", "concentrations", lambda x_level: x_level, "ng/ml", agent="x"),
        ],
    )
"""
LOSS = 'Process("x_loss", lambda x_cl, x_level: x_cl * x_level, consumes="x"),'
RATE, FACTOR = "lambda x_rash, x_effect: x_rash * x_effect", "lambda x_effect: 1 + x_effect"

# what is wrong: (text of the file, what stands there instead, what the message must say)
MISTAKES = {
    "an effect where a factor belongs": (
        FACTOR,
        "lambda x_effect: x_effect",
        ["'t_killing'", "own.py, line 19", "is 0 before any dose", "write 1 + effect"],
    ),
    "a factor where a term belongs": (
        RATE,
        "lambda x_rash, x_effect: x_rash * (1 + x_effect)",
        ["'rash_drive'", "line 20", "depends on the patient before any dose", "write strength * effect"],
    ),
    "a share of what nobody has": (
        FACTOR,
        "lambda x, x_tissue: 1 + x / (x + x_tissue)",
        ["'t_killing'", "line 19", "has no value before any dose is given", "as laws.hill is; what acts on a product"],
    ),
    "the logarithm of a level": (
        FACTOR,
        "lambda x_level, x_kd: 1 + laws.log(x_level / x_kd)",
        ["'t_killing'", "line 19", "has no value before any dose is given"],
    ),
    "a process that takes place without the drug": (
        LOSS,
        LOSS
        + '\n            Process("x_kill", lambda x_rash, clone_antigen: x_rash * clone_antigen, "clone_antigen"),',
        ["process 'x_kill'", "line 19", "depends on the patient before any dose", "multiply it by the drug"],
    ),
    "a hazard of its own without the drug": (
        LOSS,
        LOSS + '\n            Hazard("x myocarditis", lambda x_rash: 2 * x_rash, "myocarditis"),',
        ["hazard 'x myocarditis'", "line 19", "before any dose is given", "multiply it by the effect"],
    ),
    "names before the function": (
        RATE,
        'laws.reading(["x_rash", "x_effect"], lambda rate, effect: rate * effect)',
        ["line 20", "received ['x_rash', 'x_effect'], a function", "takes the function first"],
    ),
    "a name that is no text": (RATE, "laws.reading(lambda rate: rate, 3)", ["line 20", "received a function, 3"]),
    "a number for a spread": (
        '4.0, "l", GUESS',
        '4.0, "l", GUESS, 0.2',
        ["line 12", "'x_v'", "spread", "is 0.2", "LogNormal(cv)"],
    ),
    "a text for a spread": (
        '4.0, "l", GUESS',
        '4.0, "l", GUESS, LogNormal("20 %")',
        ["line 12", "cv='20 %'", "such as 0.3"],
    ),
    "the spread before the source": (
        '4.0, "l", GUESS',
        '4.0, "l", LogNormal(0.2), GUESS',
        ["line 12", "'x_v' has no source, but LogNormal(cv=0.2)"],
    ),
    "a route of nobody's": (
        '"intravenous infusion"',
        '"IV infusion"',
        ["Administration('x', …) is 'IV infusion'", "oral, subcutaneous", "intravenous infusion"],
    ),
    "samples of an agent that is not given": (
        'agent="x"',
        'agent="y"',
        ["Observable('x', …) is of the agent 'y'", "gives 'x'"],
    ),
    "the root of a negative number": (
        FACTOR,
        "lambda x_effect: 1 + x_effect * (-4) ** 0.5",
        ["'t_killing'", "line 19", "no real number", "root of a negative one"],
    ),
    "a module without a name": (
        '"x",\n        [',
        "3,\n        [",
        ["line 8", "a module has the name 3, which is no text"],
    ),
    "a parameter named by a number": (
        '"x_v", 4.0',
        "4, 4.0",
        ["line 12", "parameter 4", "must be a Python identifier"],
    ),
    "a dose into a number": ('into="x"', "into=3", ["line 21", "into must be a text that names something, not 3"]),
    "an agent without a name": ('Administration("x"', 'Administration(""', ["line 21", "agent must be a text"]),
    "a signal that is no text": ('"rash_drive"', "3", ["line 20", "signal must be a text that names something, not 3"]),
    "a number for an assay": (
        'agent="x"',
        'assay=0.1, agent="x"',
        ["observable 'x'", "line 22", "its assay is 0.1; write Assay(cv=0.1)"],
    ),
    "a signal that is not declared": (
        '"t_killing"',
        '"lag3_binding"',
        ["line 19", "did you mean 'ctla4_binding'", "opsonin explain full-core", "a Signal of its own"],
    ),
}
CHECK = """\
import json, sys
from opsonin.biology import full_core
from opsonin.errors import OpsoninError
from opsonin.model import Model
from opsonin.therapies import check_at_rest, load_agent

said = {}
for name, folder in json.load(sys.stdin).items():
    try:
        module = load_agent("./own.py:module", folder)
        check_at_rest(module, Model([*full_core(), module]))
    except OpsoninError as problem:
        said[name] = str(problem)
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    folders = {}
    for number, (name, (right, wrong, _)) in enumerate({"": ("", "", []), **MISTAKES}.items()):
        assert right in RIGHT, name
        folder = tmp_path_factory.mktemp(f"file{number}")
        (folder / "own.py").write_text(RIGHT.replace(right, wrong, 1) if right else RIGHT, encoding="utf-8")
        folders[name] = str(folder)
    ran = subprocess.run([sys.executable, "-c", CHECK], input=json.dumps(folders), capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_what_to_write(said, name):
    assert [words for words in MISTAKES[name][2] if words not in said[name]] == [], said[name]


def test_the_file_without_a_mistake_is_taken(said):
    assert "" not in said


@pytest.mark.parametrize("name", names())
def test_no_bundled_agent_acts_before_it_is_given(name):
    module = load_agent(name)
    check_at_rest(module, Model([module, *core_for(module)]))
