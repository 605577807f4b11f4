"""What a link quality means in bars and words."""

from __future__ import annotations

import pytest

from hems_data_collector.link.quality import BARS, SCALE, quality_of
from hems_data_collector.link.survey import products_of


@pytest.mark.parametrize(
    ("lqi", "bars", "word", "weak"),
    [
        (255, 5, "excellent", False),
        (161, 5, "excellent", False),  # -60.0 dBm
        (160, 4, "good", False),  # -60.3 dBm
        (89, 3, "sufficient", False),  # -79.8 dBm
        (88, 2, "barely sufficient", False),  # -80.1 dBm
        (59, 1, "weak", True),  # -88.0 dBm
        (0, 1, "weak", True),
    ],
)
def test_a_link_quality_has_bars_and_a_word(lqi: int, bars: int, word: str, weak: bool) -> None:
    quality = quality_of(lqi)
    assert (quality.bars, quality.word, quality.weak) == (bars, word, weak)


def test_the_scale_goes_down_step_by_step() -> None:
    assert [step.bars for step in SCALE] == list(range(BARS, 0, -1))
    assert sorted(SCALE, key=lambda step: -step.least_dbm) == list(SCALE)


@pytest.mark.parametrize(
    ("version", "app_version", "mac", "products"),
    [
        ("1.2.10", "rev26e", "001D129012345678", ("ROHM BP35A1", "JORJIN WSR35A1-00")),
        ("1.5.2", None, "100723FFFEA00001", ("Tessera RL7023 Stick-D/DSS", "Tessera MB-RL7023-11/DSS")),
        ("1.5.2", "rev26e", "001D129112345678", ("ROHM BP35C0", "ROHM BP35C2", "Ratoc RS-WSUHA-P")),
        ("9.9.9", None, "001D129012345678", ()),
    ],
)
def test_a_modem_is_known_by_firmware_and_address(
    version: str, app_version: str | None, mac: str, products: tuple[str, ...]
) -> None:
    assert products_of(version, app_version, mac) == products
