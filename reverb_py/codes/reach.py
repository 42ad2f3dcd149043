"""RVB2xx: the publish does not reach the server."""

from reverb_py.codes.code import Code

LOCAL_HOST = Code(
    "RVB201",
    "REVERB_HOST names this machine itself, and the server is elsewhere",
    "localhost, 127.0.0.1 and 0.0.0.0 mean the container that publishes.",
    "The doctor reads the variable; Laravel logs cURL error 7.",
    "Set REVERB_HOST to the server's name: <service>.railway.internal inside Railway, its public domain elsewhere.",
    "laravel/reverb#248, laravel/reverb#225, soketi/soketi#319",
)
BIND_FOR_TARGET = Code(
    "RVB202",
    "REVERB_SERVER_HOST and REVERB_SERVER_PORT are used as if they said where to publish",
    "They say where the server listens. Where publishers send is REVERB_HOST, REVERB_PORT and REVERB_SCHEME.",
    "The doctor finds the first pair without the second.",
    "Set REVERB_HOST, REVERB_PORT and REVERB_SCHEME in the services that publish.",
    "Laravel's documentation of Reverb",
)
TLS_TO_PLAIN = Code(
    "RVB203",
    "TLS arrived on a port that speaks plain HTTP",
    "REVERB_SCHEME=https, or a client with forceTLS, points to a port without a certificate, such as 8080 inside a"
    " private network.",
    "The server recognizes the first bytes of TLS and says so; the doctor tries both; Laravel logs cURL error 35, 28 or"
    " 56.",
    "Set REVERB_SCHEME=http and the client's forceTLS to false for this port, or give the server a certificate.",
    "laravel/reverb#86, laravel/reverb#154, laravel/reverb#163",
)
REDIRECTED_PUBLISH = Code(
    "RVB204",
    "A publish arrived as GET: something redirected http to https and the POST became a GET",
    "An edge such as Railway's answers plain http with 301, and the publisher follows it with a GET.",
    "The server sees a signed GET on /events; the doctor sees the redirect; Laravel logs Method not allowed.",
    "Publish to https directly: REVERB_SCHEME=https and REVERB_PORT=443.",
    "laravel/reverb#218",
)
UNTRUSTED_CERTIFICATE = Code(
    "RVB205",
    "The server's certificate is not trusted",
    "It is signed by itself or by a private authority, expired, or made for another name.",
    "The doctor verifies the chain and the name; Laravel logs cURL error 60; the app reports a certificate error.",
    "Use a certificate of a public authority that names this host; for development only, verify: false in"
    " client_options.",
    "laravel/reverb#170, laravel/reverb#109",
)
IPV4_ONLY = Code(
    "RVB206",
    "The name resolves to IPv6 only, and the server listens on IPv4 only",
    "Railway environments from before 2025-10-16 have private addresses of IPv6 only, and 0.0.0.0 is IPv4.",
    "The doctor resolves and connects for each family; Laravel logs cURL error 7.",
    "Let the server listen on every address (reverb-py does; for Reverb: --host=[::]).",
    "Railway's documentation of private networking",
)
IPV6_ONLY = Code(
    "RVB207",
    "The name resolves to IPv4, and the server listens on IPv6 only",
    "Under asyncio an address of :: is IPv6 alone, so that public traffic and health checks over IPv4 find nobody.",
    "The doctor resolves and connects for each family.",
    "Let the server listen on every address (reverb-py binds both by default).",
    "Kludex/uvicorn#2945, Kludex/uvicorn#1528",
)
NAME_UNKNOWN = Code(
    "RVB208",
    "The server's name cannot be resolved here",
    "A private name works only inside its own project and environment, and only at run time; or it is misspelt.",
    "The doctor asks the resolver; Laravel logs cURL error 6.",
    "Inside the same Railway project use the private name, anywhere else the public domain.",
    "Railway's documentation of private networking",
)
PORTS_DIFFER = Code(
    "RVB209",
    "PORT, the port the server listens on, and the port publishers use disagree",
    "The platform sends traffic and health checks to PORT, or to the domain's target port.",
    "The server warns at start; the doctor finds nobody listening where publishers send; clients get 502.",
    "Remove REVERB_SERVER_PORT and --port so that PORT counts, and publish to that port inside the private network.",
    "Railway's documentation of health checks",
)
APPS_NOT_PROXIED = Code(
    "RVB210",
    "The proxy passes on /app, so that clients connect, but not /apps, so that publishes end elsewhere",
    "location /app { … } with a trailing slash or a pattern that does not match /apps.",
    "The doctor gets HTML or a strange 404 for /apps/<id>/channels while the WebSocket opens.",
    "Add the same proxy rule for /apps.",
    "lerd-env/lerd#1571, trypostit/trypost#327, laravel/docs#9730",
)
QUERY_DROPPED = Code(
    "RVB211",
    "The request arrived without its signature: it was not signed, or a proxy dropped or rewrote the query string",
    "A proxy rule that names the path but not the query, or that puts a prefix before the path, changes what was"
    " signed.",
    "The server finds no auth_ parameters, or that the signature fits with another path; the doctor signs a request and"
    " looks at the answer.",
    "Sign the request; in nginx pass the query on ($request_uri, or $is_args$args).",
    "laravel/reverb#289, lando/laravel#61, laravel/reverb#356",
)
BOT_CHALLENGE = Code(
    "RVB212",
    "A firewall answers publishes with a challenge for browsers",
    "Cloudflare's or Railway's protection blocks whatever is no browser, and a publisher is none.",
    "The doctor recognizes the page; Laravel logs HTML with Just a moment.",
    "Exclude /apps from the protection, or publish over the private network.",
    "laravel/reverb#182",
)
MALFORMED_VALUE = Code(
    "RVB213",
    "A variable's value is malformed",
    "A scheme or slash in the host, blanks, quotes inside quotes, or a ${{…}} or $PORT that nobody replaced.",
    "The doctor and the server's start read every value as Laravel does, and show the literal.",
    "Write the bare value: REVERB_HOST=ws.example.com, REVERB_PORT=443, REVERB_SCHEME=https.",
    "docker/compose#4921",
)
ASLEEP = Code(
    "RVB214",
    "The server was asleep or had crashed when the event was published",
    "Railway's serverless mode stops a service after ten minutes without traffic from it; the first request may get"
    " 502.",
    "The doctor sees the first request fail or take long, and the next succeed.",
    "Switch serverless off for this service, and let it restart always.",
    "Railway's documentation of serverless",
)
SATURATED = Code(
    "RVB215",
    "The server is saturated: descriptors, memory or processor",
    "PHP's select takes 1,024 descriptors; any process has a limit of open files.",
    "The server warns when four fifths of its descriptors are taken; the doctor measures slow answers.",
    "Raise the limit of open files (ulimit -n), or add a server.",
    "laravel/reverb#269, laravel/reverb#116, laravel/reverb#331",
)
