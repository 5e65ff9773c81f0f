"""Facts about PyTorch on this machine."""

import json

import pytest
import torch

from promptseg.models.runtime import memory_errors, torch_facts, use_threads, wait_for_devices


def test_facts_are_those_of_torch_and_can_be_printed_as_json() -> None:
    facts = json.loads(json.dumps(torch_facts()))
    assert facts["threads"] == torch.get_num_threads()
    assert facts["device"] in ("cpu", "cuda", "mps")
    assert len(facts["cuda"]) == (torch.cuda.device_count() if torch.cuda.is_available() else 0)
    assert facts["bfloat16"] in (True, False, None)


def test_what_torch_cannot_tell_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert torch_facts()["bfloat16"] is None


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    ],
)
def test_full_memory_is_one_error_on_all_devices(error: RuntimeError) -> None:
    with pytest.raises(MemoryError, match=r"not enough memory: .*allocate"), memory_errors():
        raise error
    with pytest.raises(RuntimeError, match="sizes differ"), memory_errors():
        raise RuntimeError("sizes differ")


def test_threads_are_never_more_than_before() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        use_threads(8)
        assert torch.get_num_threads() == 3
        use_threads(2)
        assert torch.get_num_threads() == 2
        use_threads(0)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_devices_are_waited_for_where_there_are_any(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[str] = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: waited.append("cuda"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    wait_for_devices()
    assert waited == []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    wait_for_devices()
    assert waited == ["cuda"]
