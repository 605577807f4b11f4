"""The verb `decode`: hex frames and captured serial lines in, meaning out (echonet-lite-meter §13)."""

from __future__ import annotations

import io
import json
import random
import re
import sys
from collections.abc import Iterator
from decimal import Decimal
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from frames.golden import (
    B1_OPC_0,
    B2_CUT_AFTER_EPC,
    B3_CUT_EDT,
    B4_TRAILING_BYTE,
    B5_FORMAT_2,
    B6_WRONG_EHD1,
    B7_LAST_ENTRY_EMPTY,
    B8_UNIT_OF_4_BYTES,
    B9_UNDEFINED_UNIT,
    BY_NAME,
    GOLDEN,
)
from hems_data_collector.cli import main
from hems_data_collector.cli.decode_input import CaptureReader, Unit
from hems_data_collector.cli.decode_texts import VALUES
from hems_data_collector.echonet.superclass import (
    FaultStatus,
    OperationStatus,
    Place,
    PowerSaving,
    RemoteControl,
    TimeUnit,
)

TRANSCRIPTS = Path(__file__).parents[2] / "transcripts"
ROUTE_B_ID = "00112233445566778899AABBCCDDEEFF"
PASSWORD = "0123456789AB"
PAIR_IDS = ("CCDDEEFF", "AABBCCDD", "00112233")

MODEM = "FE80:0000:0000:0000:021D:1290:1234:5678"
METER = "FE80:0000:0000:0000:021C:6400:0000:0001"
OTHER_METER = "FE80:0000:0000:0000:021C:6400:0000:0002"
UNIT_0_1 = "1081000102880105FF017201E10101"
"""E1 = 0.1 kWh."""
E0_65139 = BY_NAME["G21"].hex
"""E0 raw 65139."""


class Ran(NamedTuple):
    """What one command line did."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[Any]:
        """The lines of `--json`, every number with a point as Decimal."""
        return [json.loads(line, parse_float=Decimal) for line in self.out.splitlines()]


class Decode:
    """Runs `decode` with arguments and standard input."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *words: str, stdin: bytes | str = b"") -> Ran:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        code = main(["decode", *words])
        out, err = self._capsys.readouterr()
        return Ran(code, out, err)


@pytest.fixture
def decode(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Decode:
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    return Decode(capsys, monkeypatch)


def received(payload: str | bytes, *, sender: str = METER, ports: str = "0E1A 0E1A", middle: str = "1") -> bytes:
    """An ERXUDP line as the modem prints it: hex text for a str, raw bytes for bytes."""
    size = len(payload) // (2 if isinstance(payload, str) else 1)
    data = payload.encode() if isinstance(payload, str) else payload
    return f"ERXUDP {sender} {MODEM} {ports} 001C640000000001 {middle} {size:04X} ".encode() + data + b"\r\n"


# --- frames as JSON


def test_frame_is_one_object_with_exactly_these_keys(decode: Decode) -> None:
    ran = decode("--json", "10817B6A02880105FF017201E70400000263")

    assert ran == Ran(
        0,
        '{"tid":"7B6A","seoj":"028801","deoj":"05FF01","esv":"72","properties":[{"epc":"E7","edt":"00000263",'
        '"name":"Measured instantaneous power","value":611,"unit":"W"}]}\n',
        "",
    )


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.name)
def test_golden_frame_is_decoded_without_complaint(decode: Decode, golden: Any) -> None:
    ran = decode("--json", golden.hex)

    (shown,) = ran.objects
    assert (ran.code, ran.err) == (0, "")
    assert (shown["tid"], shown["seoj"], shown["deoj"]) == (golden.hex[4:8], golden.hex[8:14], golden.hex[14:20])
    assert shown["esv"] == golden.hex[20:22]
    assert [entry["epc"] for entry in shown["properties"]] == [f"{epc:02X}" for epc, _ in golden.properties]
    assert all(list(entry) == ["epc", "edt", "name", "value", "unit"] for entry in shown["properties"])
    keys = ["tid", "seoj", "deoj", "esv", "properties"]
    if golden.esv in (0x6E, 0x7E, 0x5E):
        keys.append("set_properties")
        assert [entry["epc"] for entry in shown["set_properties"]] == [f"{epc:02X}" for epc, _ in golden.set_properties]
    assert list(shown) == keys
    for entry in shown["properties"]:
        if entry["epc"] != "C0":
            assert f"{entry['epc']}{len(entry['edt']) // 2:02X}{entry['edt']}" in golden.hex


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.name)
def test_golden_frame_as_text_has_a_line_for_each_property(decode: Decode, golden: Any) -> None:
    ran = decode(golden.hex)

    assert (ran.code, ran.err) == (0, "")
    assert f"TID {golden.hex[4:8]}" in ran.out
    for epc, _ in golden.properties + golden.set_properties:
        assert re.search(rf"^ +{epc:02X}  \S", ran.out, re.MULTILINE)


def entry_of(decode: Decode, *words: str) -> tuple[Any, Any]:
    """Value and unit of the last property of the last frame."""
    entry = decode("--json", *words).objects[-1]["properties"][-1]
    return entry["value"], entry["unit"]


