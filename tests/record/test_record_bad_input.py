"""Bad data and bad mappings: one clear message that says what is wrong, where, and what to do."""

import gzip

import pandas as pd
import pytest

from opsonin.errors import ImportDataError, OpsoninError
from opsonin.record import TrialRecord, read_data

DATA = "id,arm,age,os,dead,bor,tmb\n1,a,50,2,1,PR,10\n2,b,61,4,0,SD,12\n3,a,44,6,0,PD,8\n"
MAP = """\
[subjects]
subject_id = "id"
arm = "arm"
age_years = "age"
[survival.OS]
time = "os"
unit = "months"
event = "dead"
[responses.best]
overall = "bor"
[markers.TMB]
value = "tmb"
unit = "mutations"
[analysis]
compare = "arm"
reference = "a"
cut = { TMB = 10 }
"""


def read(folder, data: str | bytes = DATA, mapping=MAP, name="data.csv"):
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    (folder / "map.toml").write_text(mapping, encoding="utf-8")
    return read_data(folder / name, folder / "map.toml")


def test_the_good_one_is_read(tmp_path):
    assert len(read(tmp_path).survival) == 3


BAD_DATA: dict[str, tuple[str | bytes, str]] = {
    "a missing column": (
        DATA.replace("dead", "died"),
        r"data\.csv has no column 'dead', which \[survival\.OS\] asks for",
    ),
    "a column nearly right": (DATA.replace("age", "aged"), r"no column 'age'.*did you mean 'aged'"),
    "duplicate keys": (
        DATA.replace("3,a", "1,a"),
        r"data\.csv, \[subjects\], rows 2 and 4: the same subjects key .*'1'",
    ),
    "a negative time": (DATA.replace("4,0", "-4,0"), r"data\.csv, row 3, \[survival\.OS\]: .*from os.* is negative"),
    "a date for a number of days": (
        DATA.replace("4,0", "2021-03-04,0"),
        r"data\.csv, row 3, \[survival\.OS\]: '2021-03-04' in column 'os' is a date, .*count the days",
    ),
    "text in numbers": (
        DATA.replace("61", "old"),
        r"data\.csv, row 3, \[subjects\]: 'old' in column 'age' is not a num",
    ),
    "text in many": (DATA.replace("61", "?").replace("44", "?"), r"rows 3 and 4.*missing = \[\"\?\"\]"),
    "an infinite time": (DATA.replace("4,0", "inf,0"), r"row 3.*'inf' in column 'os' is not a number"),
    "a flag of 2": (DATA.replace("4,0", "4,2"), r"row 3.*'2' in column 'dead' is neither 0 nor 1"),
    "an unknown response": (DATA.replace("SD", "stable"), r"row 3.*'stable' is not accepted.*CR, PR.*rename\.overall"),
    "an impossible age": (DATA.replace("61", "610"), r"row 3.*610 is outside 0 to 130"),
    "a cut line": (DATA[:-12], r"data\.csv, row 4: \d fields, but the header has 7"),
    "an open quote": (DATA.replace("2,b", '2,"b'), r"data\.csv, row .*cut off or damaged"),
    "no bytes": ("", r"data\.csv is empty"),
    "blank lines": ("\n\n", r"data\.csv is empty"),
    "a header alone": ("id,arm,age,os,dead,bor,tmb\n", r"data\.csv is empty: it has a header and no rows"),
    "a column twice": (DATA.replace("tmb", "age"), r"names column 'age' more than once"),
    "Latin-1": (
        DATA.replace("2,b", "2,é").encode("latin-1"),
        r"data\.csv, line 3: .*not UTF-8.*encoding = \"latin-1\"",
    ),
    "a binary": (b"PK\x03\x04\x00\x00\x00" * 20, r"data\.csv is binary"),
}


@pytest.mark.parametrize("what", BAD_DATA)
def test_bad_data_are_refused_with_file_row_and_remedy(tmp_path, what):
    data, message = BAD_DATA[what]
    with pytest.raises(ImportDataError, match=message):
        read(tmp_path, data)


