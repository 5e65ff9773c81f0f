"""One or several processes that train together; accelerate connects them."""

import os
import socket
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, final

import torch
from torch import Tensor, nn
from torch.multiprocessing.spawn import ProcessRaisedException, start_processes

from promptseg.errors import MissingExtraError, PromptsegError, TrainingError
from promptseg.models.loading import place_of

__all__ = ["Team", "spawn"]

_TOLD: Final = "promptseg-error:"


@final
class Team:
    """This process among those that train together.

    Attributes:
        rank: number of this process, from 0.
        size: how many there are.
        device: of this process.
    """

    def __init__(self, *, device: str = "auto") -> None:
        """Join the processes that the environment names, or be alone.

        Raises:
            MissingExtraError: accelerate is not installed.
        """
        try:
            from accelerate import Accelerator, DistributedDataParallelKwargs
        except ImportError as error:
            raise MissingExtraError('training needs more packages: pip install "promptseg[train]"') from error
        several = int(os.environ.get("WORLD_SIZE", "1")) > 1
        unused = DistributedDataParallelKwargs(find_unused_parameters=True, broadcast_buffers=False)
        cpu = several and place_of(device).type == "cpu"
        self._accelerator = Accelerator(cpu=cpu, device_placement=False, kwargs_handlers=[unused])
        self.rank: int = self._accelerator.process_index
        self.size: int = self._accelerator.num_processes
        self.device: torch.device = self._accelerator.device if several else place_of(device)

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def share(self, module: nn.Module) -> nn.Module:
        """The module, whose gradients become the mean over the processes when they are computed."""
        shared: nn.Module = self._accelerator.prepare_model(module) if self.size > 1 else module
        return shared

    def alone(self, module: nn.Module, *, wanted: bool) -> AbstractContextManager[Any]:
        """Gradients of this process only, which are added up until the next time they are shared."""
        several = wanted and self.size > 1
        quiet: AbstractContextManager[Any] = self._accelerator.no_sync(module) if several else nullcontext()
        return quiet

    def backward(self, loss: Tensor) -> None:
        """Compute gradients."""
        self._accelerator.backward(loss)

    def summed(self, values: Tensor) -> Tensor:
        """The sum over the processes."""
        if self.size == 1:
            return values
        total: Tensor = self._accelerator.reduce(values.to(self.device), reduction="sum")
        return total.cpu()

    def wait(self) -> None:
        """Until all processes are here."""
        self._accelerator.wait_for_everyone()

    def leave(self) -> None:
        """End the connection."""
        if self.size > 1:
            self._accelerator.end_training()


def spawn(work: Callable[..., object], values: tuple[Any, ...], named: dict[str, Any], *, processes: int) -> None:
    """Do some work in several new processes at once, and wait for them.

    Args:
        work: a function that can be imported; each process calls it once.
        values: for it.
        named: values for it by name.
        processes: how many.

    Raises:
        PromptsegError: what the first of them that failed raised.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    try:
        start: Callable[..., object] = start_processes
        start(_member, args=(work, values, named, processes, port), nprocs=processes, start_method="spawn")
    except ProcessRaisedException as error:
        told = [line for line in str(error).splitlines() if _TOLD in line]
        if not told:
            raise
        raise TrainingError(told[-1].partition(_TOLD)[2].strip()) from None


def _member(
    rank: int, work: Callable[..., object], values: tuple[Any, ...], named: dict[str, Any], processes: int, port: int
) -> None:
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(processes),
        LOCAL_WORLD_SIZE=str(processes),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
    )
    try:
        work(*values, **named)
    except PromptsegError as error:
        raise RuntimeError(f"{_TOLD} {' '.join(str(error).split())}") from error
    except BaseException:
        traceback.print_exc()
        raise
