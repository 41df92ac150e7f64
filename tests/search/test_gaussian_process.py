"""The surrogate model, compared with scikit-learn's kernels and textbook formulas."""

import numpy as np
import pytest
from sklearn.gaussian_process.kernels import Matern
from sklearn.preprocessing import PolynomialFeatures

from segsweep.search.gaussian_process import Surrogate
from segsweep.search.gp_prior import KernelHyperparameters

RNG = np.random.default_rng(0)
POINTS = RNG.random((12, 3))
VALUES = -((POINTS - 0.4) ** 2).sum(1) + RNG.normal(0, 0.01, 12)
NEW = RNG.random((20, 3))


def test_predictions_follow_the_textbook_with_scikit_learns_kernels() -> None:
    """Rasmussen and Williams (2006), equations 2.25 and 2.26, without a Cholesky factor."""
    surrogate = Surrogate(POINTS, VALUES, np.empty((0, 3)))
    clipped = np.maximum(VALUES, np.median(VALUES) - 3 * (VALUES.max() - np.median(VALUES)))
    scaled = (clipped - clipped.mean()) / clipped.std()
    means, sds = surrogate._predict_samples(NEW)
    products = PolynomialFeatures(2, include_bias=False)  # a, b, c, aa, ab, ac, bb, bc, cc
    sds_of_terms = np.array([0.6, 0.6, 0.6, 0.7, 0.5, 0.5, 0.7, 0.5, 0.7])
    both = np.concatenate([POINTS, NEW])
    terms = products.fit_transform(both - 0.5) * sds_of_terms
    for i in range(4):
        length, residual_sd, curvature, noise, scale = (
            getattr(surrogate._samples, name)[i]
            for name in ("length", "residual_sd", "curvature", "noise", "scale")
        )
        whole = (
            1.5**2 + curvature**2 * terms @ terms.T + residual_sd**2 * Matern(length, nu=2.5)(both)
        )
        covariance = whole[:12, :12] + (noise**2 + 1e-8) * np.eye(12)
        parabola = -curvature * ((both - 0.5) ** 2).sum(1)
        solved = np.linalg.solve(covariance, scaled / scale - parabola[:12])
        mean = parabola[12:] + whole[12:, :12] @ solved
        variance = whole[12:, 12:] - whole[12:, :12] @ np.linalg.solve(covariance, whole[:12, 12:])
        np.testing.assert_allclose(means[i], mean * scale, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(sds[i], np.sqrt(np.diag(variance)) * scale, rtol=1e-5)


def test_expected_improvement_equals_a_monte_carlo_estimate() -> None:
    surrogate = Surrogate(POINTS, VALUES, np.empty((0, 3)))
    point = NEW[[surrogate.expected_improvement(NEW).argmax()]]
    means, sds = surrogate._predict_samples(point)
    best = surrogate._predict_samples(POINTS)[0].max(1)
    rng = np.random.default_rng(1)
    sets = rng.choice(len(surrogate.weight), 200_000, p=surrogate.weight)
    drawn = rng.normal(means[sets, 0], sds[sets, 0])
    gains = np.maximum(drawn - best[sets], 0)
    error = gains.std() / len(gains) ** 0.5
    assert gains.mean() > 10 * error
    assert abs(surrogate.expected_improvement(point)[0] - gains.mean()) < 5 * error


def test_trials_in_flight_reduce_the_sd_and_get_values_near_the_expected_ones() -> None:
    alone = Surrogate(POINTS, VALUES, np.empty((0, 3)))
    in_flight = Surrogate(POINTS, VALUES, NEW[:2])
    means, sds = alone._predict_samples(NEW[:2])
    difference = (in_flight._predict_samples(NEW[:2])[0] - means) / sds
    assert abs(difference.mean()) < 0.2
    assert 0.4 < difference.std() < 0.8
    assert (in_flight._predict_samples(NEW[:2])[1] < sds).all()
    assert in_flight.expected_improvement(NEW[:2]).max() < alone.expected_improvement(NEW[:2]).max()


def test_without_trials_the_middle_is_the_best() -> None:
    prior = Surrogate(np.empty((0, 3)), np.empty(0), np.empty((0, 3)))
    middle = np.full((1, 3), 0.5)
    assert prior.predict(middle)[0] > prior.predict(NEW)[0].max()


@pytest.mark.parametrize("values", [[0.7], [0.7, 0.7], [0.7] * 5, [0.0, 0.9, 0.0]])
def test_few_or_equal_values_give_finite_predictions(values: list[float]) -> None:
    surrogate = Surrogate(POINTS[: len(values)], np.array(values), np.empty((0, 3)))
    mean, sd = surrogate.predict(NEW)
    assert np.isfinite(mean).all()
    assert (sd > 0).all()


def test_values_below_the_clipping_threshold_have_the_same_effect() -> None:
    bad, worse = VALUES.copy(), VALUES.copy()
    bad[3], worse[3] = -2.0, -50.0
    means = [Surrogate(POINTS, v, np.empty((0, 3))).predict(NEW)[0] for v in (bad, worse)]
    np.testing.assert_array_equal(means[0], means[1])


def test_hyperparameter_samples_are_deterministic() -> None:
    samples = KernelHyperparameters.sample(2)
    assert samples.length.shape == (256, 2)
    assert np.median(samples.noise) == pytest.approx(0.05, rel=0.05)


def test_an_earlier_study_is_a_correlated_function_with_an_offset() -> None:
    """The covariance of the coregionalization model, without a Cholesky factor."""
    earlier = np.arange(12) < 7
    values = VALUES - 0.5 * earlier
    surrogate = Surrogate(POINTS, values, np.empty((0, 3)), earlier=earlier)
    deviations = np.empty(12)
    for study in (earlier, ~earlier):
        middle = np.median(values[study])
        clipped = np.maximum(values[study], middle - 3 * (values[study].max() - middle))
        deviations[study] = clipped - clipped.mean()
    scaled = deviations / np.sqrt((deviations**2).mean())
    means, _ = surrogate._predict_samples(NEW)
    for i in range(4):
        sets = surrogate._samples.take(np.array([i]))
        shape = sets.covariance(np.r_[POINTS, NEW], np.r_[POINTS, NEW])[0] - 1.5**2
        of_earlier = np.r_[earlier, np.zeros(20, bool)]
        other_study = of_earlier[:, None] != of_earlier
        whole = np.where(other_study, sets.task_correlation[0] * shape, shape + 1.5**2)
        parabola = sets.mean(np.r_[POINTS, NEW])[0]
        covariance = whole[:12, :12] + (sets.noise[0] ** 2 + 1e-8) * np.eye(12)
        solved = np.linalg.solve(covariance, scaled / sets.scale[0] - parabola[:12])
        mean = (parabola[12:] + whole[12:, :12] @ solved) * sets.scale[0]
        np.testing.assert_allclose(means[i], mean, rtol=1e-6, atol=1e-8)


def test_a_value_with_more_noise_counts_less() -> None:
    outlier = VALUES.copy()
    outlier[5] += 0.3
    noise_sd = np.zeros(12)
    noise_sd[5] = 1.0
    without = Surrogate(np.delete(POINTS, 5, 0), np.delete(VALUES, 5), np.empty((0, 3)))
    precise = Surrogate(POINTS, outlier, np.empty((0, 3)))
    noisy = Surrogate(POINTS, outlier, np.empty((0, 3)), noise_sd=noise_sd)
    point = POINTS[[5]]
    expected = [surrogate.predict(point)[0][0] for surrogate in (without, noisy, precise)]
    assert abs(expected[1] - expected[0]) < 0.3 * abs(expected[2] - expected[0])
