"""Virtual patients: reproducible, keyed by name, within limits, correlated as said."""

from dataclasses import replace

import numpy as np
import pytest

from combination import combination, rank_correlation
from opsonin.biology import core
from opsonin.errors import ModelError
from opsonin.model import Covariate, LogNormal, Model, Module, Parameter, Species
from opsonin.patients import indication, indication_names, sample_patients
from opsonin.units import factor

N = 400


@pytest.fixture(scope="module")
def patients():
    return sample_patients(combination(), indication("refractory-solid"), N, seed=3)


def column(patients, name, model=None):
    return patients.constants[:, list((model or combination()).symbolic.constants).index(name)]


def test_the_same_seed_gives_the_same_patients_and_another_others(patients):
    again = sample_patients(combination(), indication("refractory-solid"), N, seed=3)
    other = sample_patients(combination(), indication("refractory-solid"), N, seed=4)
    assert np.array_equal(patients.constants, again.constants)
    assert np.array_equal(patients.thresholds, again.thresholds)
    assert patients.covariates.equals(again.covariates)
    assert not np.array_equal(patients.constants, other.constants)


def test_a_patient_does_not_depend_on_the_size_of_the_pool(patients):
    few = sample_patients(combination(), indication("refractory-solid"), 7, seed=3)
    assert np.array_equal(few.constants, patients.constants[:7])
    assert np.array_equal(few.thresholds, patients.thresholds[:7])


def test_adding_a_parameter_or_dropping_a_therapy_changes_no_other_number(patients):
    fewer = Model(
        [
            *core(),
            Module("extra", [Parameter("aaa_extra", 2.0, "mg", "assumed: test", LogNormal(0.5)), Species("x", "mg")]),
        ]
    )
    drawn = sample_patients(fewer, indication("refractory-solid"), N, seed=3)
    ours = list(combination().symbolic.constants)
    for name in fewer.symbolic.constants:
        if name != "aaa_extra":
            assert np.array_equal(column(drawn, name, fewer), patients.constants[:, ours.index(name)]), name


def test_parameters_keep_their_median_spread_and_limits(patients):
    for n, name in enumerate(combination().symbolic.constants):
        part = next(p for p, _ in combination().parts(Parameter, Covariate) if p.name == name)
        if isinstance(part, Covariate):
            continue
        values = patients.constants[:, n] / factor(part.unit, combination().symbolic.constant_units[n])
        if part.spread is None:
            assert values == pytest.approx(part.value)
        else:
            assert len(np.unique(values)) == N
            assert (values >= (-np.inf if part.lower is None else part.lower)).all()
            assert (values <= (np.inf if part.upper is None else part.upper)).all()
            assert np.median(values) == pytest.approx(part.value, rel=0.25)


def test_covariates_are_those_of_a_phase_one_cohort(patients):
    table = patients.covariates
    assert table.age_years.between(18, 86).all()
    assert table.age_years.median() == pytest.approx(58, abs=2)
    assert (table.sex == "M").mean() == pytest.approx(2 / 3, abs=0.07)
    assert set(table.ecog) == {0, 1, 2}
    assert np.quantile(table.sum_of_diameters_mm, [0.25, 0.5, 0.75]) == pytest.approx([49.3, 73.5, 108.8], rel=0.15)
    assert table.height_cm[table.sex == "M"].mean() > table.height_cm[table.sex == "F"].mean() + 8


def test_lesions_are_at_least_ten_millimetres_add_up_and_come_largest_first(patients):
    lesions = np.column_stack([column(patients, f"lesion_{k}") for k in range(1, 6)])
    present = lesions > 0
    assert (lesions[present] >= 10 - 1e-9).all()
    assert lesions.sum(axis=1) == pytest.approx(patients.covariates.sum_of_diameters_mm.to_numpy())
    assert (np.diff(lesions, axis=1) <= 1e-9).all()
    assert (present.sum(axis=1) == patients.covariates.target_lesions).all()
    assert set(present.sum(axis=1)) == {1, 2, 3, 4, 5}


@pytest.mark.parametrize(
    ("one", "other", "rho"), [("nk_fitness", "frailty", -0.4), ("albumin_g_per_l", "aag_g_per_l", -0.4)]
)
def test_correlations_are_those_of_the_indication(patients, one, other, rho):
    assert rank_correlation(column(patients, one), column(patients, other)) == pytest.approx(rho, abs=0.12)


def test_uncorrelated_parameters_are_independent(patients):
    assert abs(rank_correlation(column(patients, "imatinib_cl"), column(patients, "b_baseline"))) < 0.15


def test_thresholds_of_one_hazard_share_a_draw_and_later_grades_need_more(patients):
    symbolic = combination().symbolic
    for n, (hazard, _, share) in enumerate(symbolic.thresholds):
        first = next(k for k, (other, _, _) in enumerate(symbolic.thresholds) if other == hazard)
        assert patients.thresholds[:, n] * share == pytest.approx(patients.thresholds[:, first])
    assert patients.thresholds[:, 0].mean() == pytest.approx(1, abs=0.2)


def test_taking_rows_takes_everything(patients):
    few = patients.take(np.array([5, 2]))
    assert len(few) == 2
    assert few.ids.tolist() == [5, 2]
    assert np.array_equal(few.constants, patients.constants[[5, 2]])
    assert few.covariates.age_years[0] == patients.covariates.age_years[5]


def test_an_indication_may_set_its_own_typical_values():
    other = replace(indication("refractory-solid"), values={"tumour_growth_rate": 0.03})
    drawn = sample_patients(combination(), other, N, seed=3)
    assert np.median(column(drawn, "tumour_growth_rate")) > 0.02


def test_an_unknown_covariate_is_named():
    model = Model([*core(), Module("extra", [Covariate("hla_type", "dimensionless", 1.0)])])
    with pytest.raises(ModelError, match="covariate 'hla_type', which patients of 'refractory-solid' do not have"):
        sample_patients(model, indication("refractory-solid"), 3, seed=1)


def test_limits_that_no_draw_satisfies_are_named():
    model = Model(
        [
            *core(),
            Module(
                "extra",
                [
                    Parameter("odd", 1.0, "mg", "assumed: test", LogNormal(0.01), lower=0.999, upper=1.0),
                    Species("x", "mg"),
                ],
            ),
        ]
    )
    strict = replace(indication("refractory-solid"), values={"odd": 5.0})
    with pytest.raises(ModelError, match="'odd': 3 patients had no value within"):
        sample_patients(model, strict, 3, seed=1)


def test_contradictory_correlations_are_refused():
    crossed = replace(indication("refractory-solid"), correlations=(("a", "b", 0.9), ("b", "c", 0.9), ("a", "c", -0.9)))
    with pytest.raises(ModelError, match="contradict one another"):
        sample_patients(combination(), crossed, 3, seed=1)


def test_an_unknown_indication_lists_the_known():
    assert "refractory-solid" in indication_names()
    with pytest.raises(ModelError, match="did you mean 'refractory-solid'"):
        indication("refractory-solids")