@pytest.mark.parametrize(
    ("name", "value", "unit"),
    [
        ("G06", ["028801"], None),
        ("G11", "on", None),
        ("G12", {"code": "61", "place": "garden", "number": 1}, None),
        ("G13", {"release": "F", "revision": 0}, None),
        ("G14", "no fault", None),
        ("G15", "000016", None),
        ("G16", "A00B123456", None),
        ("G17", "14:26", None),
        ("G18", "2026-05-20", None),
        ("G20", 6, "digits"),
        ("G21", 65139, None),
        ("G23", ["81", "E5", "ED"], None),
        ("G30", -1962, "W"),
        ("G31", {"r": Decimal("3.0"), "t": Decimal("5.0")}, "A"),
        ("G32", {"r": Decimal("2.0"), "t": None}, "A"),
        ("G36", {"at": "2026-05-20T14:00:00", "energy": 65128}, None),
        ("G39", 99, "days ago"),
        ("G40", None, "days ago"),
        ("G41", None, None),
        ("G48", Decimal("0.1"), "kWh"),
        ("G58", {"newest": "2026-01-15T07:00:00", "count": 12}, None),
        ("G66", {"day": None, "registers": [None] * 48}, None),
        ("G69", {"newest": None, "registers": [[None, None]]}, None),
        ("G72", {"at": "2026-01-15T07:03:00", "import": 12604300, "export": 4000}, None),
        ("G73", {"maker": "000016", "free": "****"}, None),
    ],
)
def test_value_and_unit_of_a_golden_frame(decode: Decode, name: str, value: Any, unit: str | None) -> None:
    assert entry_of(decode, BY_NAME[name].hex) == (value, unit)


@pytest.mark.parametrize("hexed", [BY_NAME["G73"].hex, "1081001F02880105FF017201C00801000016" + "12345678"])
def test_the_number_that_may_be_a_secret_is_not_shown(decode: Decode, hexed: str) -> None:
    for words in (["--json", hexed], [hexed]):
        ran = decode(*words)
        assert "**" in ran.out or ran.code == 1
        assert "1234" not in ran.out


def test_special_values_are_null_and_named_in_the_text(decode: Decode) -> None:
    (shown,) = decode("--json", BY_NAME["G35"].hex).objects

    assert [entry["value"] for entry in shown["properties"]] == [None, {"r": None, "t": None}]
    text = decode(BY_NAME["G35"].hex).out
    assert "E7  Measured instantaneous power: underflow\n" in text
    assert "R overflow, T underflow\n" in text
    assert ": no data\n" in decode(BY_NAME["G41"].hex).out
    assert "T no data, or no T phase" in decode(BY_NAME["G32"].hex).out
    assert ": never set\n" in decode(BY_NAME["G40"].hex).out


def test_partial_refusal_keeps_its_values_and_has_null_for_the_refused(decode: Decode) -> None:
    (shown,) = decode("--json", BY_NAME["G47"].hex).objects

    assert [entry["value"] for entry in shown["properties"]][:1] == [929]
    assert shown["properties"][3] == {
        "epc": "E3",
        "edt": "",
        "name": "Measured cumulative energy (reverse)",
        "value": None,
        "unit": None,
    }
    assert "E3  Measured cumulative energy (reverse): refused" in decode(BY_NAME["G47"].hex).out


def test_set_refusal_tells_what_was_accepted_and_what_was_not(decode: Decode) -> None:
    text = decode(BY_NAME["G62"].hex).out

    assert "E5  Day for historical data 1: accepted\n" in text
    assert "ED  Day for historical data 2: newest 2026-01-15 07:00:00, 3 steps was refused\n" in text
    assert "E5  Day for historical data 1: 64 was refused\n" in decode(BY_NAME["G57"].hex).out


def test_set_get_has_both_lists(decode: Decode) -> None:
    (shown,) = decode("--json", BY_NAME["G76"].hex).objects

    assert [(entry["epc"], entry["value"]) for entry in shown["properties"]] == [("E5", 1)]
    assert [(entry["epc"], entry["edt"]) for entry in shown["set_properties"]] == [("E5", "")]


def test_unknown_property_and_class_have_no_name(decode: Decode) -> None:
    (shown,) = decode("--json", "1081000102880105FF017201E6020102").objects
    (high_voltage,) = decode("--json", "10810001028A0105FF017201E00101").objects

    for frame, epc, edt in ((shown, "E6", "0102"), (high_voltage, "E0", "01")):
        assert frame["properties"] == [{"epc": epc, "edt": edt, "name": None, "value": None, "unit": None}]


def test_dummy_bytes_in_a_request_are_no_value(decode: Decode) -> None:
    ran = decode("--json", "1081000105FF010288016201E70100")

    assert (ran.code, ran.objects[0]["properties"][0]["value"]) == (0, None)


# --- energy


def test_energy_is_kwh_once_the_unit_was_seen(decode: Decode) -> None:
    assert entry_of(decode, E0_65139) == (65139, None)
    assert entry_of(decode, UNIT_0_1, E0_65139) == (Decimal("6513.9"), "kWh")
    assert str(entry_of(decode, UNIT_0_1, E0_65139)[0]) == "6513.9"


def test_unit_behind_the_register_in_the_same_frame_counts(decode: Decode) -> None:
    ran = decode("--json", "1081000102880105FF017203E00400003039E10101D30400000003")

    assert ran.objects[0]["properties"][0]["value"] == Decimal("3703.5")
    assert '"value":3703.5,' in ran.out


def test_coefficient_counts_and_its_refusal_means_1(decode: Decode) -> None:
    three = "1081000102880105FF017201D30400000003"
    refused = "1081000102880105FF015201D300"

    assert entry_of(decode, UNIT_0_1, three, E0_65139) == (Decimal("19541.7"), "kWh")
    assert entry_of(decode, UNIT_0_1, three, refused, E0_65139) == (Decimal("6513.9"), "kWh")


