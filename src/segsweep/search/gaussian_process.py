"""The surrogate model: a Gaussian process that is averaged over its hyperparameters.

No hyperparameter is optimised, so nothing can fail to converge or differ between two runs. A fixed
quasi-random set of samples is weighted by the likelihood of the observed values (importance
sampling).

An earlier study can be included. Its values are a second function of the same kind, correlated with
the function of this study and with an offset of its own. The correlation is one more hyperparameter
(intrinsic model of coregionalization: Bonilla, Chai and Williams, 2007), so a misleading study
loses its weight as trials come in.

Points are rows of numbers from 0 to 1; values are to be maximized.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from segsweep.search.gp_prior import KernelHyperparameters, normal

KEPT, CHUNKS = 48, 8
"""Predictions use the `KEPT` samples with the largest weights. The weights are computed in `CHUNKS`
parts, so that a thousand trials fit in memory."""

CLIP_BELOW = 3.0
"""Values below the median are clipped at this multiple of the distance between median and best: how
far a bad trial is below says nothing about where the good ones are."""

FANTASY_SD = 0.6
"""Standard deviations by which the assumed value of a trial in flight differs from the expected
one. With 0 the search explores too little, with 1 (Snoek, Larochelle and Adams, 2012) too much."""


@dataclass(frozen=True)
class Fit:
    """What fitting determines: which samples of the hyperparameters predict, and their weights.

    Attributes:
        kept: Indices of the samples, (kept,).
        weight: Their weights, (kept,), with the sum 1.
        log_evidence: Logarithm of the likelihood of the values, up to a constant.
    """

    kept: list[int]
    weight: list[float]
    log_evidence: float


class Surrogate:
    """The posterior of the objective after some trials, with other trials in flight.

    Args:
        points: Encoded configurations of the trials, (trials, columns).
        values: Their values, (trials,).
        in_flight: Encoded configurations of running trials, (running, columns). Each sample of the
            hyperparameters assumes other values for them.
        noise_sd: Standard deviation of each value in addition to the common noise, (trials,).
        earlier: Which trials belong to an earlier study, (trials,).
        fit: The fit to the same trials, if it is known already.

    Attributes:
        floor: The value at which lower values of this study are clipped.
        fit: The samples of the hyperparameters that predict, and their weights.
        weight: The weights as an array, (samples,).
    """

    def __init__(
        self,
        points: np.ndarray,
        values: np.ndarray,
        in_flight: np.ndarray,
        noise_sd: np.ndarray | None = None,
        earlier: np.ndarray | None = None,
        fit: Fit | None = None,
    ) -> None:
        self._earlier = np.zeros(len(values), bool) if earlier is None else earlier
        self.floor = _floor(values[~self._earlier])
        deviations, self._centre = _centred(values, self._earlier)
        self._unit = float(np.sqrt((deviations**2).mean())) if deviations.any() else 1.0
        self._noise_sd = np.zeros(len(values)) if noise_sd is None else noise_sd / self._unit
        samples = KernelHyperparameters.sample(points.shape[1])
        if self._earlier.any():
            samples = samples.with_task_correlations()
        self.fit = fit or self._fit(samples, points, deviations)
        self.weight = np.array(self.fit.weight)
        self._samples, self._points = samples.take(np.array(self.fit.kept)), points
        _, residual, self._factor, self._white = self._explain(self._samples, points, deviations)
        if len(in_flight):
            fantasies = self._fantasies(in_flight)
            self._points = np.concatenate([points, in_flight])
            self._earlier = np.concatenate([self._earlier, np.zeros(len(in_flight), bool)])
            self._noise_sd = np.concatenate([self._noise_sd, np.zeros(len(in_flight))])
            self._factor = self._inverse_factor(self._samples, self._points)
            residual = np.concatenate([residual, fantasies], axis=1)
            self._white = np.einsum("hij,hj->hi", self._factor, residual)

    def _fit(
        self, samples: KernelHyperparameters, points: np.ndarray, deviations: np.ndarray
    ) -> Fit:
        """Weight the samples by the likelihood of the values, and keep the KEPT best."""
        likelihood = np.concatenate(
            [
                self._explain(samples.take(chunk), points, deviations)[0]
                for chunk in np.array_split(np.arange(len(samples.noise)), CHUNKS)
            ]
        )
        best = np.argsort(-likelihood, kind="stable")[:KEPT]
        weight = np.exp(likelihood[best] - likelihood[best[0]])
        log_evidence = float(np.logaddexp.reduce(likelihood))
        return Fit(best.tolist(), (weight / weight.sum()).tolist(), log_evidence)

    @property
    def has_trials(self) -> bool:
        """Whether a trial of this study has ended or is in flight."""
        return not self._earlier.all()

    @property
    def noise_sd(self) -> float:
        """Standard deviation of the noise in a value."""
        return self._unit * float(self.weight @ (self._samples.scale * self._samples.noise))

    def predict(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the posterior mean and standard deviation without noise, (points,) each."""
        means, sds = self._predict_samples(points)
        mean = self.weight @ means
        variance = self.weight @ (sds**2 + (means - mean) ** 2)
        return self._centre + self._unit * mean, self._unit * np.sqrt(variance)

    def sample(self, points: np.ndarray, count: int, seed: int) -> np.ndarray:
        """Draw functions from the posterior, without noise: (count, points)."""
        rng = np.random.default_rng(seed)
        ends = (np.cumsum(self.weight) * count + rng.random()).astype(int)
        functions = []
        for i, number in enumerate(np.diff(ends, prepend=0)):
            if number:
                which = slice(i, i + 1)
                (deviation,), (factor,) = self._joint_posterior(which, points)
                drawn = deviation + rng.standard_normal((number, len(points))) @ factor.T
                mean = self._samples.take(which).mean(points)
                functions.append(self._samples.scale[i] * (mean + drawn))
        return self._centre + self._unit * np.concatenate(functions)

    def expected_improvement(self, points: np.ndarray) -> np.ndarray:
        """Return the expected improvement over the best trial so far, (points,).

        Its unit is the standard deviation of the observed values.
        """
        means, sds = self._predict_samples(points)
        best = self._predict_samples(self._points[~self._earlier])[0].max(1, keepdims=True)
        above = (means - best) / sds
        return np.asarray(self.weight @ (sds * (above * norm.cdf(above) + norm.pdf(above))))

    def _predict_samples(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation for each sample, (samples, points) each."""
        deviation, variance = self._deviation(points)
        scale = self._samples.scale[:, None]
        return scale * (self._samples.mean(points) + deviation), scale * np.sqrt(variance)

    def _deviation(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the posterior mean less the prior mean, and the posterior variance.

        Both are (samples, points), in units of `scale`.
        """
        other_study = self._earlier[:, None] & np.ones(len(points), bool)
        gain = self._factor @ self._samples.covariance(self._points, points, other_study)
        mean = np.einsum("hi,hip->hp", self._white, gain)
        variance = self._samples.variance(points) - np.einsum("hip,hip->hp", gain, gain)
        return mean, np.maximum(variance, 1e-10)

    def _joint_posterior(self, which: slice, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the joint posterior at all points for some of the samples.

        Returns:
            The posterior mean less the prior mean, (samples, points), and the Cholesky factor of
            the posterior covariance, (samples, points, points).
        """
        samples = self._samples.take(which)
        other_study = self._earlier[:, None] & np.ones(len(points), bool)
        gain = self._factor[which] @ samples.covariance(self._points, points, other_study)
        covariance = samples.covariance(points, points) - gain.transpose(0, 2, 1) @ gain
        factor = np.linalg.cholesky(covariance + 1e-6 * np.eye(len(points)))
        return np.einsum("hi,hip->hp", self._white[which], gain), factor

    def _fantasies(self, points: np.ndarray) -> np.ndarray:
        """Draw assumed values of trials in flight, one set per sample: (samples, points)."""
        expected, factor = self._joint_posterior(slice(None), points)
        return expected + FANTASY_SD * np.einsum(
            "hij,hj->hi", factor, normal(len(points), 1)[:KEPT]
        )

    def _explain(
        self, samples: KernelHyperparameters, points: np.ndarray, deviations: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return for each sample: log likelihood, residuals, inverse factors, white residuals."""
        residual = deviations / self._unit / samples.scale[:, None] - samples.mean(points)
        factor = self._inverse_factor(samples, points)
        white = np.einsum("hij,hj->hi", factor, residual)
        likelihood = -0.5 * (white**2).sum(1) - len(deviations) * np.log(samples.scale)
        likelihood += np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(1)
        return likelihood, residual, factor, white

    def _inverse_factor(self, samples: KernelHyperparameters, points: np.ndarray) -> np.ndarray:
        """Return the inverse Cholesky factor of the covariance, (samples, points, points)."""
        covariance = samples.covariance(points, points, self._earlier[:, None] != self._earlier)
        noise = samples.noise[:, None] ** 2 + (self._noise_sd / samples.scale[:, None]) ** 2 + 1e-8
        covariance += noise[:, :, None] * np.eye(len(points))
        return np.asarray(np.linalg.inv(np.linalg.cholesky(covariance)))


def _centred(values: np.ndarray, earlier: np.ndarray) -> tuple[np.ndarray, float]:
    """Clip the values and subtract the mean of their study.

    Returns:
        The deviations, (trials,), and the mean of this study, or of the earlier one if this study
        has no trial.
    """
    deviations, centre = np.zeros(len(values)), 0.0
    for study in (earlier, ~earlier):
        if study.any():
            clipped = np.maximum(values[study], _floor(values[study]))
            centre = float(clipped.mean())
            deviations[study] = clipped - centre
    return deviations, centre


def _floor(values: np.ndarray) -> float:
    """Return the value at which lower ones are clipped; see `CLIP_BELOW`."""
    if len(values) < 3:
        return -math.inf
    middle = float(np.median(values))
    return middle - CLIP_BELOW * (float(values.max()) - middle)
