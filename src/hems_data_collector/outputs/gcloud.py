"""Records as messages of a Google Cloud Pub/Sub topic, by Google's own client (extra `[gcloud]`)."""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from gettext import gettext as _
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from hems_data_collector.clock import Clock
from hems_data_collector.errors import ConfigError, OutputError, OutputPaused, OutputRejected, OutputUnavailable
from hems_data_collector.language import N_
from hems_data_collector.outputs.base import Output, Setting
from hems_data_collector.outputs.blocking import BlockingCalls
from hems_data_collector.outputs.formats import Format, json_object
from hems_data_collector.readings import RECORD_KEYS, Record

if TYPE_CHECKING:
    from google.pubsub_v1.services.publisher import PublisherClient
    from google.pubsub_v1.types import PublishRequest

UNSET_PROJECT: Final = "your-project-id"
"""The default: only an emulator takes it."""
PUBLISH_TIMEOUT_S: Final = 20.0
CHECK_TIMEOUT_S: Final = 10.0
PERMISSION: Final = "pubsub.topics.publish"
"""All that is needed of a topic."""
SCOPES: Final = ("https://www.googleapis.com/auth/pubsub",)
MAX_DETAIL_CHARACTERS: Final = 300

# A project is known by its id (letters, digits, hyphens; old ones with a domain in front) or by its number.
_PROJECT: Final = re.compile(r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]\Z|[0-9]{6,20}\Z")
_TOPIC: Final = re.compile(r"(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}\Z")
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}\Z")


def project_id(text: str) -> str:
    """Check the form of a project id; raises ValueError."""
    if not _PROJECT.match(text):
        raise ValueError(_("a project id has 6 to 30 lower-case letters, digits and hyphens and begins with a letter"))
    return text


def topic_id(text: str) -> str:
    """Check the form of a topic id; raises ValueError."""
    if not _TOPIC.match(text):
        raise ValueError(
            _(
                "a topic id has 3 to 255 letters, digits and - . _ ~ + %, begins with a letter and not with 'goog'"
                " (the id alone, without 'projects/.../topics/')"
            )
        )
    return text


def emulator_host(text: str) -> str:
    """Check `host:port`; raises ValueError."""
    if not _HOST.match(text):
        raise ValueError(_("the Pub/Sub emulator is written host:port, such as localhost:8085"))
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """The topic, and what is needed to reach it."""

    project: str
    topic: str
    credentials_file: str | None
    emulator: str | None

    @property
    def path(self) -> str:
        """The name of the topic in the API."""
        return f"projects/{self.project}/topics/{self.topic}"


