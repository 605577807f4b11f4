"""When a place where the meter was is tried again, and when it is looked for anew (skstack-ip §7 row 3)."""

from __future__ import annotations

from hems_data_collector.link.base import Pan
from hems_data_collector.link.places import Places
from hems_data_collector.link.session import SessionInput

HERE = Pan(channel=0x33, pan_id=0x12A4, address="FE80:0000:0000:0000:021C:6400:0000:0001", lqi=0xCA)
THERE = Pan(channel=0x21, pan_id=0x9999, address="FE80:0000:0000:0000:A9CD:EF01:2345:6789", lqi=0x8A)
REFUSED, NOT_HERE = SessionInput.REFUSED, SessionInput.NOT_HERE


def refused(places: Places) -> SessionInput:
    return places.after_failure(refused=True, just_ended=False)


def unanswered(places: Places) -> SessionInput:
    return places.after_failure(refused=False, just_ended=False)


def test_a_remembered_place_that_fails_in_any_way_is_given_up() -> None:
    assert unanswered(Places(fixed=None, cached=HERE)) is NOT_HERE
    assert refused(Places(fixed=None, cached=HERE)) is NOT_HERE


def test_a_place_that_worked_is_given_up_after_three_refusals_or_one_silence() -> None:
    places = Places(fixed=None, cached=HERE)
    places.joined()
    assert [refused(places), refused(places), refused(places)] == [REFUSED, REFUSED, NOT_HERE]
    places.joined()
    assert unanswered(places) is NOT_HERE


def test_a_success_between_begins_the_count_anew() -> None:
    places = Places(fixed=None, cached=HERE)
    places.joined()
    refused(places), refused(places)
    places.joined()
    assert refused(places) is REFUSED


def test_a_refusal_just_after_our_own_goodbye_says_nothing_about_the_place() -> None:
    places = Places(fixed=None, cached=HERE)
    assert places.after_failure(refused=True, just_ended=True) is REFUSED
    assert places.after_failure(refused=False, just_ended=True) is NOT_HERE


def test_a_fixed_place_is_never_given_up() -> None:
    places = Places(fixed=HERE, cached=THERE)
    assert places.pan == HERE
    assert {unanswered(places) for _ in range(10)} == {REFUSED}


def test_every_pan_of_a_scan_is_tried_before_waiting_and_none_is_scanned_for_at_once() -> None:
    places = Places(fixed=None, cached=None)
    places.found([HERE, THERE])
    assert places.pan == HERE
    assert unanswered(places) is SessionInput.NEXT_PLACE
    assert places.pan == THERE
    assert unanswered(places) is REFUSED
    places.new_try()
    assert unanswered(places) is NOT_HERE


def test_what_the_scan_before_a_session_found_is_old_news_after_it() -> None:
    places = Places(fixed=None, cached=None)
    places.found([HERE, THERE])
    places.joined()
    assert unanswered(places) is NOT_HERE


def test_a_forgotten_place_is_unknown() -> None:
    places = Places(fixed=None, cached=HERE)
    places.forget()
    assert places.pan is None
