"""Worker processes and finished blocks on the disk: the same outcomes, whoever simulated them and when."""

import subprocess
import sys
from dataclasses import fields

import numpy as np
import pytest

from opsonin.errors import RecordError, SimulationError, StudyError
from opsonin.trial import Pool
from opsonin.trial.kept import Kept
from opsonin.trial.runners import Threads, divide
from opsonin.trial.workers import Workers
from opsonin.trial.world import LEAD_IN, Failure
from trial import small, small_world

LEVELS = (1, 2, 3)


def new_pool(model, patients=120, **how):
    return Pool(model, small.small_patients(model, patients), small.small_protocol(), small_world.SEED, **how)


def assert_same(one, other):
    for field in fields(one):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), field.name)


def test_a_patients_levels_stay_in_one_job_and_nothing_is_lost():
    rows, levels = np.tile(np.arange(100), 3), np.repeat([1, 2, 3], 100)
    for hands, batch in ((1, 1000), (2, 1000), (3, 50), (2, 1)):
        jobs = divide(rows, levels, (), hands, batch)
        assert sorted((r, v) for job in jobs for r, v in zip(job.rows.tolist(), job.levels.tolist(), strict=True)) == (
            sorted(zip(rows.tolist(), levels.tolist(), strict=True))
        )
        assert sum(len(set(job.rows.tolist())) for job in jobs) == 100
        assert max(len(job) for job in jobs) <= max(batch, 3) + 3
        assert len(jobs) % hands == 0
    assert len(divide(rows[:5], levels[:5], (), 8, 1000)) == 1


@pytest.mark.slow
def test_worker_processes_give_the_same_outcomes(model, pool):
    with Workers(2, small_world.make, threads=2) as workers:
        other = new_pool(model, runner=workers, batch=70)
        other.expect(1000)
        for level in LEVELS:
            assert_same(pool.outcomes(level), other.outcomes(level))
        processes = [worker.process for worker in workers._all]
        assert all(process.poll() is None for process in processes)
    assert all(process.poll() is not None for process in processes)


def test_what_is_wrong_in_a_worker_is_said_here(model):
    with Workers(2, small_world.without_patients) as workers, pytest.raises(StudyError, match="has no patients"):
        new_pool(model, runner=workers, batch=50).expect(1000)


def test_a_worker_that_is_killed_is_named_and_the_others_are_ended(model):
    with Workers(2, small_world.killed) as workers:
        with pytest.raises(SimulationError, match=r"exit code -9.*fewer workers"):
            new_pool(model, runner=workers, batch=50).expect(1000)
        processes = [worker.process for worker in workers._all]
    assert all(process.returncode == -9 for process in processes)


def test_workers_end_when_the_run_is_killed(tmp_path):
    """A worker reads its jobs from a pipe; when nobody is left to write into it, it ends."""
    text = (
        "import os, sys, time\n"
        f"sys.path[:] = {sys.path!r}\n"
        "from opsonin.trial.workers import Workers\nfrom trial import small_world\n"
        "workers = Workers(1, small_world.make)\n"
        "print(workers._all[0].process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60)
    # its end of the output closes only when the worker, which shares it, is gone: `run` has waited for that
    assert done.returncode == -9, done.stderr
    assert done.stdout.strip().isdecimal()


class Interrupted(Threads):
    """Stops after so many blocks, as Ctrl-C would."""

    def __init__(self, blocks):
        super().__init__(2)
        self.blocks = blocks

    def run(self, world, jobs, tell):
        for number, piece in enumerate(super().run(world, jobs, tell)):
            if number == self.blocks:
                raise KeyboardInterrupt
            yield piece


@pytest.mark.parametrize("blocks", [0, 1, 4])
def test_an_interrupted_pool_goes_on_from_its_finished_blocks(model, pool, tmp_path, blocks):
    kept = Kept(tmp_path / "kept")
    with pytest.raises(KeyboardInterrupt):
        new_pool(model, runner=Interrupted(blocks), batch=60, kept=kept).expect(1000)
    assert len(kept) == blocks
    assert kept.folder.exists() == (blocks > 0)
    pairs, told = sum(len(piece.job) for piece in kept.pieces()), []
    again = new_pool(model, batch=45, kept=kept, progress=lambda *what: told.append(what))
    again.expect(1000)
    assert told[0] == ("simulating virtual patients", pairs, 3 * 120)
    assert told[-1] == ("simulating virtual patients", 3 * 120, 3 * 120)
    for level in LEVELS:
        assert_same(pool.outcomes(level), again.outcomes(level))
    kept.clear()
    assert not kept.folder.exists()


def test_a_whole_pool_that_is_kept_simulates_nothing(model, pool, tmp_path, monkeypatch):
    kept = Kept(tmp_path)
    new_pool(model, kept=kept).expect(1000)
    monkeypatch.setattr("opsonin.trial.world.follow", None)
    other = new_pool(model, kept=kept)
    other.expect(1000)
    assert_same(pool.outcomes(2), other.outcomes(2))


def test_damaged_and_foreign_blocks_are_simulated_again(model, pool, tmp_path):
    kept = Kept(tmp_path)
    new_pool(model, kept=kept, batch=60).expect(1000)
    files = sorted(tmp_path.iterdir())
    whole = files[0].read_bytes()
    files[0].write_bytes(whole[: len(whole) // 2])
    files[1].write_bytes(whole[:2000] + b"\xff" * 50 + whole[2050:])
    files[2].write_bytes(b"")
    np.savez(files[3], other=np.zeros(3))
    other = new_pool(model, kept=kept)
    assert len(kept) == len(files) - 4
    for level in LEVELS:
        assert_same(pool.outcomes(level), other.outcomes(level))


def test_failures_are_kept_with_their_blocks(model, tmp_path):
    patients = small.small_patients(model, 20)
    patients.constants[4, model.symbolic.constants.index("growth")] = np.nan
    kept = Kept(tmp_path)
    one = Pool(model, patients, small.small_protocol(), small_world.SEED, kept=kept)
    other = Pool(model, patients, small.small_protocol(), small_world.SEED, kept=kept)
    assert other.failures == []  # nobody has asked for anybody
    one.expect(20)
    again = Pool(model, patients, small.small_protocol(), small_world.SEED, kept=kept)
    assert again.failures == []
    for pool in (one, again):
        pool.outcomes(2, patients=np.array([3, 4]))
        pool.outcomes(3, patients=np.array([4]))
        pool.outcomes(1, patients=np.array([3]))
    assert one.failures == again.failures
    assert [(patient, level) for patient, level, _, _ in again.failures] == [(4, 2)]
    (piece,) = kept.pieces()
    (failure,) = piece.failures
    assert isinstance(failure, Failure)
    assert failure.level == LEAD_IN


def test_a_disk_that_takes_nothing_is_named(model, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match=r"cannot be kept in .*file.*: .*; make room"):
        new_pool(model, kept=Kept(tmp_path / "file")).outcomes(1)
