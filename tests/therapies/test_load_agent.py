"""Agents by name and from a user's own file, and every way in which the file can be wrong."""

import pytest

from opsonin.biology import core, core_for
from opsonin.errors import TherapyError
from opsonin.model import Administration, Model, Module
from opsonin.therapies import REGISTRY, load_agent, names

OWN = """\
from opsonin.model import Administration, Module, Parameter, Process, Species

def module():
    return Module("mine", [
        Parameter("mine_k", 1.0, "1/day", "assumed: example"),
        Species("mine", "mg"),
        Process("mine_loss", lambda mine, mine_k: mine_k * mine, consumes="mine"),
        Administration("mine", "oral", into="mine"),
    ])
"""


@pytest.mark.parametrize("name", names())
def test_every_bundled_agent_is_a_module_that_fits_the_core_and_can_be_dosed(name):
    module = load_agent(name)
    assert isinstance(module, Module)
    routes = [part for part in module.parts if isinstance(part, Administration)]
    assert {part.agent for part in routes} == {name}
    assert {(name, part.route) for part in routes} == set(Model([*core_for(module), module]).symbolic.administrations)
    assert set(names()) == set(REGISTRY)


def test_an_unknown_name_suggests_the_near_one():
    with pytest.raises(TherapyError, match=r"'imatinb'; did you mean 'imatinib'\?"):
        load_agent("imatinb")


def test_a_file_of_ones_own_is_loaded_from_the_folder_of_the_study(tmp_path):
    (tmp_path / "my_drug.py").write_text(OWN)
    module = load_agent("./my_drug.py:module", tmp_path)
    assert module.name == "mine"
    assert "mine" in Model([*core(), module]).symbolic.species
    assert not list(tmp_path.glob("__pycache__"))


def test_a_changed_file_is_read_anew(tmp_path):
    (tmp_path / "my_drug.py").write_text(OWN)
    load_agent("./my_drug.py:module", tmp_path)
    (tmp_path / "my_drug.py").write_text(OWN.replace('Module("mine"', 'Module("yours"'))
    assert load_agent("./my_drug.py:module", tmp_path).name == "yours"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nowhere_to_be_found\n", r"my_drug\.py, line 1: ModuleNotFoundError: .*nowhere_to_be_found"),
        ("x = 1\ny = 1 / 0\n", r"my_drug\.py, line 2: ZeroDivisionError"),
        ("def module(:\n    pass\n", r"my_drug\.py, line 1: "),
        ("def other():\n    pass\n", r"defines no function 'module'"),
        ("module = 3\n", r"defines no function 'module'"),
        ("def module():\n    x = {}\n    return x['dose']\n", r"my_drug\.py, line 3: KeyError: 'dose'"),
        ("def module(weight):\n    return None\n", r"my_drug\.py.*TypeError.*weight"),
        ("def module():\n    return 5\n", r"returned int, not a Module"),
        (
            "from opsonin.model import Module, Parameter\ndef module():\n"
            "    return Module('m', [Parameter('a b', 1.0, 'mg', 'assumed: x')])\n",
            r"my_drug\.py, line 3: .*'a b'",
        ),
        ("from opsonin.model import Module\ndef module():\n    return Module('m', [])\n", r"no Administration"),
    ],
)
def test_a_file_that_is_wrong_names_file_line_and_cause(tmp_path, text, message):
    (tmp_path / "my_drug.py").write_text(text)
    with pytest.raises(TherapyError, match=message):
        load_agent("./my_drug.py:module", tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(TherapyError, match=r"there is no file .*absent\.py; the path is relative to the study file"):
        load_agent("./absent.py:module", tmp_path)
