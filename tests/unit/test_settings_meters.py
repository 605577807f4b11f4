"""`[[meters]]`: what each has for itself, what it takes from the general settings, and what is said of a bad one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from hems_data_collector.config import Settings, load_settings, load_store_settings
from hems_data_collector.credentials import Masker
from hems_data_collector.errors import ConfigError
from hems_data_collector.meter_settings import FixedPan, MeterSettings
from hems_data_collector.settings_table import METER_SETTINGS, meter_toml_types

ID = "00112233445566778899AABBCCDDEE{:02X}"
PASSWORD = "SECRETPASS{:02X}"


def of_meter(number: int, *lines: str) -> str:
    """A `[[meters]]` with a name, a port, an id and a password of its own."""
    name = f"m{number}"
    own = [f'name = "{name}"', f'port = "/dev/tty{number}"']
    own += [f'b_route_id = "{ID.format(number)}"', f'b_route_password = "{PASSWORD.format(number)}"']
    keys = {line.partition(" =")[0] for line in lines}
    return "\n".join(["[[meters]]", *(line for line in own if line.partition(" =")[0] not in keys), *lines, ""])


class Place:
    """A folder with a `config.toml` in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {"HOME": str(folder)}
        self.path = folder / "config.toml"

    def load(self, text: str, *, one_shot: bool = False, **flags: str) -> Settings:
        self.path.write_text(text, encoding="utf-8")
        self.path.chmod(0o600)
        return load_settings({"config": "config.toml"} | flags, self.environ, self.folder, one_shot=one_shot)

    def refused(self, text: str, **flags: str) -> ConfigError:
        with pytest.raises(ConfigError) as caught:
            self.load(text, **flags)
        assert caught.value.cause
        assert caught.value.remedy
        return caught.value


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def only(settings: Settings) -> MeterSettings:
    (meter,) = settings.meters
    return meter


# --- what a meter has -------------------------------------------------------------------------------------------------


def test_a_meter_has_what_its_table_says(place: Place) -> None:
    meter = only(
        place.load(
            of_meter(
                1,
                "baudrate = 9600",
                'mode = "interval"',
                "interval = 60",
                'meter_channel = "33"',
                'meter_panid = "12A4"',
                'meter_ipv6 = "fe80::1"',
            )
        )
    )
    assert (meter.name, meter.port, meter.baudrate) == ("m1", "/dev/tty1", 9600)
    assert (meter.mode, meter.interval, meter.schedule) == ("interval", 60, None)
    assert meter.credentials.route_b_id.reveal() == ID.format(1)
    assert meter.credentials.password.reveal() == PASSWORD.format(1)
    assert meter.fixed_pan == FixedPan(channel=0x33, pan_id=0x12A4, ipv6="FE80:0000:0000:0000:0000:0000:0000:0001")


def test_every_key_of_a_meter_is_one_of_those_promised() -> None:
    assert [*meter_toml_types()] == [row.name for row in METER_SETTINGS]
    assert set(meter_toml_types()) == {
        *("name", "port", "baudrate", "mode", "schedule", "interval", "b_route_id", "b_route_password"),
        *("b_route_id_file", "b_route_password_file", "meter_channel", "meter_panid", "meter_ipv6"),
    }


def test_what_a_meter_does_not_say_is_the_general_setting(place: Place) -> None:
    general = 'schedule = "@hourly"\nbaudrate = 19200\n'
    first, second = place.load(general + of_meter(1) + of_meter(2, "baudrate = 9600", 'schedule = "@daily"')).meters
    assert first.schedule is not None
    assert second.schedule is not None
    assert (first.baudrate, first.schedule.expression) == (19200, "@hourly")
    assert (second.baudrate, second.schedule.expression) == (9600, "@daily")


