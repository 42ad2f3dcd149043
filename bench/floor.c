/* The floor: a server that does the system calls of the real one for the same work, and nothing else.
 *
 * One thread, epoll, one send for each copy. It speaks just enough of the protocol for load.c: upgrades, subscriptions
 * (with their HMAC), client events, POST /apps/<id>/events and batch_events (with HMAC and MD5). It has no limits, no
 * log and no presence, reads compact JSON only, and knows one channel for each socket.
 *
 *     floor PORT KEY SECRET
 */
#include "wire.h"

enum { ROOM = 1 << 20, SLOTS = 1 << 16, MAX_CLIENTS = 1 << 17, LONGEST_NAME = 200 };

typedef struct {
    char name[LONGEST_NAME + 1];
    int *sockets, count, room;
} Channel;

typedef struct {
    int is_websocket;
    Rest rest;
    Channel *channel;
    int place; /* in channel->sockets */
    char socket_id[24];
} Client;

static int poller;
static const char *key;
static HmacKey secret;
static Client clients[MAX_CLIENTS]; /* by descriptor */
static Channel *channels[SLOTS];    /* open addressing: a channel stays, once it was named */
static uint8_t input[ROOM], output[ROOM];

static Channel *channel_of(Slice name) {
    uint32_t slot = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < name.size; i++) slot = (slot ^ (uint8_t)name.at[i]) * 16777619u;
    for (slot %= SLOTS; channels[slot]; slot = (slot + 1) % SLOTS) {
        const char *known = channels[slot]->name;
        if (!strncmp(known, name.at, name.size) && !known[name.size]) return channels[slot];
    }
    if (name.size > LONGEST_NAME) die("a channel's name is too long");
    channels[slot] = calloc(1, sizeof(Channel));
    memcpy(channels[slot]->name, name.at, name.size);
    return channels[slot];
}

static void join(int fd, Channel *channel) {
    if (channel->count == channel->room) {
        channel->room = channel->room ? 2 * channel->room : 1;
        channel->sockets = realloc(channel->sockets, channel->room * sizeof(int));
    }
    clients[fd].channel = channel;
    clients[fd].place = channel->count;
    channel->sockets[channel->count++] = fd;
}

static void leave(int fd) {
    Channel *channel = clients[fd].channel;
    if (!channel) return;
    int last = channel->sockets[--channel->count];
    channel->sockets[clients[fd].place] = last;
    clients[last].place = clients[fd].place;
}

static void disconnect(int fd) {
    leave(fd);
    forget(&clients[fd].rest);
    clients[fd] = (Client){0};
    close(fd);
}

/* Make one frame of the payload and send it to every subscriber but one. */
static void broadcast(Channel *channel, Slice name, Slice data, int but) {
    uint8_t *payload = output + LARGEST_HEADER, header[LARGEST_HEADER];
    int size = sprintf((char *)payload, "{\"event\":\"%.*s\",\"channel\":\"%s\",\"data\":\"%.*s\"}", (int)name.size,
                       name.at, channel->name, (int)data.size, data.at);
    int length = frame_header(header, TEXT, size, 0);
    uint8_t *frame = payload - length;
    memcpy(frame, header, length);
    for (int i = 0; i < channel->count; i++) {
        if (channel->sockets[i] != but) send_all(channel->sockets[i], frame, length + size);
    }
}

/* WebSocket. */

static void send_text(int fd, const char *text) {
    uint8_t frame[1024];
    int length = frame_header(frame, TEXT, strlen(text), 0);
    memcpy(frame + length, text, strlen(text));
    send_all(fd, frame, length + strlen(text));
}

static void upgrade(int fd, Slice request) {
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455, 1.3 */
    Slice nonce = until(after(request, "Sec-WebSocket-Key: "), '\r');
    uint8_t digest[LONGEST_DIGEST];
    char accept[32], text[512];
    Hash hash;
    hash_begin(&hash, &SHA1);
    hash_add(&hash, nonce.at, nonce.size);
    hash_add(&hash, magic, strlen(magic));
    base64(digest, hash_end(&hash, digest), accept);

    Client *client = &clients[fd];
    static unsigned serial;
    client->is_websocket = 1;
    serial++;
    sprintf(client->socket_id, "%u.%u", serial, 1000000 + serial);
    int head = sprintf(text,
                       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Accept: %s\r\n\r\n",
                       accept);
    char *payload = text + head + 2; /* shorter than 126 bytes: its header has two */
    int size = sprintf(payload,
                       "{\"event\":\"pusher:connection_established\",\"data\":\"{\\\"socket_id\\\":\\\"%s\\\","
                       "\\\"activity_timeout\\\":30}\"}",
                       client->socket_id);
    frame_header((uint8_t *)text + head, TEXT, size, 0);
    send_all(fd, text, head + 2 + size);
}

static int may_subscribe(Client *client, Slice message, Slice channel) {
    if (!begins(channel, "private-") && !begins(channel, "presence-")) return 1;
    char text[2048], expected[65];
    int size = sprintf(text, "%s:%.*s", client->socket_id, (int)channel.size, channel.at);
    Slice member = json_string(message, "\"channel_data\":\"");
    if (member.at) {
        text[size++] = ':';
        size += unescape(member, text + size);
    }
    sign(&secret, text, size, expected);
    Slice given = json_string(message, "\"auth\":\"");
    size_t prefix = strlen(key) + 1;
    return given.size == prefix + 64 && begins(given, key) && !memcmp(given.at + prefix, expected, 64);
}

