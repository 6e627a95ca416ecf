"""What a page in a real browser sends to its server."""

from __future__ import annotations

from base64 import b64decode

from playwright.sync_api import Page
from streamlit.proto.BackMsg_pb2 import BackMsg


class Wire:
    """The messages that the page sends for a rerun, decoded, and the bytes of all."""

    def __init__(self, page: Page) -> None:
        self.commits: list[BackMsg] = []
        self.sizes: list[int] = []
        session = page.context.new_cdp_session(page)
        session.on("Network.webSocketFrameSent", self._sent)
        session.send("Network.enable")

    def _sent(self, event: dict) -> None:
        frame = b64decode(event["response"]["payloadData"])
        self.sizes.append(len(frame))
        self.commits.append(BackMsg.FromString(frame))
