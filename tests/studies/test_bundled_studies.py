"""Every bundled study loads, builds, and runs with a small pool. (How long whole ones take: benchmarks.)"""

import re

import pytest

from opsonin.errors import StudyError
from opsonin.study import Study
from opsonin.study.library import bundled, find, read

STUDIES = sorted(bundled())


def small(name: str, folder) -> Study:
    """The study with a pool of 60 patients of each indication, in arms of ten."""
    text, pools = re.subn(r"(?m)^pool = \d+", "pool = 60", read(find(name)))
    assert pools == 1, name
    text = re.sub(r"(?ms)^\[questions.why.*", "", text)  # needs responders; asked of imatinib-il2 elsewhere
    text = re.sub(r"(?m)^patients = [^#\n]*", "patients = 10 ", text)
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return Study.load(path)


@pytest.mark.parametrize("name", STUDIES)
def test_it_loads_builds_and_says_what_it_means(name):
    study = Study.load(name)
    built = study.built  # names, units, days and what is asked, against the model
    assert [one.name for one in built.indications] == list(study.file.population.indications)
    assert study.file.title in study.describe()
    assert study.file.source


@pytest.mark.parametrize("name", STUDIES)
def test_every_change_that_is_asked_about_has_a_barrier_that_a_reader_knows(name):
    why = Study.load(name).file.questions.why
    if why is not None:
        assert set(why.barrier) == set(why.change)
        assert len(set(why.barrier.values())) == len(why.barrier)


def test_a_name_is_found_beside_a_folder_of_results_that_is_called_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / STUDIES[0]).mkdir()
    assert find(STUDIES[0]) == bundled()[STUDIES[0]]
    (tmp_path / "mine").mkdir()
    with pytest.raises(StudyError, match="mine is a folder"):
        find("mine")


@pytest.mark.slow  # a model each is written and compiled the first time
@pytest.mark.parametrize("name", STUDIES)
def test_it_runs_with_sixty_patients(name, tmp_path):
    study = small(name, tmp_path)
    run = study.run(seed=2, trials=2)
    found = {finding.name for finding in run.findings.results}
    assert "trial.enrolled" in found
    if study.built.species == "mouse":  # no scans and no graded events
        assert {"survival.OS.median", "survival.OS.logrank"} <= found
        assert run.record.responses.empty
        return
    assert "safety.any_event" in found
    assert any(name.startswith("survival.PFS") for name in found)
    best = run.record.responses.query("best")["overall"]
    assert len(best) == len(run.record.subjects)
    assert set(best) <= {"CR", "PR", "SD", "PD", "NE", "non-CR/non-PD"}