static void subscribe(int fd, Slice message) {
    char text[512];
    Slice channel = json_string(message, "\"channel\":\"");
    if (!channel.at || !may_subscribe(&clients[fd], message, channel)) {
        send_text(fd, "{\"event\":\"pusher:error\",\"data\":{\"code\":4009,\"message\":\"Not authorized\"}}");
        return;
    }
    join(fd, channel_of(channel));
    sprintf(text, "{\"event\":\"pusher_internal:subscription_succeeded\",\"channel\":\"%.*s\",\"data\":\"{}\"}",
            (int)channel.size, channel.at);
    send_text(fd, text);
}

/* Relay a client event: its data is the last member of the message, an object, and goes out as a string. */
static void client_event(int fd, Slice message) {
    static char escaped[ROOM / 2];
    Slice data = after(message, "\"data\":");
    if (data.size) data.size--; /* the brace that ends the message */
    size_t size = escape(data, escaped);
    Channel *channel = channel_of(json_string(message, "\"channel\":\""));
    broadcast(channel, json_string(message, "\"event\":\""), (Slice){escaped, size}, fd);
}

/* Return 0 when the client said goodbye. */
static int obey(int fd, Frame frame) {
    Slice message = {(char *)frame.payload, frame.size};
    Slice event = json_string(message, "\"event\":\"");
    if (frame.opcode == CLOSE) {
        send_all(fd, "\x88", 2);
        return 0;
    }
    if (begins(event, "pusher:subscribe")) subscribe(fd, message);
    if (begins(event, "client-")) client_event(fd, message);
    return 1;
}

/* HTTP. */

static const char OK[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
static const char REFUSED[] = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";

/* The signature covers the query before `&auth_signature=`: load.c, like every client library, puts it last. */
static int is_signed(Slice path, Slice body) {
    static const char last[] = "&auth_signature=";
    char text[2048], expected[65], md5[33];
    Slice target = until(path, '?'), query = after(path, "?"), signature = after(query, last);
    if (!target.at || signature.size != 64 || path.size > 1500) return 0;
    size_t covered = signature.at - query.at - strlen(last);
    int size = sprintf(text, "POST\n%.*s\n%.*s", (int)target.size, target.at, (int)covered, query.at);
    sign(&secret, text, size, expected);
    hash_hex(&MD5, body.at, body.size, md5);
    Slice claimed = after(query, "body_md5=");
    return !memcmp(signature.at, expected, 64) && claimed.size >= 32 && !memcmp(claimed.at, md5, 32);
}

/* Publish what `body` holds: one event for several channels, or a batch of events for one channel each. In both, `data`
 * is the last member. */
static void publish(Slice body) {
    while ((body = after(body, "\"name\":\"")).at) {
        Slice name = until(body, '"'), data = after(body, "\"data\":\"");
        Slice names = until(after(body, "\"channels\":["), ']');
        data = until(data, '"');
        if (!names.at) broadcast(channel_of(json_string(body, "\"channel\":\"")), name, data, -1);
        while ((names = after(names, "\"")).at) {
            Slice channel = until(names, '"');
            broadcast(channel_of(channel), name, data, -1);
            names = (Slice){channel.at + channel.size + 1, names.size - channel.size - 1};
        }
        body = (Slice){data.at + data.size, body.at + body.size - data.at - data.size};
    }
}

/* Answer the request at the beginning of `bytes`; return its size, 0 when it is not complete. */
static size_t answer(int fd, Slice bytes) {
    Slice body = after(bytes, "\r\n\r\n");
    if (!body.at) return 0;
    Slice head = {bytes.at, body.at - bytes.at};
    if (begins(head, "GET ")) {
        upgrade(fd, head);
        return head.size;
    }
    Slice length = after(head, "Content-Length: ");
    size_t size = length.at ? strtoul(length.at, NULL, 10) : 0;
    if (body.size < size) return 0;
    body.size = size;
    int fits = is_signed(until(after(head, "POST "), ' '), body);
    if (fits) publish(body);
    send_all(fd, fits ? OK : REFUSED, strlen(fits ? OK : REFUSED));
    return head.size + size;
}

/* Take the message at the beginning of `bytes`; return its size, 0 when it is not complete, -1 at the end. */
static ssize_t take(int fd, uint8_t *bytes, size_t size) {
    if (!clients[fd].is_websocket) return answer(fd, (Slice){(char *)bytes, size});
    Frame frame = read_frame(bytes, size);
    return frame.whole && !obey(fd, frame) ? -1 : (ssize_t)frame.whole;
}

static void readable(int fd) {
    ssize_t size = receive(fd, &clients[fd].rest, input, ROOM), done = 0, taken = 1;
    if (size < 0) return;
    while (done < size && (taken = take(fd, input + done, size - done)) > 0) done += taken;
    if (size == 0 || taken < 0) {
        disconnect(fd);
    } else {
        keep(&clients[fd].rest, input + done, size - done);
    }
}

/* One for each call, as libuv does: a second try would mostly be a system call for nothing. */
static void accept_one(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    if (fd >= MAX_CLIENTS) die("too many clients");
    set_option(fd, IPPROTO_TCP, TCP_NODELAY);
    watch(poller, fd, fd);
}

int main(int count, char **arguments) {
    if (count != 4) die("usage: floor PORT KEY SECRET");
    struct sockaddr_in address = loopback(atoi(arguments[1]));
    key = arguments[2];
    hmac_key(&secret, arguments[3]);
    allow_many_descriptors();
    alarm(LIFETIME);

    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    set_option(listener, SOL_SOCKET, SO_REUSEADDR);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096))
        die("cannot listen on port %s: %s", arguments[1], strerror(errno));
    poller = epoll_create1(0);
    watch(poller, listener, listener);
    for (;;) {
        struct epoll_event events[256];
        int ready = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.u64;
            if (fd == listener) {
                accept_one(listener);
            } else {
                readable(fd);
            }
        }
    }
}
