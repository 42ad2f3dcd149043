"""RVB3xx: the publish reaches the server, and is refused or accepted with a warning."""

from reverb_py.codes.code import Code

UNKNOWN_APP = Code(
    "RVB301",
    "No app of this server has that id",
    "REVERB_APP_ID differs between publisher and server, or belongs to another server.",
    "The server answers 404 and logs it; the doctor asks with the publisher's own values.",
    "Set REVERB_APP_ID of the publisher to this server's app id.",
    "Laravel Reverb: No matching application for ID",
)
WRONG_SECRET = Code(
    "RVB302",
    "The signature was made with another secret, or the request was changed on its way",
    "REVERB_APP_SECRET differs between publisher and server, or has quotes or blanks around it.",
    "The server answers 401 and logs it; the doctor tries the variants and says which one fits.",
    "Use the same REVERB_APP_SECRET on both sides; compare the fingerprints.",
    "laravel/reverb#289",
)
WRONG_KEY = Code(
    "RVB303",
    "The key is not one of this app, though the secret is right",
    "REVERB_APP_KEY differs between the services. Reverb does not look at it when an event is published, so publishing"
    " works and clients are refused.",
    "The server accepts and warns; the doctor compares the key by a WebSocket handshake.",
    "Set REVERB_APP_KEY to this app's key: clients that use the other key are refused with 4001.",
)
HOSTED_PUSHER = Code(
    "RVB304",
    "Events are published to pusher.com instead of this server",
    "Without PUSHER_HOST or REVERB_HOST the library takes api-<cluster>.pusher.com.",
    "The doctor computes the host that is really used; Laravel logs auth_key should be a valid app key.",
    "Set BROADCAST_CONNECTION=reverb and REVERB_HOST, or PUSHER_HOST, PUSHER_PORT and PUSHER_SCHEME.",
    "laravel/reverb#79",
)
CLOCK_SKEW = Code(
    "RVB305",
    "The request's timestamp is too far from this server's clock",
    "The publisher's clock is wrong, or the request was kept and sent again later.",
    "The server answers 401 and logs both times; the doctor compares the Date header.",
    "Set the publisher's clock (NTP), or raise REVERB_SIGNATURE_TOLERANCE (seconds; 0 switches the check off).",
    "pusher/pusher-http-ruby#49",
)
TOO_LARGE = Code(
    "RVB306",
    "The request is larger than this server accepts",
    "Whole models in an event grow quickly; Reverb's limit of 10,000 bytes counts the headers too.",
    "The server answers 413 and logs size, limit and variable.",
    "Send less, or raise the limit that is named.",
    "laravel/reverb#211, laravel/reverb#96, laravel/reverb#83",
)
INVALID_REQUEST = Code(
    "RVB307",
    "The request is signed rightly, but its parameters are not valid",
    "More channels than allowed, a character that no channel name may have, or data that is no string.",
    "The server answers 422 or 400 and logs which parameter; the doctor checks the channel's name.",
    "Mend the parameter that is named.",
    "kerimamansaryyev/dart_pusher_channels#21",
)
INVALID_SOCKET_ID = Code(
    "RVB308",
    "The socket id to leave out is none",
    "toOthers() takes the X-Socket-ID header, and the page sent it before it was connected: undefined. PHP's library"
    " then throws, and the event is not published.",
    "Laravel logs Invalid socket ID; the server warns when such a publish arrives.",
    "Send X-Socket-ID only when Echo.socketId() has a value, or do not use toOthers().",
    "beyondcode/laravel-websockets#394",
)
SIGNATURE_FORM = Code(
    "RVB309",
    "The server knows only one of the two ways in which libraries sign a GET",
    "Python's library signs body_md5 of the empty body, Reverb leaves it out. reverb-py accepts both.",
    "The doctor asks in both forms; on Laravel Reverb the Python library's questions get 401.",
    "Nothing to do with reverb-py; on Laravel Reverb ask without body_md5.",
)
OVER_QUOTA = Code(
    "RVB310",
    "The app is disabled, or over one of its limits",
    "enabled = false, or a rate limit of messages or client events.",
    "The server answers 403 or 4003, 4301 for too many messages, and logs it.",
    "Set enabled = true for the app, or raise the limit that is named, and reload the server (SIGHUP).",
)
