"""The conversation with one client: commands come in, are checked, and are obeyed against the node.

Nothing here reads bytes or clocks of its own. Only PusherError is the client's fault and is answered; whatever else
is raised is ours, and the transport ends the connection.
"""

import logging
from collections import deque
from collections.abc import Callable

from reverb_py.cluster.occupancy import Away, Full, Outcome
from reverb_py.codes import CLIENT_EVENT_IGNORED, OVER_QUOTA, SUBSCRIPTION_REFUSED, WRONG_KEY, Code
from reverb_py.guesses import why_unauthorized
from reverb_py.hub import facts
from reverb_py.hub.app import ClientEventsFrom, RateLimit
from reverb_py.hub.connection import Connection
from reverb_py.hub.rate import Bucket, Window
from reverb_py.node import Node
from reverb_py.protocol import messages, names
from reverb_py.protocol.commands import ClientEvent, Ping, Pong, SignIn, Subscribe, Unsubscribe, parse
from reverb_py.protocol.errors import (
    ClientEventError,
    ErrorCode,
    PusherError,
    SignInError,
    SubscriptionError,
    Unauthorized,
)
from reverb_py.protocol.members import Member, parse_member, parse_user
from reverb_py.protocol.signatures import channel_text, matches, user_text

logger = logging.getLogger(__name__)

ERROR_INTERVAL = 1.0  # seconds between two pusher:error of one connection, a refused subscription adds two short frames
MANY_MEMBERS = 100  # hosted's limit; above it presence costs every joiner the whole list
FAULT = 1011  # RFC 6455 7.4.1; clients come back after a second
SHOWN = 128  # characters of what a client sent that are repeated to it