@pytest.mark.parametrize(
    "bad", [B9_UNDEFINED_UNIT.hex(), B8_UNIT_OF_4_BYTES.hex(), "1081000102880105FF017201D30400000000"]
)
def test_unusable_unit_or_coefficient_gives_raw_counts_again(decode: Decode, bad: str) -> None:
    ran = decode("--json", UNIT_0_1, bad, E0_65139)

    entry = ran.objects[-1]["properties"][0]
    assert (ran.code, entry["value"], entry["unit"]) == (1, 65139, None)


@pytest.mark.parametrize(
    ("code", "kwh"),
    [("00", "65139"), ("02", "651.39"), ("03", "65.139"), ("04", "6.5139"), ("0A", "651390"), ("0D", "651390000")],
)
def test_energy_of_every_unit_is_exact(decode: Decode, code: str, kwh: str) -> None:
    ran = decode("--json", UNIT_0_1[:-2] + code, E0_65139)

    assert f'"value":{kwh},"unit":"kWh"' in ran.out


def test_unit_belongs_to_one_meter(decode: Decode) -> None:
    capture = (
        received(UNIT_0_1)
        + received(E0_65139, sender=OTHER_METER)
        + received(E0_65139)
        + received(UNIT_0_1[:-2] + "02", sender=OTHER_METER)
        + received(E0_65139, sender=OTHER_METER)
    )
    values = [frame["properties"][0]["value"] for frame in decode("--json", stdin=capture).objects]

    assert values[1:] == [65139, Decimal("6513.9"), Decimal("0.01"), Decimal("651.39")]


def test_histories_are_scaled_too(decode: Decode) -> None:
    day, unit = entry_of(decode, UNIT_0_1, BY_NAME["G65"].hex)
    window, _ = entry_of(decode, UNIT_0_1, BY_NAME["G67"].hex)
    fixed, _ = entry_of(decode, UNIT_0_1, BY_NAME["G36"].hex)

    assert (unit, day["day"]) == ("kWh", 0)
    assert day["registers"][4:7] == [Decimal("12601.2"), None, Decimal("12601.8")]
    assert window["registers"][1] == [Decimal("12603.9"), Decimal("4.0")]
    assert fixed == {"at": "2026-05-20T14:00:00", "energy": Decimal("6512.8")}


def test_power_current_and_the_devices_own_energy_are_not_scaled(decode: Decode) -> None:
    assert entry_of(decode, UNIT_0_1, BY_NAME["G28"].hex) == (611, "W")
    assert entry_of(decode, UNIT_0_1, "1081000102880105FF01720185040000303A") == (Decimal("12.346"), "kWh")


# --- text


def test_text_of_a_reading(decode: Decode) -> None:
    ran = decode(UNIT_0_1, BY_NAME["G46"].hex)

    assert ran.out == (
        "Get_Res  028801 meter -> 05FF01 controller  TID 0001  (all values)\n"
        "  E1  Unit for cumulative energy (normal and reverse): one count = 0.1 kWh (code 01)\n"
        "Get_Res  028801 meter -> 05FF01 controller  TID 06E1  (all values)\n"
        "  80  Operation status: on\n"
        "  88  Fault status: no fault\n"
        "  E7  Measured instantaneous power: 1688 W\n"
        "  E8  Measured instantaneous currents (R, T): R 16.0 A, T 4.0 A\n"
        "  E0  Measured cumulative energy (normal): 32460.5 kWh\n"
        "  E3  Measured cumulative energy (reverse): 1.1 kWh\n"
    )


def test_text_of_raw_counts_says_why(decode: Decode) -> None:
    assert "32460" not in decode(E0_65139).out
    assert ": 65139  (raw counts: the unit E1 is not known)\n" in decode(E0_65139).out


def test_text_of_histories_is_a_table(decode: Decode) -> None:
    day = decode(UNIT_0_1, BY_NAME["G65"].hex).out
    window = decode(UNIT_0_1, BY_NAME["G71"].hex).out

    assert "E2  Historical cumulative energy 1 (normal): today, kWh\n" in day
    assert "      00:00   12600.0   00:30   12600.3   01:00   12600.6   01:30   12600.9" in day
    assert "02:30   no data" in day
    assert "      2026-01-15 07:03  import 1260430.0 kWh, export 400.0 kWh\n" in window
    assert "      2026-01-15 06:54  import 1260428.2 kWh, export 400.0 kWh\n" in window
    assert "      2026-01-15 06:30  import 12603.9 kWh" in decode(UNIT_0_1, BY_NAME["G67"].hex).out


def test_window_that_reaches_before_the_year_1_is_survived(decode: Decode) -> None:
    edt = "000101010000" + "02" + "00000001" * 4

    ran = decode(f"1081000102880105FF017201EC{len(edt) // 2:02X}{edt}")

    assert ran.code == 0
    assert ran.out.count("import 1, export 1") == 2


@pytest.mark.parametrize(
    ("hex_frame", "text"),
    [
        ("1081000102880105FF017201810101", "invalid"),
        ("1081000102880105FF0172018101FF", ": not fixed\n"),
        ("1081000102880105FF017201810185", ": free definition 85\n"),
        ("1081000102880105FF01720181" + "1101" + "AB" * 16, ": position ABABABAB"),
        ("1081000102880105FF017201860504000016AB", ": maker 000016, code AB\n"),
        ("1081000102880105FF0172019A054300000018", ": 24 x hour\n"),
        ("1081000102880105FF0172018A03000099", ": 000099 (unknown maker)\n"),
        ("1081000102880105FF0172019D1110" + "00" * 16, "0 properties: -  (its count byte says 16)\n"),
        ("108100010EF00105FF01720182040" + "10E0100", ": version 1.14, message formats 1\n"),
        ("108100010EF00105FF017201D703010288", ": 0288\n"),
        ("1081000102880105FF017201D00141", "unknown property"),
    ],
)
def test_text_of_rarer_values(decode: Decode, hex_frame: str, text: str) -> None:
    if text == "unknown property":
        assert ": 41\n" in decode(hex_frame).out
    else:
        assert text in decode(hex_frame).out


