"""The emulated meter on literal frames of echonet-lite-meter §13, its registers against an independent reckoning."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from hems_data_collector.emulator.house import EPOCH, house_of
from hems_data_collector.emulator.truth import truth_of
from unit.emulator.installed import Installed

NO_DATA = "FFFFFFFE"
SEVEN = datetime(2026, 1, 15, 7, 0)
NORMAL = {
    *(0x80, 0x81, 0x82, 0x88, 0x8A, 0x8D, 0x97, 0x98, 0x9D, 0x9E, 0x9F, 0xD7, 0xE0, 0xE1, 0xE2, 0xE5, 0xE7, 0xE8, 0xEA)
}


def raw_at(installed: Installed, moment: datetime, which: int = 0) -> int:
    """The register at `moment`, by exact fractions from the house's energy."""
    settings = installed.settings
    house = house_of(settings.seed, settings.export)
    energy_kwh = Fraction(house.energy_ws(int((moment - EPOCH).total_seconds()))[which], 3_600_000)
    unit = {0: 1, 1: Fraction(1, 10), 2: Fraction(1, 100), 3: Fraction(1, 1000), 4: Fraction(1, 10000)}
    unit |= {0x0A: 10, 0x0B: 100, 0x0C: 1000, 0x0D: 10000}
    return int(energy_kwh / unit[settings.unit] / (settings.coefficient or 1)) % 10**settings.digits


# --- what it says of itself -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("epc", "edt"),
    [
        (0x80, "30"),  # G11
        (0x81, "61"),  # G12
        (0x82, "00004600"),  # G13
        (0x88, "42"),  # G14
        (0x8A, "000016"),  # G15
        (0x8D, "413030423132333435360000"),  # G16
        (0x97, "0705"),
        (0x98, "07EA010F"),
        (0x9D, "03808188"),  # G22
        (0x9E, "0381E5ED"),  # G23
        (0x9F, "1941414160404000624300414040430202"),  # G24
        (0xD3, "00000001"),  # G19
        (0xD7, "06"),  # G20
        (0xE1, "01"),
        (0xE2, "00FF" + NO_DATA * 48),  # G66
        (0xE4, "00FF" + NO_DATA * 48),
        (0xE5, "FF"),  # G40
        (0xEC, "FFFFFFFFFFFF01FFFFFFFEFFFFFFFE"),  # G69
        (0xED, "FFFFFFFFFFFF01"),  # G69
    ],
)
def test_constants_and_never_set_selectors_of_the_default_meter(epc: int, edt: str) -> None:
    assert Installed().edt(epc) == edt


@pytest.mark.parametrize(
    ("query", "get_map", "set_map"),
    [
        ("release=R", "1D71414160404000624300414040434242", "0481E5EDEF"),  # §6.5
        ("export=0&history2=0&d3=none", None, "0281E5"),
        ("export=0&history2=0&d3=none&release=R", None, "0381E5EF"),
    ],
)
def test_maps_follow_the_features(query: str, get_map: str | None, set_map: str) -> None:
    installed = Installed(query)
    assert installed.edt(0x9E) == set_map
    if get_map is not None:
        assert installed.edt(0x9F) == get_map
    else:
        edt = bytes.fromhex(installed.edt(0x9F))
        members = {(bit + 8) << 4 | index for index, byte in enumerate(edt[1:]) for bit in range(8) if byte >> bit & 1}
        extra = {0xC0, 0xD0, 0xEE, 0xEF} if "release=R" in query else set()
        assert members == NORMAL | extra
        assert edt[0] == len(members)


@pytest.mark.parametrize("query", ["", "release=R", "wires=2", "export=0&history2=0&d3=none", "unit=0D&digits=1"])
def test_every_property_of_the_get_map_can_be_read_and_no_other(query: str) -> None:
    installed = Installed(query)
    edt = bytes.fromhex(installed.edt(0x9F))
    members = {(bit + 8) << 4 | index for index, byte in enumerate(edt[1:]) for bit in range(8) if byte >> bit & 1}
    for epc in range(0x80, 0x100):
        answer = installed.get(epc)
        expected = f"7201{epc:02X}" if epc in members else f"5201{epc:02X}00"
        assert answer.startswith(expected)
        assert (len(answer) > 8) == (epc in members)


