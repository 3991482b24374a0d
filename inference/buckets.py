"""Batches of a few fixed sizes, in memory that a device keeps, for sessions on a GPU.

A GPU pays for every new batch size (an engine, a search for kernels) and every copy that waits. A
batch is therefore padded to the next of a few sizes and its surplus answers are dropped. Inputs go
from pinned memory to buffers on the device that are only filled again; two sets of them let one
batch be copied while another is computed.
"""

import queue
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from parcelscope.inference.pinned import pinned_empty
from parcelscope.inference.providers import BUCKETS

SLOTS: Final = 2
"""Batches under way at once: one is copied while another computes."""


def bucket_of(size: int, buckets: Sequence[int] = BUCKETS) -> int:
    """The smallest of `buckets` that holds `size`; the largest where none does."""
    return next((bucket for bucket in buckets if bucket >= size), buckets[-1])


@dataclass(slots=True)
class _Slot:
    """Buffers that one call at a time uses, by the form of the batch."""

    host: dict[tuple[int, ...], npt.NDArray[Any]] = field(default_factory=dict)
    device: dict[tuple[int, ...], Any] = field(default_factory=dict)


class BucketedSession:
    """A session that is asked for batches of any size and computes those of a few sizes.

    Safe to call from several threads; a caller waits while all slots are in use.
    """

    def __init__(
        self,
        session: ort.InferenceSession,
        *,
        device: str,
        buckets: Sequence[int] = BUCKETS,
        slots: int = SLOTS,
    ) -> None:
        self._session = session
        self._device = device
        self._buckets = tuple(buckets)
        self._free: queue.SimpleQueue[_Slot] = queue.SimpleQueue()
        for _ in range(slots):
            self._free.put(_Slot())

    @property
    def largest(self) -> int:
        """Most rows that are computed at once."""
        return self._buckets[-1]

    def get_inputs(self) -> list[Any]:
        """Name, type and shape of each input."""
        return list(self._session.get_inputs())

    def get_outputs(self) -> list[Any]:
        """Name, type and shape of each output."""
        return list(self._session.get_outputs())

    def run(self, names: Sequence[str], feeds: dict[str, npt.NDArray[Any]]) -> list[Any]:
        """The outputs `names` for the one input in `feeds`, (N, ...), N from 1 on."""
        ((name, batch),) = feeds.items()
        return self.run_parts(names, name, [batch])

    def run_parts(
        self, names: Sequence[str], name: str, parts: Sequence[npt.NDArray[Any]]
    ) -> list[Any]:
        """The outputs `names` for the rows of all `parts`, in their order, for the input `name`."""
        answers = [self._run_bucket(names, name, few) for few in _cut(parts, self.largest)]
        if len(answers) == 1:
            return answers[0]
        return [np.concatenate(same) for same in zip(*answers, strict=True)]

    def _run_bucket(
        self, names: Sequence[str], name: str, parts: Sequence[npt.NDArray[Any]]
    ) -> list[Any]:
        first, count = parts[0], sum(len(part) for part in parts)
        slot = self._free.get()
        try:
            form = (bucket_of(count, self._buckets), *first.shape[1:])
            if form not in slot.host:
                slot.host[form] = pinned_empty(form, first.dtype)
                slot.device[form] = ort.OrtValue.ortvalue_from_shape_and_type(
                    form, first.dtype, self._device, 0
                )
            host, device = slot.host[form], slot.device[form]
            np.concatenate(parts, out=host[:count])
            host[count:] = host[count - 1]  # a real picture: rubbish could be slow, or not finite
            # Returns when all is copied: the host memory may be filled again. What another slot
            # computes meanwhile goes on.
            device.update_inplace(host)
            binding = self._session.io_binding()
            binding.bind_ortvalue_input(name, device)
            for output in names:
                binding.bind_output(output, self._device)
            self._session.run_with_iobinding(binding)
            # Copied out of the device's memory, which the next call of this slot overwrites.
            return [answer[:count] for answer in binding.copy_outputs_to_cpu()]
        finally:
            self._free.put(slot)


def _cut(parts: Sequence[npt.NDArray[Any]], most: int) -> Iterator[list[npt.NDArray[Any]]]:
    """The rows of `parts` in their order, at most so many at a time."""
    few: list[npt.NDArray[Any]] = []
    room = most
    for part in parts:
        while len(part):
            few.append(part[:room])
            part, room = part[room:], room - len(few[-1])
            if room == 0:
                yield few
                few, room = [], most
    if few:
        yield few
