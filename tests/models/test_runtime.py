"""Facts about PyTorch on this machine."""

import json

import pytest
import torch

from promptseg.models.runtime import torch_facts


def test_facts_are_those_of_torch_and_can_be_printed_as_json() -> None:
    facts = json.loads(json.dumps(torch_facts()))
    assert facts["threads"] == torch.get_num_threads()
    assert facts["device"] in ("cpu", "cuda", "mps")
    assert len(facts["cuda"]) == (torch.cuda.device_count() if torch.cuda.is_available() else 0)
    assert facts["bfloat16"] in (True, False, None)


def test_what_torch_cannot_tell_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert torch_facts()["bfloat16"] is None
