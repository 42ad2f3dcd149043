/* The subscribers: they connect, subscribe, account for what they receive, and send client events. */
#include "load.h"

Subscriber *subscribers;
int subscribed;
uint8_t input[ROOM + 1];

static int churner = -1;    /* who joins and leaves, in presence mode */
static uint32_t step;       /* of the churner: odd, it joins; even, it leaves */
static int64_t step_began;  /* ns */

int channel_name(int number, char *out) { return sprintf(out, "%sbench-%d", options.prefix, number); }

/* How many are subscribed to a channel: connection n is to channel n % channels. */
int audience(int channel) {
    return options.connections / options.channels + (channel < options.connections % options.channels);
}

/* The channel that a subscriber is to: the churner, too, is to one. */
static int channel_of(int number) { return number == churner ? 0 : number % options.channels; }

int write_data(char *out, int channel, int publisher, uint32_t sequence, int64_t time) {
    return sprintf(out,
                   "{\"stamp\":\"%d-%d-%u-%lld\",\"ticket_id\":4711,\"status\":\"assigned\",\"driver\":{\"name\":\"Ada\","
                   "\"lat\":52.520008,\"lng\":13.404954},\"note\":\"Ring twice, then wait at a gate.\"}",
                   channel, publisher, sequence, (long long)time);
}

static size_t orders_of_one(void) { return mode == CLIENT ? options.connections : options.publishers; }

void make_subscribers(void) {
    if (mode == PRESENCE) churner = options.connections;
    subscribers = calloc(options.connections + 1, sizeof *subscribers);
    for (int i = 0; i <= options.connections; i++) subscribers[i].orders = calloc(orders_of_one(), sizeof(Order));
}

/* Out. */

int connect_to_server(uint64_t who, int port) {
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) die("connect: %s", strerror(errno));
    set_option(fd, IPPROTO_TCP, TCP_NODELAY);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    watch(poller, fd, who);
    return fd;
}

