"""The filter language of the results table."""

import dataclasses
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.filter import KEYS, parse_filter
from engine.contract.errors import BadInput
from engine.contract.run.status import STATES
from engine.contract.run.store import Summary

NOW = 2_000_000_000.0
DAY = 86400.0
ROWS = [
    Summary(
        id="20261122-101530-k3f9",
        name="paper v2",
        status="running",
        preset="resnet34_cutmix",
        model="resnet34",
        seed=0,
        epoch=10,
        epochs=500,
        last_accuracy=0.951,
        best_accuracy=0.9511,
        seconds=3600.0,
        started=NOW - 2 * DAY,
        host="gpu1",
        device="cuda:0",
        size_bytes=600_000_000,
        tags=("paper", "sweep"),
        notes=("check the warm-up, again",),
    ),
    Summary(
        id="20261001-000000-aaaa",
        name="first, try",
        status="failed",
        reason="gpu_memory",
        preset="resnet18_adam",
        changes="lr .005→.01 -cutmix",
        model="resnet18",
        seed=3,
        epoch=3,
        epochs=5,
        last_accuracy=0.8514,
        best_accuracy=0.86,
        seconds=90.0,
        started=NOW - 40 * DAY,
        host="gpu2",
        device="cuda:1",
        size_bytes=1000,
        tags=("Old",),
    ),
    Summary(
        id="20261121-000000-bbbb", status="queued", model="lenet", preset="quickstart", seed=12, recipe_id="ab12" * 16
    ),
]
A, B, C = (row.id[-4:] for row in ROWS)


def chosen(text: str) -> list[str]:
    return [row.id[-4:] for row in parse_filter(text).select(ROWS, NOW)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [A, B, C]),
        ("   ", [A, B, C]),
        ("acc>0.95", [A]),
        ("acc>95", [A]),
        ("acc>95%", [A]),
        ("acc>=95.1%", [A]),
        ("acc=0.8514", [B]),
        ("acc:85.14%", [B]),
        ("acc<1", [A, B]),
        ("acc!=0.8514", [A, C]),
        ("acc>=0", [A, B]),  # one without an accuracy passes no comparison
        ("best>0.8599 best<0.8601", [B]),
        ("model:resnet34", [A]),
        ("model:RESNET", [A, B]),
        ("model=resnet", []),
        ("model=resnet*", [A, B]),
        ("model:resnet18,lenet", [B, C]),
        ("tag:paper", [A]),
        ("tag:pape", []),
        ("tag:old", [B]),
        ("tag:sweep,old", [A, B]),
        ("status:failed", [B]),
        ("status:failed,running", [A, B]),
        ("status:live", [A, C]),
        ("reason:gpu_memory", [B]),
        ("started>3w", [B]),
        ("started<3w", [A]),
        ("started<1d", []),
        ("started<2.5d", [A]),
        ("seconds>=1h", [A]),
        ("seconds=90", [B]),
        ("seconds<2m", [B, C]),
        ("size>500MB", [A]),
        ("size<2kb", [B, C]),
        ("seed=3", [B]),
        ("epoch>2 epochs<100", [B]),
        ("-tag:paper", [B, C]),
        ("-model:resnet", [C]),
        ("cutmix", [A, B]),
        ("-cutmix", [C]),
        ("changes:-cutmix", [B]),
        ("K3F9", [A]),
        ('"paper v2"', [A]),
        ('name:"paper v2"', [A]),
        ('name="paper"', []),
        ('name:"first, try"', [B]),
        ("note:warm-up", [A]),
        ("device:cuda host:gpu2", [B]),
        ("recipe:ab12", [C]),
        ("name:p?per", [A]),
        ("name:[", []),
        ("it's", []),
        ("#1", []),
        ("back\\slash", []),
        ("acc>0.95 model:resnet34 tag:paper status:running started<3w", [A]),
    ],
)
def test_a_filter_chooses_these_rows(text, expected):
    assert chosen(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("modl:resnet34", r"unknown key 'modl'; did you mean model\?"),
        ("status:finishd", r"unknown status 'finishd'; did you mean finished\?"),
        ("reason:gpu", "unknown reason 'gpu'"),
        ("acc>", "missing value after '>'"),
        ("acc>high", "'high' is not a number"),
        ("acc>nan", "'nan' is not a number"),
        ("acc>1e999", "not a number"),
        ("acc>-1", "'-1' is not a number"),
        ("size>5parsecs", r"unknown unit 'parsecs' \(units: b, kb, mb, gb, tb\)"),
        ("seed>3w", r"unknown unit 'w' \(units: none\)"),
        ("model>3", "model is text; use model:3"),
        ("tag<b", "tag is text"),
        ('name:"paper', "missing closing quote"),
    ],
)
def test_a_word_that_makes_no_sense_is_named(text, message):
    with pytest.raises(BadInput, match=message):
        parse_filter(text)


def test_every_senseless_word_is_reported():
    with pytest.raises(BadInput) as error:
        parse_filter("acc>x model:resnet34 modl:y status:z")
    assert len(error.value.problems) == 3


def test_every_state_can_be_asked_for():
    for state in STATES:
        row = dataclasses.replace(ROWS[0], status=state)
        assert parse_filter(f"status:{state}").select([row]) == [row]


def test_terms_of_several_kinds_must_all_match():
    assert parse_filter("tag:paper started<3w").select(ROWS, NOW) == ROWS[:1]


def test_ages_are_counted_from_the_clock_when_no_moment_is_given():
    recent = dataclasses.replace(ROWS[0], started=time.time() - 60)
    assert parse_filter("started<2m").select([recent, dataclasses.replace(recent, started=1e9)]) == [recent]


@given(st.text(max_size=40) | st.builds("{}{}{}".format, st.sampled_from(KEYS), st.sampled_from(":=<>"), st.text()))
def test_any_text_is_a_filter_or_bad_input(text):
    try:
        found = parse_filter(text)
    except BadInput as problem:
        assert problem.problems
    else:
        assert set(found.select(ROWS, NOW)) <= set(ROWS)


@given(st.sampled_from(["tag:paper", "acc>0.9", "model:resnet", "cutmix", "started<3w", "status:live"]))
def test_a_minus_turns_a_word_around(word):
    assert sorted(chosen(word) + chosen(f"-{word}")) == sorted([A, B, C])
