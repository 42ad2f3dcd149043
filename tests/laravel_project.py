"""A small Laravel project in which broadcasting works, as texts: tests write it, with one thing changed."""

from collections.abc import Mapping
from pathlib import Path

BROADCASTING = """<?php
return [
    'default' => env('BROADCAST_CONNECTION', 'null'),
    'connections' => ['reverb' => ['driver' => 'reverb', 'key' => env('REVERB_APP_KEY')]],
];
"""
CHANNELS = """<?php
use Illuminate\\Support\\Facades\\Broadcast;

Broadcast::channel('customer.{customerId}.driver-location', function ($user, int $customerId) {
    return (int) $user->id === $customerId; // not 'private-customer.…'
});
"""
BOOTSTRAP = """<?php
return Application::configure(basePath: dirname(__DIR__))
    ->withRouting(web: __DIR__.'/../routes/web.php', channels: __DIR__.'/../routes/channels.php')
    ->create();
"""
ASSIGNED = """<?php
namespace App\\Events;

use Illuminate\\Broadcasting\\PrivateChannel;
use Illuminate\\Contracts\\Broadcasting\\ShouldBroadcast;
use Illuminate\\Contracts\\Events\\ShouldDispatchAfterCommit;

class TicketAssigned implements ShouldBroadcast, ShouldDispatchAfterCommit
{
    use Dispatchable, InteractsWithSockets, SerializesModels;

    public function __construct(public Ticket $ticket) {}

    public function broadcastOn(): array
    {
        return [new PrivateChannel('customer.'.$this->ticket->customer_id.'.driver-location')];
    }

    public function broadcastAs(): string
    {
        return 'ticket.assigned';
    }
}
"""
CONTROLLER = """<?php
namespace App\\Http\\Controllers;

use App\\Events\\TicketAssigned;

class TicketController
{
    public function assign(Ticket $ticket): void
    {
        TicketAssigned::dispatch($ticket);
    }
}
"""
ECHO = """import Echo from 'laravel-echo';
window.axios = axios;
Echo.private(`customer.${id}.driver-location`).listen('.ticket.assigned', (event) => show(event));
"""
EVENT = "app/Events/TicketAssigned.php"
SCRIPT = "resources/js/echo.js"
HEALTHY: dict[str, str] = {
    "config/broadcasting.php": BROADCASTING,
    "routes/channels.php": CHANNELS,
    "bootstrap/app.php": BOOTSTRAP,
    EVENT: ASSIGNED,
    "app/Http/Controllers/TicketController.php": CONTROLLER,
    SCRIPT: ECHO,
}


def project(changes: Mapping[str, str | tuple[str, str] | None]) -> dict[str, str]:
    """The healthy project with other files: a text, a replacement within the healthy one, or None for no file."""
    files = dict(HEALTHY)
    for path, change in changes.items():
        if change is None:
            del files[path]
        elif isinstance(change, str):
            files[path] = change
        else:
            assert change[0] in files[path], f"{change[0]!r} is not in {path}"
            files[path] = files[path].replace(*change)
    return files


def write(root: Path, files: Mapping[str, str]) -> Path:
    for path, text in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    return root


def cached_config(host: str = "ws.example.com", secret: str = "x", default: str = "reverb") -> str:
    """bootstrap/cache/config.php as `php artisan config:cache` writes it."""
    return f"""<?php return array (
  'app' =>
  array (
    'name' => 'Laravel',
  ),
  'broadcasting' =>
  array (
    'default' => '{default}',
    'connections' =>
    array (
      'reverb' =>
      array (
        'driver' => 'reverb',
        'key' => 'k5csv8kqlwieu4uqg',
        'secret' => '{secret}',
        'app_id' => '912345',
        'options' =>
        array (
          'host' => '{host}',
          'port' => '443',
          'scheme' => 'https',
          'useTLS' => true,
        ),
        'client_options' =>
        array (
        ),
      ),
      'pusher' =>
      array (
        'driver' => 'pusher',
        'key' => NULL,
      ),
    ),
  ),
  'reverb' =>
  array (
    'default' => 'reverb',
  ),
);
"""