@pytest.mark.parametrize(
    ("epc", "edt"),
    [  # echonet-lite-meter §7
        (0x80, "30"),
        (0x82, "010E0100"),
        (0x83, "FE000016001C6400000000010000000000"),
        (0x8A, "000016"),
        (0x9D, "0280D5"),
        (0x9E, "00"),
        (0x9F, "0B8082838A9D9E9FD3D4D6D7"),
        (0xD3, "000001"),
        (0xD4, "0002"),
        (0xD6, "01028801"),
        (0xD7, "010288"),
    ],
)
def test_the_node_profile(epc: int, edt: str) -> None:
    assert Installed().edt(epc, deoj="0EF001") == edt


def test_release_r_says_so_and_names_its_route_b_id() -> None:
    installed = Installed("release=R")
    assert installed.edt(0x82) == "00005200"
    assert installed.edt(0xC0) == "00000016" + "0000" + "41303042313233343536"
    assert installed.edt(0xEE) == "FFFFFFFFFFFF01FFFFFFFEFFFFFFFE"
    assert installed.edt(0xEF) == "FFFFFFFFFFFF01"


# --- frames (§2) ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_frame", "answer"),
    [
        # G04: INF_REQ D5; answer INF with the request's TID, to the sender's object
        ("1081000205FF010EF0016301D500", "108100020EF00105FF017301D50401028801"),
        ("1081000205FF010EF0016301E500", "108100020EF00105FF015301E500"),
        ("1081000305FF010EF0016201D600", "108100030EF00105FF017201D60401028801"),  # G05, G06
        # G07, G08
        (
            "1081000405FF01028801620482009D009E009F00",
            "1081000402880105FF0172048204000046009D04038081889E040381E5ED9F111941414160404000624300414040430202",
        ),
        ("1081000105FF010288016201830" + "0", "1081000102880105FF0152018300"),  # G25
        ("1081000105FF0102880162019C00", "1081000102880105FF0152019C00"),  # G26
        ("1081000B05FF010288016202D300E100", "1081000B02880105FF017202D30400000001E10101"),
        ("1081001105FF010288016101E50101", "1081001102880105FF017101E500"),  # G55, G56
        ("1081001205FF010288016101E50164", "1081001202880105FF015101E50164"),  # G57
        ("1081001305FF010288016101ED0707EA010F07000C", "1081001302880105FF017101ED00"),  # G58, G59
        ("1081001605FF010288016101EF0707EA010F07030A", "1081001602880105FF015101EF0707EA010F07030A"),  # G63
        ("1081000105FF01028800620180" + "00", "1081000102880105FF017201800130"),  # all instances: 01 answers
        ("1081000105FF010288016201E10100", "1081000102880105FF017201E10101"),  # a dummy byte is tolerated (§11)
        ("1081001105FF010288016001E50101", None),  # SetI: silence is consent
        ("1081001105FF010288016001E50164", "1081001102880105FF015001E50164"),
        ("1081002005FF010288016E01E5010101E200", None),  # G74: SetGet is not supported
        ("1081002005FF010288016301E100", None),  # INF_REQ to the meter object
        ("1081000105FF010287016201E700", None),  # an object that is not there
        ("1081000105FF010288026201E700", None),
        ("1081000105FF0102880162", None),
        ("1081000105FF0102880162" + "00", None),
        ("1081000105FF010288016202E700", None),  # cut
        ("1082000105FF010288016201E700", None),
        ("1081000105FF010EF0017301D5040105FF01", None),  # G03: our own announcement
        ("1081000105FF010288016207800088008A00D700E100E500E700", None),  # OPC 7 on release F
    ],
)
def test_answers(request_frame: str, answer: str | None) -> None:
    assert Installed().ask(request_frame) == answer


def test_a_meter_without_coefficient_answers_in_part() -> None:  # G48
    answer = Installed("d3=none").ask("1081000B05FF010288016202D300E100")
    assert answer == "1081000B02880105FF015202D300E10101"


