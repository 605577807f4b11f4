"""Two Pub/Sub servers behind real gRPC: a small fake with exact faults, and Google's own pstest built from Debian's Go.

Both are read back by Google's subscriber client. Building pstest needs the packages golang-go and
golang-google-cloud-dev; the binary is kept in `.cache/`, outside git.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from google.api_core.exceptions import DeadlineExceeded, Unknown
from google.iam.v1 import iam_policy_pb2
from google.pubsub_v1 import types
from google.pubsub_v1.services.publisher import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from google.rpc import error_details_pb2, status_pb2

ROOT = Path(__file__).parents[2]
DEBIAN_GO_PATH = Path("/usr/share/gocode")
PULL_TIMEOUT_S = 10.0


class PubSubServer(ABC):
    """What a test needs of either server."""

    address: str

    @abstractmethod
    def fault(self, kind: str, value: float) -> None:
        """`before` or `after` (storing) with a probability, `delay` in seconds; for each Publish from now on."""

    @contextlib.contextmanager
    def _channel(self) -> Iterator[Any]:
        channel = grpc.insecure_channel(self.address)
        try:
            yield channel
        finally:
            channel.close()

    def create(self, topic: str) -> None:
        """Make the topic and a subscription to it."""
        with self._channel() as channel:
            PublisherClient(transport=PublisherGrpcTransport(channel=channel)).create_topic(name=topic)
            SubscriberClient(transport=SubscriberGrpcTransport(channel=channel)).create_subscription(
                name=_subscription(topic), topic=topic, ack_deadline_seconds=60
            )

    def messages(self, topic: str, at_least: int) -> list[tuple[bytes, dict[str, str]]]:
        """Data and attributes of all messages that came, in the order of coming."""
        found: dict[str, types.PubsubMessage] = {}
        with self._channel() as channel:
            client = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
            deadline = time.monotonic() + PULL_TIMEOUT_S
            while len(found) < at_least and time.monotonic() < deadline:
                found |= _pulled(client, topic)
            found |= _pulled(client, topic)  # one more look: none may be too many
        ordered = sorted(found.values(), key=lambda message: int(message.message_id.lstrip("m")))
        return [(message.data, dict(message.attributes)) for message in ordered]


def _subscription(topic: str) -> str:
    return topic.replace("/topics/", "/subscriptions/")


def _pulled(client: SubscriberClient, topic: str) -> dict[str, types.PubsubMessage]:
    try:
        answer = client.pull(subscription=_subscription(topic), max_messages=1000, timeout=0.3, retry=None)
    except (DeadlineExceeded, Unknown):  # nothing there; the latter is pstest's word for it
        return {}
    if answer.received_messages:
        ids = [received.ack_id for received in answer.received_messages]
        client.acknowledge(subscription=_subscription(topic), ack_ids=ids)
    return {received.message.message_id: received.message for received in answer.received_messages}


class FakePubSub(PubSubServer):
    """The calls that we and the tests use, in Python; `refuse` answers every Publish with a status of choice."""

    def __init__(self, address: str = "127.0.0.1:0") -> None:
        self._messages: dict[str, list[types.PubsubMessage]] = {}
        self._pulled: dict[str, int] = {}
        self._faults = {"before": 0.0, "after": 0.0, "delay": 0.0}
        self._refusal: status_pb2.Status | None = None
        self.poison: bytes | None = None
        """A message that contains this is INVALID_ARGUMENT."""
        self.hang = threading.Event()
        self.hang.set()
        """Clear it to answer no Publish until it is set again."""
        self.publishes = 0
        self.allowed: set[str] | None = None
        """What TestIamPermissions grants; None: the server does not know that call."""
        self._server = grpc.server(ThreadPoolExecutor(8))
        self._server.add_generic_rpc_handlers(
            (
                _service(
                    "Publisher",
                    CreateTopic=(self._create_topic, types.Topic, types.Topic),
                    GetTopic=(self._get_topic, types.GetTopicRequest, types.Topic),
                    Publish=(self._publish, types.PublishRequest, types.PublishResponse),
                ),
                _service(
                    "IAMPolicy",
                    package="google.iam.v1",
                    TestIamPermissions=(self._permissions_of, _Asked, _Allowed),
                ),
                _service("Subscriber", CreateSubscription=(lambda r, _c: r, types.Subscription, types.Subscription)),
                _service("Subscriber", Pull=(self._pull, types.PullRequest, types.PullResponse)),
                _service("Subscriber", Acknowledge=(_acknowledge, types.AcknowledgeRequest, types.PullResponse)),
            )
        )
        self.address = f"127.0.0.1:{self._server.add_insecure_port(address)}"

    @contextlib.contextmanager
    def running(self) -> Iterator[FakePubSub]:
        """Serve until the end of the block."""
        self._server.start()
        try:
            yield self
        finally:
            self.stop()

    def stop(self) -> None:
        """Hang up on everybody."""
        self.hang.set()
        self._server.stop(None).wait()

    def fault(self, kind: str, value: float) -> None:
        assert kind in self._faults
        self._faults[kind] = value

    def refuse(self, code: grpc.StatusCode | None, message: str = "refused", retry_delay_s: int | None = None) -> None:
        """Answer each Publish from now on with `code`; None takes messages again."""
        if code is None:
            self._refusal = None
            return
        self._refusal = status_pb2.Status(code=code.value[0], message=message)
        if retry_delay_s is not None:
            detail = error_details_pb2.RetryInfo()
            detail.retry_delay.seconds = retry_delay_s
            self._refusal.details.add().Pack(detail)

    def add_topic(self, topic: str) -> None:
        """Make a topic without asking over the wire."""
        self._messages[topic] = []

    def stored(self, topic: str) -> list[tuple[bytes, dict[str, str]]]:
        """Data and attributes of all messages, without asking over the wire."""
        return [(message.data, dict(message.attributes)) for message in self._messages[topic]]

    def _create_topic(self, request: types.Topic, _context: grpc.ServicerContext) -> types.Topic:
        self._messages.setdefault(request.name, [])
        return request

    def _get_topic(self, request: types.GetTopicRequest, context: grpc.ServicerContext) -> types.Topic:
        if self._refusal is not None:
            context.abort(_CODES[self._refusal.code], self._refusal.message)
        if request.topic not in self._messages:
            context.abort(grpc.StatusCode.NOT_FOUND, f"topic {request.topic} not found")
        return types.Topic(name=request.topic)

    def _permissions_of(self, request: Any, context: grpc.ServicerContext) -> Any:
        if self.allowed is None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "this server has no permissions")
        granted = [each for each in request.permissions if each in self.allowed]
        return iam_policy_pb2.TestIamPermissionsResponse(permissions=granted)

    def _publish(self, request: types.PublishRequest, context: grpc.ServicerContext) -> types.PublishResponse:
        self.publishes += 1
        self.hang.wait()
        time.sleep(self._faults["delay"])
        if self._refusal is not None:
            details = (("grpc-status-details-bin", self._refusal.SerializeToString()),)
            context.set_trailing_metadata(details)
            context.abort(_CODES[self._refusal.code], self._refusal.message)
        if self.poison is not None and any(self.poison in message.data for message in request.messages):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "poison")
        if self._faults["before"] >= 1.0:
            context.abort(grpc.StatusCode.UNAVAILABLE, "injected before storing")
        if request.topic not in self._messages:
            context.abort(grpc.StatusCode.NOT_FOUND, f"topic {request.topic} not found")
        stored = self._messages[request.topic]
        ids = []
        for message in request.messages:
            message.message_id = f"m{len(stored)}"
            stored.append(message)
            ids.append(message.message_id)
        if self._faults["after"] >= 1.0:
            context.abort(grpc.StatusCode.UNAVAILABLE, "injected after storing")
        return types.PublishResponse(message_ids=ids)

    def _pull(self, request: types.PullRequest, context: grpc.ServicerContext) -> types.PullResponse:
        topic = request.subscription.replace("/subscriptions/", "/topics/")
        begin = self._pulled.get(topic, 0)
        fresh = self._messages[topic][begin : begin + request.max_messages]
        self._pulled[topic] = begin + len(fresh)
        return types.PullResponse(
            received_messages=[types.ReceivedMessage(ack_id=item.message_id, message=item) for item in fresh]
        )


def _acknowledge(_request: types.AcknowledgeRequest, _context: grpc.ServicerContext) -> types.PullResponse:
    return types.PullResponse()  # an empty message on the wire, like the real one


_CODES = {code.value[0]: code for code in grpc.StatusCode}


class _Asked:
    """What is asked of permissions, which is no message of our client's own kind."""

    deserialize = iam_policy_pb2.TestIamPermissionsRequest.FromString


