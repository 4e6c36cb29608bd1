"""The command `hub` in a process of its own, for tests that kill it."""

from __future__ import annotations

from hub.program.main import main

if __name__ == "__main__":
    main()
