"""What PyTorch can use on this machine."""

from typing import Any

import torch

__all__ = ["torch_facts"]


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
