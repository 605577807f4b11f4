"""The golden frames of echonet-lite-meter §13 with the values that the document gives for them.

Every byte and every value stands there; nothing here was made by our own encoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from hems_data_collector.echonet import (
    Currents,
    DayHistory,
    EnergyUnit,
    Eoj,
    Esv,
    FaultStatus,
    FixedTimeEnergy,
    InstallationLocation,
    MinuteEnergy,
    NoValue,
    OperationStatus,
    PropertyMap,
    RouteBIdentification,
    StandardVersion,
    WindowHistory,
    WindowSelector,
)


@dataclass(frozen=True)
class Refused:
    """Bytes that come back in a refusal and are no value of their property."""

    hex: str


EMPTY = None
"""An entry with PDC 0."""


@dataclass(frozen=True)
class Golden:
    """One row of the table: the bytes, and what a decoder must read in them."""

    name: str
    hex: str
    tid: int
    seoj: Eoj
    deoj: Eoj
    esv: Esv
    properties: tuple[tuple[int, Any], ...]
    set_properties: tuple[tuple[int, Any], ...] = ()
    note: str = ""

    @property
    def data(self) -> bytes:
        return bytes.fromhex(self.hex)


NODE = Eoj(0x0E, 0xF0, 0x01)
METER = Eoj(0x02, 0x88, 0x01)
CONTROLLER = Eoj(0x05, 0xFF, 0x01)

RELEASE_F = StandardVersion(release="F", revision=0)

LOG_A_GET_MAP = bytes.fromhex("80 81 82 88 8A 8D 97 98 9D 9E 9F D3 D7 E0 E1 E2 E3 E4 E5 E7 E8 EA EB EC ED")
"""The 25 properties of log-A's 9F (echonet-lite-meter §6.5)."""


def mapping(*epcs: int) -> PropertyMap:
    return PropertyMap(epcs=frozenset(epcs), declared=len(epcs))


def amperes(r: str, t: str) -> Currents:
    return Currents(r_a=Decimal(r), t_a=Decimal(t))


_NONE = NoValue.NO_DATA

# fmt: off
G64_REGISTERS = (
    63334, 63336, 63338, 63340, 63341, 63343, 63344, 63346, 63348, 63350, 63351, 63353,
    63354, 63356, 63358, 63360, 63361, 63363, 63364, 63366, 63368, 63369, 63371, 63373,
    63374, 63376, 63378, 63379, 63381, 63382, 63384, 63386, 63388, 63389, 63391, 63392,
    63394, 63396, 63398, 63399, 63401, 63403, 63405, 63407, 63408, 63410, 63412, 63414,
)
G65_REGISTERS = (
    126000, 126003, 126006, 126009, 126012, _NONE, 126018, 126021, 126024, 126027, 126030, 126033, 126036, 126039, 126042,
    *(_NONE,) * 33,
)
G68_REGISTERS = (
    (126042, 40), (126039, 40), (126036, 40), (126033, 40), (126030, 40), (126027, 40),
    (126024, 40), (126021, 40), (126018, 40), (_NONE, _NONE), (126012, 40), (126009, 40),
)
G71_REGISTERS = (
    (12604300, 4000), (12604298, 4000), (12604296, 4000), (12604294, 4000), (12604292, 4000),
    (12604290, 4000), (12604288, 4000), (12604286, 4000), (12604284, 4000), (12604282, 4000),
)
# fmt: on

