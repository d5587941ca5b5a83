"""Programs of the studies end with a line, and no traceback, where they are asked for what cannot be."""

import sys

import pytest

from opsonin.studies import (
    adaptive_map,
    car_t_barriers,
    clinical_targets,
    drug_tables,
    durability,
    mouse_doses,
    response_spread,
    worst_rows,
)

COUNTED = {
    adaptive_map: "--patients",
    car_t_barriers: "--patients",
    drug_tables: "--patients",
    durability: "--patients",
    mouse_doses: "--mice",
    response_spread: "--patients",
    worst_rows: "--patients",
}


@pytest.mark.parametrize("number", ["0", "-3", "some"])
@pytest.mark.parametrize("program", COUNTED, ids=lambda one: one.__name__.rpartition(".")[2])
def test_a_number_of_patients_is_1_or_more(program, number, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["program", f"{COUNTED[program]}={number}"])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 2
    assert f"{number!r} is no whole number of 1 or more" in capsys.readouterr().err


def test_what_there_is_not_is_told_in_a_line(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["program", "melanom"])
    with pytest.raises(SystemExit, match="unknown indication 'melanom'; did you mean 'melanoma'"):
        durability.main()
    with pytest.raises(SystemExit, match="cannot be read as a table of published figures"):
        clinical_targets.main([str(tmp_path / "nowhere.csv")])
    with pytest.raises(SystemExit, match=r"--only '\(' is no pattern"):
        clinical_targets.main([str(tmp_path / "nowhere.csv"), "--only", "("])
