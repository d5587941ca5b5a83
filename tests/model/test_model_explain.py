"""A model explains itself: tables, equations, diagram; and its name is stable."""

import json
import os
import subprocess
import sys

import pytest

from opsonin.model import Model, Module, Parameter, Species
from paths import ROOT
from small_models import combination


def test_tables_are_plain_json_with_kinds_and_sources():
    told = combination().explain()
    assert json.loads(json.dumps(told)) == told
    cl = next(row for row in told["parameters"] if row["name"] == "cl")
    assert cl["kind"] == "assumed"
    assert (cl["value"], cl["unit"], cl["module"]) == (14.0, "l/h", "drug")
    assert cl["spread"] == "log-normal, CV 36 %"
    assert told["signals"][0]["modulations"][0]["module"] == "inhibitor"
    assert told["hazards"][0]["grades"] == {"1": 1.0, "2": 0.4, "3": 0.1}


def test_equations_are_printed_as_they_were_written_by_name():
    equations = dict(combination().equations())
    assert equations["gut"] == r"\frac{d}{dt} \mathrm{gut} = - \mathrm{gut} \cdot \mathrm{ka}"
    assert r"\mathrm{clearance} \cdot \mathrm{concentration}" in equations["central"]
    told = combination().explain()["processes"]
    assert [row["equation"] for row in told] == ["gut*ka", "cl*clearance*concentration"]
    assert (told[0]["consumes"], told[0]["produces"]) == (["gut"], ["central"])


def test_the_diagram_has_doses_flows_and_modulations():
    edges = {(edge["kind"], edge["from"], edge["to"]) for edge in combination().diagram_edges()}
    assert {
        ("dose", "drug", "gut"),
        ("flow", "gut", "central"),
        ("flow", "central", ""),
        ("modulates", "inhibitor", "clearance"),
        ("influences", "clearance", "elimination"),
    } <= edges


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_content_hash_is_the_same_in_every_process(seed):
    program = "from small_models import combination; print(combination().symbolic.content_hash)"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        cwd=ROOT / "tests",
    )
    assert ran.stdout.strip() == combination().symbolic.content_hash


def test_the_content_hash_follows_what_is_integrated_and_not_values():
    def hashed(*parts):
        return Model([combination(), Module("more", parts)]).symbolic.content_hash

    assert hashed(Parameter("extra", 1.0, "", "x")) == hashed(Parameter("extra", 2.0, "", "y"))
    assert hashed(Species("extra", "mg")) != hashed(Species("other", "mg"))
