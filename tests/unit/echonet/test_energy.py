"""Energy arithmetic (echonet-lite-meter §5.3, §10.2), with the worked examples of the document."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest

from hems_data_collector.echonet import METER, EnergyScale, EnergyUnit, decode_property, plausible_delta, register_delta
from hems_data_collector.errors import PropertyError


@pytest.mark.parametrize(
    ("code", "exponent", "kwh_of_one"),
    [
        (0x00, 0, "1"),
        (0x01, -1, "0.1"),
        (0x02, -2, "0.01"),
        (0x03, -3, "0.001"),
        (0x04, -4, "0.0001"),
        (0x0A, 1, "10"),
        (0x0B, 2, "100"),
        (0x0C, 3, "1000"),
        (0x0D, 4, "10000"),
    ],
)
def test_each_unit_code_is_worth_its_power_of_ten(code: int, exponent: int, kwh_of_one: str) -> None:
    assert decode_property(METER, 0xE1, bytes((code,))) == EnergyUnit(code=code, exponent=exponent)
    assert str(EnergyScale(exponent=exponent).kwh(1)) == kwh_of_one


@pytest.mark.parametrize("code", [*range(0x05, 0x0A), *range(0x0E, 0x100)])
def test_undefined_unit_code_is_refused(code: int) -> None:
    with pytest.raises(PropertyError, match="undefined"):
        decode_property(METER, 0xE1, bytes((code,)))


@pytest.mark.parametrize(
    ("raw", "coefficient", "exponent", "kwh"),
    [
        (0x0000FE73, 1, -1, "6513.9"),
        (0x0007A78D, 1, -2, "5016.45"),
        (0x00003039, 3, -1, "3703.5"),
        (126042, 1, -1, "12604.2"),
        (12604300, 1, -3, "12604.300"),
        (3, 1, -1, "0.3"),
        (0, 1, -4, "0.0000"),
        (99_999_999, 999_999, -4, "9999989900.0001"),
        (99_999_999, 999_999, 4, "999998990000010000"),
    ],
)
def test_energy_is_exact_and_never_in_exponent_form(raw: int, coefficient: int, exponent: int, kwh: str) -> None:
    assert str(EnergyScale(exponent=exponent, coefficient=coefficient).kwh(raw)) == kwh


def test_energy_does_not_depend_on_the_precision_of_the_caller() -> None:
    with localcontext() as context:
        context.prec = 3
        assert str(EnergyScale(exponent=-4, coefficient=7).kwh(99_999_999)) == "69999.9993"


@pytest.mark.parametrize(("exponent", "coefficient"), [(-1, 0), (-1, 1_000_000), (-5, 1), (5, 1)])
def test_meaningless_scale_cannot_exist(exponent: int, coefficient: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        EnergyScale(exponent=exponent, coefficient=coefficient)


@pytest.mark.parametrize(
    ("edt", "value"), [("00000001", 1), ("00010000", 65536), ("000F423F", 999_999), ("00003039", 12345)]
)
def test_coefficient_is_plain_binary(edt: str, value: int) -> None:
    assert decode_property(METER, 0xD3, bytes.fromhex(edt)) == value


@pytest.mark.parametrize("edt", ["00000000", "000F4240", "FFFFFFFF"])
def test_coefficient_zero_or_beyond_six_digits_is_an_error(edt: str) -> None:
    with pytest.raises(PropertyError):
        decode_property(METER, 0xD3, bytes.fromhex(edt))


@pytest.mark.parametrize(
    ("old", "new", "digits", "delta"),
    [
        (126039, 126042, 6, 3),
        (999_999, 0, 6, 1),
        (999_990, 15, 6, 25),
        (99_999_999, 4, 8, 5),
        (9, 0, 1, 1),
        (5, 5, 6, 0),
        (5, 4, 6, 999_999),
    ],
)
def test_register_rolls_over_at_its_digits(old: int, new: int, digits: int, delta: int) -> None:
    assert register_delta(old, new, digits) == delta


@pytest.mark.parametrize("digits", [0, 9, -1])
def test_register_has_1_to_8_digits(digits: int) -> None:
    with pytest.raises(ValueError, match="digits"):
        register_delta(0, 1, digits)


@pytest.mark.parametrize(
    ("delta_kwh", "elapsed_s", "plausible"),
    [
        ("30", 1800.0, True),
        ("30.001", 1800.0, False),
        ("0", 0.0, True),
        ("0.1", 0.0, False),
        ("-0.1", 1800.0, False),
        ("9999.9", 1800.0, False),
        ("1440", 86400.0, True),
    ],
)
def test_more_than_60_kw_is_not_plausible(delta_kwh: str, elapsed_s: float, plausible: bool) -> None:
    assert plausible_delta(Decimal(delta_kwh), elapsed_s) is plausible