class Session:
    """One client. `hold_back(True)` asks the transport to read no further while a join is under way.

    `signature_failed` is called after the answer to a channel's or a sign-in's signature that is missing or wrong.
    """

    __slots__ = (
        "_bucket",
        "_hold_back",
        "_joining",
        "_next_error",
        "_obeying",
        "_signature_failed",
        "_waiting",
        "_window",
        "connection",
        "node",
    )

    def __init__(
        self,
        node: Node,
        connection: Connection,
        hold_back: Callable[[bool], None],
        signature_failed: Callable[[], None],
    ) -> None:
        self.node = node
        self.connection = connection
        self._hold_back = hold_back
        self._signature_failed = signature_failed
        self._joining = False
        self._waiting: deque[str] | None = None  # messages that arrived during a join
        self._obeying = False  # the waiting messages are being worked off
        self._bucket: Bucket | None = None
        self._window: Window | None = None
        self._next_error = 0.0

    def receive(self, text: str) -> None:
        """Obey one message. Raise only what is a fault of ours."""
        if self._joining:
            self._wait(text)
            return
        try:
            limit = self.connection.app.rate_limit
            if limit is not None and not self._within(limit):
                return
            match parse(text):
                case Ping():
                    self.connection.send(messages.PONG)
                case Subscribe() as command:
                    self._subscribe(command)
                case Unsubscribe(channel):
                    if channel in self.connection.channels:
                        self.node.unsubscribe(self.connection, channel)
                case ClientEvent() as command:
                    self._client_event(command)
                case SignIn() as command:
                    self._try_sign_in(command)
                case Pong():
                    pass
        except SubscriptionError as refusal:
            self._refuse_subscription(refusal)
        except PusherError as error:
            self._refuse(error)

    # Subscriptions.

    def _subscribe(self, command: Subscribe) -> None:
        channel = command.channel
        if not names.is_channel(channel, self.connection.app.max_channel_name):
            raise PusherError(
                f"Invalid channel name {channel[:SHOWN]!r}: 1 to {self.connection.app.max_channel_name}"
                " of the characters a-zA-Z0-9_-=@,.; are allowed"
            )
        member = self._authorize(command)
        known = self.connection.channels.get(channel)
        if known is not None and member is not None and known.user_id != member.user_id:
            raise SubscriptionError(channel, f"Existing subscription to channel {channel} as another user")
        is_repeated = channel in self.connection.channels
        limit = self.connection.app.max_subscriptions
        if not is_repeated and limit and len(self.connection.channels) >= limit:
            text = f"This connection has {limit} subscriptions, no more are allowed (REVERB_APP_MAX_SUBSCRIPTIONS)"
            raise SubscriptionError(channel, text, type="LimitReached")
        self._joining = True
        if is_repeated:
            self.node.acknowledge(self.connection, channel, lambda outcome: self._joined(channel, outcome))
        else:
            self.node.subscribe(self.connection, channel, member, lambda outcome: self._joined(channel, outcome))

    def _authorize(self, command: Subscribe) -> Member | None:
        """Return who joins (presence channels) or None; raise SubscriptionError when this connection may not."""
        channel, connection = command.channel, self.connection
        user_id = names.user_of(channel)
        if user_id is not None and (connection.user is None or connection.user.id != user_id):
            raise SubscriptionError(channel, f"Only a connection signed in as {user_id} may subscribe to {channel}")
        if not names.needs_authorization(channel):
            if names.looks_guarded(channel):
                self._notice(f"{channel} is a public channel: its prefix lacks the dash")
            return None
        self._check_signature(command)
        return self._member(command) if names.is_presence(channel) else None

    def _check_signature(self, command: Subscribe) -> None:
        channel, app = command.channel, self.connection.app
        if command.auth is None:
            raise Unauthorized(channel, f"Auth info required to subscribe to {channel}")
        key, colon, signature = command.auth.partition(":")
        if not colon:
            reason = f"Auth value for subscription to {channel} is invalid: should be of format 'key:signature'"
            raise Unauthorized(channel, reason)
        text = channel_text(self.connection.socket_id, channel, command.channel_data)
        if not matches(app.secrets, text, signature):
            if not self.node.debug:
                text = "SOCKET_ID:CHANNEL" if command.channel_data is None else "SOCKET_ID:CHANNEL:CHANNEL_DATA"
            expected = f"Invalid signature: Expected HMAC SHA256 hex digest of {text}"
            guess = why_unauthorized(self.node, self.connection, command, signature)
            raise Unauthorized(channel, expected, got=signature[:SHOWN], guess=guess)
        if key not in app.keys:
            shown = "that is a secret" if self.node.apps.has_secret(key) else repr(key[:SHOWN])
            self._notice(f"{channel} was authorized with the key {shown}, which is not this app's", WRONG_KEY)

    def _member(self, command: Subscribe) -> Member:
        channel, app = command.channel, self.connection.app
        member = self._claimed(command)
        if app.max_user_id and len(member.user_id) > app.max_user_id:
            raise SubscriptionError(channel, f"user_id is longer than {app.max_user_id} characters")
        size = len(member.user_id.encode()) + len(member.user_info)
        if app.max_presence_user_size and size > app.max_presence_user_size:
            raise SubscriptionError(channel, f"user object is larger than {app.max_presence_user_size} bytes")
        if member.user_info == b"true":
            self._notice(f"the user_info of {channel} is `true`: its authorization callback returns true, not an array")
        return member

    def _claimed(self, command: Subscribe) -> Member:
        """Who joins: as the signed channel_data says, else who is signed in (pp 3.6)."""
        if command.channel_data is None:
            if self.connection.user is None:
                text = f"{command.channel} needs channel_data with a user_id, or a sign-in before"
                raise SubscriptionError(command.channel, text)
            return self.connection.user.as_member()
        try:
            return parse_member(command.channel_data)
        except PusherError as error:
            raise SubscriptionError(command.channel, error.message) from None

    def _joined(self, channel: str, outcome: Outcome) -> None:
        """A join ended: say so if it was refused, then obey what waited for it."""
        self._joining = False
        if self._gone:
            return
        if isinstance(outcome, Away):  # never an error of authorization: clients would not ask again
            self.connection.close(ErrorCode.OVER_CAPACITY, "Redis is out of reach, try again")
            return
        if isinstance(outcome, Full):
            text = f"{channel} is full: it has {outcome.limit} members"
            self._refuse_subscription(SubscriptionError(channel, text, type="LimitReached"))
        elif len(outcome.members) == MANY_MEMBERS + 1 and outcome.member_added:
            self._notice(f"{channel} has more than {MANY_MEMBERS} members: every joiner is sent the whole list")
        if self._waiting is not None and not self._obeying:
            self._go_on()

    @property
    def _gone(self) -> bool:
        """True when the connection went away: what waited must not be obeyed in its name."""
        return self.connection.socket_id not in self.node.hub.connections

    def _wait(self, text: str) -> None:
        if self._waiting is None:
            self._waiting = deque()
            self._hold_back(True)
        self._waiting.append(text)

    def _go_on(self) -> None:
        """Obey what waited. No transport stands above to catch a fault of ours: it ends this connection alone."""
        self._obeying = True
        try:
            while self._waiting and not self._joining and not self._gone:
                self.receive(self._waiting.popleft())
        except Exception:
            logger.exception("A message of %s failed, a fault of this server", self.connection.socket_id)
            self.connection.close(FAULT, "Internal error")
        self._obeying = False
        if not self._joining:
            self._waiting = None
            self._hold_back(False)

    # Client events and users.

    def _client_event(self, command: ClientEvent) -> None:
        app, channel = self.connection.app, command.channel
        self._check_may_send(channel)
        size = len(command.data.encode())
        if app.max_client_event_size and size > app.max_client_event_size:
            limit = app.max_client_event_size
            raise ClientEventError(f"Invalid client event (its data has {size} bytes, {limit} are allowed)")
        now = self.node.clock()
        if app.max_client_events:
            if self._bucket is None or self._bucket.rate != app.max_client_events:  # the latter after a reload
                self._bucket = Bucket(app.max_client_events, now)
            if not self._bucket.take(now):
                text = f"Rate limit exceeded: {app.max_client_events} client events a second are allowed"
                raise ClientEventError(text, ErrorCode.RATE_LIMITED)
        member = self.connection.channels.get(channel)
        if member is None:
            payload = messages.event(command.event, channel, command.data)
        else:
            payload = messages.member_event(command.event, channel, command.data, member.user_id)
        if refusal := self.node.backplane.refusal((channel,)):
            raise ClientEventError(f"Not sent, try again: {refusal}")
        received = self.node.publish(app.id, channel, payload, self.connection.socket_id)
        fact = facts.ClientEventSent(app.id, self.connection.socket_id, channel, command.event, received)
        self.node.tell(fact)

    def _check_may_send(self, channel: str) -> None:
        """Raise PusherError unless this connection may send client events there (pp 4)."""
        senders = self.connection.app.accept_client_events_from
        if senders is ClientEventsFrom.NONE:
            raise ClientEventError("To send client events, set accept_client_events_from for this app (it is none)")
        if names.is_encrypted(channel) or names.user_of(channel) is not None:
            raise ClientEventError(f"Client events are not supported on channel {channel[:SHOWN]}")
        if senders is ClientEventsFrom.ALL:
            return
        if not names.needs_authorization(channel):
            raise ClientEventError("Client events are only supported on private and presence channels")
        if channel not in self.connection.channels:
            text = f"Cannot broadcast client event (connection not subscribed to channel {channel[:SHOWN]})"
            raise ClientEventError(text)

    def _try_sign_in(self, command: SignIn) -> None:
        try:
            self._sign_in(command)
        except PusherError as error:
            self._send_error(error)
            connection = self.connection
            self.node.tell(facts.SignInRefused(connection.app.id, connection.socket_id, error.message))
            if isinstance(error, SignInError):
                self._signature_failed()

    def _sign_in(self, command: SignIn) -> None:
        app, connection = self.connection.app, self.connection
        key, colon, signature = command.auth.partition(":")
        if not colon:
            raise SignInError("Invalid format: auth must have the format key:signature")
        if key not in app.keys:
            raise SignInError(f"Invalid key in sign-in auth: {key[:SHOWN]!r}")
        if not matches(app.secrets, user_text(connection.socket_id, command.user_data), signature):
            raise SignInError("Invalid signature: Expected HMAC SHA256 hex digest of SOCKET_ID::user::USER_DATA")
        user = parse_user(command.user_data)
        if connection.user is not None and connection.user.id != user.id:
            raise PusherError("This connection is signed in as another user")
        if connection.user is None:
            self.node.sign_in(connection, user)
        connection.user = user  # again the same one, perhaps with a newer user_info
        connection.send(messages.signin_success(command.user_data))

    # Limits and refusals.

    def _within(self, limit: RateLimit) -> bool:
        """Count one message against Reverb's rate limit; answer and return False when it is one too many."""
        if self._window is None or self._window.limit != limit:
            self._window = Window(limit)
        if self._window.take(self.node.clock()):
            return True
        if limit.terminate:
            self._next_error = 0.0  # the last words: said also when an error was sent a moment ago
        self._refuse(PusherError("Rate limit exceeded", ErrorCode.RATE_LIMITED))
        if limit.terminate:  # 4301 never closes: pusher-js would give up for good
            self.connection.close(ErrorCode.OVER_CAPACITY, "Rate limit exceeded")
        return False

    def _refuse_subscription(self, refusal: SubscriptionError) -> None:
        connection = self.connection
        self._send_error(refusal)
        text = self.node.redacted(refusal.message)
        for payload in messages.subscription_error(refusal.channel, refusal.type, text, refusal.status):
            connection.send(payload)
        app_id, socket_id = connection.app.id, connection.socket_id
        if isinstance(refusal, Unauthorized):
            reason, code = refusal.reason, SUBSCRIPTION_REFUSED
            self.node.tell(facts.SubscriptionRefused(app_id, socket_id, refusal.channel, reason, code))
            self._signature_failed()
        else:
            self.node.tell(facts.SubscriptionRefused(app_id, socket_id, refusal.channel, refusal.message))

    def _refuse(self, error: PusherError) -> None:
        self._send_error(error)
        connection = self.connection
        code = CLIENT_EVENT_IGNORED if isinstance(error, ClientEventError) else None
        if error.code == ErrorCode.RATE_LIMITED:
            code = OVER_QUOTA
        self.node.tell(facts.MessageRefused(connection.app.id, connection.socket_id, error.code, error.message, code))

    def _send_error(self, error: PusherError) -> None:
        now = self.node.clock()
        if now >= self._next_error:
            self._next_error = now + ERROR_INTERVAL
            self.connection.send(messages.error(self.node.redacted(error.message), error.code))

    def _notice(self, what: str, code: Code | None = None) -> None:
        self.node.tell(facts.Noticed(self.connection.app.id, what, code))
