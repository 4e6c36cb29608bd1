"""The stand-in on its own, to practise on: `python -m hub_agresso.standin`."""

from __future__ import annotations

import argparse
import threading
from contextlib import suppress

from hub_agresso.standin.city import COMPANY
from hub_agresso.standin.server import served
from hub_agresso.standin.web_api import Agresso


def main() -> None:
    """Serve a made-up Agresso until Ctrl-C, and say what to write in hub.toml to reach it."""
    parser = argparse.ArgumentParser(prog="python -m hub_agresso.standin", description=main.__doc__)
    parser.add_argument("--port", type=int, default=8900, help="default: 8900; 0 takes a free one")
    agresso = Agresso()
    (user, password), *_ = agresso.users.items()
    with served(agresso, parser.parse_args().port) as address, suppress(KeyboardInterrupt):
        settings = {"connector": "agresso.web", "address": address, "user": user, "password": password}
        lines = [f'{name} = "{value}"' for name, value in {**settings, "company": COMPANY}.items()]
        print("\n".join(["[connections.agresso]", *lines, "", "# Ctrl-C ends."]), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