def test_names_are_japanese_for_japanese_users() -> None:
    import subprocess

    command = [sys.executable, "-m", "hems_data_collector", "decode", BY_NAME["G28"].hex]
    ran = subprocess.run(
        command, capture_output=True, check=True, env={"LANG": "ja_JP.UTF-8", "PYTHONUTF8": "1", "PATH": "/usr/bin"}
    )

    assert "E7  瞬時電力計測値" in ran.stdout.decode()
    assert "（すべての値）" in ran.stdout.decode()
    assert "(" not in ran.stdout.decode()


@pytest.mark.parametrize("kind", [FaultStatus, OperationStatus, Place, PowerSaving, RemoteControl, TimeUnit])
def test_every_state_of_a_property_has_its_words_in_the_catalog(kind: type[IntEnum]) -> None:
    assert {member.name.lower().replace("_", " ") for member in kind} <= set(VALUES)


# --- forms of hex


@pytest.mark.parametrize(
    "words",
    [
        ("10817b6a02880105ff017201e70400000263",),
        ("10 81 7B 6A 02 88 01 05 FF 01 72 01 E7 04 00 00 02 63",),
        ("10", "81", "7B", "6A", "02", "88", "01", "05", "FF", "01", "72", "01", "E7", "04", "00", "00", "02", "63"),
        ("10:81:7B:6A:02:88:01:05:FF:01:72:01:E7:04:00:00:02:63",),
        (
            "0x10, 0x81, 0x7B, 0x6A, 0x02, 0x88, 0x01, 0x05, 0xFF, 0x01, 0x72, 0x01, 0xE7, 4, 0, 0, 2, 0x63".replace(
                " 4, 0, 0, 2,", " 0x04, 0x00, 0x00, 0x02,"
            ),
        ),
        ("0x10817B6A02880105FF017201E70400000263",),
        ("10817B6A 02880105FF01 72 01 E70400000263",),
    ],
)
def test_hex_may_be_grouped_as_people_do(decode: Decode, words: tuple[str, ...]) -> None:
    assert entry_of(decode, *words) == (611, "W")


@pytest.mark.parametrize(
    "line",
    [
        "10817B6A02880105FF017201E70400000263",
        "  10 81 7B 6A 02 88 01 05 FF 01 72 01 E7 04 00 00 02 63  ",
        "2026-01-15T07:00:00.123+09:00 10817B6A02880105FF017201E70400000263",
        "[07:00:00.123] < 10817B6A02880105FF017201E70400000263",
        "Jan 15 07:00:00 pi meter[123]: payload=10817B6A02880105FF017201E70400000263",
    ],
)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_lines_of_hex_come_from_standard_input(decode: Decode, line: str, end: str) -> None:
    for words in ((), ("-",)):
        ran = decode("--json", *words, stdin=line + end)
        assert (ran.code, ran.err) == (0, "")
        assert ran.objects[0]["properties"][0]["value"] == 611


def test_a_file_is_not_blamed_for_a_reader_that_went_away(
    decode: Decode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = tmp_path / "capture.txt"
    capture.write_text("OK\n", encoding="utf-8")

    def gone(_text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("hems_data_collector.cli._forget_stdout", lambda: None)
    monkeypatch.setattr(sys.stdout, "write", gone)
    ran = decode(str(capture))
    assert (ran.code, ran.err) == (0, "")


def test_file_with_comments_and_empty_lines(decode: Decode) -> None:
    Path("frames.txt").write_text(f"\ufeff# a comment\n\n{UNIT_0_1}\n{E0_65139}\n", encoding="utf-8")

    ran = decode("--json", "frames.txt")

    assert (ran.code, ran.err, len(ran.objects)) == (0, "", 2)
    assert ran.objects[1]["properties"][0]["value"] == Decimal("6513.9")


# --- what cannot be decoded


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (B2_CUT_AFTER_EPC, "ends inside an entry's EPC and PDC"),
        (B3_CUT_EDT, "ends inside the value of property 0xE0"),
        (B4_TRAILING_BYTE, "1 bytes follow the last property"),
        (B6_WRONG_EHD1, "The first byte is 0x20, not 0x10"),
    ],
)
def test_bad_frame_is_told_with_its_cause_and_the_others_are_decoded(decode: Decode, data: bytes, cause: str) -> None:
    ran = decode("--json", data.hex(), BY_NAME["G28"].hex)

    assert ran.code == 1
    assert ran.err.startswith("hems-data-collector decode: argument 1: ")
    assert cause in ran.err
    assert [frame["properties"][0]["value"] for frame in ran.objects] == [611]


@pytest.mark.parametrize(
    ("word", "cause"),
    [
        ("108", "an odd number of hex digits (3)"),
        ("zz", "neither a frame in hex nor a line that a modem prints"),
        ("no-such-file.log", "neither a frame in hex nor a line that a modem prints"),
        (".", "the file cannot be read: Is a directory"),
        ("x" * 5000, "neither a frame in hex nor a line that a modem prints"),
    ],
)
def test_word_that_is_nothing_is_told_with_its_number(decode: Decode, word: str, cause: str) -> None:
    ran = decode("--json", BY_NAME["G28"].hex, word)

    assert (ran.code, len(ran.objects)) == (1, 1)
    assert f"hems-data-collector decode: argument 2: {cause}" in ran.err


