"""Laws of iRECIST and Lugano that hold for any scans."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from opsonin.criteria import irecist, lugano, recist

# to a hundredth of a millimetre, finer than any ruler, so that a comparison stays clear of the last binary place
MM = st.one_of(st.just(np.nan), st.integers(0, 12_000).map(lambda n: n / 100))
DIAMETERS = arrays(np.float64, (3, 2, 5), elements=MM)
FLAGS = arrays(np.bool_, (3, 5))
CODES = arrays(np.int64, (3, 5), elements=st.sampled_from([recist.PD, recist.NE, recist.CR, recist.SD]))
BASELINE = np.full((3, 2), 40.0)
DAYS = np.tile(35.0 * np.arange(1, 6), (3, 1))


def new_from(more, grown):
    present = np.maximum.accumulate(more, axis=1)
    return irecist.NewLesions(present, more, 15.0 * np.cumsum(more, axis=1), grown & present, np.zeros_like(more))


def judge_all(seen, more, grown, codes, rows=slice(None)):
    new = irecist.NewLesions(*(part[rows] for part in new_from(more, grown)))
    days = DAYS[rows]
    return irecist.assess(
        BASELINE[rows], seen[rows], days, new=new, non_target=codes[rows], non_target_grown=grown[rows]
    )


@settings(max_examples=25)
@given(DIAMETERS, FLAGS, FLAGS, CODES)
def test_progression_is_confirmed_only_after_an_unconfirmed_one_four_weeks_before(seen, more, grown, codes):
    judged = judge_all(seen, more, grown, codes)
    for p in range(3):
        words = judged.overall[p].tolist()
        if irecist.CPD in words:
            first = words.index(irecist.CPD)
            began = judged.progression_day[p]
            assert DAYS[p, first] - began >= 28
            run = [words[v] for v in range(first) if DAYS[p, v] >= began]
            assert run[0] == irecist.PD
            assert set(run) <= {irecist.PD, irecist.NE}
            assert judged.confirmed[p, first]
        else:
            assert np.isinf(judged.progression_day[p])


@settings(max_examples=25)
@given(DIAMETERS, FLAGS, FLAGS, CODES)
def test_patients_do_not_depend_on_their_neighbours(seen, more, grown, codes):
    together = judge_all(seen, more, grown, codes)
    for p in range(3):
        alone = judge_all(seen, more, grown, codes, slice(p, p + 1))
        assert (alone.overall[0] == together.overall[p]).all()
        assert (alone.rule[0] == together.rule[p]).all()
        assert alone.best[0] == together.best[p]


@settings(max_examples=25)
@given(DIAMETERS, CODES)
def test_until_the_first_progression_irecist_is_recist(seen, codes):
    plain = recist.assess(BASELINE, seen, DAYS, non_target=codes)
    immune = irecist.assess(BASELINE, seen, DAYS, non_target=codes)
    for p in range(3):
        for v in range(5):
            assert immune.overall[p, v] == plain.overall[p, v]
            if plain.overall[p, v] == recist.PD:
                break
    assert ((immune.best == recist.PD) | (immune.best == irecist.CPD) <= (plain.best <= recist.PD)).all()


@settings(max_examples=25)
@given(DIAMETERS)
def test_a_later_visit_changes_no_earlier_one(seen):
    whole = irecist.assess(BASELINE, seen, DAYS)
    part = irecist.assess(BASELINE, seen[:, :, :3], DAYS[:, :3])
    assert (whole.overall[:, :3] == part.overall).all()


@settings(max_examples=25)
@given(DIAMETERS)
def test_lugano_progresses_when_and_only_when_a_lesion_or_a_new_one_does(seen):
    judged = lugano.assess(BASELINE, seen, DAYS)
    for p in range(3):
        low = np.full(2, 40.0)
        for v in range(5):
            now = seen[p, :, v]
            step = np.where(low > 20, 10.0, 5.0)
            with np.errstate(invalid="ignore"):
                grown = (now > 10) & (now >= low + step - 1e-9) & (now**2 >= 1.5 * low**2 - 1e-9)
                back = (low == 0) & (now > 0)
            assert (judged.overall[p, v] == recist.PD) == bool((grown | back).any())
            low = np.fmin(low, now)


@settings(max_examples=15)
@given(DIAMETERS, st.permutations(range(2)))
def test_the_order_of_lesions_does_not_matter(seen, order):
    for criteria in (recist, irecist, lugano):
        one = criteria.assess(BASELINE, seen, DAYS)
        other = criteria.assess(BASELINE[:, order], seen[:, order], DAYS)
        assert (one.overall == other.overall).all()
        assert (one.best_day == other.best_day).all()
