"""The RVB codes: stable names for the reasons why an event does not arrive.

At the bottom of the package, so that every room may name one. Codes are never reused: people search for them.
The first digit is the hop: 2 publish does not arrive, 3 publish refused, 4 nobody matched, 6 connect and subscribe.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """One reason, with what to do about it."""

    id: str
    title: str
    fix: str

    def __str__(self) -> str:
        return self.id


TLS_TO_PLAIN = Code(
    "RVB203",
    "TLS arrived on a port that speaks plain HTTP",
    "Set REVERB_SCHEME=http and the client's forceTLS to false for this port, or give the server a certificate.",
)
REDIRECTED_PUBLISH = Code(
    "RVB204",
    "A publish arrived as GET: something redirected http to https and the POST became a GET",
    "Publish to https directly: REVERB_SCHEME=https and REVERB_PORT=443.",
)
QUERY_DROPPED = Code(
    "RVB211",
    "The request arrived without its signature: it was not signed, or a proxy dropped or rewrote the query string",
    "Sign the request; in nginx pass the query on ($request_uri, or $is_args$args).",
)
UNKNOWN_APP = Code(
    "RVB301",
    "No app of this server has that id",
    "Set REVERB_APP_ID of the publisher to this server's app id.",
)
WRONG_SECRET = Code(
    "RVB302",
    "The signature was made with another secret, or the request was changed on its way",
    "Use the same REVERB_APP_SECRET on both sides; compare the fingerprints.",
)
WRONG_KEY = Code(
    "RVB303",
    "The key is not one of this app, though the secret is right",
    "Set REVERB_APP_KEY to this app's key: clients that use the other key are refused with 4001.",
)
CLOCK_SKEW = Code(
    "RVB305",
    "The request's timestamp is too far from this server's clock",
    "Set the publisher's clock (NTP), or raise REVERB_SIGNATURE_TOLERANCE (seconds; 0 switches the check off).",
)
TOO_LARGE = Code(
    "RVB306",
    "The request is larger than this server accepts",
    "Send less, or raise the limit that is named.",
)
INVALID_REQUEST = Code(
    "RVB307",
    "The request is signed rightly, but its parameters are not valid",
    "Mend the parameter that is named.",
)
APP_DISABLED = Code(
    "RVB310",
    "The app is disabled",
    "Set enabled = true for it, and reload the server (SIGHUP).",
)
UNKNOWN_KEY = Code(
    "RVB601",
    "No app of this server has that key",
    "Set the client's key to this server's REVERB_APP_KEY; pusher-js does not try again by itself.",
)
ORIGIN_REFUSED = Code(
    "RVB602",
    "The page's origin is not among the allowed ones",
    "Add its host, without scheme and port, to REVERB_ALLOWED_ORIGINS.",
)
SUBSCRIPTION_REFUSED = Code(
    "RVB603",
    "The channel's authorization does not fit",
    "Check the application's auth endpoint: it must sign socket_id:channel with this app's secret.",
)
NOT_AN_UPGRADE = Code(
    "RVB604",
    "A WebSocket address was asked for over plain HTTP: no Upgrade arrived",
    "Use a WebSocket client; behind a proxy pass on the Upgrade and Connection headers.",
)
OVER_CAPACITY = Code(
    "RVB607",
    "The limit of connections is reached",
    "Raise REVERB_APP_MAX_CONNECTIONS or REVERB_MAX_CONNECTIONS, or add a server.",
)
