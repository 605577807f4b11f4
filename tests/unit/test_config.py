"""Every setting from every source, who wins, what the defaults are, and what is said about a bad one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hems_data_collector.cli import run as run_verb
from hems_data_collector.cli.arguments import Parser, given
from hems_data_collector.config import Settings, load_settings
from hems_data_collector.credentials import UNSET_ID, Secret
from hems_data_collector.errors import ConfigError
from hems_data_collector.meter_settings import FixedPan
from hems_data_collector.outputs import OUTPUTS
from hems_data_collector.settings_table import CREDENTIAL_SETTINGS, environment_names, settings_table, toml_types
from hems_data_collector.settings_values import retention, yes_or_no

ROUTE_B_ID = "00112233445566778899AABBCCDDEEFF"
PASSWORD = "0123456789AB"
CREDENTIALS = {"B_ROUTE_ID": ROUTE_B_ID, "B_ROUTE_PASSWORD": PASSWORD}
ALL_OUTPUTS = ("-o", *OUTPUTS)


@dataclass
class Place:
    """A folder with `.env` and `config.toml`, and an environment."""

    folder: Path
    environ: dict[str, str] = field(default_factory=lambda: dict(CREDENTIALS))

    def __post_init__(self) -> None:
        self.environ["HOME"] = str(self.folder / "home")

    @property
    def toml_path(self) -> Path:
        return self.folder / "home/.config/hems-data-collector/config.toml"

    def dotenv(self, text: str) -> None:
        (self.folder / ".env").write_text(text, encoding="utf-8")

    def toml(self, text: str) -> None:
        self.toml_path.parent.mkdir(parents=True, exist_ok=True)
        self.toml_path.write_text(text, encoding="utf-8")
        self.toml_path.chmod(0o600)

    def load(self, *argv: str, one_shot: bool = False) -> Settings:
        parser = Parser("hems-data-collector")
        run_verb.add_arguments(parser)
        flags = given(parser.parse(argv), settings_table())
        return load_settings(flags, self.environ, self.folder, one_shot=one_shot)

    def refused(self, *argv: str, one_shot: bool = False) -> ConfigError:
        with pytest.raises(ConfigError) as caught:
            self.load(*argv, one_shot=one_shot)
        assert caught.value.cause, caught.value
        assert caught.value.remedy, caught.value
        return caught.value


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


# ---------------------------------------------------------------- every setting from every source


@dataclass(frozen=True)
class Sample:
    """Four different texts of one setting, and how to see which of them arrived."""

    texts: tuple[str, str, str, str]
    seen: Callable[[Settings], object]
    expected: Callable[[str], object] = str
    with_flags: Sequence[str] = ()
    toml: Callable[[str], str] = lambda text: f'"{text}"'


def of_output(name: str, key: str) -> Callable[[Settings], object]:
    return lambda settings: settings.output_values[name][key]


def unwrapped(name: str, key: str) -> Callable[[Settings], object]:
    def seen(settings: Settings) -> object:
        value = settings.output_values[name][key]
        assert isinstance(value, Secret)
        return value.reveal()

    return seen


HEX = ("21", "0x22", "3c", "0X2F")
PAN = {"--meter-channel": "21", "--meter-panid": "8888", "--meter-ipv6": "fe80::1"}


def rest_of_pan(without: str) -> tuple[str, ...]:
    return tuple(word for flag, text in PAN.items() if flag != without for word in (flag, text))


def headers_of(settings: Settings) -> object:
    (header,) = settings.output_values["webhook"]["webhook_headers"]
    return header.reveal()


SAMPLES: Mapping[str, Sample] = {
    "output": Sample(("stdout", "file", "webhook", "gcloud"), lambda s: s.outputs, lambda text: (text,)),
    "format": Sample(("json", "yaml", "csv", "json"), lambda s: s.format),
    "port": Sample(("/dev/ttyA", "/dev/ttyB", "socket://h:1", "/dev/ttyD"), lambda s: s.meters[0].port),
    "baudrate": Sample(("9600", "19200", "38400", "57600"), lambda s: s.meters[0].baudrate, int, toml=str),
    "meter_channel": Sample(
        HEX,
        lambda s: s.meters[0].fixed_pan and s.meters[0].fixed_pan.channel,
        lambda t: int(t, 16),
        rest_of_pan("--meter-channel"),
    ),
    "meter_panid": Sample(
        ("0000", "FFFF", "0x12a4", "8888"),
        lambda s: s.meters[0].fixed_pan and s.meters[0].fixed_pan.pan_id,
        lambda t: int(t, 16),
        rest_of_pan("--meter-panid"),
    ),
    "meter_ipv6": Sample(
        ("fe80::1", "FE80::2", "fe80:0:0:0:0:0:0:3", "fe80::0004"),
        lambda s: s.meters[0].fixed_pan and s.meters[0].fixed_pan.ipv6,
        lambda text: f"FE80:0000:0000:0000:0000:0000:0000:000{text[-1]}",
        rest_of_pan("--meter-ipv6"),
    ),
    "mode": Sample(("interval", "schedule", "interval", "schedule"), lambda s: s.meters[0].mode),
    "schedule": Sample(
        ("@hourly", "*/10 * * * *", "@daily", "* * * * * 30"),
        lambda s: s.meters[0].schedule and s.meters[0].schedule.expression,
    ),
    "interval": Sample(("1", "60", "5", "900"), lambda s: s.meters[0].interval, int, ("--mode", "interval"), str),
    "local_timezone": Sample(("Asia/Seoul", "Japan", "UTC", "Asia/Taipei"), lambda s: s.zone.key),
    "database": Sample(
        ("a.db", "/b/b.db", "c.db", "d.db"), lambda s: s.database.name, lambda text: text.split("/")[-1]
    ),
    "keep_readings": Sample(("400d", "2y", "30", "1y"), lambda s: s.keep_readings, retention),
    "half_hours": Sample(("true", "no", "1", "off"), lambda s: s.half_hours, yes_or_no),
    "deliver_from": Sample(
        ("2026-01-15", "2026-01-16T18:30", "2026-01-17", "2026-01-18"),
        lambda s: s.deliver_from,
        lambda text: datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Tokyo")),
    ),
    "backfill_spacing": Sample(("1", "2", "3", "4"), lambda s: s.backfill_spacing, int, toml=str),
    "file": Sample(("a.dat", "b.dat", "c.dat", "/d/e.dat"), lambda s: str(s.output_values["file"]["file"])),
    "webhook_url": Sample(
        ("http://a/x", "https://b/y", "http://c:8/z", "https://d/w"),
        lambda s: s.output_values["webhook"]["webhook_url"].url.reveal(),
    ),
    "webhook_headers": Sample(("A: 1", "B: 2", "C: 3", "Authorization: Bearer xyz"), headers_of),
    "webhook_secret": Sample(
        tuple(f"whsec_{letter * 32}" for letter in "ABCD"),  # type: ignore[arg-type]
        unwrapped("webhook", "webhook_secret"),
    ),
    "gcp_project": Sample(("project-a", "project-b", "project-c", "project-d"), of_output("gcloud", "gcp_project")),
    "gcp_topic": Sample(("topic-a", "topic-b", "topic-c", "topic-d"), of_output("gcloud", "gcp_topic")),
    "gcp_credentials": Sample(("/a.json", "/b.json", "/c.json", "/d.json"), of_output("gcloud", "gcp_credentials")),
    "gcp_emulator_host": Sample(("a:1", "b:2", "c:3", "d:4"), of_output("gcloud", "gcp_emulator_host")),
}

WITH_VALUE = [row for row in settings_table() if row.name in SAMPLES]
SOURCES = ("flag", "environ", "dotenv", "toml")


def test_every_setting_has_a_sample() -> None:
    special = {"debug", "config", "language", "b_route_id", "b_route_password"}  # tested by themselves below
    assert {row.name for row in settings_table()} == {*SAMPLES, *special}


def put(place: Place, name: str, source: str, text: str) -> list[str]:
    """Write one setting into one source; returns what that adds to the command line."""
    row = next(row for row in settings_table() if row.name == name)
    if source == "flag":
        return [row.flag] if getattr(row, "switch", False) else [row.flag, text]
    if source == "environ":
        assert row.environment
        place.environ[row.environment] = text
    elif source == "dotenv":
        place.dotenv(f"{row.environment}='{text}'\n")
    else:
        place.toml(f"{name} = {SAMPLES[name].toml(text)}\n")
    return []


def base_flags(name: str) -> list[str]:
    """All outputs in use, and the flags that bring the setting into use."""
    return [*([] if name == "output" else ALL_OUTPUTS), *SAMPLES[name].with_flags]


def sources_of(name: str) -> list[str]:
    row = next(row for row in settings_table() if row.name == name)
    return [source for source in SOURCES if row.environment or source in ("flag", "toml")]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", SAMPLES)
def test_each_source_wins_over_all_weaker_ones(place: Place, name: str, source: str) -> None:
    if source not in sources_of(name):
        assert next(row for row in settings_table() if row.name == name).environment is None
        return
    sample, argv = SAMPLES[name], base_flags(name)
    for weaker in SOURCES[SOURCES.index(source) :]:
        if weaker in sources_of(name):
            argv += put(place, name, weaker, sample.texts[SOURCES.index(weaker)])
    settings = place.load(*argv)
    assert sample.seen(settings) == sample.expected(sample.texts[SOURCES.index(source)])
    row = next(row for row in settings_table() if row.name == name)
    assert (
        settings.source_of(name)
        == {
            "flag": row.flag,
            "environ": f"environment variable {row.environment}",
            "dotenv": f"{place.folder}/.env, {row.environment}",
            "toml": f"{place.toml_path}, key {name}",
        }[source]
    )


@pytest.mark.parametrize("name", [row.name for row in WITH_VALUE if row.environment])
def test_an_empty_variable_counts_as_unset(place: Place, name: str) -> None:
    put(place, name, "environ", " ")
    put(place, name, "toml", SAMPLES[name].texts[0])
    assert SAMPLES[name].seen(place.load(*base_flags(name))) == SAMPLES[name].expected(SAMPLES[name].texts[0])


def test_the_language_comes_from_the_environment_before_the_settings_file(place: Place) -> None:
    assert place.load().language is None
    place.toml('language = "ja"\n')
    assert place.load().language == "ja"
    place.environ["HEMS_LANG"] = "en_GB.UTF-8"
    assert place.load().language == "en"


def test_a_language_without_texts_is_refused_with_those_that_have_some(place: Place) -> None:
    place.toml('language = "fr"\n')
    error = place.refused()
    assert error.what == f'{place.toml_path}, key language: There are no texts in the language "fr".'
    assert error.cause == "Possible are: en, ja."


DEFAULTS: Mapping[str, Any] = {
    "port": "/dev/ttyUSB0",
    "baudrate": 115200,
    "fixed_pan": None,
    "outputs": (),
    "format": "json",
    "mode": "schedule",
    "interval": 300,
    "debug": False,
    "notes": (),
    "warnings": (),
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults(place: Place, name: str) -> None:
    settings = place.load()
    assert getattr(settings if hasattr(settings, name) else settings.meters[0], name) == DEFAULTS[name]


def test_defaults_of_schedule_zone_and_outputs(place: Place) -> None:
    settings = place.load(*ALL_OUTPUTS)
    assert settings.meters[0].schedule is not None
    assert settings.meters[0].schedule.expression == "*/5 * * * *"
    assert settings.zone.key == "Asia/Tokyo"
    assert settings.meters[0].schedule.zone is settings.zone
    values = settings.output_values
    assert str(values["file"]["file"]) == "hems_data.dat"
    assert values["webhook"]["webhook_url"].url.reveal() == "http://localhost:8000/webhook"
    assert values["webhook"]["webhook_headers"] == ()
    assert values["webhook"]["webhook_secret"] is None
    assert values["gcloud"]["gcp_project"] == "your-project-id"
    assert values["gcloud"]["gcp_topic"] == "hems-data"
    assert {settings.source_of(row.name) for row in WITH_VALUE if row.name != "output"} == {"default"}


def test_the_defaults_stand_in_the_table_as_users_know_them() -> None:
    known = {row.flag: row.default for row in settings_table() if row.flag}
    expected = {
        "--output": None,
        "--format": "json",
        "--file": "hems_data.dat",
        "--gcp-project": "your-project-id",
        "--gcp-topic": "hems-data",
        "--webhook-url": "http://localhost:8000/webhook",
        "--port": "/dev/ttyUSB0",
        "--baudrate": "115200",
        "--meter-channel": None,
        "--meter-panid": None,
        "--meter-ipv6": None,
        "--mode": "schedule",
        "--schedule": "*/5 * * * *",
        "--interval": "300",
        "--debug": None,
    }
    assert {flag: known[flag] for flag in expected} == expected


def test_the_environment_names_are_those_users_have() -> None:
    names = {row.flag or row.name: row.environment for row in settings_table()}
    assert names["--gcp-project"] == "GCP_PROJECT_ID"
    assert names["--gcp-topic"] == "GCP_TOPIC_NAME"
    assert names["--webhook-url"] == "WEBHOOK_URL"
    assert names["--port"] == "SERIAL_PORT"
    assert names["--baudrate"] == "SERIAL_RATE"
    assert names["--local-timezone"] == "LOCAL_TIMEZONE"
    assert names["--config"] == "HEMS_CONFIG"
    assert {"B_ROUTE_ID", "B_ROUTE_PASSWORD", "B_ROUTE_ID_FILE", "B_ROUTE_PASSWORD_FILE"} <= set(environment_names())


def test_debug_by_flag_and_by_toml(place: Place) -> None:
    assert place.load("--debug").debug
    place.toml("debug = true")
    assert place.load().debug
    place.toml("debug = false")
    assert not place.load().debug
    assert place.load("--debug").debug


# ---------------------------------------------------------------- outputs


def test_outputs_extend_and_duplicates_collapse(place: Place) -> None:
    settings = place.load("-o", "file", "stdout", "--output", "webhook", "file", "-o", "stdout")
    assert settings.outputs == ("file", "stdout", "webhook")
    assert set(settings.output_values) == {"file", "stdout", "webhook"}


def test_outputs_in_toml_are_a_list_or_a_word(place: Place) -> None:
    place.toml('output = ["stdout", "file"]')
    assert place.load().outputs == ("stdout", "file")
    place.toml('output = "file"')
    assert place.load().outputs == ("file",)
    place.toml("output = []")
    assert place.load().outputs == ()


def test_an_unknown_output_names_the_nearest(place: Place) -> None:
    error = place.refused("-o", "webhok")
    assert error.what == '--output: "webhok" is not possible here.'
    assert error.remedy == 'Did you mean "webhook"?'


def test_several_headers_from_every_source(place: Place) -> None:
    def headers(*argv: str) -> list[str]:
        return [
            secret.reveal() for secret in place.load("-o", "webhook", *argv).output_values["webhook"]["webhook_headers"]
        ]

    assert headers("--webhook-header", "A: 1", "--webhook-header", "B: 2") == ["A: 1", "B: 2"]
    place.toml('webhook_headers = ["C: 3", "D: 4"]')
    assert headers() == ["C: 3", "D: 4"]
    place.environ["WEBHOOK_HEADERS"] = "E: 5;;F: 6"
    assert headers() == ["E: 5", "F: 6"]


# ---------------------------------------------------------------- not in use: accepted, one note


def test_flags_without_effect_are_accepted_with_one_note(place: Place) -> None:
    settings = place.load("-o", "stdout", "--interval", "60", "--webhook-url", "http://x/", "--gcp-topic", "abc")
    assert settings.notes == (
        "Accepted but without effect: --interval (the mode is schedule), --webhook-url (no -o webhook),"
        " --gcp-topic (no -o gcloud).",
    )


def test_each_mode_and_no_output_note(place: Place) -> None:
    assert place.load("--mode", "interval", "-s", "@hourly").notes == (
        "Accepted but without effect: --schedule (the mode is interval).",
    )
    assert place.load("-f", "csv").notes == ("Accepted but without effect: --format (no output is chosen).",)


def test_no_note_for_flags_in_use_nor_for_other_sources(place: Place) -> None:
    place.environ["WEBHOOK_URL"] = "http://x/"
    place.toml('interval = 60\nfile = "x"\n')
    assert place.load("-o", "stdout", "-f", "csv", "-s", "@hourly", "--port", "emulator:").notes == ()


def test_settings_not_in_use_are_not_checked(place: Place) -> None:
    place.environ["WEBHOOK_URL"] = "nonsense"
    settings = place.load("--interval", "soon")
    assert settings.outputs == ()
    assert settings.meters[0].interval == 300
    assert place.load("--mode", "interval", "-s", "nonsense").meters[0].schedule is None


# ---------------------------------------------------------------- TOML


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ('prot = "/dev/ttyUSB1"', 'the key "prot" is not known', 'Did you mean "port"?'),
        ('webhook-url = "http://x/"', 'the key "webhook-url" is not known', 'Did you mean "webhook_url"?'),
        (
            "[webhook]\nurl = 'x'",
            "the section [webhook] is not known",
            "Write webhook_url = ... above the first section.",
        ),
        ("[serial]\nport = 'x'", "the section [serial] is not known", "Write port = ... above the first section."),
        ("[meterz]\n", "the section [meterz] is not known", "Did you mean"),
        ("[zzzzzz]\n", "the section [zzzzzz] is not known", "see --help"),
        ('config = "x"', 'the key "config" is not known', ""),
        ("port = 5", "key port: wrong type", 'port = "..."'),
        ("meter_channel = 0x21", "key meter_channel: wrong type", 'meter_channel = "..."'),
        ("debug = 1", "key debug: wrong type", ""),
        ("interval = 1.5", "key interval: wrong type", ""),
        ("interval = true", "key interval: wrong type", ""),
        ("output = [1]", "key output: wrong type", ""),
        ("b_route_id = 11112222333344445555666677778888", "key b_route_id: wrong type", ""),
        ("port = \n", "is not valid TOML", "(at line 1"),
        ('a = "1"\nport = x\n', "is not valid TOML", "(at line 2"),
        ("interval = 0", "key interval: ", ""),
        ('format = "xml"', 'key format: "xml" is not possible', ""),
        ('schedule = "* * *"', "key schedule: The schedule", ""),
    ],
)
def test_toml_errors_name_file_key_and_remedy(place: Place, text: str, what: str, remedy: str) -> None:
    place.toml(text)
    error = place.refused(*(("--mode", "interval") if "interval" in text else ()))
    assert error.what.startswith(str(place.toml_path))
    assert what in error.what
    assert remedy in error.what + error.remedy


def test_the_file_is_found_by_flag_variable_xdg_and_home(place: Place) -> None:
    place.toml("baudrate = 2400")
    (xdg := place.folder / "xdg/hems-data-collector").mkdir(parents=True)
    (xdg / "config.toml").write_text("baudrate = 4800")
    (place.folder / "env.toml").write_text("baudrate = 9600")
    (place.folder / "flag.toml").write_text("baudrate = 19200")
    assert place.load().meters[0].baudrate == 2400
    place.environ["XDG_CONFIG_HOME"] = str(place.folder / "xdg")
    assert place.load().meters[0].baudrate == 4800
    place.dotenv("HEMS_CONFIG=env.toml")
    assert place.load().meters[0].baudrate == 9600
    assert place.load("--config", "flag.toml").meters[0].baudrate == 19200
    assert place.load("--config", str(place.folder / "flag.toml")).meters[0].baudrate == 19200


def test_a_relative_xdg_folder_counts_as_unset(place: Place) -> None:
    place.environ |= {"XDG_CONFIG_HOME": "xdg", "XDG_STATE_HOME": "state"}
    place.toml("baudrate = 2400")
    settings = place.load()
    assert settings.meters[0].baudrate == 2400
    assert settings.state_directory == place.folder / "home/.local/state/hems-data-collector"


@pytest.mark.parametrize("by_flag", [True, False])
def test_a_named_file_must_exist(place: Place, by_flag: bool) -> None:
    if not by_flag:
        place.environ["HEMS_CONFIG"] = "gone.toml"
    error = place.refused(*(("--config", "gone.toml") if by_flag else ()))
    assert error.what == f"{'--config' if by_flag else 'HEMS_CONFIG'}: there is no file {place.folder}/gone.toml."


def test_a_file_that_is_no_text_is_refused(place: Place) -> None:
    place.toml_path.parent.mkdir(parents=True)
    place.toml_path.write_bytes(b"port = '\xff'")
    assert "it is not UTF-8 text" in place.refused().what
    place.toml_path.write_bytes(b"#" * (1 << 21))
    assert "larger than" in place.refused().what
    assert "cannot be read" in place.refused("--config", str(place.folder)).what


# ---------------------------------------------------------------- .env


def test_dotenv_values_stand_as_they_are(place: Place) -> None:
    place.dotenv("# a comment\nexport SERIAL_PORT='/dev/tty A'\n\nB_ROUTE_PASSWORD=pa$HOME#${x}\nLONELY\n")
    del place.environ["B_ROUTE_PASSWORD"]
    settings = place.load()
    assert settings.meters[0].port == "/dev/tty A"
    assert settings.meters[0].credentials.password.reveal() == "pa$HOME#${x}"


def test_a_torn_dotenv_line_is_named(place: Place) -> None:
    place.dotenv("SERIAL_PORT=/dev/ttyUSB1\nWEBHOOK_URL='http://x\n")
    assert place.refused().what == f"{place.folder}/.env, line 2: not of the form NAME=value."


def test_a_dotenv_that_is_no_text_is_refused(place: Place) -> None:
    (place.folder / ".env").write_bytes(b"SERIAL_PORT=\xff\xfe")
    assert "it is not UTF-8 text" in place.refused().what


def test_a_folder_named_dotenv_is_none_of_ours(place: Place) -> None:
    (place.folder / ".env").mkdir()
    assert place.load().meters[0].port == "/dev/ttyUSB0"


def test_a_misspelt_name_in_dotenv_is_a_warning(place: Place) -> None:
    place.dotenv("SERIAL_PROT=/dev/ttyUSB1\nB_ROUTE_ID_2=x\nPATH_TO_X=1\n")
    assert place.load().warnings == (f'{place.folder}/.env: "SERIAL_PROT" is no setting. Did you mean "SERIAL_PORT"?',)


def test_what_libraries_read_is_passed_on_from_dotenv(place: Place) -> None:
    place.environ["HTTPS_PROXY"] = "real"
    place.dotenv(f"SSL_CERT_FILE=/ca.pem\nHTTPS_PROXY=other\nB_ROUTE_ID={ROUTE_B_ID}\nSERIAL_RATE=9600\nEMPTY=\n")
    assert place.load().library_environment == {"SSL_CERT_FILE": "/ca.pem"}


# ---------------------------------------------------------------- credentials


def test_credentials_from_every_source_in_order(place: Place) -> None:
    def seen() -> tuple[str, str]:
        settings = place.load()
        return settings.meters[0].credentials.password.reveal(), settings.source_of("b_route_password")

    del place.environ["B_ROUTE_PASSWORD"]
    place.toml('b_route_password = "from-toml"')
    assert seen() == ("from-toml", f"{place.toml_path}, key b_route_password")
    place.dotenv("B_ROUTE_PASSWORD=from-dotenv")
    assert seen() == ("from-dotenv", f"{place.folder}/.env (B_ROUTE_PASSWORD)")
    (place.folder / "b_route_password").write_text("from-systemd\n")
    place.environ["CREDENTIALS_DIRECTORY"] = str(place.folder)
    assert seen() == ("from-systemd", f"credential file {place.folder}/b_route_password")
    (place.folder / "secret").write_text("from-file\n")
    place.environ["B_ROUTE_PASSWORD_FILE"] = str(place.folder / "secret")
    assert seen() == ("from-file", f"credential file {place.folder}/secret")
    place.environ["B_ROUTE_PASSWORD"] = "from-environment"
    assert seen()[0] == "from-environment"


def test_a_secret_in_a_file_that_others_may_read_is_a_warning(place: Place) -> None:
    place.toml(f'b_route_id = "{ROUTE_B_ID}"')
    assert place.load().warnings == ()
    place.toml_path.chmod(0o640)
    assert "chmod 600" in place.load().warnings[0]
    place.toml("baudrate = 9600")
    place.toml_path.chmod(0o644)
    assert place.load().warnings == ()


@pytest.mark.parametrize("name", ["B_ROUTE_ID", "B_ROUTE_PASSWORD"])
@pytest.mark.parametrize("text", [None, "", UNSET_ID])
def test_a_real_port_needs_both(place: Place, name: str, text: str | None) -> None:
    place.environ.pop(name)
    if text is not None:
        place.environ[name] = text
    error = place.refused()
    assert error.what == f"{name} is not configured."
    assert "--port emulator:" in error.remedy
    assert place.load("--port", "emulator:").meters[0].credentials.secrets() != ()


def test_the_emulator_needs_none(place: Place) -> None:
    place.environ.clear()
    place.environ["HOME"] = str(place.folder)
    settings = place.load("--port", "emulator:")
    assert not settings.meters[0].credentials.configured
    assert settings.secrets == ()


def test_a_meter_in_the_home_network_needs_none(place: Place) -> None:
    place.environ.clear()
    place.environ["HOME"] = str(place.folder)
    assert place.load("--port", "wifi:wlan0?meter=A00B123456").meters[0].port == "wifi:wlan0?meter=A00B123456"


@pytest.mark.parametrize("text", ["123", ROUTE_B_ID + "0", "あ" * 32])
def test_a_malformed_id_is_refused_without_showing_it(place: Place, text: str) -> None:
    place.environ["B_ROUTE_ID"] = text
    for port in ("/dev/ttyUSB0", "emulator:"):
        error = place.refused("--port", port)
        assert error.what.startswith("environment (B_ROUTE_ID): B_ROUTE_ID has ")
        assert text not in str(error)


def test_a_malformed_password_is_refused_without_showing_it(place: Place) -> None:
    place.environ["B_ROUTE_PASSWORD"] = "geheim geheim"
    assert "geheim" not in str(place.refused())


def test_a_credential_file_that_is_not_there_is_named(place: Place) -> None:
    del place.environ["B_ROUTE_ID"]
    place.environ["B_ROUTE_ID_FILE"] = "/gone"
    assert "B_ROUTE_ID_FILE" in place.refused().what


def test_secrets_hold_everything_that_must_not_be_shown(place: Place) -> None:
    place.environ["WEBHOOK_SECRET"] = "whsec_" + "A" * 32
    settings = place.load(
        *("-o", "webhook", "--webhook-header", "Authorization: Bearer tok-123"),
        *("--webhook-url", "https://user:pa55word@example.org/"),
        *("--port", "emulator:?id=11112222333344445555666677778888&password=p%40ss"),
    )
    assert {secret.reveal() for secret in settings.secrets} == {
        *(ROUTE_B_ID, PASSWORD, ROUTE_B_ID[-8:]),
        *("Authorization: Bearer tok-123", "Bearer tok-123", "tok-123", "whsec_" + "A" * 32),
        *("pa55word", "11112222333344445555666677778888", "p@ss", "p%40ss"),
    }


def test_no_secret_in_the_repr(place: Place) -> None:
    place.environ |= {"WEBHOOK_SECRET": "whsec_" + "A" * 32, "WEBHOOK_HEADERS": "X-Key: tok-123"}
    text = repr(place.load("-o", "webhook"))
    for secret in (ROUTE_B_ID, PASSWORD, "whsec_A", "tok-123"):
        assert secret not in text


def test_secret_settings_have_no_flag_but_those_of_an_output() -> None:
    assert [row.flag for row in CREDENTIAL_SETTINGS] == ["", ""]
    assert {"b_route_id", "b_route_password"} <= set(toml_types())


def test_a_bad_secret_is_not_repeated(place: Place) -> None:
    error = place.refused("-o", "webhook", "--webhook-secret", "not-so-secret")
    assert "not-so-secret" not in str(error)
    assert error.what.startswith("--webhook-secret: ")


# ---------------------------------------------------------------- the rest of the tree


def test_all_three_make_a_fixed_pan(place: Place) -> None:
    settings = place.load("--meter-channel", "0x33", "--meter-panid", "0x12a4", "--meter-ipv6", "fe80::21d:1290:3:c890")
    assert settings.meters[0].fixed_pan == FixedPan(
        channel=0x33, pan_id=0x12A4, ipv6="FE80:0000:0000:0000:021D:1290:0003:C890"
    )
    assert settings.warnings == ()


def test_fewer_than_three_scan_with_one_warning(place: Place) -> None:
    settings = place.load("--meter-channel", "33")
    assert settings.meters[0].fixed_pan is None
    (warning,) = settings.warnings
    assert warning.endswith("only with all three, and --meter-panid and --meter-ipv6 is missing.")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"STATE_DIRECTORY": "/var/lib/x"}, "/var/lib/x"),
        ({"STATE_DIRECTORY": "/var/lib/x:/var/lib/y", "XDG_STATE_HOME": "/z"}, "/var/lib/x"),
        ({"XDG_STATE_HOME": "/z"}, "/z/hems-data-collector"),
        ({"HOME": "/h"}, "/h/.local/state/hems-data-collector"),
    ],
)
def test_state_directory(place: Place, environ: dict[str, str], expected: str) -> None:
    place.environ |= environ
    assert place.load().state_directory == Path(expected)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Europe/London"])
def test_another_offset_than_japans_is_one_warning(place: Place, zone: str) -> None:
    (warning,) = place.load("--local-timezone", zone).warnings
    assert zone in warning
    assert "+09:00" in warning


@pytest.mark.parametrize("zone", ["Japan", "Asia/Seoul", "Asia/Tokyo"])
def test_the_same_offset_is_none(place: Place, zone: str) -> None:
    assert place.load("--local-timezone", zone).warnings == ()


def test_seconds_written_first_are_a_warning(place: Place) -> None:
    assert "sixth field" in place.load("-s", "0 */5 * * * *").warnings[0]


def test_a_query_the_emulator_does_not_know_is_refused(place: Place) -> None:
    error = place.refused("--port", "emulator:?modul=bp35c2")
    assert error.what.startswith("--port: ")
    assert "module" in error.remedy
    assert place.load("--port", "emulator:?module=bp35c2&wires=2").meters[0].port == "emulator:?module=bp35c2&wires=2"


def test_a_single_reading_checks_neither_outputs_nor_schedule(place: Place) -> None:
    place.environ |= {"WEBHOOK_URL": "nonsense", "GCP_PROJECT_ID": "??"}
    place.toml('output = ["webhook", "gcloud"]\nschedule = "nonsense"\nmode = "nonsense"\nformat = "csv"\n')
    settings = place.load(one_shot=True)
    assert settings.outputs == ()
    assert settings.meters[0].schedule is None
    assert settings.format == "csv"
    assert settings.notes == ()
    assert "--baudrate" in place.refused("--baudrate", "9", one_shot=True).what


def test_a_refused_value_keeps_the_name_of_its_setting(place: Place) -> None:
    place.environ["SERIAL_RATE"] = "fast"
    error = place.refused()
    assert error.setting == "baudrate"
    assert error.what == 'environment variable SERIAL_RATE: "fast" is no speed of a serial port.'


def test_a_value_an_output_refuses_names_source_and_default(place: Place) -> None:
    place.environ["GCP_PROJECT_ID"] = "No Project"
    error = place.refused("-o", "gcloud")
    assert error.what.startswith("environment variable GCP_PROJECT_ID: a project id has ")
    assert error.what.endswith(".")
    assert not error.what.endswith("..")
    assert "your-project-id" in error.remedy
