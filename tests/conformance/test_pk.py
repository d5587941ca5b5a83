"""Non-compartmental analysis against Phoenix WinNonlin's tables, and dosing events against NONMEM's output.

A table is named nca_<data>_<Linear|Log>[_Infusion|_NoDose|_Wrong_Extravascular].csv, to be met to 0.1 %; profiles are
in data/<data>.csv. data/nmtest_events.csv has NONMEM 7.4.3's concentrations, to 5 digits, to be met to 0.01 %. Other
kinds wait for code.
"""

import math
from functools import cache

import numpy as np
import pandas as pd
import pytest

from dosing_models import plasma
from opsonin.analysis.noncompartmental import nca
from paths import REFERENCE

FOLDER = REFERENCE / "pk"
TOLERANCE = 1e-3
# how each study was given: dose, route where the file name says nothing, adjusted R² asked of the terminal slope
STUDIES = {"theoph": (320.0, "extravascular", 0.0), "indometh": (25.0, "bolus", 0.8)}
INFUSION_HOURS = 0.25
NOT_YET = {
    "nlme_reference_estimates": ("nlme", "needs population fitting, a later issue"),
    "nlmixr_benchmark_estimates": ("nlmixr", "needs population fitting, a later issue"),
    "simulated_truth": ("simulated_truth", "needs population fitting, a later issue"),
}
COLUMNS = {
    "Rsq": "r2",
    "Rsq_adjusted": "r2_adjusted",
    "Corr_XY": "correlation",
    "No_points_lambda_z": "n_lambda_z",
    "Lambda_z": "lambda_z",
    "Lambda_z_lower": "lambda_z_from",
    "Lambda_z_upper": "lambda_z_to",
    "HL_Lambda_z": "half_life",
    "Tlag": "tlag",
    "Tmax": "tmax",
    "Cmax": "cmax",
    "Cmax_D": "cmax_per_dose",
    "C0": "c0",
    "Tlast": "tlast",
    "Clast": "clast",
    "AUClast": "auc_last",
    "AUCall": "auc_all",
    "AUMClast": "aumc_last",
    "MRTlast": "mrt_last",
} | {
    f"{phoenix}_{kind}": f"{ours}_{kind}"
    for kind in ("obs", "pred")
    for phoenix, ours in {
        "AUCINF": "auc_inf",
        "AUCINF_D": "auc_inf_per_dose",
        "AUC_%Extrap": "extrapolated_percent",
        "AUC_%Back_Ext": "back_extrapolated_percent",
        "AUMCINF": "aumc_inf",
        "AUMC_%Extrap": "aumc_extrapolated_percent",
        "MRTINF": "mrt_inf",
        "Vz": "vz",
        "Vz_F": "vz",
        "Cl": "clearance",
        "Cl_F": "clearance",
        "Vss": "vss",
    }.items()
}


def _cases():
    if not FOLDER.is_dir():
        reason = f"no reference results at {FOLDER}; set OPSONIN_REFERENCE to their folder"
        return [pytest.param("missing", None, None, id="pk-missing", marks=pytest.mark.skip(reason=reason))]
    found = []
    for path in sorted(FOLDER.glob("*.csv")):
        if not path.stem.startswith("nca_"):
            kind, reason = NOT_YET.get(path.stem, (path.stem.split("_")[0], ""))
            cases = _rows(path, "dataset")
            found += [pytest.param("later", reason, case, id=f"{kind}-{case}") for case in cases]
            continue
        cases = _rows(path, "Subject")
        found += [pytest.param("nca", path, case, id=f"nca-{path.stem[4:]}-{case}") for case in cases]
    for path in sorted((FOLDER / "data").glob("nmtest_events.csv")):
        found += [pytest.param("events", path, case, id=f"nmtest-{case}") for case in _rows(path, "id")]
    return found


def _rows(path, column):
    """The distinct cases of a file, or one case named "unreadable" that will fail."""
    try:
        return list(dict.fromkeys(pd.read_csv(path, dtype={column: str})[column]))
    except (ValueError, KeyError, UnicodeDecodeError):
        return ["unreadable"]