void open_subscriber(int number) {
    char request[512];
    Subscriber *subscriber = &subscribers[number];
    subscriber->since = now_ns();
    int port = number == churner ? options.far_port : options.port;
    subscriber->fd = connect_to_server((uint64_t)SUBSCRIBER << 32 | number, port);
    subscriber->state = UPGRADING;
    memset(subscriber->orders, 0, orders_of_one() * sizeof(Order));
    int size = sprintf(request,
                       "GET /app/%s?protocol=7&client=js&version=8.4.0 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                       "Origin: http://127.0.0.1\r\nUser-Agent: reverb-py-bench\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                       options.key, options.port);
    send_all(subscriber->fd, request, size);
}

static void send_frame(Subscriber *subscriber, int opcode, const void *payload, size_t size) {
    uint8_t frame[4096];
    if (size > sizeof frame - LARGEST_HEADER) die("a frame of %zu bytes is too large for a client here", size);
    int header = frame_header(frame, opcode, size, 1);
    memcpy(frame + header, payload, size);
    send_all(subscriber->fd, frame, header + size);
}

static void subscribe(Subscriber *subscriber) {
    char channel[256], text[2048], signature[65], auth[256] = "";
    int number = subscriber - subscribers;
    channel_name(channel_of(number), channel);
    int size = sprintf(text, "%s:%s", subscriber->socket_id, channel);
    if (!strcmp(options.prefix, "presence-")) {
        char member[64], escaped[128];
        int length = sprintf(member, "{\"user_id\":\"%d\",\"user_info\":{\"name\":\"Ada\"}}", number);
        size += sprintf(text + size, ":%s", member);
        length = escape((Slice){member, length}, escaped);
        sprintf(auth, ",\"channel_data\":\"%.*s\"", length, escaped);
    }
    if (*options.prefix) {
        sign(&signing, text, size, signature);
        sprintf(auth + strlen(auth), ",\"auth\":\"%s:%s\"", options.key, signature);
    }
    size = sprintf(text, "{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\"%s\"%s}}", channel, auth);
    subscriber->state = SUBSCRIBING;
    send_frame(subscriber, TEXT, text, size);
}

/* The next one in turn sends an event to all others of its channel, when the last one has reached everybody. */
void send_client_event(void) {
    char channel[256], data[512], text[1024];
    static int turn;
    if (!all_arrived()) return;
    turn = (turn + 1) % options.connections;
    channel_name(turn % options.channels, channel);
    int size = write_data(data, turn % options.channels, turn, ++subscribers[turn].sent, now_ns());
    size = sprintf(text, "{\"event\":\"client-moved\",\"channel\":\"%s\",\"data\":%.*s}", channel, size, data);
    count.events++, count.expected += audience(turn % options.channels) - 1;
    send_frame(&subscribers[turn], TEXT, text, size);
}

/* One more user joins the channel, or leaves it; every member hears of both. */
void step_presence(void) {
    char text[512], channel[256];
    if (!all_arrived() || subscribers[churner].state == SUBSCRIBING) return;
    step++, step_began = now_ns();
    count.events++, count.expected += options.connections;
    if (step & 1) {
        subscribe(&subscribers[churner]);
        return;
    }
    channel_name(0, channel);
    int size = sprintf(text, "{\"event\":\"pusher:unsubscribe\",\"data\":{\"channel\":\"%s\"}}", channel);
    send_frame(&subscribers[churner], TEXT, text, size);
}

/* Where subscribers come and go: those whose time is over say goodbye. They come back when the server closes. */
void send_some_away(int64_t now) {
    for (int i = 0; i < options.connections; i++) {
        if (subscribers[i].state != SUBSCRIBED || subscribers[i].leaves > now) continue;
        subscribers[i].state = CLOSING;
        subscribed--;
        for (int from = 0; from < options.publishers; from++) {
            subscribers[i].orders[from].due = published_long_ago(from, channel_of(i));
        }
        send_frame(&subscribers[i], CLOSE, "\x03\xe8", 2);
    }
}

/* At the end of a run all that was published must be there. */
void settle_all(void) {
    for (int i = 0; i < options.connections; i++) {
        if (subscribers[i].state != SUBSCRIBED) continue;
        for (int from = 0; from < options.publishers; from++) {
            settle(&subscribers[i].orders[from], published(from, channel_of(i)));
        }
    }
}

/* In. */

static int is_digit(char c) { return c >= '0' && c <= '9'; }

/* An event: to which channel, who sent it, which number, when. Its data is JSON in JSON, with or without spaces. Both
 * its frame and its sender must mean the channel of this subscriber. */
static void read_stamp(Subscriber *subscriber, const char *text, Slice name) {
    char *at = (char *)text;
    int expected = channel_of(subscriber - subscribers);
    while (!is_digit(*at)) at++;
    int channel = strtol(at, &at, 10);
    if (channel != expected || !name.at || atoi(name.at) != expected) {
        count.strays++;
        return;
    }
    int publisher = strtol(at + 1, &at, 10);
    uint32_t sequence = strtoul(at + 1, &at, 10);
    account(&subscriber->orders[publisher], sequence, now_ns() - strtoll(at + 1, NULL, 10));
}

/* The churner came or went. The members themselves came before the first step. */
static void read_member(Subscriber *subscriber, int joined) {
    if (step && joined == (int)(step & 1)) {
        account(&subscriber->orders[0], step, now_ns() - step_began);
    } else if (step) {
        count.disordered++;
    }
}

static void read_event(Subscriber *subscriber, Slice message) {
    Slice stamp = after(message, "stamp\\\":");
    if (stamp.at) {
        read_stamp(subscriber, stamp.at, after(after(message, "\"channel\":"), "bench-"));
    } else if (after(message, "pusher_internal:member_").at) {
        if (mode == PRESENCE) read_member(subscriber, after(message, "member_added").at != NULL);
    } else if (after(message, "pusher:error").at && !count.errors++) {
        fprintf(stderr, "%.*s\n", (int)message.size, message.at);
    }
}

static void read_greeting(Subscriber *subscriber, Slice message) {
    Slice id = after(message, "socket_id\\\":");
    while (id.size && !is_digit(*id.at)) id.at++, id.size--;
    id = until(id, '\\');
    if (!id.at || id.size >= sizeof subscriber->socket_id) die("no socket id: %.*s", (int)message.size, message.at);
    memcpy(subscriber->socket_id, id.at, id.size);
    subscriber->socket_id[id.size] = 0;
    if (subscriber - subscribers == churner) {
        subscriber->state = SUBSCRIBED; /* to nothing yet */
        subscribed++;
    } else {
        subscribe(subscriber);
    }
}

static void read_acknowledgement(Subscriber *subscriber) {
    subscriber->state = SUBSCRIBED;
    if (subscriber - subscribers == churner) return;
    subscribed++, count.connects++;
    for (int from = 0; options.life && from < options.publishers; from++) {
        expect_after(&subscriber->orders[from], published(from, channel_of(subscriber - subscribers)));
    }
    if (mode == STORM) note_latency(now_ns() - subscriber->since);
    subscriber->leaves = now_ns() + options.life * 1000000LL;
}

static void read_text(Subscriber *subscriber, Slice message) {
    if (subscriber->state == SUBSCRIBED || subscriber->state == CLOSING) {
        read_event(subscriber, message);
    } else if (after(message, "pusher:error").at) {
        die("the server refused: %.*s", (int)message.size, message.at);
    } else if (subscriber->state == CONNECTED) {
        read_greeting(subscriber, message);
    } else if (after(message, "subscription_succeeded").at) {
        read_acknowledgement(subscriber);
    }
}

static size_t read_upgrade(Subscriber *subscriber, Slice bytes) {
    Slice rest = after(bytes, "\r\n\r\n");
    if (!rest.at) return 0;
    if (!begins(bytes, "HTTP/1.1 101")) die("no upgrade: %.*s", (int)bytes.size, bytes.at);
    subscriber->state = CONNECTED;
    return rest.at - bytes.at;
}

/* The server ends a connection that nobody asked it to end. */
static void is_dropped(Subscriber *subscriber) {
    if (subscriber->state != SUBSCRIBED) die("the server closed a connection before it was subscribed");
    subscriber->state = GONE;
    count.dropped++, subscribed--;
}

static void is_closing(Subscriber *subscriber, Frame frame) {
    if (subscriber->state == CLOSING || subscriber->state == GONE) return;
    is_dropped(subscriber);
    send_frame(subscriber, CLOSE, frame.payload, frame.size);
}

/* Take what stands at the beginning of `bytes`; return its size, 0 when it is not complete. */
static size_t take(Subscriber *subscriber, uint8_t *bytes, size_t size) {
    if (subscriber->state == UPGRADING) return read_upgrade(subscriber, (Slice){(char *)bytes, size});
    Frame frame = read_frame(bytes, size);
    if (frame.whole && frame.opcode == TEXT) read_text(subscriber, (Slice){(char *)frame.payload, frame.size});
    if (frame.whole && frame.opcode == CLOSE) is_closing(subscriber, frame);
    if (frame.whole && frame.opcode == PING) send_frame(subscriber, PONG, frame.payload, frame.size);
    return frame.whole;
}

static void is_gone(Subscriber *subscriber) {
    close(subscriber->fd);
    forget(&subscriber->rest);
    if (subscriber->state == CLOSING) {
        for (int i = 0; i < options.publishers; i++) settle(&subscriber->orders[i], subscriber->orders[i].due);
        open_subscriber(subscriber - subscribers);
    } else if (subscriber->state != GONE) {
        is_dropped(subscriber);
    }
}

void read_subscriber(int number) {
    Subscriber *subscriber = &subscribers[number];
    ssize_t size = receive(subscriber->fd, &subscriber->rest, input, ROOM), done = 0, taken;
    if (size == 0) is_gone(subscriber);
    if (size <= 0) return;
    while ((taken = take(subscriber, input + done, size - done)) > 0) done += taken;
    keep(&subscriber->rest, input + done, size - done);
}
