"""Sheets of pictures on their way between two processes."""

import numpy as np
import pytest

from engine.analysis.contact_sheet import ContactSheet

TILES = np.random.default_rng(0).integers(0, 256, (2, 3, 5, 4, 3), dtype=np.uint8)
CAPTIONS = [[["a"], [], ["b", "c"]], [[], [], ["ü"]]]


def test_a_sheet_arrives_as_it_was():
    sheet = ContactSheet.from_bytes(ContactSheet(TILES, ["x", "y", "z"], CAPTIONS).to_bytes())
    assert np.array_equal(sheet.tiles, TILES) and sheet.tiles.dtype == np.uint8
    assert (sheet.heads, sheet.captions) == (["x", "y", "z"], CAPTIONS)


@pytest.mark.parametrize("data", [b"", b"{}", b"nonsense\nxx"])
def test_what_is_no_sheet_is_refused(data):
    with pytest.raises((ValueError, KeyError)):
        ContactSheet.from_bytes(data)


def test_half_a_sheet_is_refused():
    with pytest.raises(ValueError, match="reshape"):
        ContactSheet.from_bytes(ContactSheet(TILES, ["x", "y", "z"], CAPTIONS).to_bytes()[:-1])


@pytest.mark.parametrize(("heads", "captions"), [(["x"], CAPTIONS), (["x", "y", "z"], CAPTIONS[:1])])
def test_every_picture_needs_its_words(heads, captions):
    with pytest.raises(ValueError, match="2 x 3 pictures"):
        ContactSheet(TILES, heads, captions)