def test_a_meter_without_history_2_refuses_it() -> None:  # G60, G62
    installed = Installed("history2=0")
    assert installed.set(0xED, "07EA010F07000C") == "5101ED0707EA010F07000C"
    answer = installed.ask("1081001505FF010288016102E50100ED0707EA010F070003")
    assert answer == "1081001502880105FF015102E500ED0707EA010F070003"
    assert installed.edt(0xE5) == "00"


@pytest.mark.parametrize(
    ("epc", "edt", "accepted"),
    [
        (0xE5, "00", True),
        (0xE5, "63", True),
        (0xE5, "64", False),
        (0xE5, "FF", False),
        (0xE5, "0001", False),
        (0xE5, "", False),
        (0xED, "07EA010F071E01", True),
        (0xED, "07EA010F07050C", False),
        (0xED, "07EA010F070000", False),
        (0xED, "07EA010F07000D", False),
        (0xED, "07EA0D0F07000C", False),
        (0xED, "FFFFFFFFFFFF01", False),
        (0xED, "07EA010F0700", False),
        (0xEF, "07EA010F07050A", True),
        (0xEF, "07EA010F07050B", False),
        (0x81, "0A", True),
        (0x81, "02", False),
        (0x81, "01" + "00" * 16, True),
        (0x98, "07EA0101", False),
        (0x97, "0000", False),
        (0xE7, "00000000", False),
    ],
)
def test_set_rules(epc: int, edt: str, accepted: bool) -> None:
    installed = Installed("release=R")
    answer = installed.set(epc, edt)
    assert answer == (f"7101{epc:02X}00" if accepted else f"5101{epc:02X}{len(edt) // 2:02X}{edt}")
    if accepted:
        assert installed.edt(epc) == edt


def test_a_release_r_meter_takes_seven_properties() -> None:
    answer = Installed("release=R").get(0x80, 0x88, 0x8A, 0xD7, 0xE1, 0xE5, 0x81)
    assert answer == "7207" + "800130" + "880142" + "8A03000016" + "D70106" + "E10101" + "E501FF" + "810161"


# --- registers (§5.3, §10.2) ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", ["00", "01", "02", "03", "04", "0A", "0B", "0C", "0D"])
@pytest.mark.parametrize("rest", ["", "&d3=3", "&d3=none&digits=8", "&digits=4"])
def test_registers_are_the_houses_energy_in_whole_counts(unit: str, rest: str) -> None:
    installed = Installed(f"unit={unit}{rest}")
    now = datetime(2026, 1, 15, 7, 5)
    assert int(installed.edt(0xE0), 16) == raw_at(installed, now)
    assert int(installed.edt(0xE3), 16) == raw_at(installed, now, 1)


def test_fixed_time_values_are_those_of_the_half_hour() -> None:
    installed = Installed("notify_delay=0")
    assert installed.edt(0xEA) == f"07EA010F070000{raw_at(installed, SEVEN):08X}"
    assert installed.edt(0xEB) == f"07EA010F070000{raw_at(installed, SEVEN, 1):08X}"


def test_a_new_half_hour_is_shown_after_its_delay() -> None:
    installed = Installed("notify_delay=120&start=2026-01-15T07:01:59")
    assert installed.edt(0xEA).startswith("07EA010F061E00")
    installed.meter.day_selector = 0
    assert installed.edt(0xE2)[4 + 14 * 8 :][:8] == NO_DATA
    installed.clock.at = 1.0
    assert installed.edt(0xEA).startswith("07EA010F070000")
    assert installed.edt(0xE2)[4 + 14 * 8 :][:8] == f"{raw_at(installed, SEVEN):08X}"


def test_the_delay_is_at_most_two_minutes_by_default_and_none_with_fast() -> None:
    meter = Installed().meter
    delays = [meter.notify_delay(SEVEN + number * timedelta(minutes=30)) for number in range(200)]
    assert timedelta() <= min(delays) < timedelta(seconds=10)
    assert timedelta(seconds=100) < max(delays) <= timedelta(seconds=120)
    assert Installed("fast=1").meter.notify_delay(SEVEN) == timedelta()


