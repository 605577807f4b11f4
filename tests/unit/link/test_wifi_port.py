"""How a Wi-Fi port is written, and what is said about one that is not."""

from __future__ import annotations

import pytest

from hems_data_collector.errors import ConfigError
from hems_data_collector.link.wifi_port import WifiPort


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("wifi:", WifiPort()),
        ("wifi:wlan0", WifiPort(interface="wlan0")),
        ("wifi:enx001122334455", WifiPort(interface="enx001122334455")),
        ("wifi:wlan0?meter=A00B123456", WifiPort(interface="wlan0", meter="A00B123456")),
        ("wifi:?meter=A%20b", WifiPort(meter="A b")),
        ("wifi:?meter=1&meter=2", WifiPort(meter="2")),
    ],
)
def test_interface_and_meter_are_both_optional(url: str, port: WifiPort) -> None:
    assert WifiPort.parse(url) == port


@pytest.mark.parametrize(
    ("url", "what", "remedy"),
    [
        ("wifi://wlan0", '"wifi://wlan0" is no Wi-Fi port.', 'Write "wifi:wlan0".'),
        ("wifi://", '"wifi://" is no Wi-Fi port.', 'Write "wifi:wlan0".'),
        ("wifi:wlan0/1", '"wlan0/1" is no name of a network interface.', "Look with: ip link"),
        ("wifi:sixteen-letters-", '"sixteen-letters-" is no name of a network interface.', "Look with: ip link"),
        ("wifi:fe80::1%wlan0", '"fe80::1%wlan0" is no name of a network interface.', "Look with: ip link"),
        ("wifi:?Meter=1", 'A Wi-Fi port has no setting "Meter".', 'Did you mean "meter"?'),
        ("wifi:?channel=33", 'A Wi-Fi port has no setting "channel".', 'Write "wifi:wlan0?meter=SERIAL"'),
        ("wifi:?meter=", "The serial number of the meter is empty.", "Copy it from the log"),
    ],
)
def test_a_bad_one_is_named_with_its_remedy(url: str, what: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        WifiPort.parse(url)
    assert caught.value.what == what
    assert caught.value.remedy.startswith(remedy)
    assert caught.value.cause
    assert caught.value.setting == "port"
