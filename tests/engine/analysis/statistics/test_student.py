"""Student's t against scipy.stats and statsmodels, and what computing it imports."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.power import TTestIndPower

from engine.analysis.statistics.student import power, quantile, two_sided_p


@pytest.mark.parametrize("df", [1, 2, 3.7, 9, 100])
def test_quantiles_and_tails_are_those_of_scipy_stats(df):
    assert quantile(0.975, df) == pytest.approx(scipy_stats.t.ppf(0.975, df))
    for t in (-12.0, -0.3, 0.0, 2.5):
        assert two_sided_p(t, df) == pytest.approx(2 * scipy_stats.t.sf(abs(t), df))


@pytest.mark.parametrize("n", [2, 3, 10, 64, 500])
@pytest.mark.parametrize("effect", [0.05, 0.1, -0.5, 1.0])
def test_the_power_is_that_of_statsmodels_and_scipy(effect, n):
    shift, df, limit = abs(effect) * (n / 2) ** 0.5, 2 * n - 2, scipy_stats.t.ppf(0.975, 2 * n - 2)
    expected = scipy_stats.nct.sf(limit, df, shift) + scipy_stats.nct.cdf(-limit, df, shift)
    references = [one for one in (expected, TTestIndPower().power(effect, n, 0.05)) if math.isfinite(one)]
    for reference in references or [1.0]:
        assert power(effect, n) == pytest.approx(reference, abs=1e-6)
    assert references or shift > 9


def test_scipy_is_imported_when_it_is_needed_and_its_slow_half_never():
    code = (
        "import sys, engine.analysis.statistics.means as means, engine.analysis.statistics.planning as planning\n"
        "before = 'scipy' in sys.modules\nplanning.seeds_needed(1, 1); means.welch([1, 2], [2, 4])\n"
        "print(before, 'scipy.special' in sys.modules, 'scipy.stats' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[4]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, timeout=120)
    assert done.stdout.split() == ["False", "True", "False"], done.stderr
