"""Which image comes when."""

from collections import Counter

from promptseg.training.supply import Order, stream_rng


def test_each_epoch_has_each_image_once_in_another_order() -> None:
    order = Order(7, seed=3)
    epochs = [[order[7 * epoch + place] for place in range(7)] for epoch in range(4)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_a_place_has_its_image_whatever_was_asked_before() -> None:
    assert [Order(7, seed=3)[place] for place in (20, 3, 20)] == [Order(7, seed=3)[place] for place in (20, 3, 20)]
    assert [Order(50, seed=3)[place] for place in range(9)] != [Order(50, seed=4)[place] for place in range(9)]


def test_purposes_and_places_draw_apart() -> None:
    drawn = Counter(float(stream_rng(0, purpose, place).random()) for purpose in range(3) for place in range(5))
    assert max(drawn.values()) == 1
