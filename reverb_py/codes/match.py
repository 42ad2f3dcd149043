"""RVB4xx: the publish was accepted, and nobody received it."""

from reverb_py.codes.code import Code

PREFIX_DIFFERS = Code(
    "RVB401",
    "Publisher and client name the channel with different prefixes",
    "new Channel('x') publishes to x, new PrivateChannel('x') to private-x; new PrivateChannel('private-x') doubles"
    " it.",
    "The server names the occupied channel that is meant; trigger and the doctor show it.",
    "Use PrivateChannel without the prefix in Laravel, and private-… in the client (Echo.private() adds it itself).",
    "kerimamansaryyev/dart_pusher_channels#16",
)
NAME_DIFFERS = Code(
    "RVB402",
    "Publisher and client name almost the same channel",
    "Another id (the user's for the customer's), capitals, or a letter mistyped.",
    "The server names the occupied channel that looks like it; trigger and the doctor show it.",
    "Use one definition of the channel's name on both sides, and log the id that each side puts into it.",
)
OTHER_APP = Code(
    "RVB403",
    "The channel is occupied in another app of this server",
    "The client's key and the publisher's app id belong to different apps.",
    "The server looks for the channel in its other apps; the doctor compares key and id.",
    "Take REVERB_APP_ID, REVERB_APP_KEY and REVERB_APP_SECRET from the same app on both sides.",
)
NODES_APART = Code(
    "RVB404",
    "Several servers run side by side and do not know of each other",
    "Replicas without Redis: an event reaches only the clients of the server that got the publish.",
    "The server warns on a platform with replicas, and refuses workers without Redis; the doctor publishes to several "
    "sockets of its own and counts.",
    "Run one replica, or connect them over Redis: REVERB_SCALING_ENABLED=true, the same REDIS_URL and the same "
    "REVERB_SCALING_CHANNEL on each.",
    "soketi/soketi#428, laravel/reverb#378",
)
REDIS_AWAY = Code(
    "RVB405",
    "The servers lost their connection to Redis",
    "Wrong host, TLS or password; or Redis is down.",
    "The server logs it, and /up?detail tells.",
    "Is Redis running? Then check REDIS_URL, its user and its password; the server's log says what Redis answered.",
    "laravel/reverb#239, laravel/reverb#258, laravel/reverb#160",
)
SENDER_EXCLUDED = Code(
    "RVB406",
    "The only listener is the sender itself, and it was excluded",
    "toOthers() leaves out the connection that caused the event; who tests alone sees nothing.",
    "The server says that the excluded socket was the only subscriber.",
    "Test with a second client, or publish without toOthers().",
    "beyondcode/laravel-websockets#264",
)
SUBSCRIBER_LEFT = Code(
    "RVB407",
    "The subscriber left a moment ago",
    "The app went to the background, or it reconnected and did not subscribe again.",
    "The server says how long ago the last subscriber left, and how.",
    "Subscribe again on every pusher:connection_established, and fetch the state after it.",
    "kerimamansaryyev/dart_pusher_channels#42, pusher/pusher-websocket-swift#43",
)
DEPLOY_OVERLAP = Code(
    "RVB408",
    "During a deployment the client is on the old server and the publish reaches the new one",
    "Two servers overlap for a while; without Redis they do not share events.",
    "The server says when it is sending its clients away; the doctor meets two servers.",
    "Connect the servers over Redis, or keep the overlap short.",
)
NO_HISTORY = Code(
    "RVB409",
    "The event was published before the client subscribed",
    "The protocol keeps no history: what is published while nobody listens is gone.",
    "The server's list of publishes shows the event shortly before the subscription.",
    "Fetch the state once after subscribing, or use a private-cache- channel, which keeps the last event.",
)
