"""Adjusted p values against statsmodels."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from engine.analysis.statistics.corrections import benjamini_hochberg, holm

FAMILIES = [
    [0.3],
    [1e-9, 7e-5, 0.31],
    [0.04, 0.04, 0.04],
    [0.9, 0.01, 0.03, 0.02, 0.5],
    np.random.default_rng(0).random(50),
]


@pytest.mark.parametrize("p", FAMILIES, ids=len)
@pytest.mark.parametrize(("ours", "theirs"), [(holm, "holm"), (benjamini_hochberg, "fdr_bh")])
def test_they_are_those_of_statsmodels(p, ours, theirs):
    assert ours(p) == pytest.approx(multipletests(p, method=theirs)[1])


def test_an_empty_family_is_no_error():
    assert holm([]) == benjamini_hochberg([]) == []