@pytest.mark.parametrize("source", ["flag", "environment", "toml"])
def test_the_general_setting_may_come_from_anywhere_and_the_meter_wins(source: str, place: Place) -> None:
    if source == "environment":
        place.environ["SERIAL_RATE"] = "38400"
    text = "" if source == "environment" else "baudrate = 38400\n" if source == "toml" else ""
    flags = {"baudrate": "38400"} if source == "flag" else {}
    first, second = place.load(text + of_meter(1) + of_meter(2, "baudrate = 9600"), **flags).meters
    assert (first.baudrate, second.baudrate) == (38400, 9600)


def test_the_modes_of_two_meters_may_differ(place: Place) -> None:
    first, second = place.load(of_meter(1) + of_meter(2, 'mode = "interval"', "interval = 10")).meters
    assert (first.mode, second.mode) == ("schedule", "interval")
    assert first.schedule is not None
    assert (second.schedule, second.interval) == (None, 10)


def test_id_and_password_may_be_general_or_in_files(place: Place) -> None:
    (place.folder / "id").write_text(ID.format(7) + "\n")
    (place.folder / "password").write_text(PASSWORD.format(7) + "\n")
    place.environ |= {"B_ROUTE_ID": ID.format(9), "B_ROUTE_PASSWORD": PASSWORD.format(9)}
    files = (f'b_route_id_file = "{place.folder}/id"', f'b_route_password_file = "{place.folder}/password"')
    bare = '[[meters]]\nname = "{}"\nport = "/dev/{}"\n'
    first, second = place.load(bare.format("a", "a") + bare.format("b", "b") + "\n".join(files)).meters
    assert first.credentials.route_b_id.reveal() == ID.format(9)
    assert second.credentials.route_b_id.reveal() == ID.format(7)
    assert second.credentials.password.reveal() == PASSWORD.format(7)


def test_a_meter_wins_over_the_environment_with_its_own_id(place: Place) -> None:
    place.environ |= {"B_ROUTE_ID": ID.format(9), "B_ROUTE_PASSWORD": PASSWORD.format(9)}
    assert only(place.load(of_meter(1))).credentials.route_b_id.reveal() == ID.format(1)


def test_the_place_of_one_meter_is_never_that_of_another(place: Place) -> None:
    flags = {"meter_channel": "33", "meter_panid": "12A4", "meter_ipv6": "fe80::1"}
    settings = place.load(of_meter(1), **flags)
    assert only(settings).fixed_pan is None
    assert settings.notes == (
        "Accepted but without effect: --meter-channel (each meter has a place of its own), --meter-panid (each meter"
        " has a place of its own), --meter-ipv6 (each meter has a place of its own).",
    )


def test_without_tables_there_is_one_meter_without_a_name(place: Place) -> None:
    place.environ |= {"B_ROUTE_ID": ID.format(9), "B_ROUTE_PASSWORD": PASSWORD.format(9)}
    settings = place.load("baudrate = 9600\nmeters = []\n")
    assert (only(settings).name, settings.named) == (None, False)
    assert place.load(of_meter(1)).named


def test_a_one_shot_reading_checks_no_schedule(place: Place) -> None:
    assert only(place.load(of_meter(1, 'schedule = "nonsense"', 'mode = "nonsense"'), one_shot=True)).schedule is None


# --- one of several ---------------------------------------------------------------------------------------------------


def test_one_of_several_can_be_taken_alone(place: Place) -> None:
    settings = place.load(of_meter(1) + of_meter(2))
    assert only(settings.of_meter("m2")).port == "/dev/tty2"
    assert only(settings.of_meter("M1")).port == "/dev/tty1"


def test_a_name_that_is_not_there_is_refused_with_those_that_are(place: Place) -> None:
    with pytest.raises(ConfigError) as caught:
        place.load(of_meter(1) + of_meter(2)).of_meter("m3")
    assert caught.value.what == '--meter: there is no meter called "m3".'
    assert caught.value.remedy == "Possible are: m1, m2."
    place.environ |= {"B_ROUTE_ID": ID.format(9), "B_ROUTE_PASSWORD": PASSWORD.format(9)}
    with pytest.raises(ConfigError) as caught:
        place.load("").of_meter("m1")
    assert caught.value.cause == "No [[meters]] gives a meter a name."


