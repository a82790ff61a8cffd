"""ASGI entry point: one hop to a thread per request, whatever the middlewares."""

import os
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django import setup
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class Application(ASGIHandler):
    """Run middlewares and view in the request's thread, in one go.

    All our views are plain functions. Django's own chain leaves the thread and comes back to it
    around each middleware that could be asynchronous: five hops for nothing. What streams (the
    events of a sale) is sent by the event loop as before.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        """Build the chain of a plain server."""
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Answer from the thread of this request."""
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - as Django's
        """Serve a request, or a websocket of the relay (agent.md §5.12)."""
        if scope["type"] != "websocket":
            await super().__call__(scope, receive, send)
            return
        from pharmacy.relais_asgi import relay

        async with ThreadSensitiveContext():  # a thread of its own, as each request has
            await relay(scope, receive, send)


setup(set_prefix=False)
application = Application()

from config.checks import stop_on_error  # noqa: E402 - once the settings are read

stop_on_error()
