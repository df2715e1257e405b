"""The ranks of a run: the world of several processes, which exchange tensors with NCCL on GPUs or gloo on a CPU."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch._C._distributed_c10d import PrefixStore, Store

from engine.distributed import World

T = TypeVar("T")
Position = tuple[int, int]
"""How far a rank has got; see `Progress.position`."""

LAG: Final = 2
"""A request to stop is acted on this many questions after it was made, so that no rank waits for the answer."""


class RankLost(RuntimeError):
    """Another rank of the run no longer answers, so that this one cannot go on either."""


class RankProgress:
    """Counts the operations for which this rank meets the others, so that a rank that is behind can be found.

    The host runs ahead of a GPU. Where the GPU has got to is known from an event before each of its operations.
    """

    def __init__(self) -> None:
        self._entered = self._on_device = self._reached = 0
        self._ahead: deque[tuple[int, torch.cuda.Event]] = deque()

    def enter(self, device: torch.device | None = None) -> None:
        """Count an operation that begins now; `device`: a GPU that takes part in it, after what it has yet to do."""
        self._entered += 1
        if device is not None and device.type == "cuda":
            self._on_device += 1
            event = torch.cuda.Event()
            event.record(torch.cuda.current_stream(device))
            self._ahead.append((self._on_device, event))

    def position(self) -> Position:
        """Operations that the GPU has reached (0 on a CPU), then those that the host has; to be asked by one thread."""
        while self._ahead and self._ahead[0][1].query():
            self._reached = self._ahead.popleft()[0]
        return self._reached, self._entered


class Ranks(World):
    """One of several processes that train one run together, on GPUs with NCCL or on a CPU with gloo.

    Args:
        rank: from 0.
        device: of this rank.
        store: where the ranks find each other.
        timeout: how long an operation waits for the others. NCCL then ends the process.
        progress: counts the operations.
    """

    def __init__(
        self,
        rank: int,
        size: int,
        device: torch.device,
        store: Store,
        timeout: timedelta,
        progress: RankProgress | None = None,
    ) -> None:
        self.rank, self.size = rank, size
        self._device = device
        self._progress = progress or RankProgress()
        self._agreements: list[_Agreement] = []
        backend = "nccl" if device.type == "cuda" else "gloo"
        self._progress.enter()
        with answered():
            dist.init_process_group(
                backend, store=PrefixStore("ranks", store), rank=rank, world_size=size, timeout=timeout
            )
            self._host: Any = dist.new_group(backend="gloo", timeout=timeout)  # for what must not wait for the GPU

    def part(self, images: int, group: int = 1) -> slice:
        groups = -(-images // group)
        first, last = (min(groups * rank // self.size * group, images) for rank in (self.rank, self.rank + 1))
        return slice(first, last)

    def placed(self, rows: Tensor, mine: slice, images: int) -> Tensor:
        whole = rows.new_zeros(images, *rows.shape[1:], dtype=torch.float32)
        whole[mine] = rows.float()
        return whole

    def share_out(self, statistics: Sequence[Tensor]) -> None:
        if statistics and not self.leads:
            torch._foreach_zero_(list(statistics))

    @torch.no_grad()
    def sum_(self, parameters: Sequence[Tensor], others: Sequence[Tensor] = ()) -> None:
        missing = [parameter for parameter in parameters if parameter.grad is None]
        present = torch.tensor([float(parameter.grad is not None) for parameter in parameters], device=self._device)
        for parameter in missing:
            parameter.grad = torch.zeros_like(parameter)
        tensors = [present, *(parameter.grad for parameter in parameters if parameter.grad is not None), *others]
        bucket = torch.cat([tensor.flatten().float() for tensor in tensors])
        self._progress.enter(self._device)
        with answered():
            dist.all_reduce(bucket)
        pieces = bucket.split([tensor.numel() for tensor in tensors])
        for tensor, piece in zip(tensors, pieces, strict=True):
            tensor.copy_(piece.view(tensor.shape))
        if missing:  # reading waits for the device, and only in this case
            nowhere = {id(one) for one, count in zip(parameters, present.tolist(), strict=True) if not count}
            for parameter in missing:
                if id(parameter) in nowhere:
                    parameter.grad = None

    @torch.no_grad()
    def gather_batches(self, batches: list[Tensor]) -> list[Tensor]:
        mine = torch.stack(batches)
        self._progress.enter(self._device)
        found = [torch.empty_like(mine) for _ in range(self.size)]
        with answered():
            dist.all_gather(found, mine)
        return [one[place] for place in range(len(batches)) for one in found]

    def gathered(self, x: Tensor) -> Tensor:
        """The tensors of all ranks, stacked (ranks, *x.shape); gradients flow back to the rank that each came from."""
        if not torch.compiler.is_compiling():  # a compiled step is counted by its `sum_` alone
            self._progress.enter(self._device)
        found: Tensor = _Gathered.apply(x, self.rank, self.size)
        return found

    def agreed(self, asked: Callable[[], bool]) -> Callable[[], bool]:
        """As in `World`; the answer is that to the question asked `LAG` times ago."""
        self._agreements.append(_Agreement(asked, self._host, self._progress))
        return self._agreements[-1]

    def same(self, make: Callable[[], T]) -> T:
        box: list[Any] = [make() if self.leads else None]
        self._progress.enter()
        with answered():
            dist.broadcast_object_list(box, src=0, group=self._host)
        found: T = box[0]
        return found

    def reseed(self, seed: int, epoch: int, step: int) -> None:
        key = f"{seed}/{epoch}/{step}/{self.rank}".encode()
        torch.manual_seed(int.from_bytes(hashlib.sha256(key).digest()[:8], "little"))

    @torch.no_grad()
    def check_alike(self, tensors: Iterable[Tensor]) -> None:
        digest = hashlib.sha256()
        for tensor in tensors:
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        found: list[Any] = [None] * self.size
        self._progress.enter()
        with answered():
            dist.all_gather_object(found, digest.hexdigest(), group=self._host)
        if len(set(found)) > 1:
            others = ", ".join(str(rank) for rank, one in enumerate(found) if one != found[0])
            raise RuntimeError(f"the weights of rank {others} differ from those of rank 0")

    def close(self) -> None:
        self._progress.enter()
        with answered():
            for agreement in self._agreements:
                agreement.finish()
            dist.destroy_process_group()


class _Agreement:
    """A question that all ranks answer alike. Answers travel between the hosts while training goes on."""

    def __init__(self, asked: Callable[[], bool], group: dist.ProcessGroup, progress: RankProgress) -> None:
        self._asked, self._group, self._progress = asked, group, progress
        self._posted: deque[tuple[dist.Work, Tensor]] = deque()
        self._yes = False

    def __call__(self) -> bool:
        if self._yes:
            return True
        flag = torch.tensor([int(self._asked())], dtype=torch.int32)
        self._progress.enter()
        with answered():
            self._posted.append((dist.all_reduce(flag, dist.ReduceOp.MAX, group=self._group, async_op=True), flag))
            if len(self._posted) > LAG:
                work, flag = self._posted.popleft()
                work.wait()
                self._yes = bool(flag.item())
        return self._yes

    def finish(self) -> None:
        """Wait for the answers that are under way."""
        while self._posted:
            self._posted.popleft()[0].wait()


class _Gathered(torch.autograd.Function):
    """All-gather with a gradient: a rank's tensor gets the sum of the gradients that all ranks have for it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rank: int, size: int) -> Tensor:
        ctx.rank = rank
        found = [torch.empty_like(x) for _ in range(size)]
        with answered():
            dist.all_gather(found, x.contiguous())
        return torch.stack(found)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        total = grads[0].contiguous()
        with answered():
            dist.all_reduce(total)
        return total[ctx.rank], None, None


@contextmanager
def answered() -> Any:
    """Name what every error of a collective operation means: gloo and NCCL describe only the broken connection."""
    try:
        yield
    except RuntimeError as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise RankLost(f"another rank of this run no longer answers: {first}") from error
