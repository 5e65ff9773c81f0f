"""Many intervals at once: each against the one of the metrics, plain loops, all resamples there are, and coverage."""

import itertools

import numpy as np
import pandas as pd
import pytest

from promptseg.evaluation.study.analysis.resampling import Draws, intervals
from promptseg.evaluation.study.recipe import StatisticsSettings
from promptseg.metrics import bootstrap_interval


def settings(**changes: float) -> StatisticsSettings:
    return StatisticsSettings.model_validate({"resamples": 500, **changes})


def frame_of(cells: dict[str, list[tuple[str, float]]], **more: str) -> pd.DataFrame:
    """A row for each (cluster, value) of each cell."""
    rows = [
        {"cell": cell, "cluster": cluster, "value": value, **more} for cell in cells for cluster, value in cells[cell]
    ]
    return pd.DataFrame(rows)


def random_cells(seed: int, *, cells: int = 5) -> pd.DataFrame:
    """Cells of different images, in up to nine groups of different sizes."""
    rng = np.random.default_rng(seed)
    return frame_of(
        {
            f"cell-{number}": [
                (f"group-{rng.integers(9)}", float(rng.beta(6, 3))) for _ in range(int(rng.integers(1, 25)))
            ]
            for number in range(cells)
        }
    )


@pytest.mark.parametrize("seed", range(4))
def test_each_cell_is_the_interval_of_the_metrics(seed: int) -> None:
    frame, draws = random_cells(seed), Draws(settings(level=0.9), seed=seed)
    found = intervals(frame, ["cell"], draws)
    for row in found.itertuples():
        rows = frame[frame["cell"] == row.cell]
        rng = draws.rng(sorted(rows["cluster"].unique()))
        one = bootstrap_interval(rows["value"], rng=rng, groups=rows["cluster"].tolist(), resamples=500, level=0.9)
        assert (row.mean, row.low, row.high) == pytest.approx((one.mean, one.low, one.high), rel=1e-12)
        assert row.n_groups == rows["cluster"].nunique()


def test_a_figure_does_not_depend_on_what_else_is_asked_for() -> None:
    frame = random_cells(1, cells=6)
    whole = intervals(frame, ["cell"], Draws(settings())).set_index("cell")
    for cell in whole.index:
        alone = intervals(frame[frame["cell"] == cell].sample(frac=1, random_state=1), ["cell"], Draws(settings()))
        assert alone[["mean", "low", "high"]].to_numpy()[0] == pytest.approx(
            whole.loc[cell, ["mean", "low", "high"]].to_numpy(dtype=float), rel=1e-12
        )


def test_cells_in_pieces_and_resamples_in_pieces_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = random_cells(2, cells=7)
    whole = intervals(frame, ["cell"], Draws(settings()))
    monkeypatch.setattr("promptseg.evaluation.study.analysis.resampling._CELLS_AT_ONCE", 3)
    monkeypatch.setattr("promptseg.metrics.intervals._DRAWS_AT_ONCE", 700)
    pieces = intervals(frame, ["cell"], Draws(settings()))
    pd.testing.assert_frame_equal(whole, pieces, rtol=1e-12)


def test_draws_that_no_longer_fit_are_made_again() -> None:
    frame = random_cells(3, cells=30)
    once = intervals(frame, ["cell"], Draws(settings()))
    draws = Draws(settings())
    pd.testing.assert_frame_equal(once, intervals(frame, ["cell"], draws))
    pd.testing.assert_frame_equal(once, intervals(frame, ["cell"], draws))


def test_parts_of_one_data_set_are_the_classes_of_the_metrics() -> None:
    rng = np.random.default_rng(5)
    groups = [f"group-{number}" for number in rng.integers(8, size=40)]
    frame = pd.DataFrame({"cluster": groups, "value": rng.beta(6, 3, size=40), "task": rng.choice(["a", "b", "c"], 40)})
    draws = Draws(settings())
    found = intervals(frame.assign(cell=1, dataset="one"), ["cell"], draws, parts="task")
    one = bootstrap_interval(
        frame["value"],
        rng=draws.rng(sorted(set(groups))),
        groups=groups,
        classes=frame["task"].tolist(),
        resamples=500,
    )
    assert found[["mean", "low", "high"]].to_numpy()[0] == pytest.approx([one.mean, one.low, one.high], rel=1e-12)


