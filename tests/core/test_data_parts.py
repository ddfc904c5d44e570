"""Several files as the parts of one data set: matched by column, numbered through, and found where they lie."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.config import DataConfig, RunConfig, with_absolute_paths
from core.data.dataset import load
from core.data.health import findings
from core.data.health.finding import Finding
from core.data.sources import read_table, stamp
from core.data.table import PARTS, Table
from core.errors import DataError

TRAIN = "text,label\nWhat a lovely film,good\nIt never gets going,bad\nA film about bees,good\n"
DEV = "text,label\nTruly a delight,good\nDull from the start,bad\n"
TEST = "text,label\nOne of the best of its year,good\nIt drags on and on,bad\n"


def _write(root: Path, **files: str) -> Path:
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_csv", ".csv").replace("_tsv", ".tsv")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def _parts(table: Table) -> list[str]:
    assert table.part is not None
    return [PARTS[code] for code in table.part]


def _given(root: Path, train: str = "train.csv", dev: str = "dev.csv", test: str = "test.csv") -> DataConfig:
    files = {"validation_file": dev, "test_file": test}
    named = {key: str(root / name) for key, name in files.items() if name}
    return DataConfig(source=str(root / train), **named)  # type: ignore[arg-type]


def _reasons(table: Table, what: str) -> list[tuple[str, str]]:
    return [(one.value, one.reason) for one in table.reading if one.what == what]


@pytest.mark.parametrize(
    ("train", "dev", "test"),
    [
        ("train.csv", "dev.csv", "test.csv"),
        ("training.csv", "val.csv", "testing.csv"),
        ("data_train.csv", "data_valid.csv", "data_eval.csv"),
        ("myTrain.csv", "myValidation.csv", "myTest.csv"),
        ("train/data.csv", "validation/data.csv", "test/data.csv"),
        ("train-00000-of-00001.csv", "validation-00000-of-00001-0123456789abcdef.csv", "test-00000-of-00001.csv"),
    ],
)
def test_names_of_files_say_their_part(tmp_path: Path, train: str, dev: str, test: str) -> None:
    for name, content in ((train, TRAIN), (dev, DEV), (test, TEST)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    table = read_table(DataConfig(source=str(tmp_path)))
    assert _parts(table) == ["train"] * 3 + ["validation"] * 2 + ["test"] * 2
    assert [one.name for one in table.members] == [train, dev, test]
    assert table.rows.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert table.place(5) == (dev, 2)
    assert _reasons(table, "parts")[0][0] == "train, validation, test"


def test_shards_become_one_part(tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"train-0000{number}-of-00002.csv").write_text(TRAIN)
    (tmp_path / "test-00000-of-00001.csv").write_text(TEST)
    assert _parts(read_table(DataConfig(source=str(tmp_path)))) == ["train"] * 6 + ["test"] * 2
    (tmp_path / "test-00000-of-00001.csv").unlink()
    alone = read_table(DataConfig(source=str(tmp_path)))
    assert (alone.part, alone.read, alone.place(4)) == (None, 6, ("train-00001-of-00002.csv", 1))


def test_two_data_sets_in_one_folder_are_a_question(tmp_path: Path) -> None:
    _write(tmp_path, en__train_csv=TRAIN, en__test_csv=TEST, de__train_csv=TRAIN, de__test_csv=TEST)
    with pytest.raises(DataError, match="several tables") as caught:
        read_table(DataConfig(source=str(tmp_path), given="data"))
    assert "de/train.csv" in caught.value.message
    assert len(read_table(DataConfig(source=str(tmp_path / "en"))).members) == 2


def test_a_table_that_is_no_part_is_left_out_and_said(tmp_path: Path) -> None:
    table = read_table(
        DataConfig(source=str(_write(tmp_path, train_csv=TRAIN, test_csv=TEST, prices_csv="a,b\n1,2\n")))
    )
    assert len(table.members) == 2
    assert ("prices.csv", "its name says no part") in _reasons(table, "left out")


def test_a_test_file_without_labels_is_left_out_and_said(tmp_path: Path) -> None:
    _write(
        tmp_path,
        train_csv=TRAIN,
        test_csv="text,id\nOne of the best,7\nIt drags,8\n",
        sample_submission_csv="id,label\n7,x\n",
    )
    table = read_table(DataConfig(source=str(tmp_path)))
    assert (table.part, table.read) == (None, 3)
    ((_, reason),) = [one for one in _reasons(table, "left out") if one[0] == "test.csv"]
    assert "has no column 'label'" in reason
    assert "text, id" in reason


def test_columns_are_matched_by_name_whatever_their_order(tmp_path: Path) -> None:
    _write(tmp_path, train_csv="id,text,label,topic\n1,What a film,good,x\n2,It is dull,bad,y\n")
    _write(tmp_path, dev_csv="Label,Text,id,extra\ngood,Truly a delight,3,z\nbad,Not at all so,4,z\n")
    table = read_table(DataConfig(source=str(tmp_path)))
    assert table.columns == ("id", "text", "label", "topic")
    assert table.frame.to_numpy().tolist()[2] == ["3", "Truly a delight", "good", ""]
    said = " ".join(reason for _, reason in _reasons(table, "columns"))
    assert "topic" in said
    assert "extra" in said


def test_a_text_column_under_another_name(tmp_path: Path) -> None:
    _write(tmp_path, train_tsv=TRAIN.replace(",", "\t").replace("text", "sentence"))
    _write(tmp_path, dev_tsv=DEV.replace(",", "\t").replace("text", "content"))
    table = read_table(_given(tmp_path, "train.tsv", "dev.tsv", ""))
    assert table.columns == ("sentence", "label")
    assert "content is its sentence" in _reasons(table, "columns")[0][1]
    _write(tmp_path, dev_tsv="sentence\tusage\nTruly a delight\tpublic\nDull all along\tprivate\n")
    with pytest.raises(DataError, match="no column 'label'"):
        read_table(_given(tmp_path, "train.tsv", "dev.tsv", ""))


def test_files_given_one_by_one(tmp_path: Path) -> None:
    _write(tmp_path, train_csv=TRAIN + "too,many,fields\n", dev_csv=DEV + "\nagain,too,many\n", test_csv=TEST)
    table = read_table(_given(tmp_path))
    assert _parts(table) == ["train"] * 3 + ["validation"] * 2 + ["test"] * 2
    assert (table.read, sum(table.dropped.values())) == (10, 3)
    assert [(one.name, one.part, one.read) for one in table.members] == [
        ("train.csv", "train", 4),
        ("dev.csv", "validation", 4),
        ("test.csv", "test", 2),
    ]
    assert [table.place(one.row) for one in table.bad] == [("train.csv", 4), ("dev.csv", 4)]
    assert table.source == str(tmp_path / "train.csv")


def test_only_a_test_file_given(tmp_path: Path) -> None:
    _write(tmp_path, train_csv=TRAIN, test_csv=TEST)
    assert _parts(read_table(_given(tmp_path, dev=""))) == ["train"] * 3 + ["test"] * 2


def test_given_files_that_do_not_fit_are_named_with_their_columns(tmp_path: Path) -> None:
    _write(tmp_path, train_csv=TRAIN, test_csv="text,id\nOne of the best,7\nIt drags on,8\n")
    with pytest.raises(DataError, match="do not fit together") as caught:
        read_table(_given(tmp_path, dev=""))
    assert caught.value.message == "test.csv has no column 'label': its columns are text, id."
    with pytest.raises(DataError, match="No such file"):
        read_table(_given(tmp_path, dev="gone.csv", test=""))
    with pytest.raises(DataError, match="two parts"):
        read_table(_given(tmp_path, dev="train.csv", test=""))
    _write(tmp_path, other__train_csv=TRAIN, other__test_csv=TEST)
    with pytest.raises(DataError, match="comes in parts"):
        read_table(_given(tmp_path, train="other", dev="", test="test.csv"))


def test_one_file_under_two_names_is_refused(tmp_path: Path) -> None:
    _write(tmp_path, train_csv=TRAIN, inner__dev_csv=DEV)
    (tmp_path / "linked.csv").symlink_to(tmp_path / "train.csv")
    (tmp_path / "way").symlink_to(tmp_path / "inner")
    for files in (("train.csv", "linked.csv", ""), ("train.csv", "", "inner/../train.csv")):
        with pytest.raises(DataError, match="two parts") as caught:
            read_table(_given(tmp_path, *files))
        assert "are one file" in caught.value.message
    with pytest.raises(DataError, match="two parts"):
        read_table(_given(tmp_path, "train.csv", "inner/dev.csv", "way/dev.csv"))


def test_equal_names_are_told_apart(tmp_path: Path) -> None:
    _write(tmp_path, a__data_csv=TRAIN, b__data_csv=DEV)
    table = read_table(_given(tmp_path, "a/data.csv", "b/data.csv", ""))
    assert [one.name for one in table.members] == [str(tmp_path / "a" / "data.csv"), str(tmp_path / "b" / "data.csv")]


def test_files_without_a_header_fit_by_position(tmp_path: Path) -> None:
    rows = [f"see you there {n}\t{n % 2}" for n in range(9)]
    _write(tmp_path, train_tsv="\n".join(rows), dev_tsv="text and more\tlabel\nanother one\t1\n")
    table = read_table(_given(tmp_path, "train.tsv", "dev.tsv", ""))
    assert table.columns == ("column_1", "column_2")
    assert table.frame.to_numpy().tolist()[9] == ["text and more", "label"]
    _write(tmp_path, train_tsv="text\tlabel\n" + "\n".join(rows), dev_tsv="\n".join(rows))
    table = read_table(_given(tmp_path, "train.tsv", "dev.tsv", ""))
    assert (table.columns, table.read) == (("text", "label"), 18)
    assert ("dev.tsv", "by position, as in train.tsv: one of the two has no header") in _reasons(table, "columns")
    _write(tmp_path, dev_tsv="\n".join(f"{n}\t{row}" for n, row in enumerate(rows)))
    with pytest.raises(DataError, match="has 3 columns where train"):
        read_table(_given(tmp_path, "train.tsv", "dev.tsv", ""))


def test_quotes_mean_in_every_file_what_they_mean_in_the_first(tmp_path: Path) -> None:
    rows = ['"wow" he said\t1', '"never again\t0', 'a "fine" film\t1', '"quoted"\t0', "plain words\t1"]
    _write(tmp_path, train_tsv="\n".join(rows), dev_tsv='"all of it quoted"\t1\n"and this"\t0\n')
    table = read_table(_given(tmp_path, "train.tsv", "dev.tsv", ""))
    assert table.frame.to_numpy().tolist()[5] == ['"all of it quoted"', "1"]


def test_another_delimiter_is_taken_and_said(tmp_path: Path) -> None:
    _write(tmp_path, train_csv=TRAIN, dev_tsv=DEV.replace(",", "\t"))
    table = read_table(_given(tmp_path, dev="dev.tsv", test=""))
    assert _parts(table) == ["train"] * 3 + ["validation"] * 2
    (first, second) = _reasons(table, "delimiter")
    assert (first[0], second[0]) == ("comma", "tab")
    assert second[1].startswith("dev.tsv: ")


def test_the_stamp_follows_every_given_file(tmp_path: Path) -> None:
    _write(tmp_path, train_csv=TRAIN, dev_csv=DEV, test_csv=TEST)
    config = _given(tmp_path)
    first = stamp(config)
    _write(tmp_path, test_csv=TEST + "more,good\n")
    assert stamp(config) != first
    assert stamp(replace(config, test_file="")) != stamp(config)


def test_given_files_mean_the_same_in_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = RunConfig(data=DataConfig(source="train.csv", validation_file="dev.csv", test_file="hub:owner/name"))
    data = with_absolute_paths(config).data
    assert data.validation_file == str(tmp_path / "dev.csv")
    assert data.test_file == "hub:owner/name"


def _found(config: DataConfig, code: str) -> Finding | None:
    return next((one for one in findings(load(config)) if one.code == code), None)


def test_parts_beside_the_file_are_offered(tmp_path: Path) -> None:
    _write(tmp_path, train_csv=TRAIN, dev_csv=DEV, test_csv=TEST, other_csv=TEST)
    config = DataConfig(source=str(tmp_path / "train.csv"))
    found = _found(config, "parts-beside")
    assert found is not None
    assert found.text == "dev.csv and test.csv lie beside train.csv with the same columns: use them as the given parts"
    wanted = {"data.validation_file": str(tmp_path / "dev.csv"), "data.test_file": str(tmp_path / "test.csv")}
    assert found.settings == wanted
    assert _found(_given(tmp_path), "parts-beside") is None
    assert _found(replace(config, source=str(tmp_path / "test.csv")), "parts-beside") is None
    _write(tmp_path, dev_csv="name,price\nbread,3\n", test_csv="text,id\nOne of the best,7\n", val_csv=DEV)
    found = _found(config, "parts-beside")
    assert found is not None
    assert found.text.startswith("val.csv lies beside train.csv")
    assert found.settings == {"data.validation_file": str(tmp_path / "val.csv")}


def test_parts_without_a_header_are_offered_by_their_number_of_columns(tmp_path: Path) -> None:
    rows = "\n".join(f"see you there {n}\t{n % 2}" for n in range(9))
    _write(tmp_path, train_tsv=rows, dev_tsv=rows, test_tsv=rows.replace("see", "a\tb"))
    found = _found(DataConfig(source=str(tmp_path / "train.tsv")), "parts-beside")
    assert found is not None
    assert set(found.settings) == {"data.validation_file"}


def test_a_class_that_training_never_sees(tmp_path: Path) -> None:
    _write(tmp_path, train_csv=TRAIN, dev_csv=DEV + "What is this,odd\n", test_csv=TEST + "And this one,odd\n")
    found = _found(_given(tmp_path), "only-held-out:odd")
    assert found is not None
    assert (found.level, found.rows, found.cure) == ("bad", 2, "drop-class:odd")
    assert found.text == "'odd' has 2 rows in validation and test and none in train"
    assert _found(replace(_given(tmp_path), cures=("drop-class:odd",)), "only-held-out:odd") is None


def test_a_first_file_without_quotes_says_nothing_about_quotes(tmp_path: Path) -> None:
    rows = ["see you there\t1", "not at all\t0", "plain words\t1"]
    _write(tmp_path, train_tsv="\n".join(rows), dev_tsv='"wow" he said\t1\n"never again\t0\na "fine" film\t1\n')
    table = read_table(_given(tmp_path, "train.tsv", "dev.tsv", ""))
    assert table.read == 6
    assert table.frame.to_numpy().tolist()[3] == ['"wow" he said', "1"]


def test_what_is_wrong_with_one_of_several_files_is_told_with_its_name(tmp_path: Path) -> None:
    good = "".join(f'"a sentence, number {n}",x\n' for n in range(3000))
    _write(tmp_path, train_csv=TRAIN, dev_csv=f'text,label\n{good}"open to the end,x\n')
    with pytest.raises(DataError, match="never closed") as caught:
        read_table(replace(_given(tmp_path, test=""), quoting="standard"))
    assert caught.value.message.startswith("dev.csv: ")
