"""The examples of the page on the library are true: they are executed, with the trainer in this process."""

import doctest
import os
from pathlib import Path

import pytest
import torch

from engine import api
from engine.attempt import carry_out
from engine.contract.run.records import ExitRecord
from engine.launch import local

PAGE = Path(__file__).parent.parent.parent / "docs" / "api.md"


@pytest.fixture
def trained_here(monkeypatch, shapes_ready, process_as_it_was):
    """`local.start` carries out the run in this process, and leaves the record that its supervisor would leave."""

    def start(run, **_):
        code = carry_out(run, lambda: False)
        ExitRecord("finished" if code == 0 else "failed", returncode=code).write(run.exit)

    monkeypatch.setattr(local, "start", start)


@pytest.fixture
def process_as_it_was():
    """A run sets the number of threads and the umask of its process; the next test gets its own back."""
    threads, umask = torch.get_num_threads(), os.umask(0o022)
    yield
    torch.set_num_threads(threads)
    os.umask(umask)


def test_the_examples_are_true(trained_here):
    text = PAGE.read_text().replace("```python\n", "\n").replace("```\n", "\n")  # a fence would be expected output
    page = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    said: list[str] = []
    found = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(page, out=said.append)
    assert found.attempted > 20 and found.failed == 0, "".join(said)


def test_every_public_name_is_in_the_table():
    table = PAGE.read_text().partition("| name | what it is |")[2]
    assert {name for name in api.__all__ if f"`{name}`" not in table} == set()