def test_bad_line_is_told_with_file_and_number(decode: Decode) -> None:
    Path("capture.log").write_text(f"{BY_NAME['G28'].hex}\ngarbage\n1081zz\n{BY_NAME['G29'].hex}\n")

    ran = decode("--json", "capture.log")

    assert [frame["properties"][0]["value"] for frame in ran.objects] == [611, 228]
    assert (ran.code, ran.err.count("\n")) == (1, 2)
    assert "decode: capture.log, line 2: neither" in ran.err
    assert "decode: capture.log, line 3: neither" in ran.err


@pytest.mark.parametrize("data", [B8_UNIT_OF_4_BYTES, B9_UNDEFINED_UNIT])
def test_bad_value_in_a_good_frame_is_null_and_told(decode: Decode, data: bytes) -> None:
    ran = decode("--json", data.hex())

    (entry,) = ran.objects[0]["properties"]
    assert (ran.code, entry["value"], entry["unit"]) == (1, None, None)
    assert "argument 1: Property E1" in ran.err
    assert "E1  Unit for cumulative energy (normal and reverse): invalid (" in decode(data.hex()).out


def test_frames_that_are_odd_but_good(decode: Decode) -> None:
    assert decode("--json", B1_OPC_0.hex()).objects[0]["properties"] == []
    seven = decode("--json", B7_LAST_ENTRY_EMPTY.hex())
    assert seven.code == 0
    assert seven.objects[0]["properties"][2]["value"] == 366
    assert seven.objects[0]["properties"][6] == {"epc": "FF", "edt": "", "name": None, "value": None, "unit": None}
    assert decode("--json", B5_FORMAT_2.hex()).objects == [
        {"tid": "0001", "payload": "02880105FF017201E0040000FE73"},
    ]
    assert "arbitrary message (format 2)" in decode(B5_FORMAT_2.hex()).out


@pytest.mark.parametrize("stdin", ["", "\n\n", "# nothing\n", "2026-01-15 07:00:00 INFO meter.log: all is well\n"])
def test_input_without_anything_to_decode_is_told(decode: Decode, stdin: str) -> None:
    ran = decode(stdin=stdin)

    assert (ran.code, ran.out) == (1, "")
    assert "no frame and no line of a modem" in ran.err


def test_unknown_flag_is_a_usage_error(decode: Decode) -> None:
    assert decode("--jsno").code == 2


def test_help_shows_examples(decode: Decode) -> None:
    ran = decode("--help")

    assert ran.code == 0
    assert "decode [--json] [HEX...|FILE|-]" in ran.out
    assert "exit codes:" in ran.out


# --- lines of a modem

E7 = BY_NAME["G28"]


@pytest.mark.parametrize(
    "line",
    [
        received(E7.hex),
        received(E7.data),
        received(E7.hex, middle="1 0"),
        received(E7.data, middle="1 0"),
        received(E7.hex, middle="CA 1 0"),
        received(E7.data, middle="CA 1"),
        b"< " + received(E7.hex),
        b"< " + received(E7.data),
        b"SKSENDTO" + received(E7.hex),
        b"2026-01-15 07:00:00,123 < " + received(E7.hex),
        b"2026-01-15 07:00:00.123+09:00 DEBUG   hems_data_collector.link.modem: < " + received(E7.hex),
        b"<7>hems_data_collector.link.modem: < " + received(E7.hex),
        b"Jan 15 07:00:00 pi hems-data-collector[42]: hems_data_collector.link.modem: < " + received(E7.hex),
        b"[12345.678] RX: " + received(E7.hex),
        b"07:00:00 " + received(E7.data),
        received(E7.hex).replace(b"\r\n", b"\n"),
        received(E7.hex).rstrip(),
        received(E7.data).replace(b"\r\n", b"\n"),
        b"b'" + received(E7.hex).rstrip() + b"\\r\\n'\n",
        received("").replace(b"0000 ", b"0012 ").rstrip(b"\r\n")
        + b"\\x10\\x81\\x7bj\\x02\\x88\\x01\\x05\\xff\\x01r\\x01\\xe7\\x04\\x00\\x00\\x02c\\r\\n\n",
    ],
)
@pytest.mark.parametrize("around", [b"", b"OK\r\n"])
def test_received_frame_is_found_in_every_kind_of_capture(decode: Decode, line: bytes, around: bytes) -> None:
    ran = decode("--json", stdin=around + line + (around if line.endswith(b"\n") else b""))

    assert (ran.code, ran.err) == (0, "")
    frames = [shown for shown in ran.objects if "tid" in shown]
    assert [(frame["tid"], frame["properties"][0]["value"]) for frame in frames] == [("7B6A", 611)]
    assert list(frames[0]) == ["tid", "seoj", "deoj", "esv", "properties"]


def test_line_ends_inside_a_binary_payload_do_not_cut_it(decode: Decode) -> None:
    payload = bytes.fromhex("1081000102880105FF017202E7040D0A0D0AE8040D0A0A0D")

    for middle in ("1", "1 0", "CA 1 0"):
        ran = decode("--json", stdin=received(payload, middle=middle) + b"OK\r\n" + received(E7.data))
        assert (ran.code, ran.err) == (0, "")
        assert [entry["value"] for entry in ran.objects[0]["properties"]] == [
            0x0D0A0D0A,
            {"r": Decimal("333.8"), "t": Decimal("257.3")},
        ]
        assert ran.objects[1] == {"line": "OK", "text": ""}
        assert ran.objects[2]["properties"][0]["value"] == 611


