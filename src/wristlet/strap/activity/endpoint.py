"""The strap's end of the activity concern: pages from a record on, and news of new records."""

from __future__ import annotations

from wristlet.links.strap_link import StrapRefused
from wristlet.strap.activity.recorder import ActivityRecorder
from wristlet.strap.activity.ring import ActivityRing
from wristlet.strap.endpoint import News
from wristlet.wire.errors import DecodeError
from wristlet.wire.strap.activity import AskExtent, decode_request
from wristlet.wire.strap.concerns import Concern


class ActivityEndpoint:
    """Serves the log as it lies on flash: what a phone was given survives any power cut."""

    def __init__(
        self, ring: ActivityRing, news: News, recorder: ActivityRecorder | None = None
    ) -> None:
        self._ring = ring
        self._news = news
        self._recorder = recorder
        self._fetched = 0

    @property
    def waiting(self) -> int:
        """How many records no phone has said to have, since the strap started."""
        extent = self._ring.extent
        return extent.end - max(self._fetched, extent.oldest)

    async def handle(self, message: bytes) -> bytes:
        """Answer a request for records; raises StrapRefused with a plain reason."""
        try:
            wanted = decode_request(message)
        except DecodeError as error:
            raise StrapRefused(str(error)) from error
        if isinstance(wanted, AskExtent):
            return self._ring.extent.encode()
        if wanted.first > self._ring.extent.end:
            raise StrapRefused("activity: these records do not exist yet; read from the log's end")
        self._fetched = max(self._fetched, wanted.first)
        return self._ring.read(wanted.first, wanted.bytes_max).encode()

    def connected(self) -> None:
        """Put on flash what is complete, and say what there is to fetch."""
        if self._recorder is not None:
            self._recorder.flush()
        self._news(Concern.ACTIVITY, self._ring.extent.encode())

    def disconnected(self) -> None:
        """Nothing is half done between two requests."""
