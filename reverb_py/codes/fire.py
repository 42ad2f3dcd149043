"""RVB1xx: the event never leaves the application, or waits in its queue."""

from reverb_py.codes.code import Code

BROADCASTS_DISCARDED = Code(
    "RVB101",
    "BROADCAST_CONNECTION is log, null or unset where the event is broadcast",
    "A fresh Laravel writes broadcasts to its log; without the variable the framework throws them away. The jobs"
    " succeed all the same.",
    "The doctor reads the variable; the server sees an occupied private channel and never a publish; the auth endpoint"
    " answers 200 with nothing.",
    "Set BROADCAST_CONNECTION=reverb in every service that broadcasts: web, worker, scheduler.",
    "laravel/reverb#295, laravel/reverb#284",
)
WRONG_VARIABLE = Code(
    "RVB102",
    "The broadcaster is set by a variable that this Laravel does not read",
    "Projects that began before Laravel 11 read BROADCAST_DRIVER, later ones BROADCAST_CONNECTION; the other is"
    " ignored.",
    "The doctor compares the two variables, and config/broadcasting.php where it may read it.",
    "Set both to reverb, or the one that config/broadcasting.php names.",
    "laravel/docs#10063, laravel/reverb#210, laravel/reverb#184",
)
STALE_CONFIG_CACHE = Code(
    "RVB103",
    "Laravel works with a cached configuration that was made with other values",
    "config:cache (and optimize) freezes what the environment held at that moment; on Railway that is the build.",
    "The doctor compares bootstrap/cache/config.php with the environment.",
    "Run php artisan optimize:clear at the start of every service, before its own command.",
    "railpack, core/providers/php",
)
NO_WORKER = Code(
    "RVB110",
    "Broadcasts are queued, and nothing shows that a worker takes them",
    "ShouldBroadcast always goes through the queue, and a fresh Laravel's queue is the database: without a worker the"
    " jobs pile up.",
    "The doctor reads QUEUE_CONNECTION; the server sees an occupied private channel and never a publish.",
    "Run php artisan queue:work as a service of its own, or let the event implement ShouldBroadcastNow.",
    "beyondcode/laravel-websockets#203",
)
WORKER_DIFFERS = Code(
    "RVB111",
    "The worker has other broadcasting variables than the web service",
    "Variables belong to one service. The web service signs subscriptions, the worker publishes: clients subscribe,"
    " and no event arrives.",
    "The doctor compares the two environments (--worker-env); the server sees valid subscriptions and never a publish.",
    "Give the worker the same BROADCAST_CONNECTION and REVERB_* variables as the web service, and restart it.",
    "Railway runs web, worker and scheduler as services with their own variables",
)
QUEUE_NOT_CONSUMED = Code(
    "RVB112",
    "The event goes to a named queue that the worker does not take",
    "broadcastQueue(), $broadcastQueue or #[Queue] names a queue; queue:work without --queue takes only the default"
    " one.",
    "The doctor finds the names in the project's events.",
    "Start the worker with --queue=<that name>,default.",
    "laravel/framework#9750, beyondcode/laravel-websockets#1119",
)
STALE_WORKER = Code(
    "RVB113",
    "The worker still runs old code or an old environment",
    "A worker reads code and environment once, at its start.",
    "Publishes carry old names or do not come; the doctor can only suggest it.",
    "Run php artisan queue:restart, or deploy the worker again, after every change.",
    "beyondcode/laravel-websockets#650, laravel/framework#28939",
)
NOT_BROADCAST = Code(
    "RVB120",
    "The event is never broadcast: not dispatched, no ShouldBroadcast, or no channel",
    "A class without ShouldBroadcast, a broadcastWhen() that says no, or a broadcastOn() that returns [] ends without"
    " a word.",
    "The doctor reads the classes in app/Events; the server sees no publish.",
    "Let the class implement ShouldBroadcast, return a channel from broadcastOn(), and dispatch it.",
    "Illuminate\\Broadcasting\\BroadcastEvent::handle",
)
MODEL_MISSING = Code(
    "RVB121",
    "The job is deleted silently because its model is not there yet, or not any more",
    "A broadcast job drops itself when its model is missing; inside a transaction the worker can be faster than the"
    " commit.",
    "The doctor finds events with SerializesModels that do not wait for the commit; the server sees gaps.",
    "Let the event implement ShouldDispatchAfterCommit, or set after_commit of the queue connection to true.",
    "laravel/framework#61074",
)
EXCEPTION_SWALLOWED = Code(
    "RVB122",
    "The publish failed, and nobody looked: the exception was caught, or lies in failed_jobs",
    "try/catch, ShouldRescue or the queue keep the error away from whoever waits for the event.",
    "The doctor reads laravel.log (--log) for the texts of failed broadcasts.",
    "Look at php artisan queue:failed and storage/logs/laravel.log for Pusher error or cURL error.",
    "Illuminate\\Broadcasting\\BroadcastManager",
)
SELF_PUBLISH = Code(
    "RVB123",
    "The event is published from inside the WebSocket server, which then waits for itself",
    "A listener on Reverb's own events publishes to the server that runs it. reverb-py runs no application code, so it"
    " cannot happen here.",
    "cURL error 28 after 30 seconds in the log of a Laravel Reverb.",
    "Publish from a queued job instead of a listener in the server's process.",
    "laravel/reverb#200",
)
NEVER_FIRED = Code(
    "RVB124",
    "Other events arrive, this one is never published",
    "The code path that should dispatch it is another one than the one that runs.",
    "The server's list of publishes has other events and never this name.",
    "Dispatch the event where the change really happens; look at reverb-py events for the names that do arrive.",
)
