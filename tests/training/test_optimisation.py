"""Learning rates by hand, which weights decay, running means."""

import pytest
import torch
from torch import nn

from promptseg.training.optimisation import RunningMean, make_optimiser, rate_factor
from promptseg.training.recipe import OptimiserSettings, ScheduleSettings


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"name": "constant"}, [1, 1, 1, 1]),
        ({"name": "constant", "warm_up": 3}, [0.25, 0.5, 0.75, 1]),
        ({"name": "linear", "final": 0.2}, [1, 0.8, 0.6, 0.4]),
        ({"name": "cosine", "final": 0.0}, [1, 0.853553, 0.5, 0.146447]),
        ({"name": "steps", "at": [0.5, 0.75], "factor": 0.1}, [1, 1, 0.1, 0.01]),
    ],
)
def test_rates_are_those_computed_by_hand(settings: dict, expected: list[float]) -> None:
    schedule = ScheduleSettings(**settings)
    assert [rate_factor(schedule, step=step, steps=4) for step in range(4)] == pytest.approx(expected, abs=1e-6)


def test_only_matrices_decay() -> None:
    parameters = {
        "linear.weight": nn.Parameter(torch.ones(3, 4)),
        "linear.bias": nn.Parameter(torch.ones(3)),
        "token.weight": nn.Parameter(torch.ones(1, 8)),
        "conv.weight": nn.Parameter(torch.ones(4, 2, 3, 3)),
    }
    optimiser = make_optimiser(parameters, OptimiserSettings(lr=0.1, weight_decay=0.5))
    for value in parameters.values():
        value.grad = torch.zeros_like(value)
    optimiser.step()
    shrunk = {name for name, value in parameters.items() if float(value.detach().max()) < 1}
    assert shrunk == {"linear.weight", "conv.weight"}
    assert isinstance(make_optimiser(parameters, OptimiserSettings(name="adam")), torch.optim.Adam)


def test_running_means_begin_fast_and_are_put_back() -> None:
    weight = nn.Parameter(torch.zeros(2))
    mean = RunningMean({"w": weight}, decay=0.9)
    with torch.no_grad():
        weight.fill_(1.0)
    mean.update(step=1)
    assert mean.values["w"].tolist() == pytest.approx([1 - 2 / 11] * 2)
    with mean.in_place():
        assert weight.tolist() == pytest.approx([1 - 2 / 11] * 2)
    assert weight.tolist() == [1.0, 1.0]
    mean.load({"w": torch.full((2,), 5.0)})
    mean.update(step=1000)
    assert mean.values["w"].tolist() == pytest.approx([4.6] * 2)