@pytest.mark.parametrize(("kind", "where", "case"), _cases())
def test_pharmacokinetics_agree_with_the_reference(kind, where, case):
    assert case != "unreadable", "the reference file cannot be read"
    if kind == "later":
        assert where, f"the kind of {case} is not known"
        pytest.skip(f"{where}")
    if kind == "events":
        _meets_nonmem(where, case)
        return
    expected = pd.read_csv(where, dtype={"Subject": str}).set_index("Subject").loc[case]
    unknown = [c for c in expected.index if c not in COLUMNS]
    assert not unknown, f"columns not known: {unknown}"
    ours = _analysed(where.stem, case).to_dict()
    wrong = {}
    for column, value in expected.items():
        mine, theirs = ours[COLUMNS[column]], math.nan if value in ("Missing", "") else float(value)
        same = math.isnan(mine) if math.isnan(theirs) else math.isclose(mine, theirs, rel_tol=TOLERANCE, abs_tol=1e-9)
        if not same:
            wrong[column] = f"{mine:g} instead of {theirs:g}"
    assert not wrong


def _analysed(stem, subject):
    parts = stem.split("_")
    study, down, options = parts[1].lower(), parts[2], "_".join(parts[3:])
    assert study in STUDIES, f"the dose of {parts[1]} is not known"
    assert down in ("Linear", "Log"), f"the rule {down!r} is not known"
    assert options in ("", "Infusion", "NoDose", "Wrong_Extravascular"), f"the option {options!r} is not known"
    dose, route, r2 = STUDIES[study]
    route = {"Infusion": "infusion", "Wrong_Extravascular": "extravascular"}.get(options, route)
    data = pd.read_csv(FOLDER / "data" / f"{study}.csv", dtype={"Subject": str}).rename(columns=str.lower)
    profile = data[data["subject"] == subject]
    return nca(
        profile["time"].to_numpy(),
        profile["conc"].to_numpy(),
        dose=0.0 if options == "NoDose" else dose,
        route=route,
        infusion=INFUSION_HOURS if route == "infusion" else 0.0,
        method="linear" if down == "Linear" else "linear-up log-down",
        min_r2_adjusted=r2,
    )


# Steady states whose lag is longer than their interval: NONMEM forgets the doses that are on their way and continues
# the profile backwards from the next arrival, down to −94 mg/l. Opsonin does so only where asked to.
BACKWARDS = {"410", "415", "509", "610", "709", "809", "909"}
EVENTS_TOLERANCE = 1e-4


@cache
def _simulated(path, beyond_interval):
    """The table's observations with our concentrations, through the compiled solvers."""
    from opsonin.simulate import read_events, simulate_events

    table = read_events(path, time_unit="h")
    return simulate_events(
        plasma(nonnegative=False),
        table,
        {1: ("drug", "oral"), 2: ("drug", "into plasma")},
        ["central", "depot"],
        covariates={"lagt": "lagt", "bioav": "bioav", "dur2": "dur2"},
        beyond_interval=beyond_interval,
        rtol=1e-9,
    ).astype({"time": float, "cp": float})


def _meets_nonmem(path, case):
    theirs = _simulated(path, "continued")
    theirs = theirs[theirs["id"] == case]
    assert len(theirs) > 100
    assert _off(theirs) < EVENTS_TOLERANCE
    ours = _simulated(path, "periodic")
    ours = ours[ours["id"] == case]
    if case not in BACKWARDS:
        assert np.array_equal(ours["central"], theirs["central"])
        return
    with open(path) as lines:
        columns = pd.read_csv(lines, dtype={"id": str})
    dose = columns[(columns["id"] == case) & (columns["evid"] == 1)].iloc[0]
    before = ours["time"] < dose["lagt"] - dose["ii"]
    assert _off(ours[~before]) < EVENTS_TOLERANCE  # the same from the next arrival on
    period = ours.set_index("time")["central"]
    for time in ours["time"][before]:  # and before it what it is a whole number of intervals later
        later = time + dose["ii"] * math.ceil((dose["lagt"] - dose["ii"]) / dose["ii"])
        assert period[time] == pytest.approx(period[later], rel=1e-6)


def _off(rows):
    """The largest relative difference from NONMEM."""
    cp = rows["central"] / 20.0 * 1000.0  # µg/l
    size = np.where(rows["cp"] == 0, 1.0, rows["cp"].abs())
    return float((np.abs(cp - rows["cp"]) / size).max())
