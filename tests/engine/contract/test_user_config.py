"""The configuration file: absent, damaged, and its tables."""

import pytest

from engine.contract.errors import BadInput
from engine.contract.user_config import config_file, read_table, read_tables


@pytest.fixture
def file():
    path = config_file()
    path.parent.mkdir(parents=True)
    return path


def test_without_a_file_there_are_no_tables(tmp_path):
    assert read_tables() == read_table("slurm") == read_tables(tmp_path / "file" / "below") == {}


def test_the_file_of_the_user_is_read_unless_another_is_given(file, tmp_path):
    file.write_text('[workbench]\ntheme = "dark"\n[slurm]\ncpus = 4\n')
    other = tmp_path / "other.toml"
    other.write_text("[slurm]\ncpus = 8\n")
    assert read_tables() == {"workbench": {"theme": "dark"}, "slurm": {"cpus": 4}}
    assert (read_table("slurm"), read_table("slurm", other), read_table("command")) == ({"cpus": 4}, {"cpus": 8}, {})


@pytest.mark.parametrize("content", [b"[slurm", b"slurm = 1\n", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_a_damaged_file_is_named(file, content):
    file.write_bytes(content)
    with pytest.raises(BadInput) as error:
        read_table("slurm")
    (problem,) = error.value.problems
    assert str(file) in problem


def test_a_folder_in_place_of_the_file_is_refused(file):
    file.mkdir()
    with pytest.raises(BadInput, match="cannot read"):
        read_tables()
