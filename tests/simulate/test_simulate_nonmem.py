"""Reading event tables: NONMEM's columns, what may be left out, and messages that say where."""

import numpy as np
import pandas as pd
import pytest

from dosing_models import plasma
from opsonin.errors import ImportDataError, RegimenError
from opsonin.simulate.nonmem import read_events

WHERE = {1: ("drug", "oral"), 2: ("drug", "into plasma")}
TIMING = {"lagt": "lagt", "bioav": "bioav", "rat2": "rat2", "dur2": "dur2"}
HEADER = "ID,TIME,AMT,RATE,EVID,CMT,II,ADDL,SS"


@pytest.fixture(scope="module")
def model():
    return plasma(rate=lambda rat2: rat2, duration=None)


def table(tmp_path, *rows, header=HEADER, **options):
    path = tmp_path / "events.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return read_events(path, **options)


def test_what_is_left_out_means_nothing():
    read = read_events(pd.DataFrame({"Id": [7, 7, 7], "Time": [0, 1, 2], "amt": [100, 0, 0], "mdv": [1, 0, 1]}))
    assert read.subjects == ("7",)
    assert read.rows.evid.tolist() == [1, 0, 2]
    assert read.rows.time.tolist() == pytest.approx([0, 1 / 24, 2 / 24])


def test_dots_and_blanks_are_nought_and_names_may_differ(tmp_path):
    read = table(
        tmp_path,
        "A,0,.,,0,1",
        "A,1,5,.,1,2",
        header="who,when,AMT,RATE,EVID,CMT",
        columns={"ID": "who", "time": "WHEN"},
    )
    assert read.rows.amount.tolist() == [0.0, 5.0]
    assert read.rows.compartment == ["1", "2"]


def test_amounts_and_rates_are_converted_and_shortened_by_bioavailability(tmp_path, model):
    read = table(tmp_path, "1,0,0.2,0.1,1,2,24,1,0,0.5", "1,30,0.05,0,1,1,0,0,0,0.5", header=HEADER + ",bioav")
    constants = read.constants(model, {"bioav": "bioav"})
    made = read.schedule(model, constants, WHERE, amount_unit="g")
    given = made.amounts[0] > 0
    order = np.argsort(made.times[0][given])
    assert made.times[0][given][order] == pytest.approx([0.0, 1.0, 1.25])
    assert made.amounts[0][given][order] == pytest.approx([100.0, 100.0, 50.0])
    assert made.durations[0][given][order] * 24 == pytest.approx([1.0, 1.0, 0.0])  # 0.1 g arrive at 0.1 g/h


def test_a_doses_own_row_says_its_lag(tmp_path, model):
    read = table(tmp_path, "1,0,100,0,1,2,0,0,0,6", "1,24,100,-1,1,2,0,0,0,12", header=HEADER + ",LAGT")
    constants = read.constants(model, {"lagt": "lagt"})
    made = read.schedule(model, constants, WHERE, covariates={"lagt": "lagt"})
    assert made.times[0] * 24 == pytest.approx([6.0, 36.0])
    assert made.durations[0] * 24 == pytest.approx([0.0, 10.0])  # 100 mg at the modelled 10 mg/h
    assert made.stopped(np.array([1.2])).amounts[0].tolist() == [100.0, 100.0]  # both taken by then
    assert made.stopped(np.array([1.0])).amounts[0].tolist() == [100.0, 0.0]


def test_a_covariate_of_the_equations_may_not_change(tmp_path, model):
    read = table(tmp_path, "1,0,100,0,1,2,0,0,0,6", "1,24,100,0,1,2,0,0,0,12", header=HEADER + ",V")
    with pytest.raises(ImportDataError, match=r"line 3, column V: subject 1 has 12 after 6, but .* 'volume' constant"):
        read.constants(model, {"V": "volume"})
    with pytest.raises(ImportDataError, match="no column 'WT'"):
        read.constants(model, {"WT": "volume"})
    with pytest.raises(RegimenError, match="no constant 'weight'"):
        read.constants(model, {"V": "weight"})


def test_observations_are_looked_at_before_or_after_the_doses_of_their_moment(tmp_path):
    rows = ["1,0,0,0,0", "1,0,5,0,1", "1,0,0,0,0", "1,0,0,0,2", "1,3,0,0,0", "2,4,0,0,0"]
    read = table(tmp_path, *(row + ",2,0,0,0" for row in rows))
    seen = read.observations()
    assert (seen.times[0] * 24).tolist() == pytest.approx([0, 0, 3])
    assert seen.after[0].tolist() == [False, True, True]
    assert seen.column.tolist() == [0, -1, 1, 1, 2, 0]
    assert seen.times[1].tolist() == [pytest.approx(4 / 24), np.inf, np.inf]


