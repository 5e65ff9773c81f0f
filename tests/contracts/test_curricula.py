"""What every curriculum keeps, whatever it simulates."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from training.scripted_decoder import Asked, ScriptedDecoder, discs, targets_of

from promptseg.errors import UnknownNameError, ValueRangeError
from promptseg.training.curricula import CURRICULA, build_curriculum
from promptseg.training.losses import LossSettings, rounds_loss
from promptseg.training.simulation import Curriculum, ObjectPrompts, Round, Targets

GRID, SIDE = 32, 256

CASES: dict[str, tuple[str, dict[str, object]]] = {
    **{name: (name, {}) for name in CURRICULA},
    **{f"single-click {where}": ("single-click", {"point": where}) for where in ("centre", "projected-centroid")},
    "single-click three masks": ("single-click", {"multimask": True}),
    "clicksam stage 2": ("clicksam", {"stage": 2}),
    "clicksam stage 2, current network": ("clicksam", {"stage": 2, "first": "current"}),
    "mixed": ("mixed", {"miss": 0.0}),
    "mixed clicks": ("mixed", {"miss": 0.0, "box": 0, "box_and_click": 0, "mask": 0, "long": 1.0, "click_train": 0.5}),
    "mixed masks": ("mixed", {"miss": 0.0, "mask": 100, "mask_only": 0.5}),
    "mixed scribbles": ("mixed", {"miss": 0.0, "scribble": 100, "multimask_first": 1, "multimask_later": 1}),
    "sam without bare masks": ("sam", {"mask_only": False}),
}

OBJECTS = {
    "discs": discs((8, 9, 5), (22, 20, 8), (15, 15, 3), grid=GRID),
    "one": discs((12, 20, 6), grid=GRID),
    "one cell": discs((3, 28, 0), (15, 15, 0), grid=GRID),
    "less than a cell": discs((3, 28, 0), (15, 15, 0), grid=GRID) * 0.2,
    "in corners": discs((0, 0, 6), (31, 31, 4), (31, 0, 9), grid=GRID),
    "everything": torch.ones(2, GRID, GRID),
    "ring": (discs((16, 16, 12), grid=GRID) - discs((16, 16, 8), grid=GRID)),
}


def shifted(masks: Tensor) -> Tensor:
    return torch.roll(masks, (2, 3), dims=(1, 2))


ANSWERS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "shifted": lambda masks, call: (shifted(masks) - 0.5) * (8 + call),
    "perfect": lambda masks, _: (2.0 * (masks >= masks.amax()) - 1) * 6,
    "empty": lambda masks, _: torch.full_like(masks, -5.0),
    "full": lambda masks, _: torch.full_like(masks, 5.0),
}


def simulate(
    case: str, masks: Tensor, answer: str = "shifted", seed: int = 0
) -> tuple[list[Round], list[Asked], ScriptedDecoder, Targets]:
    def decoder(start: ScriptedDecoder | None = None) -> ScriptedDecoder:
        return ScriptedDecoder(lambda call: ANSWERS[answer](masks, call), GRID, SIDE, start)

    name, settings = CASES[case]
    start = decoder() if CURRICULA[name].needs_start else None
    decode, targets = decoder(start), targets_of(masks, side=SIDE)
    curriculum: Curriculum = build_curriculum(name, **settings)
    rounds = curriculum(decode, targets, np.random.default_rng(seed))
    return list(rounds), [*(start.asked if start else ()), *decode.asked], decode, targets


def cells_of(prompts: ObjectPrompts) -> Tensor:
    scale = SIDE / GRID
    return ((prompts.points_MP2 + 0.5) / scale).floor().long()


every_case = pytest.mark.parametrize("case", CASES)
every_situation = pytest.mark.parametrize(
    ("objects", "answer"),
    [(objects, "shifted") for objects in OBJECTS]
    + [(objects, answer) for objects in ("discs", "less than a cell") for answer in ANSWERS if answer != "shifted"],
)
every_answer = pytest.mark.parametrize("answer", ANSWERS)


@every_case
@every_situation
def test_prompts_are_well_formed_and_each_click_is_on_its_side(case: str, objects: str, answer: str) -> None:
    masks = OBJECTS[objects]
    _, asked, _, _ = simulate(case, masks, answer)
    truth = masks >= masks.amax()
    for one in asked:
        prompts = one.prompts
        count = len(masks)
        assert prompts.points_MP2.shape == (count, prompts.labels_MP.shape[1], 2)
        assert prompts.points_MP2.dtype == torch.float32
        assert prompts.labels_MP.dtype == torch.int64
        assert set(prompts.labels_MP.unique().tolist()) <= {-1, 0, 1}
        assert torch.isfinite(prompts.points_MP2).all()
        assert prompts.points_MP2.min() >= -0.5 if prompts.points_MP2.numel() else True
        assert prompts.points_MP2.max() <= SIDE - 0.5 if prompts.points_MP2.numel() else True
        cells = cells_of(prompts)
        on = truth[torch.arange(count)[:, None], cells[..., 1], cells[..., 0]]
        said = prompts.labels_MP >= 0
        assert (on[said] == (prompts.labels_MP[said] == 1)).all()


@every_case
@every_answer
def test_boxes_and_masks_are_whole_or_left_out(case: str, answer: str) -> None:
    masks = OBJECTS["discs"]
    _, asked, _, _ = simulate(case, masks, answer)
    for one in asked:
        boxes, fed = one.prompts.boxes_M4, one.prompts.masks_M1hw
        if boxes is not None:
            missing = boxes.isnan()
            assert (missing.all(dim=1) == missing.any(dim=1)).all()
            drawn = boxes[~missing.any(dim=1)]
            assert (drawn[:, 2:] >= drawn[:, :2]).all()
            assert (drawn >= 0).all()
            assert (drawn <= SIDE - 1).all()
        if fed is not None:
            assert fed.shape == (len(masks), 1, GRID, GRID)
            missing = fed.flatten(1).isnan()
            assert (missing.all(dim=1) == missing.any(dim=1)).all()
            assert not fed.requires_grad


@every_case
@pytest.mark.parametrize("objects", OBJECTS)
def test_each_object_is_prompted_in_each_call(case: str, objects: str) -> None:
    _, asked, _, _ = simulate(case, OBJECTS[objects])
    for one in asked:
        said = (one.prompts.labels_MP >= 0).any(dim=1)
        for more in (one.prompts.boxes_M4, one.prompts.masks_M1hw):
            if more is not None:
                said = said | ~more.flatten(1).isnan().any(dim=1)
        assert said.all()


@every_case
@every_situation
def test_rounds_have_gradients_and_calls_without_are_no_rounds(case: str, objects: str, answer: str) -> None:
    rounds, asked, decode, targets = simulate(case, OBJECTS[objects], answer)
    assert len(rounds) >= 1
    assert len(rounds) == sum(one.learned for one in asked)
    learned = [one for one in asked if one.learned]
    for answered, one in zip(rounds, learned, strict=True):
        candidates = 3 if one.multimask else 1
        assert answered.logits_MKhw.shape == (len(targets.boxes_M4), candidates, GRID, GRID)
        assert answered.scores_MK.shape == (len(targets.boxes_M4), candidates)
        assert answered.logits_MKhw.requires_grad
        assert answered.weight > 0
    loss = rounds_loss(rounds, targets, LossSettings(preset="sam"))
    loss.backward()
    assert torch.isfinite(loss)
    assert decode.weight.grad is not None
    assert torch.isfinite(decode.weight.grad)
    if decode.start is not None:
        assert decode.start.weight.grad is None


@every_case
def test_the_same_seed_gives_the_same_prompts(case: str) -> None:
    first, again = (simulate(case, OBJECTS["discs"])[1] for _ in range(2))
    assert len(first) == len(again)
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one.prompts.points_MP2, other.prompts.points_MP2)
        assert torch.equal(one.prompts.labels_MP, other.prompts.labels_MP)
        for a, b in (
            (one.prompts.boxes_M4, other.prompts.boxes_M4),
            (one.prompts.masks_M1hw, other.prompts.masks_M1hw),
        ):
            assert (a is None) == (b is None)
            assert a is None or torch.equal(a.nan_to_num(-1e9), b.nan_to_num(-1e9))


@every_case
def test_an_empty_object_is_no_error(case: str) -> None:
    masks = torch.cat((discs((12, 20, 6), grid=GRID), torch.zeros(1, GRID, GRID)))
    rounds, asked, _, targets = simulate(case, masks)
    assert torch.isfinite(rounds_loss(rounds, targets, LossSettings(preset="promptseg")))
    for one in asked:
        assert not (one.prompts.labels_MP[1] == 1).any()


@every_case
def test_torchs_own_randomness_is_not_touched(case: str) -> None:
    state = torch.get_rng_state()
    simulate(case, OBJECTS["discs"])
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", CURRICULA)
def test_settings_are_refused_by_name_all_at_once(name: str) -> None:
    with pytest.raises(ValueRangeError, match=r"colour.*taste|taste.*colour"):
        build_curriculum(name, colour="red", taste=2)
    curriculum = build_curriculum(name)
    with pytest.raises(ValueError, match="frozen"):
        curriculum.colour = "red"  # type: ignore[attr-defined]


def test_an_unknown_curriculum_is_refused_with_the_list_of_names() -> None:
    with pytest.raises(UnknownNameError, match=r"'school'; choose one of single-click"):
        build_curriculum("school")


@pytest.mark.parametrize("name", CURRICULA)
def test_settings_survive_being_written_down(name: str) -> None:
    curriculum = build_curriculum(name)
    dumped = curriculum.model_dump(mode="json")  # type: ignore[attr-defined]
    assert build_curriculum(name, **dumped) == curriculum


@every_case
def test_half_precision_of_the_network_does_not_move_prompts(case: str) -> None:
    _, exact, _, _ = simulate(case, OBJECTS["discs"])
    with torch.autocast("cpu", torch.bfloat16):
        _, halved, _, _ = simulate(case, OBJECTS["discs"])
    for one, other in zip(exact, halved, strict=True):
        assert torch.equal(one.prompts.points_MP2, other.prompts.points_MP2)
        assert torch.equal(one.prompts.labels_MP, other.prompts.labels_MP)