def test_sent_frames_are_decoded(decode: Decode) -> None:
    request = BY_NAME["G27"]
    header = f"SKSENDTO 1 {METER} 0E1A 1 000E "
    dual = f"SKSENDTO 1 {METER} 0E1A 1 0 000E "
    capture = (
        f"> {header}{request.hex}\n> {dual}{request.hex}\n< {header}\r\n".encode()
        + dual.encode()
        + request.data
        + b"\r\nEVENT 21 "
        + METER.encode()
        + b" 0 00\r\nOK\r\n"
    )
    ran = decode("--json", stdin=capture)

    assert (ran.code, ran.err) == (0, "")
    assert [shown.get("esv", shown.get("line")) for shown in ran.objects] == [
        *("62", "62", "SKSENDTO", "62", "EVENT", "OK")
    ]


def test_damaged_datagram_is_told_and_the_next_line_survives(decode: Decode) -> None:
    lines = received(E7.hex).replace(b"0012", b"0013") + received(E7.hex)[:-6] + b"\r\n" + received(E7.hex)

    ran = decode("--json", stdin=lines)

    assert (ran.code, len(ran.objects)) == (1, 1)
    assert ran.err.count("the data of ERXUDP does not fit its length") == 2
    assert "standard input, line 1:" in ran.err
    assert "standard input, line 2:" in ran.err


def test_damaged_hex_does_not_swallow_the_next_line_though_its_length_would_fit(decode: Decode) -> None:
    line = received("").replace(b"0000 ", b"000A ABCD")

    ran = decode("--json", stdin=line + b"OK 1\r\nOK 2\r\n")

    assert (ran.code, ran.objects) == (1, [{"line": "OK", "text": "1"}, {"line": "OK", "text": "2"}])


def test_left_out_payload_does_not_swallow_the_next_line_though_its_length_would_fit(decode: Decode) -> None:
    line = received("").replace(b"0000 \r\n", b"0018 <24 bytes elided>\n")

    ran = decode("--json", stdin=b"< " + line + b"EVER 1\nOK 2\n")

    assert [shown["line"] for shown in ran.objects] == ["ERXUDP", "EVER", "OK"]


@pytest.mark.parametrize(
    "line",
    [
        received(E7.data, ports="02CC 02CC"),
        received(E7.hex, ports="02CC 02CC"),
        received(E7.hex, ports="0E1A 02CC"),
        f"SKSENDTO 1 {METER} 02CC 1 0 0012 {E7.hex}\n".encode(),
        f"SKSENDTO 2 {METER} 0E1A 1 0012 ".encode() + E7.data + b"\r\n",
    ],
)
def test_datagram_of_pana_is_never_looked_into(decode: Decode, line: bytes) -> None:
    ran = decode("--json", stdin=line)

    assert (ran.code, ran.err) == (0, "")
    assert (ran.objects[0]["content"], ran.objects[0]["length"]) == ("pana", 18)
    assert "tid" not in ran.objects[0]
    assert "PANA, 18 bytes (not shown" in decode(stdin=line).out


@pytest.mark.parametrize(
    ("line", "shown", "text"),
    [
        (
            f"EVENT 25 {METER}",
            {"line": "EVENT", "number": "25", "name": "joined", "address": METER, "side": None, "parameter": None},
            f"EVENT 25  authentication succeeded: the session is up  {METER}",
        ),
        (
            f"EVENT 21 {METER} 0 01",
            {"line": "EVENT", "number": "21", "name": "udp_sent", "address": METER, "side": 0, "parameter": "01"},
            f"EVENT 21  datagram sent: failed, no acknowledgement  {METER}",
        ),
        (
            f"EVENT 77 {METER}",
            {"line": "EVENT", "number": "77", "name": None, "address": METER, "side": None, "parameter": None},
            f"EVENT 77  unknown event  {METER}",
        ),
        ("OK 01", {"line": "OK", "text": "01"}, "OK 01  (the command was accepted)"),
        (
            "FAIL ER10",
            {"line": "FAIL", "code": 10, "text": ""},
            "FAIL ER10  accepted, but it could not be carried out",
        ),
        ("FAIL", {"line": "FAIL", "code": None, "text": ""}, "FAIL  the command was refused"),
        ("EVER 1.2.10", {"line": "EVER", "value": "1.2.10"}, "EVER 1.2.10  (firmware)"),
        ("EAPPVER rev26e", {"line": "EAPPVER", "value": "rev26e"}, "EAPPVER rev26e  (application firmware)"),
        (
            f"EINFO {MODEM} 001D129012345678 21 8888 FFFE",
            {
                "line": "EINFO",
                "address": MODEM,
                "mac": "001D129012345678",
                "channel": "21",
                "pan_id": "8888",
                "dialect": "single-stack",
            },
            f"EINFO  the modem: {MODEM}, MAC 001D129012345678, channel 21, PAN 8888, single-stack",
        ),
        ("ESREG 8888", {"line": "ESREG", "value": "8888"}, "ESREG 8888  (value of a register)"),
        (METER, {"line": "address", "value": METER}, f"{METER}  (answer of SKLL64)"),
        (f"EPONG {METER}", {"line": "EPONG", "value": METER}, f"EPONG {METER}  (echo reply)"),
        ("ETCP 3 1", {"line": "ETCP", "status": 3, "handle": 1, "address": None}, "ETCP  TCP connection 1: status 3"),
        (
            f"SKJOIN {METER}",
            {"line": "SKJOIN", "text": f"SKJOIN {METER}"},
            f"SKJOIN {METER}  (authenticate with a meter)",
        ),
        ("ROPT", {"line": "ROPT", "text": "ROPT"}, "ROPT  (read the form of received data)"),
    ],
)
def test_other_lines_are_explained(decode: Decode, line: str, shown: dict[str, Any], text: str) -> None:
    assert decode("--json", line).objects == [shown]
    assert decode(stdin=line + "\r\n").out == text + "\n"
    stamped = f"2026-01-15 07:00:00.123+09:00 DEBUG   hems_data_collector.link.modem: < {line}\n"
    assert decode(stdin=stamped).out.startswith(f"2026-01-15 07:00:00.123+09:00 < {text.partition('  (')[0]}")