class GcloudOutput(Output):
    """Publishes the JSON record with `key`, `meter` and `kind` as attributes; a repeated message repeats its key."""

    name: ClassVar[str] = "gcloud"
    help: ClassVar[str] = N_("a Google Cloud Pub/Sub topic; needs pip install 'hems-data-collector[gcloud]'")
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            name="gcp_project",
            flag="--gcp-project",
            environment="GCP_PROJECT_ID",
            default=UNSET_PROJECT,
            metavar="ID",
            help=N_("project of the output 'gcloud'"),
            convert=project_id,
        ),
        Setting(
            name="gcp_topic",
            flag="--gcp-topic",
            environment="GCP_TOPIC_NAME",
            default="hems-data",
            metavar="ID",
            help=N_("topic of the output 'gcloud'"),
            convert=topic_id,
        ),
        Setting(
            name="gcp_credentials",
            flag="--gcp-credentials",
            environment="GOOGLE_APPLICATION_CREDENTIALS",
            metavar="PATH",
            help=N_("key file for Google Cloud; without it, what the machine or 'gcloud auth' provides"),
        ),
        Setting(
            name="gcp_emulator_host",
            flag="--gcp-emulator-host",
            environment="PUBSUB_EMULATOR_HOST",
            metavar="HOST:PORT",
            help=N_("publish to a Pub/Sub emulator, without TLS and credentials"),
            convert=emulator_host,
        ),
    )
    batch_size: ClassVar[int] = 250

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._credentials: Any = None
        self._client: PublisherClient | None = None
        self._calls = BlockingCalls("gcloud")

    @classmethod
    def build(
        cls,
        values: Mapping[str, Any],
        format: Format,
        *,
        clock: Clock,
        columns: Sequence[str] = RECORD_KEYS,
        half_hours: bool = False,
    ) -> Self:
        destination = Destination(
            project=values["gcp_project"],
            topic=values["gcp_topic"],
            credentials_file=values.get("gcp_credentials") or None,
            emulator=values.get("gcp_emulator_host") or None,
        )
        if destination.project == UNSET_PROJECT and destination.emulator is None:
            raise ConfigError(
                _("The output gcloud has no project: --gcp-project is still '{project}'.").format(
                    project=UNSET_PROJECT
                ),
                setting="--gcp-project",
                cause=_("Neither --gcp-project nor GCP_PROJECT_ID is set."),
                remedy=_("Set one of them to the id of your project; for a trial, set PUBSUB_EMULATOR_HOST."),
            )
        return cls(destination)

    async def open(self) -> None:
        await self._calls.run(self._prepare)

    async def deliver(self, batch: Sequence[Record], checkpoint: bytes | None) -> bytes | None:
        await self._calls.run(self._publish, batch)
        return checkpoint

    async def check(self) -> str | None:
        """Ask whether the topic is there and takes messages from us."""
        await self._calls.run(self._prepare)
        await self._calls.run(self._look)
        return None

    async def close(self) -> None:
        # Not on the thread: closing the channel is what ends a call that hangs there.
        self._disconnect()
        self._calls.close()

    def _prepare(self) -> None:
        """Import the client and find the credentials; raises ConfigError. Sends nothing to Pub/Sub."""
        _quieten_libraries()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # which Python versions Google will support one day
                import google.auth
                import google.auth.exceptions
                import google.pubsub_v1
        except ImportError as error:
            raise ConfigError(
                _("The output gcloud needs Google's Pub/Sub client, which is not installed."),
                setting="--output",
                cause=_("The extra [gcloud] is missing."),
                remedy=_("pip install 'hems-data-collector[gcloud]' (in a clone: pip install -e '.[gcloud]')."),
            ) from error
        if self._destination.emulator is not None:
            return
        try:
            self._credentials = _credentials(self._destination.credentials_file)
        except (google.auth.exceptions.GoogleAuthError, ValueError, OSError) as error:
            given = self._destination.credentials_file
            raise ConfigError(
                _("The key file {given} of Google Cloud cannot be used ({reason}).").format(
                    given=given, reason=type(error).__name__
                )
                if given
                else _("No credentials for Google Cloud were found."),
                setting="GOOGLE_APPLICATION_CREDENTIALS",
                cause=_("It is missing, unreadable or no key file.")
                if given
                else _("Nobody is logged in on this machine."),
                remedy=_(
                    "Set GOOGLE_APPLICATION_CREDENTIALS to the key file of a service account,"
                    " or run 'gcloud auth application-default login'."
                ),
            ) from error

    def _connect(self) -> PublisherClient:
        """A client on a connection of its own."""
        import grpc
        from google.pubsub_v1.services.publisher import PublisherClient
        from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

        if self._destination.emulator is not None:
            channel = grpc.insecure_channel(self._destination.emulator)
            return PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        return PublisherClient(credentials=self._credentials)

    def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            transport: Any = client.transport  # its close() has no annotations
            transport.close()

    def _publish(self, batch: Sequence[Record]) -> None:
        """Publish once, without the client's own retries; runs on the thread."""
        import google.api_core.exceptions
        import google.auth.exceptions

        client = self._client = self._client or self._connect()
        try:
            client.publish(request=_request(self._destination.path, batch), retry=None, timeout=PUBLISH_TIMEOUT_S)
        except (google.api_core.exceptions.GoogleAPICallError, google.auth.exceptions.GoogleAuthError) as error:
            verdict = self._verdict(error, _("Pub/Sub did not take a message for {path}: {detail}."))
            if isinstance(verdict, OutputUnavailable):
                self._disconnect()  # the next try connects at once: the channel's own backoff grows to two minutes
            raise verdict from error

    def _look(self) -> None:
        """Ask for the topic once; runs on the thread. The role that publishes need not be allowed to look at topics."""
        import google.api_core.exceptions
        import google.auth.exceptions

        client = self._client = self._client or self._connect()
        topic = self._destination.path
        try:
            try:
                client.get_topic(topic=topic, retry=None, timeout=CHECK_TIMEOUT_S)
            except google.api_core.exceptions.PermissionDenied:
                if not self._may_publish(client, topic):
                    raise
        except (google.api_core.exceptions.GoogleAPICallError, google.auth.exceptions.GoogleAuthError) as error:
            raise self._verdict(error, _("Pub/Sub says of {path}: {detail}.")) from error

    def _may_publish(self, client: PublisherClient, topic: str) -> bool:
        """What the service says of our permissions; an emulator has none to tell."""
        from google.api_core.exceptions import MethodNotImplemented

        asked = {"resource": topic, "permissions": [PERMISSION]}
        try:
            answer = client.test_iam_permissions(request=asked, retry=None, timeout=CHECK_TIMEOUT_S)
        except MethodNotImplemented:
            return False
        return PERMISSION in answer.permissions

    def _verdict(self, error: Exception, text: str) -> OutputError:
        """What a failed call means for the records and the output; `text` is what happened."""
        from google.api_core import exceptions
        from google.auth.exceptions import RefreshError

        what = text.format(path=self._destination.path, detail=_detail(error))
        match error:
            case exceptions.NotFound():
                return OutputPaused(
                    what,
                    cause=_("The topic or the project does not exist."),
                    remedy=_(
                        "Create it (gcloud pubsub topics create {topic}), or correct --gcp-topic and --gcp-project."
                    ).format(topic=self._destination.topic),
                )
            case exceptions.PermissionDenied() | exceptions.Unauthenticated() | exceptions.FailedPrecondition():
                return _not_allowed(what)
            case RefreshError() if not error.retryable:
                return _not_allowed(what)
            case exceptions.InvalidArgument():
                return OutputRejected(what, cause=_("Pub/Sub does not take this message."))
            case _:
                return OutputUnavailable(
                    what, retry_after_s=_retry_delay_s(error), cause=_("The service or the network is down or busy.")
                )


