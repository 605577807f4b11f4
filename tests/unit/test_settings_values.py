"""Texts to values, and what is said about the bad ones."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hems_data_collector import settings_values as values
from hems_data_collector.errors import ConfigError


@pytest.mark.parametrize(
    "text",
    [
        "/dev/ttyUSB0",
        "/dev/serial/by-path/pci-0000:00:14.0-usb-0:1:1.0-port0",
        "./pty",
        "COM3",
        "C:\\port",
        "ttyUSB0",
        "socket://192.168.0.10:3333",
        "socket://[fe80::1]:3333",
        "rfc2217://host:2217",
        "emulator:",
        "emulator:?module=bp35c2",
        "wifi:",
        "wifi:wlan0?meter=A00B123456",
    ],
)
def test_ports_that_are_fine(text: str) -> None:
    assert values.port(text) == text


def test_the_scheme_is_read_whatever_its_case() -> None:
    assert values.port("SOCKET://Host:1") == "socket://Host:1"
    assert values.port("Emulator:?fast=1") == "emulator:?fast=1"


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("sokcet://h:1", 'The scheme "sokcet:" of the port is not known.', 'Did you mean "socket"?'),
        ("emulatr:", 'The scheme "emulatr:" of the port is not known.', 'Did you mean "emulator"?'),
        ("zzzz://h:1", 'The scheme "zzzz:" of the port is not known.', "Possible are: socket"),
        ("emulator", '"emulator" alone is no port.', 'Write "emulator:"'),
        ("wifi", '"wifi" alone is no port.', 'Write "emulator:" for the built-in emulator, "wifi:"'),
        ("wi-fi:", 'The scheme "wi-fi:" of the port is not known.', 'Did you mean "wifi"?'),
        ("WiFi://wlan0", '"WiFi://wlan0" is no Wi-Fi port.', 'Write "wifi:wlan0".'),
        ("socket", '"socket" alone is no port.', "socket://host:port"),
        ("socket://host", "no valid port number", "socket://host:port"),
        ("socket://:3333", "no host", "socket://host:port"),
        ("socket:3333", "no host", "socket://host:port"),
        ("socket://host:99999", "no valid port number", "socket://host:port"),
        ("rfc2217://host:x", "no valid port number", "rfc2217://host:port"),
        ("socket://[fe80::1:3333", "no host", "socket://host:port"),
    ],
)
def test_ports_that_are_not(text: str, what: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        values.port(text)
    assert what in caught.value.what
    assert remedy in caught.value.remedy


def test_esphome_asks_for_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "find_spec", lambda name: None)
    with pytest.raises(ConfigError) as caught:
        values.port("esphome://host")
    assert caught.value.remedy == "Run: pip install 'hems-data-collector[esphome]'"
    monkeypatch.setattr(values, "find_spec", lambda name: object())
    assert values.port("esphome://host") == "esphome://host"


@pytest.mark.parametrize(
    ("text", "expected"), [("21", 0x21), ("0x21", 0x21), ("3c", 0x3C), ("0X3C", 0x3C), ("33", 0x33)]
)
def test_channels_are_hexadecimal(text: str, expected: int) -> None:
    assert values.meter_channel(text) == expected


@pytest.mark.parametrize("text", ["20", "3D", "0", "", "0x", "x21", "2l", "021", "-21", "2 1", "３３"])
def test_channels_outside_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="outside 21 to 3C"):
        values.meter_channel(text)


@pytest.mark.parametrize(("text", "expected"), [("0000", 0), ("FFFF", 0xFFFF), ("0x12a4", 0x12A4), ("1", 1)])
def test_pan_ids(text: str, expected: int) -> None:
    assert values.meter_pan_id(text) == expected


@pytest.mark.parametrize("text", ["10000", "", "0x", "g", "-1", "12 4"])
def test_pan_ids_that_are_none(text: str) -> None:
    with pytest.raises(ConfigError, match="four hexadecimal digits"):
        values.meter_pan_id(text)


@given(address=st.ip_addresses(v=6), spelling=st.sampled_from(["compressed", "exploded"]), upper=st.booleans())
def test_any_spelling_of_an_address_is_the_modems_own(address: object, spelling: str, upper: bool) -> None:
    text = getattr(address, spelling)
    full = values.meter_ipv6(text.upper() if upper else text)
    assert len(full) == 39
    assert full == full.upper()
    assert bytes.fromhex(full.replace(":", "")) == address.packed  # type: ignore[attr-defined]


def test_an_embedded_ipv4_address_is_written_in_hex() -> None:
    assert values.meter_ipv6("::ffff:1.2.3.4") == "0000:0000:0000:0000:0000:FFFF:0102:0304"


def test_a_zone_index_is_left_out() -> None:
    assert values.meter_ipv6("fe80::1%wpan0") == "FE80:0000:0000:0000:0000:0000:0000:0001"


def test_a_mac_address_is_recognised() -> None:
    with pytest.raises(ConfigError, match="MAC address"):
        values.meter_ipv6("001D129012345678")
    with pytest.raises(ConfigError, match="cut or misspelt"):
        values.meter_ipv6("192.168.0.1")


@pytest.mark.parametrize("rate", values.BAUDRATES)
def test_known_speeds(rate: int) -> None:
    assert values.baudrate(str(rate)) == rate


@pytest.mark.parametrize("text", ["0", "-9600", "115201", "", "fast", "1e5", "９６００", "9" * 5000])
def test_other_speeds_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="no speed"):
        values.baudrate(text)


def test_a_speed_with_a_slip_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match='Did you mean "115200"'):
        values.baudrate("11520")


@pytest.mark.parametrize(("text", "expected"), [("1", 1), ("300", 300), ("86400", 86400), ("007", 7)])
def test_intervals(text: str, expected: int) -> None:
    assert values.seconds(text) == expected


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "", "5m", "１", "9" * 5000])
def test_intervals_that_are_none(text: str) -> None:
    with pytest.raises(ConfigError, match="whole number of seconds"):
        values.seconds(text)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("Asia/Tokio", 'Did you mean "Asia/Tokyo"?'),
        ("asia/tokyo", 'Did you mean "Asia/Tokyo"?'),
        ("Tokyo", 'Did you mean "Asia/Tokyo"?'),
        ("new york", 'Did you mean "America/New_York"?'),
        ("JST", "Leave it out for Asia/Tokyo"),
        ("+09:00", "Leave it out for Asia/Tokyo"),
        ("../etc/passwd", "Leave it out for Asia/Tokyo"),
        ("/etc/localtime", "Leave it out for Asia/Tokyo"),
        ("Asia", "Leave it out for Asia/Tokyo"),
        ("Asia/Tokyo\0", 'Did you mean "Asia/Tokyo"?'),
        ("x" * 5000, "Leave it out for Asia/Tokyo"),
    ],
)
def test_time_zones_that_are_none(text: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        values.zone(text)
    assert remedy in caught.value.remedy


@given(text=st.text(max_size=60))
@pytest.mark.parametrize(
    "convert",
    [values.port, values.baudrate, values.seconds, values.meter_channel, values.meter_pan_id, values.meter_ipv6],
)
def test_any_text_is_a_value_or_a_config_error(convert: object, text: str) -> None:
    try:
        convert(text)  # type: ignore[operator]
    except ConfigError as error:
        parts = (error.what, error.cause, error.remedy)
        assert all(parts)


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("/dev/ttyUSB0", ()),
        ("emulator:?module=bp35a1", ()),
        ("emulator:?id=abc&password=d%20e", ("abc", "d e", "d%20e")),
        ("esphome://h?key=KEY&noise_psk=PSK", ("KEY", "PSK")),
        ("https://u:p@h/?token=x", ("p",)),
        ("http://[broken", ()),
    ],
)
def test_secrets_of_a_url(url: str, secrets: tuple[str, ...]) -> None:
    assert set(values.secrets_of_url(url)) == set(secrets)


def test_nearest_ignores_case_and_gives_up_on_strangers() -> None:
    assert values.nearest("SERIAL-port", ["serial_port", "x"]) == "serial_port"
    assert values.nearest("qqq", ["serial_port"]) is None


@pytest.mark.parametrize(
    ("text", "days"), [("400d", 400), ("30", 30), ("2y", 730.5), ("1Y", 365.25), ("all", None), ("forever", None)]
)
def test_an_age_is_days_or_years(text: str, days: float | None) -> None:
    assert values.retention(text) == (None if days is None else timedelta(days=days))


@pytest.mark.parametrize("text", ["0", "0d", "-1", "2 years", "", "1m", "99999999"])
def test_what_is_no_age_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="no age"):
        values.retention(text)


@pytest.mark.parametrize(("text", "value"), [("true", True), ("YES", True), ("1", True), ("off", False), ("0", False)])
def test_a_switch_takes_the_usual_words(text: str, value: bool) -> None:
    assert values.yes_or_no(text) is value


def test_a_switch_refuses_other_words() -> None:
    with pytest.raises(ConfigError, match="neither true nor false"):
        values.yes_or_no("maybe")
