"""What is shown cannot steer the terminal."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract.text import clean, one_line

REORDERING = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}


def test_every_character_that_controls_reorders_or_cannot_be_printed_goes():
    for code in range(sys.maxunicode + 1):
        letter = chr(code)
        harmful = unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")
        harmful |= unicodedata.bidirectional(letter) in REORDERING
        if harmful and letter not in "\n\t":
            assert clean(letter) == "", hex(code)


def test_what_people_write_stays():
    for text in (
        "resnet34 η=0.1 → 95,3 %",
        "naïve\tübung\nzwei",
        "日本語 העברית العربية",
        "[/] [@click=app.quit] [0]",
        "★ 🎉",
    ):
        assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb", "a[2Jb"),
        ("\x1b]0;title\x07x", "]0;titlex"),
        ("\x9b2Jx", "2Jx"),
        ("50 %\r100 %", "50 %100 %"),
        ("ab\b\bcd", "abcd"),
        ("evil\u202egnp.exe", "evilgnp.exe"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("tag\U000e0041", "tag"),
        ("lone\ud800", "lone"),
    ],
)
def test_sequences_lose_their_teeth(text, shown):
    assert clean(text) == shown


@given(st.text())
def test_cleaning_twice_is_cleaning_once_and_the_result_prints(text):
    once = clean(text)
    assert clean(once) == once
    once.encode()


@given(st.text(), st.integers(1, 20))
def test_one_line_is_one_line_and_fits(text, width):
    line = one_line(text, width)
    assert len(line) <= width
    assert not set(line) & set("\n\t\r")
    assert "  " not in line
