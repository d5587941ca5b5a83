"""Streams: the same bytes however they are computed, tables that hold what `simulate` gives, and clear refusals."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from opsonin.errors import SimulationError
from opsonin.simulate import (
    FromArrays,
    StreamInterrupted,
    open_stream,
    simulate,
    simulate_stream,
)
from opsonin.simulate.stream import asking, parts
from opsonin.simulate.stream.work import by_threads
from streaming import OUTPUTS, PATIENTS, TIMES, Drugged, digest, reducers


@pytest.fixture(scope="module")
def source():
    return Drugged()


@pytest.fixture(scope="module")
def direct(source):
    """All patients in one call of `simulate`."""
    everyone = source.block(0, PATIENTS)
    made = simulate(
        source.model, everyone.constants, everyone.schedule, TIMES, thresholds=everyone.thresholds, rtol=1e-5
    )
    drug = source.model.observe(["drug"], made.states, everyone.constants, TIMES)
    return made, np.stack([made.state("central"), drug[:, :, 0]], axis=-1)


@pytest.fixture(scope="module", params=["parquet", "zarr"])
def written(request, source, tmp_path_factory):
    out = tmp_path_factory.mktemp("stream") / "out"
    return simulate_stream(source, PATIENTS, TIMES, OUTPUTS, out=out, storage=request.param, reduce=reducers())


@pytest.mark.parametrize("how", [{"threads": 1}, {"threads": 3}, {"block": 13}, {"workers": 2}], ids=str)
def test_threads_workers_and_blocks_make_the_same_bytes(written, source, tmp_path, how):
    out = tmp_path / "out"
    simulate_stream(source, PATIENTS, TIMES, OUTPUTS, out=out, storage=written.storage, reduce=reducers(), **how)
    assert digest(out) == digest(written.folder)


def test_tables_hold_what_one_simulation_gives(written, direct):
    made, values = direct
    table = open_stream(written.folder).table()
    assert table["patient"].tolist() == np.repeat(np.arange(PATIENTS), len(TIMES)).tolist()
    assert table["day"].tolist() == np.tile(TIMES, PATIENTS).tolist()
    assert np.array_equal(table[list(OUTPUTS)].to_numpy(), values.reshape(-1, 2).astype(np.float32))
    known = open_stream(written.folder).patient_table()
    days = known[["day of nausea, grade 1", "day of nausea, grade 3"]].to_numpy()
    assert np.isfinite(days).any()
    assert np.array_equal(np.where(np.isnan(days), np.inf, days), made.crossings)
    assert known["sex"].tolist()[:3] == ["M", "F", "M"]
    assert known["failure"].isna().all()


def test_some_patients_can_be_read_alone(written):
    stream = open_stream(written.folder)
    whole = stream.table()
    some = whole[whole["patient"].between(60, 139)].reset_index(drop=True)
    pd.testing.assert_frame_equal(stream.table(60, 140), some)


def test_double_precision_keeps_every_bit(source, direct, tmp_path):
    made = simulate_stream(source, PATIENTS, TIMES, OUTPUTS, out=tmp_path / "out", precision="double")
    assert np.array_equal(made.table()[list(OUTPUTS)].to_numpy(), direct[1].reshape(-1, 2))


def test_zarr_opens_by_name_with_units(written):
    if written.storage != "zarr":
        pytest.skip("the Parquet run of this fixture")
    import zarr

    group: Any = zarr.open_group(written.folder / "outputs.zarr", mode="r")
    assert group["drug"].metadata.dimension_names == ("patient", "day")
    assert group["drug"].attrs["units"] == "ng/ml"
    assert np.array_equal(group["day"][:], TIMES)


def test_without_a_folder_values_are_given_back(source, direct):
    made = simulate_stream(source, PATIENTS, TIMES, OUTPUTS)
    assert made.values is not None
    assert np.array_equal(made.values, direct[1])
    assert made.table(3, 5)["drug"].tolist() == direct[1][3:5, :, 1].ravel().tolist()


def test_reduced_values_are_those_of_all_patients(written, direct):
    values = direct[1]
    moments, quantiles = written.reduced["mean"], written.reduced["quantiles"]
    assert np.allclose(moments.mean, values.mean(axis=0), rtol=1e-12)
    assert np.allclose(moments.sd, values.std(axis=0, ddof=1), rtol=1e-10)
    assert np.array_equal(moments.largest, values.max(axis=0))
    assert np.allclose(quantiles, np.quantile(values, (0.05, 0.5, 0.95), axis=0), rtol=2**-7, atol=0)


def test_a_finished_stream_is_gone_on_with_at_once(written, source):
    before = digest(written.folder)
    again = simulate_stream(
        source, PATIENTS, TIMES, OUTPUTS, out=written.folder, storage=written.storage, reduce=reducers(), resume=True
    )
    assert np.array_equal(again.reduced["mean"].mean, written.reduced["mean"].mean)
    assert digest(written.folder) == before


@pytest.mark.parametrize("storage", ["parquet", "zarr"])
def test_an_interrupted_stream_keeps_what_is_finished_and_goes_on(source, written, tmp_path, storage):
    out = tmp_path / "out"
    asked = {"out": out, "storage": storage, "reduce": reducers()}

    def interrupt(done, _):
        if done > 200:
            raise KeyboardInterrupt

    with pytest.raises(StreamInterrupted) as stopped:
        simulate_stream(source, PATIENTS, TIMES, OUTPUTS, progress=interrupt, threads=1, **asked)
    assert 0 < stopped.value.done < PATIENTS
    kept = open_stream(out)
    assert not kept.complete
    assert len(kept.table()) >= 200 // kept.part * kept.part * len(TIMES)
    begun = []
    simulate_stream(source, PATIENTS, TIMES, OUTPUTS, progress=lambda done, _: begun.append(done), resume=True, **asked)
    assert begun[0] == stopped.value.done
    if storage == written.storage:
        assert digest(out) == digest(written.folder)


def test_a_complete_stream_without_its_statistics_says_so(source, tmp_path):
    asked = {"out": tmp_path / "out", "reduce": reducers()}
    simulate_stream(source, PATIENTS, TIMES, OUTPUTS, **asked)
    (tmp_path / "out" / "reduced.npz").unlink()
    with pytest.raises(SimulationError, match="what was reduced is gone from it"):
        simulate_stream(source, PATIENTS, TIMES, OUTPUTS, resume=True, **asked)


def test_a_patient_who_fails_is_named_and_left_out_of_statistics(tmp_path):
    made = simulate_stream(Drugged(fails=333), PATIENTS, TIMES, OUTPUTS, out=tmp_path / "out", reduce=reducers())
    assert made.failed == 1
    assert made.failures[0].startswith("patient row 333: ")
    assert made.reduced["mean"].count.tolist() == np.full((15, 2), PATIENTS - 1).tolist()
    assert np.isfinite(made.reduced["quantiles"]).all()
    assert made.table(333, 334)["drug"].isna().all()
    assert made.patient_table(333, 334)["failure"].notna().all()


@pytest.mark.parametrize("how", [{"threads": 2}, {"workers": 2}], ids=str)
def test_an_error_names_the_patients_it_is_about(how):
    with pytest.raises(SimulationError, match="from number 480 on: thresholds of patient row 20 hold nan"):
        simulate_stream(Drugged(breaks=500), PATIENTS, TIMES, OUTPUTS, **how)


def test_a_source_that_gives_others_than_asked_for_is_refused(source):
    class Short(Drugged):
        def block(self, first: int, last: int):
            return super().block(first, max(first + 1, last - 1))

    with pytest.raises(SimulationError, match=r"gave \d+ patients where block\(\d+, \d+\) was asked for"):
        simulate_stream(Short(), PATIENTS, TIMES, OUTPUTS)


def test_arrays_in_memory_are_a_source(source, direct):
    everyone = source.block(0, PATIENTS)
    arrays = FromArrays(source.model, everyone.constants, everyone.schedule, everyone.thresholds)
    made = simulate_stream(arrays, PATIENTS, TIMES, OUTPUTS)
    assert made.values is not None
    assert np.array_equal(made.values, direct[1])


def test_a_part_depends_on_what_is_asked_for_alone(source):
    job = asking.make_job(source, 10**6, np.arange(181.0), ("central", "gut", "drug"), None, "auto", 1e-5, None)
    assert job.part * 181 * 3 <= parts.PART_VALUES
    assert job.bounds(job.parts - 1)[1] == 10**6
    assert sum(b - a for a, b in map(job.bounds, range(job.parts))) == 10**6


def test_nobody_runs_far_ahead_of_the_slowest_part():
    slow, most = [], []

    def task(number, threads, tick):
        if number == 0:
            while not slow:
                tick(0)
        return number

    for number, _ in by_threads(task, range(200), 2, lambda done: None):
        most.append(number)
        if number == 8:
            slow.append(True)
    assert sorted(most) == list(range(200))
    assert most.index(0) <= 9


HUGE = 10**9


@pytest.mark.parametrize(
    ("patients", "asked", "message"),
    [
        (HUGE, {}, r"1,000,000,000 patients × 15 times × 2 outputs are 240 GB of numbers and have no place"),
        (HUGE * 100, {"out": "out"}, r"need about 8.64 TB on disk, but .* has .* left"),
        (10, {"out": "out", "storage": "csv"}, r"storage 'csv' is none of parquet, zarr"),
        (10, {"out": "out", "storage": None}, r"nothing would be kept"),
        (10, {"outputs": ["drugs"]}, r"output 'drugs' .* did you mean 'drug'"),
        (10, {"outputs": []}, r"no output is asked for"),
        (0, {}, r"0 patients; give 1 or more"),
        (10, {"times": [1.0, 1.0]}, r"times must be finite, increasing days"),
        (10, {"precision": "half"}, r"precision 'half' is none of single, double"),
        (10, {"method": "guess", "out": "new"}, r"method 'guess' is none of"),
        (10, {"rtol": 0.0, "out": "new"}, r"rtol is 0\.0; give a relative tolerance"),
        (10, {"resume": True}, r"to resume is to go on with what is in a folder"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_cannot_be_done_is_refused_with_the_reason(source, tmp_path, monkeypatch, patients, asked, message):
    monkeypatch.chdir(tmp_path)
    given = {"times": TIMES, "outputs": OUTPUTS, **asked}
    with pytest.raises(SimulationError, match=message):
        simulate_stream(source, patients, **given)


def test_a_source_has_no_more_patients_than_it_holds(source):
    held = source.block(0, 4)
    with pytest.raises(SimulationError, match="5 patients are asked for, but the source holds 4"):
        simulate_stream(FromArrays(source.model, held.constants, held.schedule), 5, TIMES, OUTPUTS)


def test_a_folder_is_never_overwritten_nor_mixed(written, source, tmp_path):
    asked = {"storage": written.storage, "reduce": reducers()}
    with pytest.raises(SimulationError, match=r"holds a complete simulation; go on with it \(--resume\)"):
        simulate_stream(source, PATIENTS, TIMES, OUTPUTS, out=written.folder, **asked)
    with pytest.raises(SimulationError, match="it is of other patients or doses"):
        simulate_stream(Drugged(seed=2), PATIENTS, TIMES, OUTPUTS, out=written.folder, resume=True, **asked)
    with pytest.raises(SimulationError, match=r"its rtol is 1e-05, now it is 0\.0001"):
        simulate_stream(source, PATIENTS, TIMES, OUTPUTS, out=written.folder, resume=True, rtol=1e-4, **asked)
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(SimulationError, match="holds something else"):
        simulate_stream(source, PATIENTS, TIMES, OUTPUTS, out=tmp_path, **asked)


def test_zarr_that_is_not_there_says_what_to_install(source, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SimulationError, match=r"pip install 'opsonin\[streams\]', or write Parquet"):
        simulate_stream(source, PATIENTS, TIMES, OUTPUTS, out=tmp_path / "out", storage="zarr")


def test_a_full_disk_keeps_what_is_finished(source, tmp_path, monkeypatch):
    from opsonin.simulate.stream import tables

    whole = tables.write_parquet

    def filling(folder, name, columns, split=()):
        if name == "outputs/part-000002.parquet":
            raise OSError(28, "No space left on device")
        return whole(folder, name, columns, split)

    out = tmp_path / "out"
    with monkeypatch.context() as patched:
        patched.setattr(tables, "write_parquet", filling)
        with pytest.raises(SimulationError, match=r"No space left on device; what is finished is kept\. Make room"):
            simulate_stream(source, PATIENTS, TIMES, OUTPUTS, out=out, threads=1)
    kept = len(open_stream(out).patient_table())
    assert 0 < kept < PATIENTS
    assert len(simulate_stream(source, PATIENTS, TIMES, OUTPUTS, out=out, resume=True).table()) == PATIENTS * len(TIMES)


def test_a_source_that_cannot_travel_says_so(tmp_path):
    class Local(Drugged):
        def __reduce__(self) -> Any:
            return Local, ()

    with pytest.raises(SimulationError, match="cannot be sent to worker processes"):
        simulate_stream(Local(), PATIENTS, TIMES, OUTPUTS, workers=2)
