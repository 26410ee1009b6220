"""The problem set's tests: they catch wrong answers and accept right ones.

The master is executed once. Then one answer at a time is exchanged, and its problem's
answers and tests run again.
"""

import pytest
import torch
from answers_variational_inference import RIGHT, WRONG
from masters import check_stubs, executed


@pytest.fixture(scope="module")
def master():
    with executed("variational-inference") as made:
        yield made


def test_full_marks_and_points(master):
    """The fixture executed every test of the master; what remains is to count."""
    assert master.points == 40
    assert len(master.tests()) == 22


def test_a_stub_scores_nothing(master):
    check_stubs(master)


def test_the_numbers_that_the_text_quotes(master):
    names = master.names
    excess = {k: r - names["digit_log_p"] for k, r in names["digit_reports"].items()}
    assert all(e.mean() < 0 for e in excess.values())  # "none above on average"
    above = {name: int((e > 1e-9).sum()) for name, e in excess.items()}
    assert above["Ada"] == above["Bo"] == 0
    assert min(above["Cai"], above["Dov"], above["Eva"]) > 100
    # 2c: the ELBO's limits, at a large beta
    model, x = names["twins"](80.0)
    log_p = model.log_joint(x, names["all_bits"](2)).logsumexp(0)
    short = {
        mu: float(log_p - names["causes_elbo"](model, x, torch.tensor(mu)))
        for mu in ((1.0, 0.0), (0.5, 0.5))
    }
    assert short[1.0, 0.0] == pytest.approx(0.6931, abs=1e-3)
    assert short[0.5, 0.5] == pytest.approx(20 - 0.6931, abs=1e-3)
    # 5d: infinite from 1/2 on, finite again from the factor 1 / (2 (1 - r)) on
    for r, factor, finite in (
        (0.49, 1.0, True),
        (0.51, 1.0, False),
        (0.95, 9.9, False),
        (0.95, 10.1, True),
    ):
        cov = torch.tensor([[1.0, r], [r, 1.0]])
        narrow = factor * (1 - r**2) * torch.eye(2)
        assert bool(names["log_second_moment"](cov, narrow).isfinite()) == finite


def test_what_the_five_baselines_do(master):
    names = master.names
    study, truth = names["study"], names["study_truth"]
    unbiased = {}
    for name in ("everyone", "highest", "flipped", "partly", "earlier"):

        def estimate(h, baseline=names[name]):
            f = study.log_w(h)
            signal = f[..., None] - baseline(study, h, f)
            return (signal * (h - study.logits.sigmoid())).mean(1)

        mean, _ = names["mean_and_variance"](study, 3, estimate)
        unbiased[name] = torch.isclose(mean, truth).tolist()
    assert unbiased == {
        "everyone": [False] * 3,
        "highest": [True] * 3,
        "flipped": [True] * 3,
        "partly": [False, True, True],
        "earlier": [True] * 3,
    }


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_loses_points(master, name):
    answer, instead, expected = WRONG[name]
    assert master.failed(answer, instead) == expected


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_gets_all_points(master, name):
    answer, instead = RIGHT[name]
    assert master.failed(answer, instead, given=True) == set()
