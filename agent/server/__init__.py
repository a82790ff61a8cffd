"""The one folder with a socket: a websocket on 127.0.0.1, for the paired server's pages only.

`porte` lets in, `onglets` are the connected pages, `verbes` are what they may ask, `scans` what
devices read; `agent` joins them.
"""

from agent.server.agent import Agent

__all__ = ["Agent"]