# --- what is refused --------------------------------------------------------------------------------------------------

TWO_ON_ONE_STICK = of_meter(1, 'port = "/dev/ttyS"') + of_meter(2, 'port = "/dev/ttyS"')


@pytest.mark.parametrize(
    ("text", "setting", "what", "remedy"),
    [
        (
            '[[meters]]\nport = "/dev/a"\n',
            "name",
            "{path}, [[meters]] number 1: the name is missing.",
            'Write name = "..." below each [[meters]].',
        ),
        (
            of_meter(1) + of_meter(2, 'name = "M1"'),
            "name",
            '{path}: two meters are called "M1".',
            "Give each [[meters]] a name of its own.",
        ),
        (
            of_meter(1, 'name = "my house"'),
            "name",
            '{path}, [[meters]] "my house", key name: "my house" is no name for a meter.',
            "Choose a short one, such as house or flat-2.",
        ),
        (
            of_meter(1, f'name = "{"x" * 33}"'),
            "name",
            f'{{path}}, [[meters]] "{"x" * 33}", key name: "{"x" * 33}" is no name for a meter.',
            "Choose a short one, such as house or flat-2.",
        ),
        (
            of_meter(1, "name = 5"),
            "name",
            "{path}, [[meters]] number 1, key name: wrong type: Expected `str`, got `int`.",
            'Put texts into quotes: name = "..."',
        ),
        (
            of_meter(1, 'prot = "/dev/b"'),
            "prot",
            '{path}, [[meters]] "m1": the key "prot" is not known.',
            'Did you mean "port"?',
        ),
        (
            of_meter(1, "zzz = 1"),
            "zzz",
            '{path}, [[meters]] "m1": the key "zzz" is not known.',
            "Possible are: name, port, baudrate, mode, schedule, interval, b_route_id, b_route_password,"
            " b_route_id_file, b_route_password_file, meter_channel, meter_panid, meter_ipv6.",
        ),
        (
            of_meter(1, 'output = ["stdout"]'),
            "output",
            '{path}, [[meters]] "m1": "output" is no setting of a single meter.',
            "Move it up, above the first [[meters]].",
        ),
        (
            '[meters]\nname = "a"\n',
            "meters",
            "{path}: [meters] is no list of tables.",
            "Write [[meters]], in double brackets, above the settings of each meter.",
        ),
        (
            "meters = [1]\n",
            "meters",
            "{path}: [meters] is no list of tables.",
            "Write [[meters]], in double brackets, above the settings of each meter.",
        ),
        (
            '[[metres]]\nname = "a"\n',
            "metres",
            '{path}: the key "metres" is not known.',
            'Did you mean "meters"?',
        ),
        (
            of_meter(1, "baudrate = 9") + of_meter(2),
            "baudrate",
            '{path}, [[meters]] "m1", key baudrate: "9" is no speed of a serial port.',
            "Use 115200, unless your stick was set to another speed.",
        ),
        (
            of_meter(1) + of_meter(2, 'schedule = "every day"'),
            "schedule",
            None,
            None,
        ),
        (
            of_meter(1, 'port = "wifi:"') + of_meter(2, 'port = "wifi:"'),
            "port",
            '{path}: the meters "m1" and "m2" have the same port wifi:.',
            "Give each its own serial number: wifi:?meter=SERIAL",
        ),
        (
            of_meter(1, 'port = "/dev/ttyS"', "baudrate = 9600") + of_meter(2, 'port = "/dev/ttyS"'),
            "baudrate",
            '{path}: the meters "m1" and "m2" share the port /dev/ttyS at different speeds.',
            "Give both the same baudrate, or each meter a stick of its own.",
        ),
        (
            of_meter(1, 'port = "/dev/ttyS"') + of_meter(2, 'port = "/dev/ttyS"', f'b_route_id = "{ID.format(1)}"'),
            "b_route_id",
            '{path}: the meters "m1" and "m2" have the same B-route id on the port /dev/ttyS.',
            "Give each [[meters]] the b_route_id from its own letter.",
        ),
        (
            of_meter(1) + '[[meters]]\nname = "flat-2"\nport = "/dev/b"\n',
            "b_route_id",
            '{path}, [[meters]] "flat-2": b_route_id is not configured.',
            "Write b_route_id or b_route_id_file below that [[meters]].",
        ),
        (
            of_meter(1) + f'[[meters]]\nname = "flat-2"\nb_route_id = "{ID.format(2)}"\n',
            "b_route_password",
            '{path}, [[meters]] "flat-2": b_route_password is not configured.',
            "Write b_route_password or b_route_password_file below that [[meters]].",
        ),
        (
            of_meter(1, 'b_route_id = "short"'),
            "b_route_id",
            '{path}, [[meters]] "m1", key b_route_id: B_ROUTE_ID has 5 characters; a B-route id has exactly 32.',
            "Copy the 32 letters and digits from the letter of your power company.",
        ),
        (
            '[[meters]]\nname = "a"\nport = "emulator:?modul=x"\n',
            "port",
            None,
            "Did you mean 'module'?",
        ),
        (
            '[[meters]]\nname = "a"\nport = "emulator:"\n[[meters]]\nname = "b"\nport = "emulator:"\n',
            "port",
            "The port emulator: has too few meters: 1, where 2 are configured.",
            "Write emulator:?meters=2, or give each meter an emulator of its own.",
        ),
    ],
)
def test_a_bad_meter_is_refused(text: str, setting: str, what: str | None, remedy: str | None, place: Place) -> None:
    error = place.refused(text)
    assert error.setting == setting
    if what is not None:
        assert error.what == what.format(path=place.path)
    else:
        assert error.what.startswith(f"{place.path}, [[meters]] ")
    if remedy is not None:
        assert error.remedy == remedy