WRONG = [
    ("1,0,abc,0,1,2,0,0,0", "line 2, column AMT: 'abc' is not a number"),
    ("1,0,nan,0,1,2,0,0,0", "line 2, column AMT: nan is not a finite number"),
    ("1,,5,0,1,2,0,0,0", "line 2, column TIME: it is empty"),
    ("1,0,5,0,101,2,0,0,0", "line 2, column EVID: 101 is none of 0, 1, 2, 3, 4; this is rxode2's coding"),
    ("1,0,-5,0,1,2,0,0,0", "column AMT: -5 is negative"),
    ("1,0,5,0,0,2,0,0,0", "an observation .* has an amount, 5"),
    ("1,0,0,0,1,2,0,0,0", "column AMT: a dose has no amount"),
    ("1,0,5,-3,1,2,0,0,0", "column RATE: -3; below 0 only -1 and -2"),
    ("1,0,5,0,1,2,-1,0,0", "column II: -1 is negative"),
    ("1,0,5,0,1,2,0,2,0", "column II: 0, but ADDL asks for more doses"),
    ("1,0,5,0,1,2,24,-2,0", "column ADDL: -2; doses until a steady state"),
    ("1,0,5,0,1,2,24,1.5,0", "column ADDL: 1.5 is not a whole number"),
    ("1,0,5,0,1,2,24,0,4", "column SS: 4 is none of 0, 1, 2, 3"),
    ("1,0,5,0,1,2,0,0,1", "column II: 0, but SS asks for doses given at an interval"),
    ("1,0,0,-2,1,2,0,0,1", "column RATE: -2: an infusion that has always run has no duration"),
    ("1,0,0,5,1,2,0,2,1", "column II: 0, but ADDL asks for more doses"),
    ("1,0,0,0,1,2,24,0,1", "column AMT: a steady state of doses at an interval has no amount"),
    ("1,0,5,0,1,-2,0,0,0", "column CMT: -2 would switch a compartment off"),
    ("1,0,5,0,1,3,0,0,0", "column CMT: a dose into compartment 3, but `compartments` says where doses into 1, 2 land"),
    ("1,0,5,-2,1,2,0,0,0", "column RATE: -2 asks for a modelled duration, but the administration drug, into plasma"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "message"), WRONG, ids=[message[:50] for _, message in WRONG])
def test_a_row_that_makes_no_sense_is_named(tmp_path, model, row, message):
    def read_and_give():
        read = table(tmp_path, row)
        return read.schedule(model, read.constants(model, {}), WHERE)

    with pytest.raises(ImportDataError, match=message) as met:
        read_and_give()
    assert "events.csv, line 2" in str(met.value)


WRONG_TABLES = [
    ({"ID": [1, 1], "TIME": [2, 1]}, "row 2, column TIME: 1 comes after 2 of the same subject"),
    ({"ID": [1, 2, 1], "TIME": [0, 0, 0]}, "row 3, column ID: subject 1 comes again"),
    ({"ID": [1, 1], "TIME": [2, 1], "EVID": [0, 3]}, "let the clock run on over a reset"),
    ({"TIME": [0]}, "no column ID; it has TIME"),
    ({"ID": [], "TIME": []}, "has no row"),
]


@pytest.mark.parametrize(("columns", "message"), WRONG_TABLES, ids=[message for _, message in WRONG_TABLES])
def test_a_table_that_makes_no_sense_is_named(columns, message):
    with pytest.raises(ImportDataError, match=message):
        read_events(pd.DataFrame(columns))


def test_files_and_names_that_are_not_there_are_named(tmp_path, model):
    with pytest.raises(ImportDataError, match=r"nothing\.csv: the event table cannot be read"):
        read_events(tmp_path / "nothing.csv")
    with pytest.raises(ImportDataError, match="no column 'WHO' for ID"):
        table(tmp_path, "1,0,5,0,1,2,0,0,0", columns={"ID": "WHO"})
    with pytest.raises(ImportDataError, match="DOSE is no column of an event table"):
        table(tmp_path, "1,0,5,0,1,2,0,0,0", columns={"DOSE": "AMT"})
    read = table(tmp_path, "1,0,5,0,1,2,0,0,0")
    with pytest.raises(RegimenError, match="compartment 2: the model does not give"):
        read.schedule(model, read.constants(model, {}), {2: ("drug", "by mouth")})