BAD_MAPS = {
    "an unknown unit": ('"months"', '"moths"', r"\[survival\.OS\]: the unit 'moths' cannot be read.*'months'"),
    "an impossible unit": ('"months"', '"mg"', r"\[survival\.OS\]: 'mg' cannot be converted to 'day'"),
    "an unknown marker unit": ('"mutations"', '"mutashuns"', r"\[markers\.\"TMB\"\]: the unit 'mutashuns'"),
    "a misspelt key": ("event =", "evnet =", r"\[survival\.OS\]: unknown key 'evnet' \(did you mean 'event'"),
    "a misspelt section": ("[markers.TMB]", "[marker.TMB]", r"unknown key 'marker' \(did you mean 'markers'"),
    "a misspelt response": ("[responses.best]", "[responses.bst]", r"\[responses\.bst\]: unknown section"),
    "a misspelt column": ("age_years =", "age_year =", r"\[subjects\]: unknown key 'age_year' .*'age_years'"),
    "a key of [analysis]": ("compare =", "compares =", r"\[analysis\]: unknown key 'compares' .*'compare'"),
    "a missing key": ('unit = "months"\n', "", r"\[survival\.OS\]: unit is missing"),
    "no subject": ('subject_id = "id"\n', "", r"\[subjects\]: subject_id is missing"),
    "no subjects": (MAP[: MAP.index("[survival")], "", r"\[subjects\]: subjects is missing"),
    "two ways of events": ("event =", 'censored = "dead"\nevent =', r"\[survival\.OS\]: give one of censored, event"),
    "no way of events": ('event = "dead"\n', "", r"\[survival\.OS\]: give one of censored.*none of them"),
    "a number for a text": ('time = "os"', "time = 3", r"\[survival\.OS\]: time: .*string"),
    "a number for a column": ('arm = "arm"', "arm = 3", r"\[subjects\]: arm = 3 names no column.*constant\.arm"),
    "a table there is not": (
        "[markers.TMB]",
        '[table.lesion]\nday = "os"\n[markers.TMB]',
        r"no table 'lesion'.*'lesions'",
    ),
    "a column there is not": (
        "[markers.TMB]",
        '[table.lesions]\ndy = "os"\n[markers.TMB]',
        r"\[table\.lesions\]: unknown key 'dy'",
    ),
    "a column unmapped": (
        "[markers.TMB]",
        '[table.lesions]\nday = "os"\n[markers.TMB]',
        r"lesion_id is not mapped.*constant\.lesion_id",
    ),
    "a filter that finds nothing": (
        'unit = "mutations"',
        'unit = "mutations"\nwhere = { arm = "z" }',
        r"no row has arm = 'z'.*holds 'a', 'b'",
    ),
    "a comparison there is not": (
        '"arm"\nreference',
        '"armm"\nreference',
        r"\[analysis\]: subjects have no column 'armm'.*'arm'",
    ),
    "a reference there is not": ('reference = "a"', 'reference = "c"', r"\[analysis\]: no subject has arm = 'c'.*a, b"),
    "a marker there is not": ("TMB = 10", "TBM = 10", r"\[analysis\]: there is no marker 'TBM'.*'TMB'"),
    "a reference of the wrong kind": (
        'reference = "a"',
        "reference = 1",
        r"\[analysis\]: reference = 1 cannot be used",
    ),
    "strata there are not": (
        "cut =",
        'strata = ["amr"]\ncut =',
        r"no column 'amr' to stratify by \(did you mean 'arm'",
    ),
    "a cut in words": ("TMB = 10", 'TMB = "ten"', r"\[analysis\]: cut = .*table of numbers"),
    "markers in one text": ("cut =", 'markers = "TMB"\ncut =', r"\[analysis\]: markers = 'TMB' .*a list of texts"),
    "a biomarker without a marker": ("cut =", "biomarkers = [{ day = 3 }]\ncut =", r"biomarkers = .*day = 15"),
    "a biomarker on day 0": (
        "cut =",
        'biomarkers = [{ marker = "TMB", day = 0 }]\ncut =',
        r"biomarkers.*without day 0",
    ),
    "a biomarker against one text": (
        "cut =",
        'biomarkers = [{ marker = "TMB", against = "OS" }]\ncut =',
        r"biomarkers = .*against = \[",
    ),
    "a question nobody reads": ("cut =", "landmark = 42\ncut =", r"\[analysis\]: unknown key 'landmark'.*strata"),
    "a renaming of nothing": (
        'age_years = "age"',
        'age_years = "age"\nrename.amr = { a = "c" }',
        r"\[subjects\]: rename names 'amr' \(did you mean 'arm'\?\), which is not mapped",
    ),
    "a long delimiter": ("[subjects]", 'delimiter = ";;"\n[subjects]', r"delimiter: .*at most 1 character"),
    "a filter of nothing": (
        'unit = "mutations"',
        'unit = "mutations"\nwhere = { arm = [] }',
        r"where\.arm: .*at least 1",
    ),
    "no TOML": ("[subjects]", "[subjects", r"map\.toml cannot be read as TOML.*line 1"),
}


@pytest.mark.parametrize("what", BAD_MAPS)
def test_bad_mappings_are_refused_with_section_and_key(tmp_path, what):
    old, new, message = BAD_MAPS[what]
    assert old in MAP
    with pytest.raises(ImportDataError, match=message):
        read(tmp_path, mapping=MAP.replace(old, new, 1))


LABS = "id,marker,day,value,unit\n1,CD4,0,500,cells/µl\n1,CD4,7,{value},{unit}\n"
LABS_MAP = '[subjects]\nsubject_id = "id"\nrepeated = true\n[table.measurements]\nmarker = "marker"\nday = "day"\n'
LABS_MAP += 'value = "value"\nunit = "unit"\n'