SCAN = """\
EVENT 20 FE80:0000:0000:0000:021D:1291:0000:0574 0
EPANDESC
  Channel:33
  Channel Page:09
  Pan ID:12A4
  Addr:001C6400030C12A4
  LQI:CA
  Side:0
  PairID:AABBCCDD
EVENT 22 FE80:0000:0000:0000:021D:1291:0000:0574 0
"""


@pytest.mark.parametrize("front", ["", "< ", "2026-01-15 07:00:00 DEBUG a.b: < "])
def test_scan_result_is_one_thing_without_its_pair_id(decode: Decode, front: str) -> None:
    capture = "".join(f"{front}{line}\r\n" for line in SCAN.splitlines())

    ran = decode("--json", stdin=capture)

    assert [shown["line"] for shown in ran.objects] == ["EVENT", "EPANDESC", "EVENT"]
    assert ran.objects[1] == {
        "line": "EPANDESC",
        "channel": "33",
        "channel_page": "09",
        "pan_id": "12A4",
        "mac": "001C6400030C12A4",
        "lqi": 202,
        "rssi_dbm": Decimal("-48.720"),
        "side": 0,
    }
    assert (ran.code, ran.err) == (0, "")
    text = decode(stdin=capture).out
    assert "EPANDESC  a meter: channel 33, PAN 12A4, MAC 001C6400030C12A4, LQI 202 = -48.720 dBm\n" in text
    assert "AABBCCDD" not in ran.out + text


def test_scan_result_of_the_own_log_with_its_masked_pair_id(decode: Decode) -> None:
    ran = decode("--json", stdin=SCAN.replace("AABBCCDD", "****"))

    assert (ran.code, [shown["line"] for shown in ran.objects]) == (0, ["EVENT", "EPANDESC", "EVENT"])


def test_scan_result_that_is_not_whole_is_told(decode: Decode) -> None:
    ran = decode("--json", stdin="EPANDESC\r\n  Channel:33\r\nOK\r\n")

    assert (ran.code, ran.objects) == (1, [{"line": "OK", "text": ""}])
    assert "EPANDESC with a bad or missing" in ran.err


def test_tables_are_shown(decode: Decode) -> None:
    capture = f"EADDR\n{MODEM}\nOK\nENEIGHBOR\n{METER} 001C640000000001 FFFF\nOK\nEPORT\n3610\n716\n0\n0\n0\n0\nOK\n"
    capture += "EEDSCAN\n21 04 22 0A\nESEC\n0 secretkey\nOK\nENBR\nrow\nOK\nEHANDLE\n1 ::1 0001 0002\nOK\n"
    shown = {item["line"]: item for item in decode("--json", stdin=capture).objects}

    assert shown["EADDR"]["rows"] == [MODEM]
    assert shown["ENEIGHBOR"]["rows"] == [f"{METER} 001C640000000001 FFFF"]
    assert shown["EPORT"]["rows"] == ["UDP 3610", "UDP 716", *["UDP 0"] * 4]
    assert shown["EEDSCAN"]["levels"] == {"21": 4, "22": 10}
    assert shown["ESEC"]["rows"] == 1
    assert len(shown["ENBR"]["rows"]) == len(shown["EHANDLE"]["rows"]) == 1
    assert "secretkey" not in decode(stdin=capture).out


def test_talk_of_a_log_around_the_lines_is_passed_over(decode: Decode) -> None:
    capture = (
        "2026-01-15 07:00:00 INFO app: Collecting from /dev/ttyUSB0.\n"
        f"2026-01-15 07:00:01 DEBUG modem: EVENT 25 {METER}\n"
        "<6>hems_data_collector.link.wisun: Joined: all is OK -> reading now\n"
    )
    ran = decode("--json", stdin=capture)

    assert (ran.code, ran.err, [shown["line"] for shown in ran.objects]) == (0, "", ["EVENT"])


def test_own_debug_log_without_the_left_out_payload(decode: Decode) -> None:
    line = received("00" * 0x28, ports="02CC 02CC", middle="0").decode().replace("00" * 0x28, "<40 bytes elided>")

    ran = decode("--json", stdin=f"2026-01-15 07:00:00 DEBUG a.b: < {line}OK\n")

    assert (ran.code, ran.err) == (0, "")
    assert (ran.objects[0]["content"], ran.objects[0]["length"]) == ("pana", 40)


