"""RVB6xx: the client does not connect, does not get its channel, or does not stay."""

from reverb_py.codes.code import Code

UNKNOWN_KEY = Code(
    "RVB601",
    "No app of this server has that key",
    "The client's key is another app's, or was mistyped.",
    "The server refuses with 4001 and logs it; the doctor tries the key by a WebSocket handshake.",
    "Set the client's key to this server's REVERB_APP_KEY; pusher-js does not try again by itself.",
)
ORIGIN_REFUSED = Code(
    "RVB602",
    "The page's origin is not among the allowed ones",
    "The list holds hosts; Reverb compares them letter by letter, so a URL in it never fits.",
    "The server refuses with 4009 and logs origin and list; the doctor tries with and without an origin.",
    "Add its host, without scheme and port, to REVERB_ALLOWED_ORIGINS.",
    "laravel/pingcrm#86",
)
SUBSCRIPTION_REFUSED = Code(
    "RVB603",
    "The channel's authorization does not fit",
    "The auth endpoint signs with another secret, refuses the user, or answers with a page instead of JSON.",
    "The server says which guess fits; the doctor asks the auth endpoint as the client would.",
    "Check the application's auth endpoint: it must sign socket_id:channel with this app's secret.",
    "laravel/reverb#308, laravel/reverb#101, laravel/reverb#178",
)
NOT_AN_UPGRADE = Code(
    "RVB604",
    "A WebSocket address was asked for over plain HTTP: no Upgrade arrived",
    "A proxy does not pass on the Upgrade and Connection headers, or speaks HTTP/2 to the server.",
    "The server answers 426 and logs it; the doctor tries the upgrade.",
    "Use a WebSocket client; behind a proxy pass on the Upgrade and Connection headers.",
    "laravel/reverb#107, laravel/reverb#202, laravel/reverb#297",
)
IDLE_PROXY = Code(
    "RVB605",
    "A proxy ends connections that are silent for a minute",
    "nginx's proxy_read_timeout is 60 seconds, and many load balancers wait no longer.",
    "The doctor stays silent for a while (--soak); clients reconnect again and again.",
    "Set proxy_read_timeout 3600s, and REVERB_APP_PING_INTERVAL below the proxy's limit.",
)
PING_FLAVOUR = Code(
    "RVB606",
    "The client does not answer the kind of ping that the server sends",
    "There are WebSocket pings and pusher:ping; a client that knows one of them is dropped by the other.",
    "The server logs 4201; reverb-py takes any frame as life.",
    "Update the client library; answer pusher:ping with pusher:pong.",
    "laravel/reverb#224, laravel/reverb#253",
)
OVER_CAPACITY = Code(
    "RVB607",
    "The limit of connections is reached",
    "The app's limit, the server's, or the limit of open files.",
    "The server refuses with 4004 or 4100 and logs it.",
    "Raise REVERB_APP_MAX_CONNECTIONS or REVERB_MAX_CONNECTIONS, or add a server.",
)
ACTIVITY_TIMEOUT = Code(
    "RVB608",
    "The activity timeout is zero or missing, and pusher-js does not connect",
    "pusher-js throws No activity timeout specified in handshake.",
    "The server refuses to start with it; the doctor reads the handshake and the variable.",
    "Set REVERB_APP_ACTIVITY_TIMEOUT to 30.",
)
SDK_WITHOUT_HOST = Code(
    "RVB609",
    "The client library cannot be pointed to another host",
    "pusher_channels_flutter knows only pusher.com's clusters.",
    "The doctor finds it in pubspec.yaml.",
    "Use dart_pusher_channels, whose fromHost takes host, port and scheme.",
    "pusher/pusher-channels-flutter#109, pusher/pusher-channels-flutter#138",
)
MIXED_CONTENT = Code(
    "RVB610",
    "A page from https may not open ws://",
    "Browsers block plain WebSockets on secure pages; or wssPort, forceTLS or cluster are missing.",
    "The doctor reads the client's variables and APP_URL.",
    "Set VITE_REVERB_SCHEME=https and VITE_REVERB_PORT=443 (forceTLS: true), and build again.",
    "laravel/reverb#208, laravel/reverb#282, laravel/reverb#335",
)
DEPLOY_CUTS = Code(
    "RVB611",
    "A deployment cuts connections without a word",
    "Railway waits 0 seconds between SIGTERM and SIGKILL unless told otherwise.",
    "The server says at start how long it may drain; clients see 1006.",
    "Set RAILWAY_DEPLOYMENT_DRAINING_SECONDS=20 and RAILWAY_DEPLOYMENT_OVERLAP_SECONDS=10.",
    "Railway's documentation of deployment teardown",
)
SILENT_SOCKETS = Code(
    "RVB612",
    "Connections that never subscribe are neither counted nor ended",
    "Laravel Reverb knows connections by their channels only. reverb-py counts and ends all of them.",
    "GET /apps/<id>/connections counts every established socket.",
    "Nothing to do with reverb-py.",
    "laravel/reverb#375",
)
SPLIT_REQUESTS = Code(
    "RVB613",
    "A request that arrives in several packets is misread",
    "Laravel Reverb parses every packet for itself. reverb-py reads requests whole.",
    "The doctor sends a publish in pieces.",
    "Nothing to do with reverb-py.",
    "laravel/reverb#83",
)
