"""The belief of the search, against scikit-learn's Gaussian process and plain sense."""

import numpy as np
import pytest
from sklearn.gaussian_process.kernels import Matern
from sklearn.preprocessing import PolynomialFeatures

from segsweep.search.gaussian_process import Surrogate
from segsweep.search.gp_prior import Hyperparameters

CHANCE = np.random.default_rng(0)
POINTS = CHANCE.random((12, 3))
VALUES = -((POINTS - 0.4) ** 2).sum(1) + CHANCE.normal(0, 0.01, 12)
NEW = CHANCE.random((20, 3))


def test_each_set_predicts_by_scikit_learns_kernels_and_the_textbook() -> None:
    """Rasmussen and Williams (2006), equations 2.25 and 2.26, solved without a Cholesky factor."""
    belief = Surrogate(POINTS, VALUES, np.empty((0, 3)))
    kept = np.maximum(VALUES, np.median(VALUES) - 3 * (VALUES.max() - np.median(VALUES)))
    scaled = (kept - kept.mean()) / kept.std()
    means, sds = belief._each(NEW)
    products = PolynomialFeatures(2, include_bias=False)  # a, b, c, aa, ab, ac, bb, bc, cc
    sizes = np.array([0.6, 0.6, 0.6, 0.7, 0.5, 0.5, 0.7, 0.5, 0.7])
    both = np.concatenate([POINTS, NEW])
    terms = products.fit_transform(both - 0.5) * sizes
    for i in range(4):
        length, residual_sd, curvature, noise, scale = (
            getattr(belief.sets, name)[i]
            for name in ("length", "residual_sd", "curvature", "noise", "scale")
        )
        whole = (
            1.5**2 + curvature**2 * terms @ terms.T + residual_sd**2 * Matern(length, nu=2.5)(both)
        )
        seen = whole[:12, :12] + (noise**2 + 1e-8) * np.eye(12)
        parabola = -curvature * ((both - 0.5) ** 2).sum(1)
        solved = np.linalg.solve(seen, scaled / scale - parabola[:12])
        mean = parabola[12:] + whole[12:, :12] @ solved
        left = whole[12:, 12:] - whole[12:, :12] @ np.linalg.solve(seen, whole[:12, 12:])
        np.testing.assert_allclose(means[i], mean * scale, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(sds[i], np.sqrt(np.diag(left)) * scale, rtol=1e-5)


def test_an_expected_improvement_is_the_mean_of_what_chance_draws() -> None:
    belief = Surrogate(POINTS, VALUES, np.empty((0, 3)))
    place = NEW[[belief.expected_improvement(NEW).argmax()]]
    means, sds = belief._each(place)
    best = belief._each(POINTS)[0].max(1)
    chance = np.random.default_rng(1)
    sets = chance.choice(len(belief.weight), 200_000, p=belief.weight)
    drawn = chance.normal(means[sets, 0], sds[sets, 0])
    gains = np.maximum(drawn - best[sets], 0)
    error = gains.std() / len(gains) ** 0.5
    assert gains.mean() > 10 * error
    assert abs(belief.expected_improvement(place)[0] - gains.mean()) < 5 * error


def test_trials_in_flight_make_it_surer_and_are_imagined_around_what_is_expected() -> None:
    alone = Surrogate(POINTS, VALUES, np.empty((0, 3)))
    flying = Surrogate(POINTS, VALUES, NEW[:2])
    means, sds = alone._each(NEW[:2])
    away = (flying._each(NEW[:2])[0] - means) / sds
    assert abs(away.mean()) < 0.2
    assert 0.4 < away.std() < 0.8
    assert (flying._each(NEW[:2])[1] < sds).all()
    assert flying.expected_improvement(NEW[:2]).max() < alone.expected_improvement(NEW[:2]).max()


def test_before_anything_is_seen_the_middle_is_the_best() -> None:
    nothing = Surrogate(np.empty((0, 3)), np.empty(0), np.empty((0, 3)))
    middle = np.full((1, 3), 0.5)
    assert nothing.predict(middle)[0] > nothing.predict(NEW)[0].max()


@pytest.mark.parametrize("values", [[0.7], [0.7, 0.7], [0.7] * 5, [0.0, 0.9, 0.0]])
def test_few_and_equal_values_are_no_trouble(values: list[float]) -> None:
    belief = Surrogate(POINTS[: len(values)], np.array(values), np.empty((0, 3)))
    mean, sd = belief.predict(NEW)
    assert np.isfinite(mean).all()
    assert (sd > 0).all()


def test_how_badly_a_loser_lost_changes_little() -> None:
    bad, worse = VALUES.copy(), VALUES.copy()
    bad[3], worse[3] = -2.0, -50.0
    found = [Surrogate(POINTS, v, np.empty((0, 3))).predict(NEW)[0] for v in (bad, worse)]
    np.testing.assert_array_equal(found[0], found[1])


def test_the_sets_are_the_same_in_every_process() -> None:
    sets = Hyperparameters.spread(2)
    assert sets.length.shape == (256, 2)
    assert np.median(sets.noise) == pytest.approx(0.05, rel=0.05)


def test_an_earlier_study_is_a_function_that_goes_along_with_an_offset_of_its_own() -> None:
    """The coregionalized covariance, written out and solved without a Cholesky factor."""
    earlier = np.arange(12) < 7
    values = VALUES - 0.5 * earlier
    belief = Surrogate(POINTS, values, np.empty((0, 3)), earlier=earlier)
    deviations = np.empty(12)
    for study in (earlier, ~earlier):
        middle = np.median(values[study])
        kept = np.maximum(values[study], middle - 3 * (values[study].max() - middle))
        deviations[study] = kept - kept.mean()
    scaled = deviations / np.sqrt((deviations**2).mean())
    means, _ = belief._each(NEW)
    for i in range(4):
        sets = belief.sets.take(np.array([i]))
        shape = sets.covariance(np.r_[POINTS, NEW], np.r_[POINTS, NEW])[0] - 1.5**2
        of_earlier = np.r_[earlier, np.zeros(20, bool)]
        apart = of_earlier[:, None] != of_earlier
        whole = np.where(apart, sets.task_correlation[0] * shape, shape + 1.5**2)
        parabola = sets.mean(np.r_[POINTS, NEW])[0]
        seen = whole[:12, :12] + (sets.noise[0] ** 2 + 1e-8) * np.eye(12)
        solved = np.linalg.solve(seen, scaled / sets.scale[0] - parabola[:12])
        mean = (parabola[12:] + whole[12:, :12] @ solved) * sets.scale[0]
        np.testing.assert_allclose(means[i], mean, rtol=1e-6, atol=1e-8)


def test_a_doubtful_value_counts_for_less() -> None:
    outlier = VALUES.copy()
    outlier[5] += 0.3
    noise_sd = np.zeros(12)
    noise_sd[5] = 1.0
    without = Surrogate(np.delete(POINTS, 5, 0), np.delete(VALUES, 5), np.empty((0, 3)))
    sure = Surrogate(POINTS, outlier, np.empty((0, 3)))
    doubtful = Surrogate(POINTS, outlier, np.empty((0, 3)), noise_sd=noise_sd)
    there = POINTS[[5]]
    expected = [belief.predict(there)[0][0] for belief in (without, doubtful, sure)]
    assert abs(expected[1] - expected[0]) < 0.3 * abs(expected[2] - expected[0])
