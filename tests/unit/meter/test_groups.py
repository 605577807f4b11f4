"""A meter that cannot stand groups is asked in halves, then singly, and for everything again the next day."""

from __future__ import annotations

from hems_data_collector.meter.groups import PropertyGroups

SIX = (0xE0, 0xE7, 0xE8, 0xEA, 0xE3, 0xEB)


def test_one_request_asks_for_everything() -> None:
    assert PropertyGroups(SIX).current(0.0) == (SIX,)


def test_silence_halves_the_group_then_asks_singly_then_no_further() -> None:
    groups = PropertyGroups(SIX)
    assert groups.shrink(0.0)
    assert groups.current(1.0) == (SIX[:3], SIX[3:])
    assert groups.shrink(1.0)
    assert groups.current(2.0) == tuple((epc,) for epc in SIX)
    assert not groups.shrink(2.0)


def test_the_full_group_is_tried_again_after_a_day() -> None:
    groups = PropertyGroups(SIX)
    groups.shrink(0.0)
    assert len(groups.current(86_399.0)) == 2
    assert groups.current(86_400.0) == (SIX,)


def test_a_refused_property_is_left_out_until_the_next_session() -> None:
    groups = PropertyGroups(SIX)
    groups.drop(0xE3)
    assert groups.current(0.0) == ((0xE0, 0xE7, 0xE8, 0xEA, 0xEB),)
    groups.renew(SIX)
    assert groups.current(0.0) == (SIX,)
