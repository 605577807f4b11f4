"""Signatures by the Standard Webhooks convention, checked against values made with other tools."""

from __future__ import annotations

import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hems_data_collector.credentials import Secret
from hems_data_collector.outputs.signing import Signer, signing_key, webhook_id

# The example of the convention's reference libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY = b'{"test": 2432232314}'
AT = datetime.fromtimestamp(1614265330, UTC)
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_example_of_the_reference_libraries() -> None:
    assert Signer(Secret(SECRET)).headers(MESSAGE_ID, AT, BODY) == {
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
    }


def test_the_prefix_may_be_missing() -> None:
    bare = Signer(Secret(SECRET.removeprefix("whsec_")))
    assert bare.headers(MESSAGE_ID, AT, BODY)["webhook-signature"] == SIGNATURE


@pytest.mark.parametrize(("at", "seconds"), [(AT.replace(microsecond=999_999), "1614265330"), (AT, "1614265330")])
def test_the_time_is_whole_seconds(at: datetime, seconds: str) -> None:
    assert Signer(Secret(SECRET)).headers("a", at, b"")["webhook-timestamp"] == seconds


@pytest.mark.parametrize("change", ["id", "time", "body"])
def test_the_signature_vouches_for_id_time_and_body(change: str) -> None:
    signed = Signer(Secret(SECRET)).headers(
        MESSAGE_ID + ("x" if change == "id" else ""),
        AT.replace(second=11) if change == "time" else AT,
        BODY + (b" " if change == "body" else b""),
    )
    assert signed["webhook-signature"] != SIGNATURE


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_=", "whsec_not base64!", "pässword", "abc"])
def test_what_is_no_secret_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="whsec_") as caught:
        signing_key(text)
    assert text.removeprefix("whsec_") in ("", "=") or text.removeprefix("whsec_") not in str(caught.value)


@pytest.mark.parametrize(("key", "weak"), [("A" * 32, False), ("A" * 28 + "AAA=", True), ("QUJD", True)])
def test_a_short_key_is_weak(key: str, weak: bool) -> None:
    assert Signer(Secret("whsec_" + key)).weak is weak


def test_a_signer_does_not_show_its_key() -> None:
    assert SECRET.removeprefix("whsec_") not in repr(Signer(Secret(SECRET)))


def test_an_id_is_readable_and_has_no_full_stop() -> None:
    assert webhook_id("000016-A1/2025-04-01T03:00:00.123456+00:00") == "000016-A1/2025-04-01T03:00:00%2E123456+00:00"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.text(st.characters(exclude_categories=["Cs"])))
def test_every_key_has_an_id_of_its_own_that_fits_a_header(one: str, other: str) -> None:
    made = webhook_id(one)
    assert set(made) <= set(string.ascii_letters + string.digits + "-_~/:+%")
    assert (made == webhook_id(other)) is (one == other)