def _request(topic: str, batch: Sequence[Record]) -> PublishRequest:
    """The messages for `batch`, made as protobuf has them: the client takes dicts too, for twice the time."""
    from google.pubsub_v1.types import PublishRequest

    request = PublishRequest(topic=topic)
    add = PublishRequest.pb(request).messages.add
    for record in batch:
        attributes = {"key": record.key, "meter": record.meter, "kind": record.kind}
        add(data=json_object(record), attributes=attributes)
    return request


def _quieten_libraries() -> None:
    """Their lines are about their insides, some of them with tokens; what matters to the owner we say ourselves."""
    for library in ("google", "urllib3"):
        logging.getLogger(library).setLevel(logging.ERROR)
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # gRPC prints from C to stderr, past every log setting


def _not_allowed(what: str) -> OutputPaused:
    return OutputPaused(
        what,
        cause=_("These credentials may not publish to the topic."),
        remedy=_("Give the service account the role Pub/Sub Publisher, or use other credentials."),
    )


def _credentials(path: str | None) -> Any:
    """Credentials that may publish, from a key file or from what the machine provides."""
    import google.auth

    if path is None:
        return google.auth.default(scopes=SCOPES)[0]
    load: Any = google.auth.load_credentials_from_file  # without annotations
    with warnings.catch_warnings():
        # Deprecated for key files from strangers; this one is named by the owner.
        warnings.simplefilter("ignore", DeprecationWarning)
        return load(path, scopes=SCOPES)[0]


def _detail(error: Exception) -> str:
    """The service's own words in one bounded line."""
    text = str(getattr(error, "message", "") or error) or type(error).__name__
    return " ".join(text.split())[:MAX_DETAIL_CHARACTERS]


def _retry_delay_s(error: Exception) -> float | None:
    """The pause that the service asks for (google.rpc.RetryInfo), None without one."""
    for detail in getattr(error, "details", None) or ():
        if (delay := getattr(detail, "retry_delay", None)) is not None:
            return max(0.0, float(delay.seconds) + float(delay.nanos) / 1e9)
    return None
