"""The three "threshold losses" that people write: what their formulas say, and where descent on them ends."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from scipy.stats import norm
from torch import Tensor, nn

from core.losses import LOSSES
from core.losses.objective import Objective, resolved
from tests.support.optimal_score import optimal_score

GATED, BAND, LOSS_GATED = (LOSSES[name] for name in ("gated_bce", "band_mse", "loss_gated_mse"))
PLAIN = {"pos_weight": torch.ones(1, 1, 1, dtype=torch.float64)}
untimed = settings(deadline=None, max_examples=40)  # torch's first call takes long

LOGIT = st.floats(-30, 30)
VALUE = st.floats(-10, 10)
PROBABILITY = st.floats(0.01, 0.99)
WEIGHT = st.floats(0.01, 100)


def numbers(**values: float) -> dict[str, Tensor]:
    return {name: torch.full((1, 1, 1), value, dtype=torch.float64) for name, value in values.items()}


def column(*values: float) -> Tensor:
    """One output for each row of one run, (1, B, 1)."""
    return torch.tensor(values, dtype=torch.float64).view(1, -1, 1)


DEFAULTS = {spec.label: numbers(**{p.name: p.default for p in spec.params}) for spec in (GATED, BAND, LOSS_GATED)}
OTHER_GATE = numbers(threshold=0.6, above=2, below=0.3)
OTHER_BAND = numbers(threshold=0.5, radius=0.2, penalty=1.2)
OTHER_LIMIT = numbers(tau=0.8, factor=1.8)


def value(spec, u: float, y: float, params: dict[str, Tensor]) -> float:
    return spec.function(column(u), column(y), params).item()


def slope(spec, u: float, y: float, params: dict[str, Tensor]) -> float:
    """The derivative by u, by autograd."""
    leaf = column(u).requires_grad_()
    return torch.autograd.grad(spec.function(leaf, column(y), params).sum(), leaf)[0].item()


# --- defaults, gradients, identities


def test_defaults_are_those_that_people_write():
    assert {p.name: p.default for p in GATED.params} == {"threshold": 0.7, "above": 1.0, "below": 0.1}
    assert {p.name: p.default for p in BAND.params} == {"threshold": 0.5, "radius": 0.2, "penalty": 1.5}
    assert {p.name: p.default for p in LOSS_GATED.params} == {"tau": 1.0, "factor": 2.0}


def test_band_and_loss_gate_see_the_probability_of_a_sigmoid_head_and_the_value_of_a_regression():
    for loss in ("band_mse", "loss_gated_mse"):
        assert resolved("sigmoid", "auto", loss) == "sigmoid"
        assert resolved("identity", "auto", loss) == "none"
        objective = Objective("sigmoid", "sigmoid", loss, numbers(threshold=9, radius=1, penalty=1, tau=2, factor=2))
        assert objective.mean(column(0.7), torch.tensor([[1]])).item() == pytest.approx((1 - expit(0.7)) ** 2)
    assert resolved("sigmoid", "auto", "gated_bce") == "none"


@untimed
@given(LOGIT, st.integers(0, 1), PROBABILITY, WEIGHT, WEIGHT)
def test_gated_bce_closed_form_equals_autograd_and_the_formula(z, y, t, above, below):
    assume(abs(expit(z) - t) > 1e-12)
    params = numbers(threshold=t, above=above, below=below)
    closed = GATED.gradient(column(z), column(y), params).item()
    assert closed == pytest.approx(slope(GATED, z, y, params), rel=1e-9, abs=1e-9)
    assert closed == pytest.approx((above if expit(z) >= t else below) * (expit(z) - y), rel=1e-9, abs=1e-9)


@untimed
@given(VALUE, VALUE, st.floats(-5, 5), st.floats(0.01, 5), st.floats(0, 10))
def test_band_mse_closed_form_equals_autograd(yhat, y, t, r, c):
    params = numbers(threshold=t, radius=r, penalty=c)
    assert BAND.gradient(column(yhat), column(y), params).item() == pytest.approx(
        slope(BAND, yhat, y, params), rel=1e-9, abs=1e-9
    )


@untimed
@given(VALUE, VALUE, st.floats(0.01, 10), st.floats(1, 10))
def test_loss_gated_mse_closed_form_equals_autograd(yhat, y, tau, factor):
    params = numbers(tau=tau, factor=factor)
    assert LOSS_GATED.gradient(column(yhat), column(y), params).item() == pytest.approx(
        slope(LOSS_GATED, yhat, y, params), rel=1e-9, abs=1e-9
    )


@pytest.mark.parametrize("spec", [GATED, BAND, LOSS_GATED], ids=lambda spec: spec.label)
def test_gradients_pass_gradcheck_away_from_jumps_and_kinks(spec):
    u, y = column(-1.3, 0.42, 0.57, 1.9, -0.4).requires_grad_(), column(0, 1, 0, 0, 1)
    assert torch.autograd.gradcheck(lambda values: spec.function(values, y, DEFAULTS[spec.label]), u)


@untimed
@given(LOGIT, st.integers(0, 1), PROBABILITY)
def test_gated_bce_with_equal_weights_of_1_is_bce(z, y, t):
    params = numbers(threshold=t, above=1, below=1)
    for part in ("function", "gradient"):
        expected = getattr(LOSSES["bce"], part)(column(z), column(y), PLAIN)
        torch.testing.assert_close(getattr(GATED, part)(column(z), column(y), params), expected)


@untimed
@given(VALUE, VALUE, st.floats(-5, 5), st.floats(0.01, 5))
def test_band_mse_without_a_penalty_is_mse(yhat, y, t, r):
    losses = BAND.function(column(yhat), column(y), numbers(threshold=t, radius=r, penalty=0))
    torch.testing.assert_close(losses, nn.MSELoss(reduction="none")(column(yhat), column(y)))


@untimed
@given(VALUE, VALUE, st.floats(0.01, 10))
def test_loss_gated_mse_with_a_factor_of_1_is_mse(yhat, y, tau):
    losses = LOSS_GATED.function(column(yhat), column(y), numbers(tau=tau, factor=1))
    torch.testing.assert_close(losses, nn.MSELoss(reduction="none")(column(yhat), column(y)))


def test_each_run_has_its_own_gate_band_and_limit():
    u, y = torch.full((2, 1, 1), 0.5), torch.zeros(2, 1, 1)
    pair = {"threshold": (0.6, 0.7), "above": (3.0, 3.0), "below": (1.0, 1.0)}  # sigmoid(.5) = .622
    gated = GATED.function(u, y, {name: torch.tensor(both).view(2, 1, 1) for name, both in pair.items()}).flatten()
    assert gated[0].item() == pytest.approx(3 * gated[1].item())
    pair = {"threshold": (0.5, 0.9), "radius": (0.2, 0.2), "penalty": (1.0, 1.0)}
    band = BAND.function(u, y, {name: torch.tensor(both).view(2, 1, 1) for name, both in pair.items()}).flatten()
    assert band.tolist() == pytest.approx([0.5, 0.25])
    pair = {"tau": (0.2, 0.3), "factor": (4.0, 4.0)}
    limited = LOSS_GATED.function(u, y, {name: torch.tensor(both).view(2, 1, 1) for name, both in pair.items()})
    assert limited.flatten().tolist() == [1.0, 0.25]


def test_gate_opens_at_p_equal_to_t_but_the_limit_only_beyond_tau():
    gate = numbers(threshold=0.5, above=3, below=1)
    assert value(GATED, 0.0, 1, gate) == pytest.approx(3 * np.log(2))  # sigmoid(0) is .5
    assert value(LOSS_GATED, 1.0, 0, numbers(tau=1, factor=2)) == 1


# --- output-gated BCE


def test_gated_bce_jumps_from_0_153_to_1_022_as_a_positive_crosses_the_threshold():
    below, above = (value(GATED, logit(p), 1, OTHER_GATE) for p in (0.6 - 1e-9, 0.6 + 1e-9))
    assert below == pytest.approx(0.153, abs=5e-4)
    assert above == pytest.approx(1.022, abs=5e-4)
    assert above / below == pytest.approx(2 / 0.3, rel=1e-6)


def test_gated_bce_of_a_positive_is_back_below_0_153_only_beyond_p_0_926():
    before = value(GATED, logit(0.6 - 1e-9), 1, OTHER_GATE)
    p = np.linspace(0.6, 0.999, 39_901)
    losses = GATED.function(column(*logit(p)), torch.ones(1, len(p), 1), OTHER_GATE).flatten().numpy()
    assert p[losses < before].min() == pytest.approx(0.926, abs=5e-4)
    assert p[losses < before].min() == pytest.approx(0.6 ** (0.3 / 2), abs=2e-5)


@untimed
@given(PROBABILITY, PROBABILITY, WEIGHT, WEIGHT)
def test_expected_gradient_of_gated_bce_vanishes_at_the_true_probability_whatever_the_weights(q, t, above, below):
    params = numbers(threshold=t, above=above, below=below)

    def expected(p: float) -> float:
        return q * slope(GATED, logit(p), 1, params) + (1 - q) * slope(GATED, logit(p), 0, params)

    assert expected(q) == pytest.approx(0, abs=1e-12 * max(above, below) + 1e-14)
    assert expected(q / 2) < 0 < expected((1 + q) / 2)  # and nowhere else: descent goes to q from both sides


@pytest.mark.parametrize("params", [DEFAULTS[GATED.label], OTHER_GATE], ids=["0.7, 1/0.1", "0.6, 2/0.3"])
@pytest.mark.parametrize("q", [0.7, 0.9])
def test_least_expected_gated_bce_lies_just_below_the_threshold_for_q_0_7_and_0_9(params, q):
    t = params["threshold"].item()
    p = np.linspace(1e-4, 1 - 1e-4, 99_981)
    best = p[risk(GATED, logit(p), q, params).argmin()]
    assert t - 2e-5 <= best < t
    assert optimal_score(GATED, q, params) == pytest.approx(t)
    just_below, at_q = risk(GATED, logit(np.array([t - 1e-9, q])), q, params)
    assert just_below < at_q / 2


@pytest.mark.parametrize(
    ("q", "at_q", "just_below"),
    [(0.7, 1.222, 0.190), (0.9, 0.650, 0.165), (0.99, 0.112, 0.154)],
)
def test_expected_gated_bce_by_hand_at_q_and_just_below_a_threshold_of_0_6(q, at_q, just_below):
    losses = risk(GATED, logit(np.array([q, 0.6 - 1e-9])), q, OTHER_GATE)
    assert losses.tolist() == pytest.approx([at_q, just_below], abs=6e-4)
    assert optimal_score(GATED, q, OTHER_GATE) == pytest.approx(q if at_q < just_below else 0.6)


@pytest.mark.parametrize("start", [-3.0, 0.3, 4.0])
@pytest.mark.parametrize("q", [0.4, 0.8])
def test_descent_on_gated_bce_does_not_find_that_minimum_but_ends_at_the_true_probability(start, q):
    labels = torch.tensor([[1] * round(10 * q) + [0] * round(10 * (1 - q))])
    z = descend(Objective("sigmoid", "none", "gated_bce", OTHER_GATE), start, labels, rate=1.0, steps=600)
    assert expit(z) == pytest.approx(q, abs=1e-6)


@pytest.mark.parametrize("params", [DEFAULTS[GATED.label], OTHER_GATE], ids=["0.7, 1/0.1", "0.6, 2/0.3"])
def test_gated_bce_pulls_a_missed_positive_less_than_bce_and_less_than_a_false_alarm(params):
    missed, false_alarm = slope(GATED, logit(0.1), 1, params), slope(GATED, logit(0.9), 0, params)
    assert missed == pytest.approx(params["below"].item() * -0.9)
    assert false_alarm == pytest.approx(params["above"].item() * 0.9)
    assert abs(missed) < abs(slope(LOSSES["bce"], logit(0.1), 1, PLAIN)) / 3
    found = slope(GATED, logit(0.75), 1, params)  # already above the threshold, yet pulled harder for its size
    assert found / -0.25 > missed / -0.9


@untimed
@given(PROBABILITY, PROBABILITY, WEIGHT, WEIGHT)
def test_optimum_of_gated_bce_has_the_least_expected_loss(q, t, above, below):
    params = numbers(threshold=t, above=above, below=below)
    least = risk(GATED, logit(np.linspace(0.001, 0.999, 3000)), q, params).min()
    best = optimal_score(GATED, q, params)
    beside = risk(GATED, logit(np.array([best - 1e-9, best + 1e-9])), q, params).min()
    assert beside <= least * (1 + 1e-6) + 1e-12


def risk(spec, u: np.ndarray, q: float, params: dict[str, Tensor]) -> np.ndarray:
    """The expected loss at each output u for a label that is 1 with probability q."""
    outputs = torch.tensor(u, dtype=torch.float64).view(1, -1, 1)
    ones = torch.ones_like(outputs)
    losses = q * spec.function(outputs, ones, params) + (1 - q) * spec.function(outputs, 0 * ones, params)
    return losses.flatten().numpy()


def descend(objective: Objective, start: float, y: Tensor, rate: float, steps: int) -> float:
    """Plain gradient descent on one raw output that all rows y (1, B) share."""
    z = start
    for _ in range(steps):
        outputs = torch.full((1, y.shape[1], 1), z, dtype=torch.float64)
        z -= rate * objective.gradient(outputs, y).sum().item()
    return z


# --- band-penalised MSE


@untimed
@given(st.floats(-0.999, 0.999), st.floats(-3, 3), st.floats(-2, 2), st.floats(0.1, 2), st.floats(0, 5))
def test_band_mse_gradient_has_a_second_term_against_the_error(place, y, t, r, c):
    assume(abs(place) > 1e-6)
    yhat = t + place * r
    e, p = yhat - y, c * (1 - abs(yhat - t) / r)
    by_hand = 2 * e * (1 + p) - e**2 * (c / r) * np.sign(yhat - t)
    params = numbers(threshold=t, radius=r, penalty=c)
    assert slope(BAND, yhat, y, params) == pytest.approx(by_hand, rel=1e-6, abs=1e-9)
    assert value(BAND, yhat, y, params) == pytest.approx(e**2 * (1 + p), rel=1e-9, abs=1e-12)


def test_band_mse_is_mse_outside_its_band_and_dearest_by_1_plus_c_at_its_middle():
    assert value(BAND, 0.71, 0, OTHER_BAND) == pytest.approx(0.71**2)
    assert value(BAND, 0.29, 1, OTHER_BAND) == pytest.approx(0.71**2)
    assert value(BAND, 0.5, 0, OTHER_BAND) == pytest.approx(0.25 * 2.2)


def ends_at(start: float, y: float, params: dict[str, Tensor], rate: float = 0.002, steps: int = 2000) -> float:
    """Where gradient descent on one value ends, by autograd on the function itself."""
    yhat = start
    for _ in range(steps):
        yhat -= rate * slope(BAND, yhat, y, params)
    return yhat


@pytest.mark.parametrize("y", [0.0, 0.3, 0.36])
def test_descent_from_1_gets_stuck_at_the_far_edge_0_70_of_the_band(y):
    assert ends_at(1.0, y, OTHER_BAND) == pytest.approx(0.70, abs=4e-3)
    assert value(BAND, y, y, OTHER_BAND) == 0 < value(BAND, 0.70, y, OTHER_BAND)


def test_descent_from_1_to_a_target_of_0_38_converges():
    assert ends_at(1.0, 0.38, OTHER_BAND) == pytest.approx(0.38, abs=1e-3)


def test_mirror_image_from_below_gets_stuck_at_0_30():
    assert ends_at(0.0, 1.0, OTHER_BAND) == pytest.approx(0.30, abs=4e-3)
    assert ends_at(0.0, 1 - 0.38, OTHER_BAND) == pytest.approx(1 - 0.38, abs=1e-3)


@pytest.mark.parametrize(("y", "ridge", "end"), [(0.36, 0.6978, 0.36), (0.3, 0.6778, 0.7), (0.0, 0.5778, 0.7)])
def test_steps_ten_times_longer_leave_only_the_shallow_trap_of_0_36(y, ridge, end):
    # Within the band the gradient is 0 where 1 + P = e c / (2 r): the ridge that descent would have to cross.
    by_hand = (1 + 1.2 + 1.2 * 0.5 / 0.2 + 3 * y) / 9
    assert by_hand == pytest.approx(ridge, abs=5e-5)
    assert slope(BAND, by_hand + 1e-6, y, OTHER_BAND) < 0 < slope(BAND, by_hand - 1e-6, y, OTHER_BAND)
    assert ends_at(1.0, y, OTHER_BAND, rate=0.02, steps=500) == pytest.approx(end, abs=0.04)


@pytest.mark.parametrize(
    ("params", "bound"), [(OTHER_BAND, 0.367), (DEFAULTS[BAND.label], 0.433)], ids=["c 1.2", "c 1.5"]
)
def test_edge_of_the_band_is_a_local_minimum_for_targets_below_t_plus_r_minus_2r_over_c(params, bound):
    t, r, c = (params[name].item() for name in ("threshold", "radius", "penalty"))
    trap = t + r - 2 * r / c
    assert trap == pytest.approx(bound, abs=5e-4)
    for y, trapped in ((trap - 1e-4, True), (trap + 1e-4, False), (0.0, True)):
        within, beyond = (slope(BAND, t + r + side, y, params) for side in (-1e-7, 1e-7))
        assert beyond > 0
        assert (within < 0) == trapped
    mirrored = 2 * t - trap
    for y, trapped in ((mirrored + 1e-4, True), (mirrored - 1e-4, False), (1.0, True)):
        within, beyond = (slope(BAND, t - r + side, y, params) for side in (1e-7, -1e-7))
        assert beyond < 0
        assert (within > 0) == trapped


@pytest.mark.parametrize("start", [1.5, 4.0])
def test_negative_rows_stop_at_the_band_on_a_sigmoid_head_too(start):
    objective = Objective("sigmoid", "sigmoid", "band_mse", OTHER_BAND)
    z = descend(objective, start, torch.tensor([[0]]), rate=0.1, steps=1200)
    assert expit(z) == pytest.approx(0.70, abs=0.01)
    mse = Objective("sigmoid", "sigmoid", "brier", {})
    assert expit(descend(mse, start, torch.tensor([[0]]), rate=1.0, steps=800)) < 0.1


def test_band_mse_is_not_least_at_the_true_probability():
    p = np.linspace(0, 1, 10_001)
    best = p[risk(BAND, p, 0.5, DEFAULTS[BAND.label]).argmin()]
    assert abs(best - 0.5) == pytest.approx(0.2, abs=0.02)
    assert BAND.proper is False


# --- loss-gated MSE


def test_loss_gated_mse_jumps_from_0_799_to_1_442_where_the_loss_crosses_0_8():
    assert value(LOSS_GATED, 0.799**0.5, 0, OTHER_LIMIT) == pytest.approx(0.799)
    assert value(LOSS_GATED, 0.801**0.5, 0, OTHER_LIMIT) == pytest.approx(1.442, abs=5e-4)


@pytest.mark.parametrize("sign", [-1, 1])
def test_loss_gated_mse_gradient_jumps_from_1_79_to_3_22_at_the_root_of_0_8(sign):
    before, after = (slope(LOSS_GATED, sign * (0.8**0.5 + side), 0, OTHER_LIMIT) for side in (-1e-9, 1e-9))
    assert before == pytest.approx(sign * 1.79, abs=5e-3)
    assert after == pytest.approx(sign * 3.22, abs=5e-3)


@untimed
@given(st.floats(0, 10), st.floats(0, 10), st.floats(0.01, 10), st.floats(1, 10))
def test_loss_gated_mse_is_monotone_in_the_size_of_the_error(one, other, tau, factor):
    params = numbers(tau=tau, factor=factor)
    low, high = sorted((one, other))
    assert value(LOSS_GATED, low, 0, params) <= value(LOSS_GATED, -high, 0, params)
    assert slope(LOSS_GATED, low, 0, params) <= slope(LOSS_GATED, high, 0, params)


def location(loss: str, x: np.ndarray, params: dict[str, Tensor]) -> float:
    """Where descent on a constant ends, by bisection of the mean gradient, which never falls."""
    objective, y = Objective("identity", "none", loss, params), torch.tensor(x)[None]
    low, high = x.min(), x.max()
    for _ in range(60):
        middle = (low + high) / 2
        gradient = objective.gradient(torch.full((1, len(x), 1), middle, dtype=torch.float64), y).sum()
        low, high = (middle, high) if gradient < 0 else (low, middle)
    return middle


def test_with_5_percent_outliers_the_gate_errs_more_than_mse_and_huber_far_less():
    rows = np.r_[norm.ppf((np.arange(1900) + 0.5) / 1900), np.full(100, 8.0)]  # 95% normal around 0, 5% at 8
    mse, huber = location("mse", rows, {}), location("huber", rows, numbers(delta=1))
    gated = location("loss_gated_mse", rows, DEFAULTS[LOSS_GATED.label])
    other = location("loss_gated_mse", rows, OTHER_LIMIT)
    assert mse == pytest.approx(0.05 * 8)
    assert gated == pytest.approx(0.438, abs=1e-3)
    assert other == pytest.approx(0.425, abs=1e-3)
    assert huber == pytest.approx(0.077, abs=1e-3)
    assert gated == pytest.approx(balanced_location(8, 1.0, 2.0), abs=2e-3)
    assert other == pytest.approx(balanced_location(8, 0.8, 1.8), abs=2e-3)


def balanced_location(outlier: float, tau: float, factor: float) -> float:
    """m where .95 E[w(x - m) (x - m)] + .05 w (outlier - m) = 0 for x normal around 0, with normal integrals.

    E[x; x > a] is the density at a, so E[(x - m) where abs(x - m) > s] is known in closed form.
    """
    s = tau**0.5

    def pull(m: float) -> float:
        beyond = norm.pdf(m + s) - norm.pdf(m - s) - m * (norm.sf(m + s) + norm.cdf(m - s))
        return 0.95 * (-m + (factor - 1) * beyond) + 0.05 * factor * (outlier - m)

    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if pull(middle) > 0 else (low, middle)
    return low


@pytest.mark.parametrize("seed", range(3))
def test_same_order_holds_in_a_sample(seed):
    """.411 (MSE), .438 (gated) and .097 (Huber) are reported, of a sample that is not known: others lie around it."""
    random = np.random.default_rng(seed)
    rows = np.r_[random.normal(size=1900), random.normal(8, 1, 100)]
    mse, huber = location("mse", rows, {}), location("huber", rows, numbers(delta=1))
    other, gated = (location("loss_gated_mse", rows, params) for params in (OTHER_LIMIT, DEFAULTS[LOSS_GATED.label]))
    assert abs(huber) + 0.2 < mse < other < gated
    np.testing.assert_allclose((mse, gated, huber), (0.411, 0.438, 0.097), atol=0.08)


@untimed
@given(st.floats(0, 1), st.floats(0.01, 1.5), st.floats(1, 10))
@example(0.75, 0.25, 2)  # both gates end at .5
def test_optimum_of_loss_gated_mse_has_the_least_expected_loss(q, tau, factor):
    params = numbers(tau=tau, factor=factor)
    least = risk(LOSS_GATED, np.linspace(0, 1, 5000), q, params).min()  # leaves .5 out, which may be a single point
    best = optimal_score(LOSS_GATED, q, params)
    beside = np.clip([best - 1e-9, best + 1e-9], 0, 1)  # the loss may jump at the score itself
    assert risk(LOSS_GATED, beside, q, params).min() <= least + 1e-7


def test_where_both_losses_equal_the_limit_is_a_single_point_and_not_the_optimum():
    params = numbers(tau=0.25, factor=2)
    assert optimal_score(LOSS_GATED, 0.214, params) == pytest.approx(2 * 0.214 / (2 * 0.214 + 0.786))
    at, below, above, optimal = risk(LOSS_GATED, np.array([0.5, 0.5 - 1e-9, 0.5 + 1e-9, 0.35255]), 0.214, params)
    assert (at, optimal) == pytest.approx((0.25, 0.277), abs=5e-4)
    assert at < optimal < min(below, above)


@untimed
@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 1))
def test_default_limit_does_nothing_on_a_probability_so_that_it_is_the_brier_score(q, p, y):
    params = DEFAULTS[LOSS_GATED.label]
    assert value(LOSS_GATED, p, y, params) == pytest.approx(LOSSES["brier"].function(column(p), column(y), {}).item())
    assert optimal_score(LOSS_GATED, q, params) == pytest.approx(q)
    assert LOSS_GATED.proper


def test_limit_below_1_moves_the_optimum_towards_one_half_where_the_gate_begins():
    params = numbers(tau=0.64, factor=2)  # errors beyond .8 cost double
    assert optimal_score(LOSS_GATED, 0.6, params) == pytest.approx(0.6)
    assert optimal_score(LOSS_GATED, 0.85, params) == pytest.approx(0.8, abs=1e-5)
    assert optimal_score(LOSS_GATED, 0.99, params) == pytest.approx(0.99 / (0.99 + 2 * 0.01))