def test_a_markers_unit_that_cannot_be_read_or_converted_is_refused(tmp_path):
    with pytest.raises(ImportDataError, match=r"data\.csv, row 3, .*: the unit 'cels/µl' cannot be read.*'cells/µl'"):
        read(tmp_path, LABS.format(value=4, unit="cels/µl"), LABS_MAP)
    with pytest.raises(ImportDataError, match=r"CD4 is given in 'cells/µl' and in 'mg/l'.*cannot be converted"):
        read(tmp_path, LABS.format(value=4, unit="mg/l"), LABS_MAP)
    record = read(tmp_path, LABS.format(value=4, unit="cells/nl"), LABS_MAP)
    assert record.measurements["value"].tolist() == [500.0, 4000.0]


def test_day_zero_of_protocol_days_is_refused(tmp_path):
    with pytest.raises(ImportDataError, match=r"data\.csv, row 2.*day 0 in protocol days"):
        read(tmp_path, LABS.format(value=4, unit="cells/µl"), LABS_MAP + 'protocol_days = ["day"]\n')


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95])
def test_a_truncated_parquet_file_is_refused(tmp_path, share):
    pd.DataFrame({"id": ["1"], "arm": ["a"]}).to_parquet(tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    with pytest.raises(ImportDataError, match=r"data\.parquet (is not a whole Parquet file|is empty)"):
        read(tmp_path, whole[: int(len(whole) * share)], name="data.parquet")


def test_a_truncated_gzip_file_is_refused(tmp_path):
    with pytest.raises(ImportDataError, match=r"data\.csv\.gz is not a whole gzip file"):
        read(tmp_path, gzip.compress(DATA.encode())[:-12], name="data.csv.gz")


def test_formats_that_cannot_be_read_say_which_can(tmp_path):
    with pytest.raises(ImportDataError, match=r"a \.xlsx file cannot be read; save it as one of CSV"):
        read(tmp_path, name="data.xlsx")


def test_files_that_are_not_there_are_named(tmp_path):
    (tmp_path / "map.toml").write_text(MAP)
    with pytest.raises(ImportDataError, match=r"data\.csv is not there"):
        read_data(tmp_path / "data.csv", tmp_path / "map.toml")
    with pytest.raises(ImportDataError, match=r'write file = "…"'):
        read_data(tmp_path, tmp_path / "map.toml")
    with pytest.raises(ImportDataError, match=r"nomap\.toml is not there"):
        read_data(tmp_path, tmp_path / "nomap.toml")
    with pytest.raises(ImportDataError, match=r"no bundled mapping 'oakk'.*did you mean 'oak'"):
        read_data(tmp_path, "oakk")
    (tmp_path / "map.toml").write_text('file = "dat.csv"\n' + MAP)
    (tmp_path / "data.csv").write_text(DATA)
    with pytest.raises(ImportDataError, match=r"dat\.csv is not there \(did you mean 'data\.csv'"):
        read_data(tmp_path, tmp_path / "map.toml")


def test_a_folder_in_place_of_a_mapping_is_named(tmp_path):
    (tmp_path / "data.csv").write_text(DATA)
    (tmp_path / "map.toml").mkdir()
    with pytest.raises(ImportDataError, match=r"map\.toml cannot be read: Is a directory"):
        read_data(tmp_path / "data.csv", tmp_path / "map.toml")


def test_a_bundled_mapping_is_found_beside_a_folder_of_its_name(tmp_path, monkeypatch):
    (tmp_path / "oak").mkdir()
    (tmp_path / "data.csv").write_text(DATA)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImportDataError, match=r"data\.csv has no column 'PtID'"):
        read_data(tmp_path / "data.csv", "oak")


def test_a_marker_without_any_value_is_read_and_asked_in_vain(tmp_path):
    rows = [line.rpartition(",")[0] for line in DATA.splitlines()[1:]]
    empty = "\n".join([DATA.splitlines()[0], *(f"{row}," for row in rows)]) + "\n"
    record = read(tmp_path, empty, MAP.replace("cut =", 'markers = ["TMB"]\ncut ='))
    assert not len(record.measurements)
    assert sum(entry["count"] for entry in record.manifest.rows_left_out) == 3


@pytest.mark.parametrize("what", ["duplicate keys", "a negative time", "no bytes"])
def test_an_import_that_fails_leaves_the_earlier_record_alone(tmp_path, what):
    read(tmp_path).save(tmp_path / "results")
    before = {path.name: path.read_bytes() for path in (tmp_path / "results").iterdir()}
    with pytest.raises(OpsoninError):
        read(tmp_path, BAD_DATA[what][0]).save(tmp_path / "results")
    assert {path.name: path.read_bytes() for path in (tmp_path / "results").iterdir()} == before
    assert len(TrialRecord.load(tmp_path / "results").survival) == 3
