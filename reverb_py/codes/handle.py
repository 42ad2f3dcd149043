"""RVB5xx: the event was delivered, and the client's code does not show it. No server can see that happen."""

from reverb_py.codes.code import Code

ECHO_NAMESPACE = Code(
    "RVB501",
    "Echo waits for App\\Events\\…: the dot before the event's name is missing",
    "Echo puts its namespace before every name that does not begin with a dot.",
    "listen prints the name to bind in each library; the frame shows in the browser's network tab.",
    "Write .listen('.ticket.assigned', …) with the leading dot when the event has broadcastAs().",
    "laravel/echo#118, laravel/echo#119",
)
CLASS_NAME = Code(
    "RVB502",
    "The event carries its PHP class's name, and the client waits for another one",
    "Without broadcastAs() the name is App\\Events\\TicketAssigned.",
    "The server says so for names with a backslash; the doctor finds the classes without broadcastAs().",
    "Add broadcastAs() to the event, or bind the full name with its backslashes.",
    "kerimamansaryyev/dart_pusher_channels#16",
)
DATA_ENCODED = Code(
    "RVB503",
    "The data is encoded more often than the client decodes it",
    "data is a JSON text in a string; a publisher that encodes before it publishes makes two of them.",
    "The server says so when data is a JSON string that holds JSON; listen prints how deep it is.",
    "Publish an object and not a text, and decode event.data exactly once in the client.",
)
CLIENT_EVENT_IGNORED = Code(
    "RVB504",
    "A client's own event was not passed on",
    "Client events must begin with client-, and their sender must be subscribed to a private or presence channel.",
    "The server answers with an error and logs it.",
    "Name it client-…, send it after subscription_succeeded, and allow it (REVERB_APP_ACCEPT_CLIENT_EVENTS_FROM).",
)
ENCRYPTION_KEY = Code(
    "RVB505",
    "An encrypted channel's event cannot be read with the client's key",
    "The publisher's encryption master key differs from the one that the auth endpoint used.",
    "The client reports that it cannot decrypt; the server does not see it.",
    "Use the same encryption_master_key_base64 in every service, or a private- channel.",
)
OTHER_SERVER = Code(
    "RVB506",
    "The client was built for another server or another key",
    "VITE_REVERB_* are read at build time; an app that was shipped keeps its old values.",
    "The doctor compares the client's variables (--client-env) with the publisher's.",
    "Build the client again with today's REVERB_APP_KEY, REVERB_HOST, REVERB_PORT and REVERB_SCHEME.",
    "laravel/reverb#203, laravel/reverb#208",
)
