"""Student's t distribution, central and noncentral.

scipy.special is imported at the first call: screens and commands that test nothing start without it, and `scipy.stats`,
which takes ten times as long to import, is never loaded.
"""

from __future__ import annotations

import math


def quantile(probability: float, df: float) -> float:
    """The value below which Student's t with `df` degrees of freedom lies with this probability."""
    from scipy.special import stdtrit

    return float(stdtrit(df, probability))


def two_sided_p(t: float, df: float) -> float:
    """Probability that Student's t is at least as far from 0 as `t`."""
    from scipy.special import stdtr

    return float(2 * stdtr(df, -abs(t)))


def power(effect: float, n: int, alpha: float = 0.05) -> float:
    """Power of the two-sided t test on two groups of `n` values each, of equal variance.

    Under a true difference, t is noncentral with 2n - 2 degrees of freedom and noncentrality `effect` sqrt(n / 2)
    (Cohen 1988, "Statistical power analysis for the behavioral sciences", chapter 2).

    Args:
        effect: difference of the means in standard deviations of a single value.
        n: at least 2.
    """
    from scipy.special import nctdtr

    df, shift = 2 * n - 2, abs(effect) * math.sqrt(n / 2)
    limit = quantile(1 - alpha / 2, df)
    missed, opposite = (float(nctdtr(df, shift, t)) for t in (limit, -limit))
    # far below the shift, where the probability is of the order of 1e-20, scipy answers NaN
    return 1.0 - (0.0 if math.isnan(missed) else missed) + (0.0 if math.isnan(opposite) else opposite)