def test_a_file_that_is_not_there_names_the_meter(place: Place) -> None:
    text = '[[meters]]\nname = "a"\nport = "/dev/a"\nb_route_id_file = "/nowhere/id"\nb_route_password = "x"\n'
    error = place.refused(text)
    assert f'{place.path}, [[meters]] "a", key b_route_id_file' in error.what
    assert "/nowhere/id" in error.what


def test_meters_with_different_ids_may_share_a_stick(place: Place) -> None:
    assert [meter.port for meter in place.load(TWO_ON_ONE_STICK).meters] == ["/dev/ttyS"] * 2


def test_the_store_s_verbs_check_the_tables_and_ask_for_no_credentials(place: Place) -> None:
    place.path.write_text('[[meters]]\nname = "a"\n')
    assert load_store_settings({"config": "config.toml"}, place.environ, place.folder).zone.key == "Asia/Tokyo"
    place.path.write_text('[[meters]]\nnmae = "a"\n')
    with pytest.raises(ConfigError) as caught:
        load_store_settings({"config": "config.toml"}, place.environ, place.folder)
    assert caught.value.remedy == 'Did you mean "name"?'


# --- the emulator -----------------------------------------------------------------------------------------------------


def test_meters_on_one_emulator_have_made_up_ids_of_their_own(place: Place) -> None:
    place.environ |= {"B_ROUTE_ID": ID.format(9), "B_ROUTE_PASSWORD": PASSWORD.format(9)}
    on_it = '[[meters]]\nname = "{}"\nport = "emulator:?meters=2"\n'
    first, second = place.load(on_it.format("a") + on_it.format("b")).meters
    assert first.credentials.route_b_id.reveal() == "00112233445566778899AABBCCDDEEFF"
    assert second.credentials.route_b_id.reveal() == "00112233445566778899AABBCCDDEEF1"
    own = on_it.format("a") + f'b_route_id = "{ID.format(3)}"\nb_route_password = "x"\n'
    assert only(place.load(own)).credentials.route_b_id.reveal() == ID.format(3)


# --- what is said -----------------------------------------------------------------------------------------------------


