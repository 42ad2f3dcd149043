"""A Pusher-protocol WebSocket server: the drop-in for Laravel Reverb."""

__version__ = "0.1.0"