def test_a_day_of_history_ends_at_the_present() -> None:  # the form of G65
    installed = Installed()
    installed.set(0xE5, "00")
    edt = installed.edt(0xE2)
    assert edt[:4] == "0000"
    slots = [edt[4 + number * 8 : 12 + number * 8] for number in range(48)]
    midnight = datetime(2026, 1, 15)
    recorded = [f"{raw_at(installed, midnight + number * timedelta(minutes=30)):08X}" for number in range(15)]
    assert slots == recorded + [NO_DATA] * 33


@pytest.mark.parametrize("which", [0, 1])
def test_every_day_of_the_past_99_is_complete(which: int) -> None:
    installed = Installed()
    for day in (1, 2, 98, 99):
        installed.set(0xE5, f"{day:02X}")
        edt = installed.edt((0xE2, 0xE4)[which])
        start = datetime(2026, 1, 15) - timedelta(days=day)
        expected = [raw_at(installed, start + number * timedelta(minutes=30), which) for number in range(48)]
        assert edt == f"{day:04X}" + "".join(f"{raw:08X}" for raw in expected)


def test_the_meter_forgets_what_is_older_than_99_days() -> None:
    installed = Installed("speed=1000000")
    installed.clock.at = 10 * 86_400 / 1e6
    assert installed.edt(0x98) == "07EA0119"
    installed.set(0xE5, "63")
    assert NO_DATA not in installed.edt(0xE2)
    assert installed.meter.register_at(datetime(2026, 1, 25, 0, 0) - timedelta(days=99)) != (None, None)
    assert installed.meter.register_at(datetime(2026, 1, 24, 23, 30) - timedelta(days=99)) == (None, None)


def test_the_day_selector_is_relative_to_the_day_of_the_reading() -> None:  # §10.5
    installed = Installed("start=2026-01-15T23:59:59")
    installed.set(0xE5, "00")
    today = installed.edt(0xE2)
    installed.clock.at = 300.0
    tomorrow = installed.edt(0xE2)
    assert today[:4] == tomorrow[:4] == "0000"
    assert today.count(NO_DATA) == 0
    assert tomorrow.count(NO_DATA) == 47


def test_a_window_goes_back_by_half_hours() -> None:  # the form of G67
    installed = Installed()
    installed.set(0xED, "07EA010F070003")
    pairs = "".join(
        f"{raw_at(installed, at):08X}{raw_at(installed, at, 1):08X}"
        for at in (SEVEN, SEVEN - timedelta(minutes=30), SEVEN - timedelta(minutes=60))
    )
    assert installed.edt(0xEC) == "07EA010F070003" + pairs
    installed.set(0xED, "07EA010F08000C")
    late = installed.edt(0xEC)
    assert len(late) == 2 * 103  # G68
    assert late[14:46] == NO_DATA * 4
    assert NO_DATA not in late[46:]


def test_without_reverse_metering_a_window_has_no_reverse_values() -> None:
    installed = Installed("export=0")
    installed.set(0xED, "07EA010F070002")
    assert installed.edt(0xEC)[22:30] == NO_DATA
    assert installed.edt(0xEC)[38:46] == NO_DATA
    assert NO_DATA not in (installed.edt(0xEC)[14:22], installed.edt(0xEC)[30:38])


def test_minutes_of_a_release_r_meter() -> None:  # the forms of G70 to G72
    installed = Installed("release=R&digits=8&unit=03")
    at = datetime(2026, 1, 15, 7, 5)
    assert installed.edt(0xD0) == f"07EA010F070500{raw_at(installed, at):08X}{raw_at(installed, at, 1):08X}"
    installed.set(0xEF, "07EA010F070502")
    before = at - timedelta(minutes=1)
    assert installed.edt(0xEE) == "07EA010F070502" + "".join(
        f"{raw_at(installed, moment, which):08X}" for moment in (at, before) for which in (0, 1)
    )
    installed.set(0xEF, "07EA010F070701")
    assert installed.edt(0xEE)[14:] == NO_DATA * 2
    installed.set(0xEF, "07EA010F060301")
    assert installed.edt(0xEE)[14:] == NO_DATA * 2


# --- power, currents, truth -------------------------------------------------------------------------------------------


