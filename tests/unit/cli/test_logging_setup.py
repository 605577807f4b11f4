"""The log: on stderr, in the zone of the meter, without secrets, and quiet about other people's work."""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
import warnings
from zoneinfo import ZoneInfo

import pytest

from hems_data_collector.cli import logging_setup, messages
from hems_data_collector.cli.logging_setup import MaskedFormatter, StderrHandler, start_logging
from hems_data_collector.credentials import Secret
from hems_data_collector.meter_name import about_meter

TOKYO = ZoneInfo("Asia/Tokyo")
SECRET = "0123456789AB"
AT = 1_750_000_000.25  # 2025-06-15T15:06:40.25Z


def line(message: str, level: int = logging.INFO, name: str = "hems_data_collector.app", **extra: object) -> str:
    record = logging.LogRecord(name, level, __file__, 1, message, (), None)
    record.created = AT
    return MaskedFormatter(TOKYO, debug=bool(extra.get("debug")), journal=bool(extra.get("journal"))).format(record)


def test_a_line_has_the_time_of_the_meters_zone() -> None:
    assert line("Joined.") == "2025-06-16 00:06:40+09:00 INFO    Joined."


def test_japanese_sentences_follow_each_other_without_a_space() -> None:
    assert line("ポートがありません。 1秒後にもう一度試します。").endswith("ありません。1秒後にもう一度試します。")


def test_debug_adds_milliseconds_and_the_source() -> None:
    expected = "2025-06-16 00:06:40.250+09:00 DEBUG   hems_data_collector.app: x"
    assert line("x", logging.DEBUG, debug=True) == expected


def test_a_line_about_one_of_several_meters_begins_with_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(TOKYO, debug=True)
    log = logging.getLogger("hems_data_collector.link.wisun")
    log.info("Not about any.")
    with about_meter("annex"):
        log.info("Joined.")
        with about_meter("house"):
            log.info("Joined.")
    lines = [text.partition("INFO    ")[2] for text in capsys.readouterr().err.splitlines()]
    assert lines == [
        "hems_data_collector.link.wisun: Not about any.",
        "hems_data_collector.link.wisun: annex: Joined.",
        "hems_data_collector.link.wisun: house: Joined.",
    ]


@pytest.mark.parametrize(
    ("level", "priority"),
    [(logging.DEBUG, 7), (logging.INFO, 6), (logging.WARNING, 4), (logging.ERROR, 3), (logging.CRITICAL, 3), (5, 7)],
)
def test_the_journal_gets_priorities_instead_of_times(level: int, priority: int) -> None:
    assert line("a\nb", level, journal=True) == f"<{priority}>a\n<{priority}>b"
    assert line("", level, journal=True) == f"<{priority}>"


def test_secrets_are_masked_in_message_arguments_and_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    messages.hide([Secret(SECRET)])
    start_logging(TOKYO, debug=True)
    log = logging.getLogger("hems_data_collector.link")
    try:
        raise ValueError(f"refused {SECRET}")
    except ValueError:
        log.exception("password %s in hex %s", SECRET, SECRET.lower().encode().hex())
    logging.getLogger("httpx").error("header %s", SECRET)
    text = capsys.readouterr().err
    assert "Traceback" in text
    assert SECRET not in text
    assert SECRET.encode().hex() not in text
    assert text.count("****") >= 3


@pytest.mark.parametrize("debug", [True, False])
def test_levels(capsys: pytest.CaptureFixture[str], debug: bool) -> None:
    start_logging(TOKYO, debug=debug)
    for name in ("hems_data_collector.link", "httpx", "urllib3", "grpc", "asyncio", "serialx"):
        for level in (logging.DEBUG, logging.INFO, logging.WARNING):
            logging.getLogger(name).log(level, "%s says %s", name, logging.getLevelName(level))
    text = capsys.readouterr().err
    assert ("hems_data_collector.link says DEBUG" in text) is debug
    assert "hems_data_collector.link says INFO" in text
    for name in ("httpx", "urllib3", "grpc", "asyncio", "serialx"):
        assert f"{name} says INFO" not in text
        assert f"{name} says WARNING" in text


def test_starting_twice_logs_once(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(TOKYO, debug=False)
    start_logging(TOKYO, debug=False)
    logging.getLogger("hems_data_collector").info("once")
    assert capsys.readouterr().err.count("once") == 1


def test_lines_follow_a_stderr_that_was_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    start_logging(TOKYO, debug=False)
    replacement = io.StringIO()
    monkeypatch.setattr(sys, "stderr", replacement)
    logging.getLogger("hems_data_collector").info("above the bar")
    assert replacement.getvalue().endswith("above the bar\n")


def test_a_line_that_cannot_be_formatted_shows_none_of_its_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    messages.hide([Secret(SECRET)])
    handler = StderrHandler()
    handler.emit(logging.LogRecord("x", logging.INFO, __file__, 1, "%d", (SECRET,), None))
    text = capsys.readouterr().err
    assert "could not be formatted" in text
    assert SECRET not in text


@pytest.mark.parametrize("stream", [None, "closed"])
def test_a_stderr_that_is_gone_raises_nothing(monkeypatch: pytest.MonkeyPatch, stream: str | None) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed if stream else None)
    handler = StderrHandler()
    handler.emit(logging.LogRecord("x", logging.INFO, __file__, 1, "x", (), None))


def test_warnings_and_threads_end_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    messages.hide([Secret(SECRET)])
    start_logging(TOKYO, debug=False)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn(f"soon gone {SECRET}", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(False)

    def fail() -> None:
        raise RuntimeError(SECRET)

    thread = threading.Thread(target=fail, name="worker")
    thread.start()
    thread.join()
    text = capsys.readouterr().err
    assert "soon gone ****" in text
    assert "The thread worker ended by an error." in text
    assert SECRET not in text


def test_the_journal_is_known_by_device_and_inode(monkeypatch: pytest.MonkeyPatch) -> None:
    status = os.fstat(2)
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
    assert logging_setup._is_journal()
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino + 1}")
    assert not logging_setup._is_journal()
    monkeypatch.delenv("JOURNAL_STREAM")
    assert not logging_setup._is_journal()
