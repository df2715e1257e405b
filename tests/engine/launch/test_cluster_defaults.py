"""The tables `[slurm]` and `[command]` of the configuration file."""

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Placement
from engine.launch.cluster_defaults import KEYS, with_defaults

FILE = """
[workbench]
theme = "okabe-ito"
[slurm]
partition = "gpu"
time = "8:00:00"
cpus = 4
resubmit = 9
[command]
template = "ssh gpubox {run}"
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(FILE)
    return path


def test_what_was_given_comes_before_the_file_even_where_it_is_the_usual_value(file):
    placement = with_defaults(Placement(launcher="slurm", partition="long", resubmit=3), file)
    assert (placement.partition, placement.time, placement.cpus, placement.resubmit) == ("long", "8:00:00", 4, 3)
    assert placement.template == ""


def test_each_launcher_has_a_table_of_its_own(file):
    assert with_defaults(Placement(launcher="command"), file).template == "ssh gpubox {run}"
    assert with_defaults(Placement(), file) == Placement()


def test_without_a_file_nothing_changes(tmp_path):
    assert with_defaults(Placement(launcher="slurm"), tmp_path / "none.toml") == Placement(launcher="slurm")


def test_every_key_is_a_field_of_a_placement():
    assert {key for keys in KEYS.values() for key in keys} <= set(Placement.model_fields)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[slurm]\npartitoin = 'gpu'", "slurm.partitoin is not a setting; did you mean partition?"),
        ("[slurm]\ncpus = 'many'", "slurm.cpus"),
        ("[slurm]\ntime = '4 hours'", "slurm.time"),
        ("[slurm]\npartition = 'a b'", "slurm.partition"),
        ("slurm = 1", "slurm is not a table"),
        ("[slurm", "cannot read"),
    ],
)
def test_a_mistake_names_the_file_and_the_key(tmp_path, text, said):
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(BadInput) as refused:
        with_defaults(Placement(launcher="slurm"), path)
    (problem,) = refused.value.problems
    assert said in problem and str(path) in problem