def test_power_and_currents_belong_together() -> None:
    """100 V between each conductor and neutral: W = 100 x (R + T), within the rounding to 0.1 A (§10.7)."""
    for hour in range(24):
        installed = Installed(f"start=2026-01-15T{hour:02d}:10:00")
        power = int.from_bytes(bytes.fromhex(installed.edt(0xE7)), "big", signed=True)
        currents = bytes.fromhex(installed.edt(0xE8))
        r, t = (int.from_bytes(part, "big", signed=True) for part in (currents[:2], currents[2:]))
        assert abs(power - 10 * (r + t)) < 20


def test_a_two_wire_meter_has_no_t_current() -> None:  # G32
    installed = Installed("wires=2")
    power = int(installed.edt(0xE7), 16)
    assert installed.edt(0xE8) == f"{power // 10:04X}7FFE"


def test_a_sunny_noon_feeds_in() -> None:
    installed = Installed("start=2026-01-15T12:00:00")
    assert installed.edt(0xE7) > "80000000"
    assert Installed("start=2026-01-15T12:00:00&export=0").edt(0xE7) < "80000000"


def test_truth_at_noon() -> None:
    installed = Installed("start=2026-01-15T12:00:30&notify_delay=0&wires=3")
    truth = truth_of(installed.meter)
    half, full = (raw_at(installed, datetime(2026, 1, 15, *at)) for at in ((11, 30), (12, 0)))
    live = installed.meter.live()
    assert truth == {
        "cumulative_power_kwh": Decimal(raw_at(installed, datetime(2026, 1, 15, 12, 0, 30))) / 10,
        "instant_power_w": live.power_w,
        "current_a": Decimal((live.current_r_da or 0) + (live.current_t_da or 0)) / 10,
        "current_r_a": Decimal(live.current_r_da or 0) / 10,
        "current_t_a": Decimal(live.current_t_da or 0) / 10,
        "historical_timestamp": "2026-01-15T03:00:00+00:00",
        "historical_cumulative_power_kwh": Decimal(full) / 10,
        "recent_30min_timestamp": "2026-01-15T03:00:00+00:00",
        "recent_30min_consumption_kwh": Decimal(full - half) / 10,
    }
    assert list(truth) == [
        *("cumulative_power_kwh", "instant_power_w", "current_a", "current_r_a", "current_t_a"),
        *("historical_timestamp", "historical_cumulative_power_kwh"),
        *("recent_30min_timestamp", "recent_30min_consumption_kwh"),
    ]


def test_truth_on_two_wires_and_with_coefficient() -> None:
    installed = Installed("wires=2&unit=0A&d3=3&export=0")
    truth = truth_of(installed.meter)
    assert truth["current_t_a"] is None
    assert truth["current_a"] == truth["current_r_a"]
    assert truth["cumulative_power_kwh"] == Decimal(raw_at(installed, datetime(2026, 1, 15, 7, 5)) * 30)
    assert "E" not in str(truth["cumulative_power_kwh"])


def test_an_answer_with_power_carries_its_truth() -> None:
    node = Installed().node
    assert node.answer(bytes.fromhex("1081000105FF010288016201E100")).truth is None  # type: ignore[union-attr]
    answer = node.answer(bytes.fromhex("1081000105FF010288016201E700"))
    assert answer is not None
    assert answer.truth is not None
    assert answer.truth["instant_power_w"] == int.from_bytes(answer.frame.properties[0].edt, "big", signed=True)


def test_a_meter_begins_anywhere_in_time() -> None:
    for start in ("1999-12-31T23:59:59", "2019-06-01T12:00:00", "2040-02-29T00:00:00", "8999-12-31T12:00:00"):
        installed = Installed(f"start={start}")
        assert installed.edt(0x98) == date.fromisoformat(start[:10]).strftime("%Y%m%d").replace(
            start[:4], f"{int(start[:4]):04X}", 1
        ).replace(start[5:7] + start[8:10], f"{int(start[5:7]):02X}{int(start[8:10]):02X}")
        assert int(installed.edt(0xE0), 16) < 10**6
        installed.set(0xE5, "63")
        assert NO_DATA not in installed.edt(0xE2)