@pytest.mark.parametrize("json_flag", [(), ("--json",)])
def test_no_secret_is_printed(decode: Decode, json_flag: tuple[str, ...]) -> None:
    """A session as the modem prints it with echo, PANA payloads in both forms, and torn pieces of it all."""
    pana = b"\x00\x00\x00\x68\x80\x00SM" + ROUTE_B_ID.encode() + b"\r\n" + PASSWORD.encode() * 2 + b"\x10\x81\x00\x01"
    session = (
        f"> SKSETPWD C {PASSWORD}\r\n< SKSETPWD C {PASSWORD}\r\nOK\r\n> SKSETRBID {ROUTE_B_ID}\r\n"
        f"SKSETRBID {ROUTE_B_ID}\r\nOK\r\n> SKSREG S0A {ROUTE_B_ID[-8:]}\r\nESREG {ROUTE_B_ID[-8:]}\r\nOK\r\n"
        f"> {ROUTE_B_ID}\r\n{ROUTE_B_ID}\r\nBID {ROUTE_B_ID}\r\n PairID:{ROUTE_B_ID[-8:]}\r\n"
    ).encode()
    for payload in (pana, pana.hex().upper()):
        for middle in ("0", "0 0", "CA 0 0"):
            session += received(payload, ports="02CC 02CC", middle=middle)
            session += received(payload, ports="02CC 02CC", middle=middle).replace(b"003C ", b"003D ")
    session += f"> SKSENDTO 2 {METER} 02CC 0 {len(pana):04X} ".encode() + pana + b"\r\n"
    whole = decode(*json_flag, stdin=session)
    pieces = "".join(
        "".join(decode(*json_flag, stdin=session[start : start + 150])[1:]) for start in range(0, len(session), 41)
    )

    assert whole.code == 1
    for secret in (ROUTE_B_ID, PASSWORD, ROUTE_B_ID[-8:]):
        for form in (secret, secret.encode().hex(), secret.encode().hex().upper()):
            assert form not in whole.out + whole.err
            assert form not in pieces


@pytest.mark.parametrize("path", sorted(TRANSCRIPTS.glob("*.txt")), ids=lambda path: path.stem)
def test_golden_transcript_is_explained_without_its_secrets(decode: Decode, path: Path) -> None:
    for flags in ((), ("--json",)):
        ran = decode(*flags, str(path))
        shown = ran.out + ran.err
        assert "bug" not in ran.err
        assert ran.code in (0, 1)
        for line in shown.splitlines():
            if "EINFO" not in line and "FE80" not in line:
                assert not any(secret in line for secret in (ROUTE_B_ID, PASSWORD, *PAIR_IDS))


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("G06", ["SKINFO", "EINFO", "OK"]),
        ("G15", ["ROPT", "ROPT", "OK", "RUART", "RUART", "OK"]),
        ("G19", ["SKSCAN", "OK", "EVENT", "EPANDESC", "EVENT"]),
        ("G45", ["62", "SKSENDTO", "EVENT", "OK", "72"]),
        ("G50", ["72"]),
        ("G52", ["72"]),
        ("G61", ["62", "EVENT", "OK", "72"]),
        ("G69", ["SKDSLEEP", "OK", "EVENT"]),
        ("G81", ["EPANDESC"]),
    ],
)
def test_transcript_with_escapes_and_pieces(decode: Decode, name: str, lines: list[str]) -> None:
    ran = decode("--json", str(TRANSCRIPTS / f"{name}.txt"))

    assert (ran.code, ran.err) == (0, "")
    assert [shown.get("esv", shown.get("line")) for shown in ran.objects] == lines


# --- the reader of captures


def units_of(capture: bytes, sizes: Iterator[int]) -> list[Unit]:
    reader, at, units = CaptureReader(), 0, []
    while at < len(capture):
        size = next(sizes)
        units += reader.feed(capture[at : at + size])
        at += size
    return [*units, *reader.end()]


def test_chunks_do_not_matter() -> None:
    payload = bytes.fromhex("1081000102880105FF017202E7040D0A0D0AE8040D0A0A0D")
    capture = b"< OK\r\n" + received(payload) + b"# x\r\n" + received(E7.hex) + SCAN.encode() + received(E7.data)
    transcript = (TRANSCRIPTS / "G45.txt").read_bytes() + (TRANSCRIPTS / "G19.txt").read_bytes()
    rng = random.Random(1)

    for data in (capture, transcript):
        whole = units_of(data, iter([len(data)]))
        assert len(whole) > 5
        assert units_of(data, iter(lambda: 1, 0)) == whole
        assert units_of(data, iter(lambda: rng.randint(1, 40), 0)) == whole


def test_a_line_without_end_is_given_up() -> None:
    reader = CaptureReader()
    units = [unit for _ in range(20) for unit in reader.feed(b"x" * 10_000)]

    assert units
    assert "more than 65536 bytes" in getattr(units[0], "cause", "")
    assert sys.getsizeof(reader._buffer) < 200_000


def test_garbage_is_survived(decode: Decode) -> None:
    """Random bytes and mutated captures: every one ends with 0 or 1, and never with a bug."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    whole = b"".join(path.read_bytes() for path in sorted(TRANSCRIPTS.glob("*.txt")))
    raw = received(E7.data) + SCAN.encode() + received(E7.hex) + b"SKSENDTO 1 " + METER.encode() + b" 0E1A 1 000E "
    for _ in range(300):
        source = rng.choice((whole, raw * 3))
        start = rng.randrange(len(source))
        data = bytearray(source[start : start + 600])
        for _ in range(rng.randrange(1, 12)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        ran = decode(*rng.choice(((), ("--json",))), stdin=bytes(data) if rng.random() < 0.9 else rng.randbytes(200))
        assert ran.code in (0, 1)
        assert "bug" not in ran.err


def test_terminal_gets_the_same_words_in_style(decode: Decode, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = decode(UNIT_0_1, BY_NAME["G65"].hex).out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    styled = decode(UNIT_0_1, BY_NAME["G65"].hex).out

    assert re.sub(r"\x1b\[[0-9;]*m", "", styled) == plain
