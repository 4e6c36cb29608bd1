"""The SFTP stand-in, as the process of its own that it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hub.testing import sftp

_PROGRAM = """
import os, signal, socket, sys
from pathlib import Path
from hub.testing.sftp import running_sftp
signal.signal(signal.SIGINT, lambda *_: None)
with running_sftp(Path(sys.argv[1])) as server:
    os.killpg(0, signal.SIGINT)
    with socket.create_connection(("127.0.0.1", server.port)) as line:
        print(line.recv(4).decode())
"""


@pytest.mark.skipif(not sftp.is_available(), reason="needs asyncssh")
def test_what_a_terminal_tells_its_programs_to_end_by_is_not_heard_by_the_server(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tmp_path)],
        start_new_session=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "SSH-\n", "")