def test_parts_of_two_data_sets_against_a_loop() -> None:
    """Groups of each data set are drawn for all of its parts; a part that does not occur is left out of the mean."""
    rng = np.random.default_rng(6)
    frame = pd.DataFrame(
        {
            "cell": 1,
            "dataset": ["one"] * 12 + ["two"] * 8,
            "task": ["one: a"] * 9 + ["one: b"] * 3 + ["two"] * 8,
            "cluster": [f"one-{k % 4}" for k in range(12)] + [f"two-{k // 2}" for k in range(8)],
            "value": rng.random(20),
        }
    )
    frame = frame[~((frame["task"] == "one: b") & (frame["cluster"] != "one-1"))]
    draws = Draws(settings(resamples=100))
    found = intervals(frame, ["cell"], draws, parts="task")
    loop = np.zeros((100, 3))
    for _, rows in frame.groupby("dataset"):
        clusters = sorted(rows["cluster"].unique())
        (_, times), *_ = draws.pieces(clusters)
        for number, drawn in enumerate(times):
            for task, part in rows.groupby("task"):
                weight = np.array([drawn[clusters.index(name)] for name in part["cluster"]])
                column = ["one: a", "one: b", "two"].index(str(task))
                total = weight.sum()
                loop[number, column] = (weight * part["value"]).sum() / total if total else np.nan
    assert np.isnan(loop[:, 1]).any()
    means = np.nanmean(loop, axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    assert (found["low"][0], found["high"][0]) == pytest.approx((low, high), rel=1e-12)
    assert found["mean"][0] == pytest.approx(frame.groupby("task")["value"].mean().mean())
    assert found["n_groups"][0] == 8


def test_cells_drawn_together_against_a_loop() -> None:
    """A bin that does not occur in a resample has nothing to say there."""
    frame = pd.DataFrame(
        {
            "curve": "c",
            "bin": [0, 0, 0, 1, 1],
            "cluster": ["a", "b", "c", "c", "d"],
            "value": [0.1, 0.5, 0.2, 0.9, 0.4],
        }
    )
    draws = Draws(settings(level=0.8))
    found = intervals(frame, ["curve", "bin"], draws, together=["curve"])
    (_, times), *_ = draws.pieces(["a", "b", "c", "d"])
    first = [(0.1 * a + 0.5 * b + 0.2 * c) / (a + b + c) for a, b, c, _ in times if a + b + c]
    second = [(0.9 * c + 0.4 * d) / (c + d) for _, _, c, d in times if c + d]
    assert len(second) < 500
    assert found["mean"].tolist() == pytest.approx([0.8 / 3, 0.65])
    for row, loop in zip(found.itertuples(), (first, second), strict=True):
        assert (row.low, row.high) == pytest.approx(tuple(np.quantile(loop, [0.1, 0.9])), rel=1e-12)


def test_against_all_resamples_that_there_are() -> None:
    """Four groups give 256 resamples of equal probability; levels are such that no quantile lies between two values."""
    values = [0.0, 0.1, 0.35, 1.0]
    everything = sorted(np.mean(drawn) for drawn in itertools.product(values, repeat=4))
    frame = frame_of({"cell": [(f"group-{number}", value) for number, value in enumerate(values)]})
    for share in (0.1, 0.05):
        found = intervals(frame, ["cell"], Draws(settings(resamples=40_000, level=1 - 2 * share)))
        edges = np.quantile(everything, [share - 0.006, share + 0.006, 1 - share - 0.006, 1 - share + 0.006])
        assert edges[0] <= found["low"][0] <= edges[1]
        assert edges[2] <= found["high"][0] <= edges[3]


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """Of 300 samples of 30 groups of correlated images 90 % should cover; the percentile bootstrap is a bit short."""
    rng = np.random.default_rng(7)
    cells = {}
    for number in range(300):
        centres = np.repeat(rng.normal(size=30), 4)
        images = centres + 0.2 * rng.normal(size=120)
        cells[f"{number}"] = [(f"{number}-{place // 4}", float(value)) for place, value in enumerate(images)]
    frame = frame_of(cells)
    found = intervals(frame, ["cell"], Draws(settings(level=0.9, resamples=300)))
    assert 0.83 <= ((found["low"] <= 0) & (found["high"] >= 0)).mean() <= 0.94
    ungrouped = frame.assign(cluster=[str(number) for number in range(len(frame))])
    found = intervals(ungrouped, ["cell"], Draws(settings(level=0.9, resamples=300)))
    assert ((found["low"] <= 0) & (found["high"] >= 0)).mean() < 0.7


def test_one_group_has_no_width_and_no_rows_give_no_cells() -> None:
    found = intervals(frame_of({"cell": [("a", 0.2), ("a", 0.6)]}), ["cell"], Draws(settings()))
    assert found[["mean", "low", "high"]].to_numpy()[0] == pytest.approx([0.4, 0.4, 0.4])
    empty = frame_of({"cell": [("a", 0.2)]}, dataset="x", task="y")[:0]
    for parts in (None, "task"):
        assert list(intervals(empty, ["cell"], Draws(settings()), parts=parts).columns) == [
            "cell", "mean", "low", "high", "n_groups"
        ]  # fmt: skip
