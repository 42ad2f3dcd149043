"""The other end of the wire: a signed HTTP API and a WebSocket connection, for the commands and the doctor.

Speaks to any Pusher-compatible server. Knows nothing of this server's inside but the protocol.
"""
