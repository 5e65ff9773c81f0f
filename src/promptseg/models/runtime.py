"""What PyTorch can use on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch

from promptseg.io.files import one_line

__all__ = ["memory_errors", "torch_facts", "use_threads", "wait_for_devices"]

_CPU_IS_FULL: Final = "can't allocate memory"


@contextmanager
def memory_errors() -> Iterator[None]:
    """Raise Python's MemoryError where PyTorch finds too little memory, which it tells otherwise on each device."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or _CPU_IS_FULL in str(error):
            raise MemoryError(f"not enough memory: {one_line(error)}") from error
        raise


def use_threads(count: int) -> None:
    """Let PyTorch work on at most so many threads in this process; never on more than it would by itself."""
    torch.set_num_threads(max(1, min(count, torch.get_num_threads())))


def wait_for_devices() -> None:
    """Return when all that was begun on a GPU is done, so that a time measured before and after means something."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
    if torch.backends.mps.is_available():
        torch.mps.synchronize()


def torch_facts() -> dict[str, Any]:
    """Devices, threads and instruction sets, as values that JSON can hold.

    ``device`` is what ``load(device="auto")`` takes. ``bfloat16`` says whether the processor multiplies bfloat16 in
    hardware; None where this version of PyTorch cannot tell.
    """
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    known = [capabilities[name] for name in ("avx512_bf16", "amx_bf16", "arm_bf16") if name in capabilities]
    return {
        "device": "cuda" if cuda else "mps" if mps else "cpu",
        "cuda": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())] if cuda else [],
        "mps": mps,
        "threads": torch.get_num_threads(),
        "vector_instructions": torch.backends.cpu.get_cpu_capability(),
        "bfloat16": any(known) if known else None,
    }
