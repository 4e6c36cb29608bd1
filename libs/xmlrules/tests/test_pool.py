"""The pool answers every document, whatever happens to a worker, and never lets one document cost another."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from xmlrules import Judge, Limits, Pack, Verdict, judge_here
from xmlrules import pool as pool_room

Maker = Callable[..., Pack]
GOOD = b'<order xmlns="urn:order"><line>1</line></order>'
BAD = b'<order xmlns="urn:order"><line>-1</line></order>'
ENDLESS = """<ns prefix="u" uri="utils"/><xsl:function xmlns:xsl="http://www.w3.org/1999/XSL/Transform" name="u:turn">
<xsl:param name="n"/><xsl:sequence select="if ($n lt 0) then 0 else u:turn($n + 1)"/></xsl:function>
<pattern><rule context="/*"><assert id="E" test="u:turn(count(*)) = 1"/></rule></pattern>"""


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(workers=1, deadline=30) as made:
        yield made


def worker_of(judge: Judge) -> pool_room._Worker:
    """The idle worker of a pool of one."""
    worker = judge._free.get()
    judge._free.put(worker)
    assert worker is not None
    return worker


def gone(pid: int) -> bool:
    """Whether the process has ended; waits for it, at most 20 seconds."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        threading.Event().wait(0.02)
    return False


def worked(pid: int) -> int:
    """The processor time a process has used, in hundredths of a second."""
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11])


def test_the_pool_says_what_one_process_says(judge: Judge, orders: Pack) -> None:
    for document in (GOOD, BAD, b"<x/>", b""):
        assert judge.judge(document, orders.folder) == judge_here(document, orders.folder)


def test_many_threads_get_their_own_answers(orders: Pack) -> None:
    with Judge(workers=2) as judge, ThreadPoolExecutor(8) as threads:
        documents = [GOOD if number % 3 else BAD for number in range(60)]
        verdicts = list(threads.map(lambda one: judge.judge(one, orders.folder).verdict, documents))
    assert verdicts == [Verdict.valid if number % 3 else Verdict.invalid for number in range(60)]


def test_a_worker_keeps_its_process_from_document_to_document(judge: Judge, orders: Pack) -> None:
    judge.judge(GOOD, orders.folder)
    first = worker_of(judge).pid
    judge.judge(BAD, orders.folder)
    assert worker_of(judge).pid == first


def test_a_worker_killed_between_documents_is_replaced_unseen(judge: Judge, orders: Pack) -> None:
    judge.judge(GOOD, orders.folder)
    killed = worker_of(judge).pid
    os.kill(killed, signal.SIGKILL)
    assert judge.judge(GOOD, orders.folder).verdict is Verdict.valid
    assert worker_of(judge).pid != killed


def test_a_document_that_kills_its_worker_twice_is_not_judged(
    judge: Judge, orders: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = pool_room._Worker.ask
    killed: list[int] = []

    def killing(worker: pool_room._Worker, request: object, deadline: float) -> object:
        os.kill(worker.pid, signal.SIGSEGV)
        killed.append(worker.pid)
        return ask(worker, request, deadline)  # type: ignore[arg-type]

    monkeypatch.setattr(pool_room._Worker, "ask", killing)
    judgement = judge.judge(GOOD, orders.folder)
    assert judgement.verdict is Verdict.not_judged
    assert "died twice" in judgement.reason
    assert "signal 11" in judgement.reason
    assert len(set(killed)) == 2
    monkeypatch.undo()
    assert judge.judge(GOOD, orders.folder).verdict is Verdict.valid


def test_an_interrupted_call_leaves_no_answer_for_the_next_document(
    judge: Judge, orders: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(pool_room, "receive", interrupted)
    with pytest.raises(KeyboardInterrupt):
        judge.judge(BAD, orders.folder)
    monkeypatch.undo()
    assert judge.judge(GOOD, orders.folder).verdict is Verdict.valid


def test_a_document_over_its_deadline_is_not_judged_and_the_next_one_is(tmp_path: Path, pack_maker: Maker) -> None:
    endless = pack_maker(tmp_path, "endless", rules=ENDLESS)
    fine = pack_maker(tmp_path, "fine")
    with Judge(workers=1, deadline=3) as judge:
        judge.judge(GOOD, fine.folder)
        overdue = worker_of(judge).pid
        judgement = judge.judge(GOOD, endless.folder)
        assert judgement.verdict is Verdict.not_judged
        assert "within 3 seconds" in judgement.reason
        assert gone(overdue)
        assert judge.judge(GOOD, fine.folder).verdict is Verdict.valid


def test_a_pack_that_does_not_load_leaves_documents_unjudged_with_the_reason(
    judge: Judge, tmp_path: Path, pack_maker: Maker
) -> None:
    pack = pack_maker(tmp_path)
    (pack.folder / "lines" / "lines.sch").unlink()
    judgement = judge.judge(GOOD, pack.folder)
    assert judgement.verdict is Verdict.not_judged
    assert "other files than were imported" in judgement.reason
    assert judgement.layers == ()


def test_a_worker_that_grew_too_large_is_replaced(orders: Pack) -> None:
    with Judge(workers=1, max_worker_bytes=1) as judge:
        assert judge.judge(GOOD, orders.folder).verdict is Verdict.valid
        assert judge._free.get() is None
        judge._free.put(None)
        assert judge.judge(BAD, orders.folder).verdict is Verdict.invalid


def test_limits_and_bounds_reach_the_workers(orders: Pack) -> None:
    many = b'<order xmlns="urn:order">' + b"<line>-1</line>" * 9 + b"</order>"
    with Judge(workers=1, limits=Limits(max_bytes=200), max_findings=3) as judge:
        judgement = judge.judge(many[:-8] + b"</order>", orders.folder)
        assert (len(judgement.findings), judgement.findings_total) == (3, 10)
        assert judge.judge(many + b" " * 200, orders.folder).findings[0].rule == "XML-TOO-LARGE"


def test_workers_ignore_the_interrupt_of_a_terminal(judge: Judge, orders: Pack) -> None:
    judge.judge(GOOD, orders.folder)
    before = worker_of(judge).pid
    os.kill(before, signal.SIGINT)
    judge.judge(GOOD, orders.folder)
    assert worker_of(judge).pid == before


def test_a_closed_pool_has_no_processes_and_says_so(orders: Pack) -> None:
    with Judge(workers=1) as judge:
        judge.judge(GOOD, orders.folder)
        pid = worker_of(judge).pid
    assert gone(pid)
    with pytest.raises(RuntimeError, match="closed"):
        judge.judge(GOOD, orders.folder)


PARENT = """
import sys, threading
sys.path[:] = sys.argv[4:]
from pathlib import Path
from xmlrules import Judge
judge = Judge(workers=1)
judge.judge(sys.argv[1].encode(), Path(sys.argv[2]))
worker = judge._free.get(); judge._free.put(worker)
print(worker.pid, flush=True)
judge.judge(sys.argv[1].encode(), Path(sys.argv[3]))
"""


def test_workers_die_with_their_parent_even_in_the_middle_of_a_document(tmp_path: Path, pack_maker: Maker) -> None:
    packs = [str(pack_maker(tmp_path, "fine").folder), str(pack_maker(tmp_path, "endless", rules=ENDLESS).folder)]
    command = [sys.executable, "-c", PARENT, GOOD.decode(), *packs, *sys.path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        begun = worked(pid)
        while worked(pid) < begun + 50:
            threading.Event().wait(0.02)
        parent.kill()
    try:
        assert gone(pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
