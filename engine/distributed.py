"""What the ranks of one run do together. A run on N GPUs is N processes, its ranks, which train on one global batch.

Every rank sees the same order of images and the same draws, augments the whole global batch and computes the loss of
its own images. After the last backward pass the gradients are summed over the ranks in one flat bucket, so that all
ranks take the same step. The code that trains asks a `World`, and `ALONE` answers for a single process without any
work, so training has no branch on the number of ranks. `engine.ranks` is the world of several processes.

torch's `DistributedDataParallel` is not used: it averages by the number of ranks, which is wrong for an uneven last
batch (pytorch#31579), and it does not synchronize our compiled unit of model and loss (pytorch#109774).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

from torch import Tensor, nn

T = TypeVar("T")


class World:
    """All ranks of a run as one of them sees them. This class is the world of a single process: every call is free."""

    rank: int = 0
    size: int = 1

    def __deepcopy__(self, memo: dict[int, Any]) -> World:
        """A copied model still belongs to the same world."""
        return self

    @property
    def leads(self) -> bool:
        """Whether this rank writes the run folder."""
        return self.rank == 0

    def part(self, images: int, group: int = 1) -> slice:
        """This rank's share of a batch of so many images: a contiguous slice of whole groups of `group` images."""
        return slice(None)

    def placed(self, rows: Tensor, mine: slice, images: int) -> Tensor:
        """The rows of this rank's share at their places in the batch, with zeros for the rows of other ranks."""
        return rows

    def share_out(self, statistics: Sequence[Tensor]) -> None:
        """Prepare running statistics to which every rank will add a part; `sum_` adds them up."""

    def sum_(self, parameters: Sequence[Tensor], others: Sequence[Tensor] = ()) -> None:
        """Add up the gradients of the parameters, and other tensors, over all ranks; both are changed in place.

        A parameter without a gradient on every rank stays without one; a gradient that only some ranks have counts as
        zero on the others.
        """

    def gather_batches(self, batches: list[Tensor]) -> list[Tensor]:
        """The batches of all ranks: the first one of every rank in order, then the second ones, and so on.

        Args:
            batches: equally many on every rank, all of one shape.
        """
        return batches

    def agreed(self, asked: Callable[[], bool]) -> Callable[[], bool]:
        """A version of a yes-or-no question that gives all ranks the same answer: yes as soon as one of them says yes.

        All ranks must ask equally often.
        """
        return asked

    def same(self, make: Callable[[], T]) -> T:
        """What `make` returns in rank 0; the other ranks do not call it."""
        return make()

    def reseed(self, seed: int, epoch: int, step: int) -> None:
        """Give this rank's dropout and the like random numbers of its own, determined by seed, epoch and step."""

    def check_alike(self, tensors: Iterable[Tensor]) -> None:
        """Raise RuntimeError unless the tensors have the same bits on all ranks."""

    def close(self) -> None:
        """Leave the world."""


ALONE: Final = World()
"""The world of a run on one device."""


def synchronized_tensors(model: nn.Module) -> list[Tensor]:
    """Weights and buffers of a model, which must be the same on all ranks."""
    return [*model.parameters(), *model.buffers()]
