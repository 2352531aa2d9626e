"""Token service → requestor: notifications, signed one by one."""

from __future__ import annotations

from wristlet.links.http import HttpClient
from wristlet.model.tsp_messages import DeliverNotifications, NotificationsTaken

PATH = "/v1/token-service/notifications"


class RequestorClient:
    """Calls a token requestor; raises RemoteProblem or RemoteUnavailable.

    What was not taken is sent again, in the same order: the requestor knows each by its number.
    """

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def deliver(self, request: DeliverNotifications) -> NotificationsTaken:
        """Hand over notifications in rising order."""
        return await self._http.post(PATH, request, NotificationsTaken)
