"""What a client is told when something is wrong: the codes of the protocol, and the exceptions that carry them.

Nothing here knows how an error travels; `messages` writes it, `session` sends it.
"""

from enum import IntEnum


class ErrorCode(IntEnum):
    """Codes of close frames and of `pusher:error`. What clients do with a closed connection depends on the range.

    4000-4099: they give up; 4100-4199: they come back after a second; 4200-4299: at once (pusher-js
    `protocol.ts`, getCloseAction). So no code may be invented, and 43xx never closes.
    """

    TLS_ONLY = 4000
    UNKNOWN_APP = 4001
    APP_DISABLED = 4003
    OVER_QUOTA = 4004
    PATH_NOT_FOUND = 4005
    BAD_VERSION = 4006
    UNSUPPORTED_VERSION = 4007
    NO_VERSION = 4008
    UNAUTHORIZED = 4009
    OVER_CAPACITY = 4100
    RECONNECT = 4200
    NO_PONG = 4201
    RATE_LIMITED = 4301


class PusherError(Exception):
    """The client's fault, answered with `pusher:error`; the connection stays open.

    `code` None means every fault that has no code of its own (the protocol's `code: null`).
    """

    def __init__(self, message: str, code: ErrorCode | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class ClientEventError(PusherError):
    """A client's own event was not passed on."""


class SignInError(PusherError):
    """The signature of a sign-in is missing or does not fit."""


class SubscriptionError(PusherError):
    """A subscription was refused. Clients are told on the connection and on the channel.

    `type` and `status` go into `pusher:subscription_error`; Echo hands them to `.error()`.
    """

    def __init__(self, channel: str, message: str, code: ErrorCode | None = None, type: str = "InvalidRequest") -> None:
        super().__init__(message, code)
        self.channel = channel
        self.type = type
        self.status = 401 if code is ErrorCode.UNAUTHORIZED else 400


class Unauthorized(SubscriptionError):
    """The channel's signature is missing or does not fit: 4009, with Reverb's sentence before the reason."""

    def __init__(self, channel: str, reason: str, got: str = "", guess: str = "") -> None:
        """`reason` may be logged; `got` is what the client itself sent, and goes back to it alone.

        `guess` is what fits instead, for the log: to a client it would say what it need not know.
        """
        text = f"Connection is unauthorized. {reason}" + (f", but got {got}" if got else "")
        super().__init__(channel, text, ErrorCode.UNAUTHORIZED, "AuthError")
        self.reason = f"{reason}; {guess}" if guess else reason


class Refused(Exception):
    """A handshake is refused: the upgrade is completed, the error is sent, and the socket is closed with its code."""

    def __init__(self, code: ErrorCode, message: str, *, names_secret: bool = False, detail: str = "") -> None:
        """`names_secret`: the path that was asked for holds a secret, and must not be logged.

        `detail` goes on where `message` ends, for the log alone.
        """
        super().__init__(message)
        self.code = code
        self.message = message
        self.names_secret = names_secret
        self.detail = detail
