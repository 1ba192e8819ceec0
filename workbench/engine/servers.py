"""Dask's servers without the HTTP server that each of them opens, which tells everybody what goes on."""

from __future__ import annotations

from typing import Any

import distributed


class _WithoutHTTP:
    def start_http_server(self, *args: Any, **options: Any) -> None:
        """Start none: Dask has no option for it."""


class Scheduler(_WithoutHTTP, distributed.Scheduler):
    """A scheduler that listens to its clients and workers only."""


class Worker(_WithoutHTTP, distributed.Worker):
    """A worker that listens to its scheduler, nanny and fellow workers only."""
