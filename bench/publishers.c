/* The publishers: each sends signed requests over a connection of its own, the next when the last was answered. */
#include "load.h"

typedef struct {
    int fd, busy; /* -1: not connected; busy: a request is under way */
    int channel;  /* of its next event */
    int copies;   /* that its request should cause */
    Rest rest;
    uint32_t *sequences; /* of its last events, by channel */
    uint32_t *recent, *old; /* what these were at two moments before */
} Publisher;

enum { OLD = 200 }; /* ms after which a copy must have come */

int64_t due;
static Publisher *publishers;

void make_publishers(void) {
    publishers = calloc(options.publishers, sizeof *publishers);
    for (int i = 0; i < options.publishers; i++) {
        publishers[i].fd = -1;
        publishers[i].channel = i % options.channels;
        publishers[i].sequences = calloc(options.channels, sizeof(uint32_t));
        publishers[i].recent = calloc(options.channels, sizeof(uint32_t));
        publishers[i].old = calloc(options.channels, sizeof(uint32_t));
    }
}

uint32_t published(int publisher, int channel) { return publishers[publisher].sequences[channel]; }

/* The last event that is OLD already, or up to twice as old. */
uint32_t published_long_ago(int publisher, int channel) { return publishers[publisher].old[channel]; }

void grow_older(int64_t now) {
    static int64_t last;
    if (now < last + OLD * 1000000LL) return;
    for (int i = 0; i < options.publishers; i++) {
        memcpy(publishers[i].old, publishers[i].recent, options.channels * sizeof(uint32_t));
        memcpy(publishers[i].recent, publishers[i].sequences, options.channels * sizeof(uint32_t));
    }
    last = now;
}

static int write_event(Publisher *publisher, int channel, int64_t stamp, char *out) {
    char name[256], data[512], escaped[1024];
    channel_name(channel, name);
    int size = write_data(data, channel, publisher - publishers, ++publisher->sequences[channel], stamp);
    size = escape((Slice){data, size}, escaped);
    count.events++;
    const char *form = options.batch > 1 ? "{\"name\":\"ticket.assigned\",\"channel\":\"%s\",\"data\":\"%.*s\"}"
                                         : "{\"name\":\"ticket.assigned\",\"channels\":[\"%s\"],\"data\":\"%.*s\"}";
    return sprintf(out, form, name, size, escaped);
}

static int write_body(Publisher *publisher, int64_t stamp, char *out) {
    int channel = publisher->channel;
    publisher->channel = (channel + 1) % options.channels;
    if (options.batch == 1) return write_event(publisher, channel, stamp, out);
    int size = sprintf(out, "{\"batch\":[");
    for (int i = 0; i < options.batch; i++) {
        if (i) out[size++] = ',';
        size += write_event(publisher, channel, stamp, out + size);
    }
    return size + sprintf(out + size, "]}");
}

/* The signature covers method, path and query, each on a line of its own. */
static int write_head(const char *body, int size, char *out) {
    char md5[33], text[512], signature[65];
    hash_hex(&MD5, body, size, md5);
    int length = sprintf(text, "POST\n/apps/%s/%s\nauth_key=%s&auth_timestamp=%lld&auth_version=1.0&body_md5=%s",
                         options.app, options.batch > 1 ? "batch_events" : "events", options.key,
                         (long long)time(NULL), md5);
    sign(&signing, text, length, signature);
    *strrchr(text, '\n') = '?';
    return sprintf(out,
                   "POST %s&auth_signature=%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: reverb-py-bench\r\n"
                   "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n",
                   text + strlen("POST\n"), signature, options.port, size);
}

static void publish(Publisher *publisher, int64_t stamp) {
    static char body[ROOM / 2], request[ROOM];
    publisher->copies = options.batch * audience(publisher->channel);
    int size = write_body(publisher, stamp, body), head = write_head(body, size, request);
    memcpy(request + head, body, size);
    uint64_t who = (uint64_t)PUBLISHER << 32 | (publisher - publishers);
    if (publisher->fd < 0) publisher->fd = connect_to_server(who, options.far_port);
    send_all(publisher->fd, request, head + size); /* when this fails, the connection's end tells it */
    publisher->busy = 1, count.pending++, count.expected += publisher->copies;
}

/* Publish with everybody who is free, as far as the options allow. */
void publish_where_possible(void) {
    for (int i = 0; i < options.publishers; i++) {
        int64_t now = now_ns();
        if ((options.alone && !all_arrived()) || (options.rate && now < due)) return;
        if (publishers[i].busy) continue;
        publish(&publishers[i], options.rate ? due : now);
        if (options.rate) due += SECOND / options.rate;
    }
}

static void hang_up(Publisher *publisher) {
    close(publisher->fd);
    forget(&publisher->rest);
    publisher->fd = -1;
}

static void is_answered(Publisher *publisher, int fine) {
    if (!fine && !count.refused++) fprintf(stderr, "refused: %s\n", input);
    if (!fine) count.expected -= publisher->copies;
    publisher->busy = 0, count.pending--;
    if (options.fresh || !fine) hang_up(publisher);
}

/* Return how many bytes of the answer are missing, -1 when that is not known yet. */
static ssize_t missing(const char *answer, size_t size) {
    const char *body = strstr(answer, "\r\n\r\n"), *length = strcasestr(answer, "\r\ncontent-length:");
    if (!body) return -1;
    return length ? body + 4 + atoi(length + 17) - (answer + size) : 0;
}

void read_answer(int number) {
    Publisher *publisher = &publishers[number];
    ssize_t size = receive(publisher->fd, &publisher->rest, input, ROOM);
    if (size < 0) return;
    input[size] = 0;
    if (size == 0 && !publisher->busy) {
        hang_up(publisher); /* the server kept an idle connection long enough */
    } else if (size == 0 || missing((char *)input, size) == 0) {
        is_answered(publisher, !strncmp((char *)input, "HTTP/1.1 200", 12));
    } else {
        keep(&publisher->rest, input, size);
    }
}
