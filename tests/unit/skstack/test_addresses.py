"""Address spellings against the vectors of skstack-ip §2.5."""

from __future__ import annotations

import pytest

from hems_data_collector.skstack import full_ipv6, link_local_of, mac_of

VECTORS = {
    "001D129012345678": "FE80:0000:0000:0000:021D:1290:1234:5678",
    "12345678ABCDEF01": "FE80:0000:0000:0000:1034:5678:ABCD:EF01",
    "C0F9450040213077": "FE80:0000:0000:0000:C2F9:4500:4021:3077",
}


@pytest.mark.parametrize(("mac", "address"), VECTORS.items())
def test_a_mac_and_its_link_local_address_give_each_other(mac: str, address: str) -> None:
    assert link_local_of(mac) == address
    assert link_local_of(mac.lower()) == address
    assert mac_of(address) == mac


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("FE80:0000:0000:0000:021D:1290:1234:5678", "FE80:0000:0000:0000:021D:1290:1234:5678"),
        ("fe80::21d:1290:1234:5678", "FE80:0000:0000:0000:021D:1290:1234:5678"),
        ("fe80:0000:0000:0000:021d:1290:1234:5678", "FE80:0000:0000:0000:021D:1290:1234:5678"),
        ("2001:DB8::2", "2001:0DB8:0000:0000:0000:0000:0000:0002"),
        ("::", "0000:0000:0000:0000:0000:0000:0000:0000"),
    ],
)
def test_any_spelling_becomes_39_upper_case_characters(text: str, full: str) -> None:
    assert full_ipv6(text) == full


@pytest.mark.parametrize(
    "text",
    [
        "",
        "192.168.0.1",
        "FE80:0000:0000:0000:021D:1290:1111:",
        "XXXX:XXXX:XXXX:XXXX:XXXX:XXXX:XXXX:XXXX",
        "FE80:0000:0000:0000:021D:1290:1234:5678:9999",
        " fe80::1",
        "FE80:0000:0000:0000:021D:1290:1234:5678\n",
    ],
)
def test_anything_else_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        full_ipv6(text)


def test_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="with a zone"):
        full_ipv6("fe80::1%eth0")


@pytest.mark.parametrize("mac", ["", "001D12901234567", "001D12901234567G", "001D1290123456789", "001D129012345678\n"])
def test_a_mac_of_another_form_is_a_value_error(mac: str) -> None:
    with pytest.raises(ValueError, match="16 hex digits"):
        link_local_of(mac)


def test_only_link_local_addresses_hold_a_mac() -> None:
    with pytest.raises(ValueError, match="not a link-local address"):
        mac_of("2001:DB8::2")
