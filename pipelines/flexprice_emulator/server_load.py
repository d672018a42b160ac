"""How long an answer takes: a fixed time, and waiting where the server is busy."""

import heapq


class ServerLoad:
    """A server that works on so many requests at once, each for the same time, others in a queue.

    With `capacity` requests under way every answer takes `latency_ms`; with n times as many it
    takes n times as long, so that no more than `capacity` / `latency_ms` answers per millisecond
    are ever given. Without a capacity every answer takes `latency_ms`. Both can be changed while
    requests are under way.
    """

    def __init__(self, latency_ms: float, capacity: int | None = None) -> None:
        self.latency_ms = latency_ms
        self.capacity = capacity
        # When each request that is being worked on, or will be, is done: the last `capacity` ones.
        self._done_at: list[float] = []

    def delay(self, now: float) -> float:
        """Return in how many seconds a request that arrives `now` (seconds) is answered."""
        latency = self.latency_ms / 1000
        if self.capacity is None or latency <= 0:
            return latency
        while self._done_at and (len(self._done_at) > self.capacity or self._done_at[0] <= now):
            heapq.heappop(self._done_at)
        begin = now
        if len(self._done_at) >= self.capacity:
            begin = heapq.heappop(self._done_at)
        heapq.heappush(self._done_at, begin + latency)
        return begin + latency - now