GOLDEN: tuple[Golden, ...] = (
    Golden(
        "G01",
        "108100000EF0010EF0017301D50401028801",
        0x0000,
        NODE,
        NODE,
        Esv.INF,
        ((0xD5, (METER,)),),
        note="meter after PANA, multicast to FF02::1. INF, D5: 1 instance, EOJ 0x028801. TID 0000 [log, several]",
    ),
    Golden(
        "G02",
        "10812EDA0EF0010EF0017301D50401028801",
        0x2EDA,
        NODE,
        NODE,
        Esv.INF,
        ((0xD5, (METER,)),),
        note="same with TID 2EDA (TID is not always 0) [log]",
    ),
    Golden(
        "G03",
        "108100010EF0010EF0017301D5040105FF01",
        0x0001,
        NODE,
        NODE,
        Esv.INF,
        ((0xD5, (CONTROLLER,)),),
        note="controller's own INF D5 on start-up: 1 instance, EOJ 0x05FF01 [composed]",
    ),
    Golden(
        "G04",
        "1081000205FF010EF0016301D500",
        0x0002,
        CONTROLLER,
        NODE,
        Esv.INF_REQ,
        ((0xD5, EMPTY),),
        note="controller asks the meter for its instance list: INF_REQ D5 to node profile; answer = INF D5 (G01 form) with TID 0002 [composed]",
    ),
    Golden(
        "G05",
        "1081000305FF010EF0016201D600",
        0x0003,
        CONTROLLER,
        NODE,
        Esv.GET,
        ((0xD6, EMPTY),),
        note="Get D6 (self-node instance list S) from node profile [composed]",
    ),
    Golden(
        "G06",
        "108100030EF00105FF017201D60401028801",
        0x0003,
        NODE,
        CONTROLLER,
        Esv.GET_RES,
        ((0xD6, (METER,)),),
        note="Get_Res D6: 1 instance 0x028801 [composed]",
    ),
    Golden(
        "G07",
        "1081000405FF01028801620482009D009E009F00",
        0x0004,
        CONTROLLER,
        METER,
        Esv.GET,
        (
            (0x82, EMPTY),
            (0x9D, EMPTY),
            (0x9E, EMPTY),
            (0x9F, EMPTY),
        ),
        note="AIF attribute acquisition step 1: Get 82 9D 9E 9F (OPC 4, 60 s timer) [composed]",
    ),
    Golden(
        "G08",
        "1081000402880105FF0172048204000046009D04038081889E040381E5ED9F111941414160404000624300414040430202",
        0x0004,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        (
            (0x82, RELEASE_F),
            (0x9D, mapping(0x80, 0x81, 0x88)),
            (0x9E, mapping(0x81, 0xE5, 0xED)),
            (0x9F, mapping(*LOG_A_GET_MAP)),
        ),
        note="Get_Res: release 'F' rev 0; anno {80,81,88}; set {81,E5,ED}; get = 25 properties (see G24) [composed from log values]",
    ),
    Golden(
        "G09",
        "1081000505FF0102880162068D00D300D700E100EA00EB00",
        0x0005,
        CONTROLLER,
        METER,
        Esv.GET,
        (
            (0x8D, EMPTY),
            (0xD3, EMPTY),
            (0xD7, EMPTY),
            (0xE1, EMPTY),
            (0xEA, EMPTY),
            (0xEB, EMPTY),
        ),
        note="AIF attribute acquisition step 2: Get 8D D3 D7 E1 EA EB (OPC 6 = AIF 1.01 maximum) [composed]",
    ),
    Golden(
        "G10",
        "1081000502880105FF0172068D0C413030423132333435360000D30400000001D70106E10101EA0B07EA010F0700000001EC5AEB0B07EA010F07000000000028",
        0x0005,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        (
            (0x8D, "A00B123456"),
            (0xD3, 1),
            (0xD7, 6),
            (0xE1, EnergyUnit(code=0x01, exponent=-1)),
            (0xEA, FixedTimeEnergy(at=datetime(2026, 1, 15, 7), raw=126042)),
            (0xEB, FixedTimeEnergy(at=datetime(2026, 1, 15, 7), raw=40)),
        ),
        note="Get_Res: serial 'A00B123456' + 2 NUL, D3=1, D7=6, E1=0.1 kWh, EA 2026-01-15 07:00:00 raw 126042 = 12604.2 kWh, EB same time raw 40 = 4.0 kWh [composed]",
    ),
    Golden(
        "G11",
        "1081000102880105FF017201800130",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0x80, OperationStatus.ON),),
        note="80 = 0x30 ON [log]",
    ),
    Golden(
        "G12",
        "1081000102880105FF017201810161",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0x81, InstallationLocation(code=0x61)),),
        note="81 = 0x61 = 0b0_1100_001: place 12 garden/perimeter, number 1 [log]",
    ),
    Golden(
        "G13",
        "1081000102880105FF017201820400004600",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0x82, RELEASE_F),),
        note="82: release 'F' (0x46), revision 0 [log]",
    ),
    Golden(
        "G14",
        "1081000102880105FF017201880142",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0x88, FaultStatus.NO_FAULT),),
        note="88 = 0x42 no fault [log]",
    ),
    Golden(
        "G15",
        "1081000102880105FF0172018A03000016",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0x8A, 0x000016),),
        note="8A = 0x000016 (Toshiba) [log]",
    ),
    Golden(
        "G16",
        "1081000102880105FF0172018D0C413030423132333435360000",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0x8D, "A00B123456"),),
        note="8D: 12 bytes, 10 ASCII characters padded with 2 NUL [log, serial replaced]",
    ),
    Golden(
        "G17",
        "1081000102880105FF01720197020E1A",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0x97, time(14, 26)),),
        note="97 = 14:26 [log]",
    ),
    Golden(
        "G18",
        "1081000102880105FF017201980407EA0514",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0x98, date(2026, 5, 20)),),
        note="98 = 2026-05-20 [log]",
    ),
    Golden(
        "G19",
        "1081232802880105FF017201D30400000001",
        0x2328,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0xD3, 1),),
        note="D3 = 1 [impl test, captured-looking]",
    ),
    Golden(
        "G20",
        "1081000102880105FF017201D70106",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0xD7, 6),),
        note="D7 = 6 digits [log]",
    ),
    Golden(
        "G21",
        "1081000102880105FF017201E0040000FE73",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0xE0, 65139),),
        note="E0 raw 65139 (×D3×E1; with E1=0x01 → 6513.9 kWh) [log]",
    ),
    Golden(
        "G22",
        "1081000102880105FF0172019D0403808188",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0x9D, mapping(0x80, 0x81, 0x88)),),
        note="9D: list form, 3 → {80,81,88} [log]",
    ),
    Golden(
        "G23",
        "1081000102880105FF0172019E040381E5ED",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0x9E, mapping(0x81, 0xE5, 0xED)),),
        note="9E: list form, 3 → {81,E5,ED} [log]",
    ),
    Golden(
        "G24",
        "1081000102880105FF0172019F111941414160404000624300414040430202",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0x9F, mapping(*LOG_A_GET_MAP)),),
        note="9F: bitmap form, 25 → {80 81 82 88 8A 8D 97 98 9D 9E 9F D3 D7 E0 E1 E2 E3 E4 E5 E7 E8 EA EB EC ED} [log]",
    ),
    Golden(
        "G25",
        "1081000102880105FF0152018300",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_SNA,
        ((0x83, EMPTY),),
        note="Get_SNA: 83 not implemented (PDC 0) [log]",
    ),
    Golden(
        "G26",
        "1081000102880105FF0152019C00",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_SNA,
        ((0x9C, EMPTY),),
        note="Get_SNA: 9C not implemented (PDC 0) [log]",
    ),
    Golden(
        "G27",
        "10817B6A05FF010288016201E700",
        0x7B6A,
        CONTROLLER,
        METER,
        Esv.GET,
        ((0xE7, EMPTY),),
        note="Get E7 request, TID 7B6A [log]",
    ),
    Golden(
        "G28",
        "10817B6A02880105FF017201E70400000263",
        0x7B6A,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0xE7, 611),),
        note="answer: E7 = 611 W [log]",
    ),
    Golden(
        "G29",
        "1081525302880105FF017201E704000000E4",
        0x5253,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0xE7, 228),),
        note="E7 = 228 W, TID 5253 [log]",
    ),
    Golden(
        "G30",
        "1081000302880105FF017201E704FFFFF856",
        0x0003,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0xE7, -1962),),
        note="E7 = −1962 W (exporting) [impl test]",
    ),
    Golden(
        "G31",
        "1081000102880105FF017201E804001E0032",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0xE8, amperes("3.0", "5.0")),),
        note="E8: R 3.0 A, T 5.0 A [log]",
    ),
    Golden(
        "G32",
        "1081000102880105FF017201E80400147FFE",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0xE8, Currents(r_a=Decimal("2.0"), t_a=NoValue.NO_DATA)),),
        note="E8: R 2.0 A, T 0x7FFE → no T phase (single-phase two-wire meter) [composed from log value]",
    ),
    Golden(
        "G33",
        "1081000102880105FF017201E80480017FFD",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0xE8, amperes("-3276.7", "3276.5")),),
        note="E8 extremes: R −3276.7 A, T +3276.5 A (both valid) [impl test]",
    ),
    Golden(
        "G34",
        "1081000602880105FF017202E7047FFFFFFEE8047FFE7FFE",
        0x0006,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        (
            (0xE7, NoValue.NO_DATA),
            (0xE8, Currents(r_a=NoValue.NO_DATA, t_a=NoValue.NO_DATA)),
        ),
        note="E7 no data, E8 R and T no data [composed]",
    ),
    Golden(
        "G35",
        "1081000702880105FF017202E70480000000E8047FFF8000",
        0x0007,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        (
            (0xE7, NoValue.UNDERFLOW),
            (0xE8, Currents(r_a=NoValue.OVERFLOW, t_a=NoValue.UNDERFLOW)),
        ),
        note="E7 underflow; E8 R overflow, T underflow [composed]",
    ),
    Golden(
        "G36",
        "1081000102880105FF017201EA0B07EA05140E00000000FE68",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0xEA, FixedTimeEnergy(at=datetime(2026, 5, 20, 14), raw=65128)),),
        note="EA: 2026-05-20 14:00:00, raw 65128 [log]",
    ),
    Golden(
        "G37",
        "1081000102880105FF017201EB0B07EA0518161E0000000016",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0xEB, FixedTimeEnergy(at=datetime(2026, 5, 24, 22, 30), raw=22)),),
        note="EB: 2026-05-24 22:30:00, raw 22 [log]",
    ),
    Golden(
        "G38",
        "1081000102880105FF017201EA0B270F0C01173B1E05F5E0FF",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0xEA, FixedTimeEnergy(at=datetime(9999, 12, 1, 23, 59, 30), raw=99_999_999)),),
        note="EA upper bounds: 9999-12-01 23:59:30, raw 99999999 [impl test]",
    ),
    Golden(
        "G39",
        "1081000102880105FF017201E50163",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0xE5, 99),),
        note="E5 = 99 [impl test]",
    ),
    Golden(
        "G40",
        "1081000802880105FF017201E501FF",
        0x0008,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0xE5, NoValue.NEVER_SET),),
        note="E5 = 0xFF: never set (default) [composed from log value]",
    ),
    Golden(
        "G41",
        "1081000902880105FF017202E004FFFFFFFEE304FFFFFFFE",
        0x0009,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        (
            (0xE0, NoValue.NO_DATA),
            (0xE3, NoValue.NO_DATA),
        ),
        note="E0 and E3 no data [composed]",
    ),
    Golden(
        "G42",
        "1081100202880105FF017202E7040000029CE80400280028",
        0x1002,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        (
            (0xE7, 668),
            (0xE8, amperes("4.0", "4.0")),
        ),
        note="OPC 2: E7 = 668 W, E8 R 4.0 A / T 4.0 A [impl test]",
    ),
    Golden(
        "G43",
        "1081000102880105FF017203E7040000055EE80400000082E00400052155",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        (
            (0xE7, 1374),
            (0xE8, amperes("0.0", "13.0")),
            (0xE0, 336213),
        ),
        note="OPC 3: E7 = 1374 W, E8 R 0.0 A / T 13.0 A, E0 raw 336213 [log]",
    ),
    Golden(
        "G44",
        "1081020002880105FF017203E704000003A1E80400460028E0040000B9D7",
        0x0200,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        (
            (0xE7, 929),
            (0xE8, amperes("7.0", "4.0")),
            (0xE0, 47575),
        ),
        note="OPC 3: E7 = 929 W, E8 R 7.0 A / T 4.0 A, E0 raw 47575 (4757.5 kWh at 0.1). The log's own program printed R = 4.0: it had swapped the phases; R is first on the wire [log]",
    ),
    Golden(
        "G45",
        "1081000102880105FF017203E70400000034E00400002EF1E304000059B6",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        (
            (0xE7, 52),
            (0xE0, 12017),
            (0xE3, 22966),
        ),
        note="OPC 3: E7 = 52 W, E0 raw 12017, E3 raw 22966 (1201.7 / 2296.6 kWh at 0.1) [impl test]",
    ),
    Golden(
        "G46",
        "108106E102880105FF017206800130880142E70400000698E80400A00028E0040004F3FDE3040000000B",
        0x06E1,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        (
            (0x80, OperationStatus.ON),
            (0x88, FaultStatus.NO_FAULT),
            (0xE7, 1688),
            (0xE8, amperes("16.0", "4.0")),
            (0xE0, 324605),
            (0xE3, 11),
        ),
        note="OPC 6: 80 ON, 88 no fault, E7 = 1688 W, E8 R 16.0 A / T 4.0 A, E0 raw 324605, E3 raw 11 [impl test, captured-looking]",
    ),
    Golden(
        "G47",
        "1081000A02880105FF015204E704000003A1E80400460028E0040000B9D7E300",
        0x000A,
        METER,
        CONTROLLER,
        Esv.GET_SNA,
        (
            (0xE7, 929),
            (0xE8, amperes("7.0", "4.0")),
            (0xE0, 47575),
            (0xE3, EMPTY),
        ),
        note="partial Get_SNA: E7, E8, E0 valid; E3 not supported. The three values are usable [composed]",
    ),
    Golden(
        "G48",
        "1081000B02880105FF015202D300E10101",
        0x000B,
        METER,
        CONTROLLER,
        Esv.GET_SNA,
        (
            (0xD3, EMPTY),
            (0xE1, EnergyUnit(code=0x01, exponent=-1)),
        ),
        note="partial Get_SNA: D3 absent (→ coefficient 1), E1 = 0.1 kWh [composed]",
    ),
    Golden(
        "G49",
        "1081A00102880105FF017302EA0B07E606150F1E0000016CA7EB0B07E606150F1E0000000005",
        0xA001,
        METER,
        CONTROLLER,
        Esv.INF,
        (
            (0xEA, FixedTimeEnergy(at=datetime(2022, 6, 21, 15, 30), raw=93351)),
            (0xEB, FixedTimeEnergy(at=datetime(2022, 6, 21, 15, 30), raw=5)),
        ),
        note="INF: EA 2022-06-21 15:30:00 raw 93351, EB raw 5; TID A001 [impl test, captured-looking]",
    ),
    Golden(
        "G50",
        "1081000102880105FF017302EA0B07E70C13001E000000458EEB0B07E70C13001E0000000015",
        0x0001,
        METER,
        CONTROLLER,
        Esv.INF,
        (
            (0xEA, FixedTimeEnergy(at=datetime(2023, 12, 19, 0, 30), raw=17806)),
            (0xEB, FixedTimeEnergy(at=datetime(2023, 12, 19, 0, 30), raw=21)),
        ),
        note="INF, sent unicast to the controller: EA 2023-12-19 00:30:00 raw 17806, EB raw 21; TID 0001 [log]",
    ),
    Golden(
        "G51",
        "1081000102880105FF017301EA0B07EA010F0700000001EC5A",
        0x0001,
        METER,
        CONTROLLER,
        Esv.INF,
        ((0xEA, FixedTimeEnergy(at=datetime(2026, 1, 15, 7), raw=126042)),),
        note="INF with EA only (OPC 1), as sent by a meter without reverse metering [composed after an article's field table]",
    ),
    Golden(
        "G52",
        "1081029F02880105FF017402EA0B07E501121200000000FBD2EB0B07E5011212000000000009",
        0x029F,
        METER,
        CONTROLLER,
        Esv.INFC,
        (
            (0xEA, FixedTimeEnergy(at=datetime(2021, 1, 18, 18), raw=64466)),
            (0xEB, FixedTimeEnergy(at=datetime(2021, 1, 18, 18), raw=9)),
        ),
        note="INFC (answer required): EA 2021-01-18 18:00:00 raw 64466, EB raw 9 [impl test, captured-looking]",
    ),
    Golden(
        "G53",
        "1081029F05FF010288017A02EA00EB00",
        0x029F,
        CONTROLLER,
        METER,
        Esv.INFC_RES,
        (
            (0xEA, EMPTY),
            (0xEB, EMPTY),
        ),
        note="the INFC_Res owed for it: same TID, EOJs swapped, same EPCs in order, PDC 0 [impl test (3 implementations agree)]",
    ),
    Golden(
        "G54",
        "1081001002880105FF017301880141",
        0x0010,
        METER,
        CONTROLLER,
        Esv.INF,
        ((0x88, FaultStatus.FAULT),),
        note="INF: 88 = 0x41 fault occurred (status-change announcement) [composed]",
    ),
    Golden(
        "G55",
        "1081001105FF010288016101E50101",
        0x0011,
        CONTROLLER,
        METER,
        Esv.SET_C,
        ((0xE5, 1),),
        note="SetC E5 = 1 (yesterday) [composed]",
    ),
    Golden(
        "G56",
        "1081001102880105FF017101E500",
        0x0011,
        METER,
        CONTROLLER,
        Esv.SET_RES,
        ((0xE5, EMPTY),),
        note="Set_Res: accepted, PDC 0 [composed]",
    ),
    Golden(
        "G57",
        "1081001202880105FF015101E50164",
        0x0012,
        METER,
        CONTROLLER,
        Esv.SET_C_SNA,
        ((0xE5, Refused(hex="64")),),
        note="SetC_SNA to E5 = 100: rejected, the value is echoed [composed]",
    ),
    Golden(
        "G58",
        "1081001305FF010288016101ED0707EA010F07000C",
        0x0013,
        CONTROLLER,
        METER,
        Esv.SET_C,
        ((0xED, WindowSelector(newest=datetime(2026, 1, 15, 7), count=12)),),
        note="SetC ED = 2026-01-15 07:00, 12 segments [composed]",
    ),
    Golden(
        "G59",
        "1081001302880105FF017101ED00",
        0x0013,
        METER,
        CONTROLLER,
        Esv.SET_RES,
        ((0xED, EMPTY),),
        note="Set_Res [composed]",
    ),
    Golden(
        "G60",
        "1081001402880105FF015101ED0707EA010F07000C",
        0x0014,
        METER,
        CONTROLLER,
        Esv.SET_C_SNA,
        ((0xED, WindowSelector(newest=datetime(2026, 1, 15, 7), count=12)),),
        note="SetC_SNA: ED not supported (e.g. a meter without history 2); the 7 bytes are echoed [composed]",
    ),
    Golden(
        "G61",
        "1081001505FF010288016102E50100ED0707EA010F070003",
        0x0015,
        CONTROLLER,
        METER,
        Esv.SET_C,
        (
            (0xE5, 0),
            (0xED, WindowSelector(newest=datetime(2026, 1, 15, 7), count=3)),
        ),
        note="SetC of two properties [composed]",
    ),
    Golden(
        "G62",
        "1081001502880105FF015102E500ED0707EA010F070003",
        0x0015,
        METER,
        CONTROLLER,
        Esv.SET_C_SNA,
        (
            (0xE5, EMPTY),
            (0xED, WindowSelector(newest=datetime(2026, 1, 15, 7), count=3)),
        ),
        note="partial SetC_SNA: E5 accepted (PDC 0), ED rejected (echoed) [composed]",
    ),
    Golden(
        "G63",
        "1081001605FF010288016101EF0707EA010F07030A",
        0x0016,
        CONTROLLER,
        METER,
        Esv.SET_C,
        ((0xEF, WindowSelector(newest=datetime(2026, 1, 15, 7, 3), count=10)),),
        note="SetC EF = 2026-01-15 07:03, 10 segments (Release R meters) [composed]",
    ),
    Golden(
        "G64",
        "1081000102880105FF017201E2C2000B0000F7660000F7680000F76A0000F76C0000F76D0000F76F0000F7700000F7720000F7740000F7760000F7770000F7790000F77A0000F77C0000F77E0000F7800000F7810000F7830000F7840000F7860000F7880000F7890000F78B0000F78D0000F78E0000F7900000F7920000F7930000F7950000F7960000F7980000F79A0000F79C0000F79D0000F79F0000F7A00000F7A20000F7A40000F7A60000F7A70000F7A90000F7AB0000F7AD0000F7AF0000F7B00000F7B20000F7B40000F7B6",
        0x0001,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0xE2, DayHistory(day=11, registers=G64_REGISTERS)),),
        note="complete E2, day 11: 48 readings, slot 0 = 63334 … slot 47 = 63414 (list below) [log]",
    ),
    Golden(
        "G65",
        "1081001702880105FF017201E2C200000001EC300001EC330001EC360001EC390001EC3CFFFFFFFE0001EC420001EC450001EC480001EC4B0001EC4E0001EC510001EC540001EC570001EC5AFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFE",
        0x0017,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0xE2, DayHistory(day=0, registers=G65_REGISTERS)),),
        note="E2 day 0 read at 07:05: slots 0–14 = 126000, 126003 … 126042 (step 3) except slot 5 (02:30) no data; slots 15–47 no data [composed]",
    ),
    Golden(
        "G66",
        "1081001802880105FF017201E2C200FFFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFEFFFFFFFE",
        0x0018,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0xE2, DayHistory(day=NoValue.NEVER_SET, registers=(NoValue.NO_DATA,) * 48)),),
        note="E2 when E5 has never been set: day field 0x00FF, all 48 no data [composed from log value]",
    ),
    Golden(
        "G67",
        "1081001902880105FF017201EC1F07EA010F0700030001EC5A000000280001EC57000000280001EC5400000028",
        0x0019,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0xEC, WindowHistory(newest=datetime(2026, 1, 15, 7), registers=((126042, 40), (126039, 40), (126036, 40)))),),
        note="EC: from 2026-01-15 07:00 backwards, 3 segments: 07:00 (126042, 40), 06:30 (126039, 40), 06:00 (126036, 40) [composed]",
    ),
    Golden(
        "G68",
        "1081001A02880105FF017201EC6707EA010F07000C0001EC5A000000280001EC57000000280001EC54000000280001EC51000000280001EC4E000000280001EC4B000000280001EC48000000280001EC45000000280001EC4200000028FFFFFFFEFFFFFFFE0001EC3C000000280001EC3900000028",
        0x001A,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0xEC, WindowHistory(newest=datetime(2026, 1, 15, 7), registers=G68_REGISTERS)),),
        note="EC: 12 segments (PDC 0x67 = 103): 126042 − 3·i going back 30 min each, reverse 40, except segment 9 (02:30) no data in both [composed]",
    ),
    Golden(
        "G69",
        "1081001B02880105FF017202ED07FFFFFFFFFFFF01EC0FFFFFFFFFFFFF01FFFFFFFEFFFFFFFE",
        0x001B,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        (
            (0xED, WindowSelector(newest=NoValue.NEVER_SET, count=1)),
            (0xEC, WindowHistory(newest=NoValue.NEVER_SET, registers=((NoValue.NO_DATA, NoValue.NO_DATA),))),
        ),
        note="ED and EC before ED was ever set: date all FF, 1 segment, both no data [composed from log values]",
    ),
    Golden(
        "G70",
        "1081001C02880105FF017201EE1F07EA010F07030300C0538C00000FA000C0538A00000FA000C0538800000FA0",
        0x001C,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        (
            (
                0xEE,
                WindowHistory(
                    newest=datetime(2026, 1, 15, 7, 3), registers=((12604300, 4000), (12604298, 4000), (12604296, 4000))
                ),
            ),
        ),
        note="EE: from 2026-01-15 07:03 backwards, 3 one-minute segments: 12604300, 12604298, 12604296 (reverse 4000 each); with E1 = 0x03 → 12604.300 … kWh [composed]",
    ),
    Golden(
        "G71",
        "1081001D02880105FF017201EE5707EA010F07030A00C0538C00000FA000C0538A00000FA000C0538800000FA000C0538600000FA000C0538400000FA000C0538200000FA000C0538000000FA000C0537E00000FA000C0537C00000FA000C0537A00000FA0",
        0x001D,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0xEE, WindowHistory(newest=datetime(2026, 1, 15, 7, 3), registers=G71_REGISTERS)),),
        note="EE: 10 segments (PDC 0x57 = 87), 12604300 − 2·i, reverse 4000 [composed]",
    ),
    Golden(
        "G72",
        "1081001E02880105FF017201D00F07EA010F07030000C0538C00000FA0",
        0x001E,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0xD0, MinuteEnergy(at=datetime(2026, 1, 15, 7, 3), import_raw=12604300, export_raw=4000)),),
        note="D0: 2026-01-15 07:03:00, normal 12604300, reverse 4000 [composed]",
    ),
    Golden(
        "G73",
        "1081001F02880105FF017201C01000000016000000000000000012345678",
        0x001F,
        METER,
        CONTROLLER,
        Esv.GET_RES,
        ((0xC0, RouteBIdentification(maker=0x000016, free=bytes.fromhex("000000000000000012345678"))),),
        note="C0: 0x00, manufacturer 0x000016, free area 00…12345678 (12 bytes) [composed]",
    ),
    Golden(
        "G74",
        "1081002005FF010288016E01E5010101E200",
        0x0020,
        CONTROLLER,
        METER,
        Esv.SET_GET,
        ((0xE2, EMPTY),),
        set_properties=((0xE5, 1),),
        note="SetGet: set E5 = 1 and get E2 in one frame (meters may not support SetGet, §2.4) [composed]",
    ),
    Golden(
        "G75",
        "1081002002880105FF015E01E5010101E200",
        0x0020,
        METER,
        CONTROLLER,
        Esv.SET_GET_SNA,
        ((0xE2, EMPTY),),
        set_properties=((0xE5, 1),),
        note="SetGet_SNA: E5 rejected (echoed), E2 not returned [composed]",
    ),
    Golden(
        "G76",
        "1081002102880105FF017E01E50001E50101",
        0x0021,
        METER,
        CONTROLLER,
        Esv.SET_GET_RES,
        ((0xE5, 1),),
        set_properties=((0xE5, EMPTY),),
        note="SetGet_Res: E5 accepted, E5 read back = 1 [composed]",
    ),
    Golden(
        "G77",
        "1081002205FF01028801620398009700E200",
        0x0022,
        CONTROLLER,
        METER,
        Esv.GET,
        (
            (0x98, EMPTY),
            (0x97, EMPTY),
            (0xE2, EMPTY),
        ),
        note="Get 98, 97 and E2 in one frame: dates the history by the meter's own clock (§10.5) [composed]",
    ),
)

BY_NAME = {golden.name: golden for golden in GOLDEN}

B1_OPC_0 = bytes.fromhex("1081000102880105FF015200")
"""Parses, and has no properties."""
B2_CUT_AFTER_EPC = bytes.fromhex("1081000102880105FF017201E0")
B3_CUT_EDT = bytes.fromhex("1081000102880105FF017201E0040000FE")
B4_TRAILING_BYTE = bytes.fromhex("1081000102880105FF017201E0040000FE7300")
B5_FORMAT_2 = bytes.fromhex("1082000102880105FF017201E0040000FE73")
B6_WRONG_EHD1 = bytes.fromhex("2081000102880105FF017201E0040000FE73")
B7_LAST_ENTRY_EMPTY = bytes.fromhex(
    "10810FA502880105FF017207800130880142E7040000016EE804001E000AE0040004F3C1E3040000000BFF00"
)
"""Six usable values and an empty entry FF."""
B8_UNIT_OF_4_BYTES = bytes.fromhex("1081000102880105FF017201E10400000001")
"""The frame is good, the value of E1 is not."""
B9_UNDEFINED_UNIT = bytes.fromhex("1081000102880105FF017201E10105")
"""The frame is good, code 05 is undefined."""