def test_flags_that_every_meter_overrides_are_without_effect(place: Place) -> None:
    own = ("baudrate = 9600", 'schedule = "@hourly"')
    settings = place.load(of_meter(1, *own) + of_meter(2, *own), port="/dev/x", schedule="@daily", baudrate="2400")
    assert settings.notes == (
        "Accepted but without effect: --port (each meter has its own), --baudrate (each meter has its own),"
        " --schedule (each meter has its own).",
    )
    assert place.load(of_meter(1, *own) + of_meter(2), schedule="@daily").notes == ()


def test_a_setting_of_the_mode_a_meter_does_not_have_is_without_effect(place: Place) -> None:
    settings = place.load(of_meter(1, "interval = 60") + of_meter(2))
    assert settings.notes == ('Accepted but without effect: interval of [[meters]] "m1" (the mode is schedule).',)
    assert place.load(of_meter(1), interval="60").notes == (
        "Accepted but without effect: --interval (the mode is schedule).",
    )
    assert place.load(of_meter(1, 'mode = "interval"') + of_meter(2), interval="60").notes == ()


def test_a_place_told_in_part_is_a_warning_that_names_the_meter(place: Place) -> None:
    assert place.load(of_meter(1) + of_meter(2, 'meter_channel = "33"', 'meter_panid = "1"')).warnings == (
        f'{place.path}, [[meters]] "m2": A scan looks for the meter: it is left out only with all three, and meter_ipv6'
        " is missing.",
    )


def test_a_file_with_the_secret_of_a_meter_should_be_nobody_else_s(place: Place) -> None:
    assert place.load(of_meter(1)).warnings == ()
    place.path.chmod(0o644)
    settings = load_settings({"config": "config.toml"}, place.environ, place.folder)
    assert settings.warnings == (f"{place.path} holds a secret and others may read it. Run: chmod 600 {place.path}",)


def test_no_text_shows_a_secret_of_any_meter(place: Place) -> None:
    (place.folder / "password").write_text("FROMAFILE999")
    text = of_meter(1) + of_meter(2, 'port = "esphome://h?key=NOISEKEY"', "b_route_password = ''")
    text += f'b_route_password_file = "{place.folder}/password"\n'
    text = text.replace("esphome://h?key=NOISEKEY", "socket://user:WIREPASS@h:1")
    mask = Masker(place.load(text).secrets)
    for secret in (ID.format(1), ID.format(2), ID.format(2)[-8:], PASSWORD.format(1), "FROMAFILE999", "WIREPASS"):
        assert secret not in mask(f"<{secret}> <{secret.encode().hex()}>")
        assert secret.encode().hex() not in mask(secret.encode().hex())


def test_a_shared_port_is_shown_without_its_secret(place: Place) -> None:
    port = 'port = "socket://user:WIREPASS@h:1"'
    error = place.refused(of_meter(1, port, "baudrate = 9600") + of_meter(2, port))
    assert "WIREPASS" not in str(error)
    assert "socket://user:****@h:1" in error.what


def test_general_settings_are_the_same_with_meters(place: Place) -> None:
    settings = place.load('keep_readings = "30d"\nhalf_hours = true\n' + of_meter(1))
    assert (settings.keep_readings, settings.half_hours) == (timedelta(days=30), True)


def test_two_paths_to_one_stick_are_refused(place: Place) -> None:
    device, link = place.folder / "ttyUSB0", place.folder / "by-id"
    device.touch()
    link.symlink_to(device)
    error = place.refused(of_meter(1, f'port = "{device}"') + of_meter(2, f'port = "{link}"'))
    assert str(error) == (
        f'{place.path}: the ports {device} and {link} of the meters "m1" and "m2" are one stick.'
        f" Both paths lead to {device}."
        " Write the same path for both, then they take turns; or give each meter a stick of its own."
    )


def test_paths_that_are_not_there_are_two_sticks(place: Place) -> None:
    assert len(place.load(of_meter(1) + of_meter(2)).meters) == 2