class _Allowed:
    """The answer to it."""

    serialize = iam_policy_pb2.TestIamPermissionsResponse.SerializeToString


def _service(
    name: str, package: str = "google.pubsub.v1", **methods: tuple[Callable[..., Any], Any, Any]
) -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(
        f"{package}.{name}",
        {
            method: grpc.unary_unary_rpc_method_handler(
                call, request_deserializer=request.deserialize, response_serializer=answer.serialize
            )
            for method, (call, request, answer) in methods.items()
        },
    )


class GooglePubSub(PubSubServer):
    """Google's pstest as a process of its own; probabilities are real ones."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self._process = process
        self.address = process.stdout.readline().strip()

    def fault(self, kind: str, value: float) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{kind} {value}{'s' if kind == 'delay' else ''}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "ok\n"

    @classmethod
    @contextlib.contextmanager
    def running(cls, binary: Path) -> Iterator[GooglePubSub]:
        """A fresh server until the end of the block."""
        with subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield cls(process)
            finally:
                process.kill()


def why_not_buildable() -> str | None:
    """What is missing on this machine to build pstest; None when nothing is."""
    if shutil.which("go") is None:
        return "Google's Pub/Sub fake is not built: no Go here (apt-get install golang-go)"
    if not (DEBIAN_GO_PATH / "src/cloud.google.com/go/pubsub/pstest").is_dir():
        return "Google's Pub/Sub fake is not built: apt-get install golang-google-cloud-dev"
    return None


def built_pstest() -> Path:
    """The binary for `tests/services/pstestd/main.go` as it is now; building takes 20 s, once."""
    source = ROOT / "tests/services/pstestd/main.go"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    folder = ROOT / ".cache" / "pstestd" / digest
    binary = folder / "pstestd"
    if not binary.exists():
        (folder / "src/pstestd").mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder / "src/pstestd")
        settings = {
            "GO111MODULE": "off",
            "GOPATH": f"{DEBIAN_GO_PATH}:{folder}",
            "GOCACHE": str(ROOT / ".cache" / "go-build"),
            "GOPROXY": "off",
            "GOFLAGS": "",
            "CGO_ENABLED": "0",
        }
        fresh = folder / f"pstestd.{os.getpid()}"
        subprocess.run(["go", "build", "-o", fresh, "pstestd"], env=os.environ | settings, check=True, timeout=300)
        fresh.rename(binary)
    return binary
