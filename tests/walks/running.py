"""The command `hub` in a process of its own, for tests that kill it: what it held is free again after a short lease."""

from __future__ import annotations

from datetime import timedelta
from unittest import mock

from hub import app
from hub.program.main import main

if __name__ == "__main__":
    with mock.patch.object(app, "LEASE", timedelta(seconds=4)):
        main()
