/* The load: subscribers and publishers in one process, which account for every copy of every event.
 *
 *     load --port 8080 --key k --secret s --app 1 --mode trigger --connections 1000 …
 *
 * It prints a line of JSON when all are subscribed, then waits: each line on stdin starts a measured run, which ends
 * with a line of JSON; the end of stdin ends the program. Loopback only, and never longer than LIFETIME.
 *
 * An event carries publisher, sequence number (one for each publisher and channel) and the time of its sending, so that
 * each subscriber knows what is lost, doubled or out of order, and how old it is.
 */
#include "load.h"

enum { CONNECTING = 120 }; /* seconds that all connections may take */

static const int64_t MILLISECOND = 1000000, PATIENCE = 5000000000; /* ns */

/* How long nothing may come before what is missing counts as lost; tests of faulty servers set it lower. */
static int64_t patience(void) {
    const char *text = getenv("BENCH_PATIENCE_MS");
    return text ? atoll(text) * MILLISECOND : PATIENCE;
}

Options options = {"key", "1", "secret", "hold", "", 0, 1, 1, 1, 1, 500, 0, 0, 0, 0, 0, 128};
Mode mode;
HmacKey signing;
int poller;

static int told_to_go;

static const struct {
    const char *name;
    const char **text;
    int *number;
} OPTIONS[] = {
    {"--key", &options.key, 0},         {"--app", &options.app, 0},
    {"--secret", &options.secret, 0},   {"--mode", &options.mode, 0},
    {"--prefix", &options.prefix, 0},   {"--port", 0, &options.port},
    {"--ms", 0, &options.ms},           {"--connections", 0, &options.connections},
    {"--rate", 0, &options.rate},       {"--channels", 0, &options.channels},
    {"--life", 0, &options.life},       {"--publishers", 0, &options.publishers},
    {"--alone", 0, &options.alone},     {"--batch", 0, &options.batch},
    {"--fresh", 0, &options.fresh},     {"--in-flight", 0, &options.in_flight},
    {"--far-port", 0, &options.far_port},
};
static const char *const MODES[] = {"hold", "storm", "trigger", "client", "presence"};

static void read_input(void) {
    char line[64];
    if (read(STDIN_FILENO, line, sizeof line) <= 0) exit(0);
    told_to_go = 1;
}

/* Wait until something is ready, at most until a time. A schedule is kept better than epoll's milliseconds can. */
static int wait_until(int64_t time, struct epoll_event *events, int room) {
    int64_t wait = (options.rate && due < time ? due : time) - now_ns();
    if (wait < 0) wait = 0;
    if (options.rate && wait) {
        struct timespec left = {wait / SECOND, wait % SECOND};
        ppoll(&(struct pollfd){.fd = poller, .events = POLLIN}, 1, &left, NULL);
        wait = 0;
    }
    return epoll_wait(poller, events, room, (wait + MILLISECOND - 1) / MILLISECOND);
}

static void turn(int64_t until) {
    struct epoll_event events[1024];
    int ready = wait_until(until, events, 1024);
    for (int i = 0; i < ready; i++) {
        int number = (uint32_t)events[i].data.u64;
        switch (events[i].data.u64 >> 32) {
            case SUBSCRIBER: read_subscriber(number); break;
            case PUBLISHER: read_answer(number); break;
            case INPUT: read_input(); break;
        }
    }
}

static void connect_all(void) {
    int all = options.connections + (mode == PRESENCE), opened = 0;
    for (int64_t end = now_ns() + CONNECTING * SECOND; subscribed + (int)count.dropped < all;) {
        while (opened < all && opened - subscribed < options.in_flight) open_subscriber(opened++);
        turn(now_ns() + SECOND / 10);
        if (now_ns() > end) die("%d of %d were subscribed after %d s", subscribed, all, CONNECTING);
    }
}

/* What a run does in each turn; return until when nothing new is to be done unless something arrives. */
static int64_t work(int64_t end) {
    if (options.life) grow_older(now_ns()), send_some_away(now_ns());
    if (mode == TRIGGER) publish_where_possible();
    if (mode == CLIENT) send_client_event();
    if (mode == PRESENCE) step_presence();
    int64_t soon = now_ns() + MILLISECOND;
    return options.life && soon < end ? soon : end;
}

/* Where subscribers come and go, all must be back; nobody knows how many copies there should be until then: a little
 * while must do. */
static int is_complete(int64_t since) {
    if (count.pending) return 0;
    if (!options.life) return all_arrived();
    return subscribed == options.connections && now_ns() > since + 200 * MILLISECOND;
}

/* Wait until every copy and answer is there, or nothing came for as long as its patience; return when the last one came. */
static int64_t wait_for_the_rest(void) {
    int64_t last = now_ns();
    while (!is_complete(last) && now_ns() < last + patience()) {
        uint64_t before = count.delivered;
        turn(now_ns() + 10 * MILLISECOND);
        if (count.delivered != before) last = now_ns();
    }
    return last;
}

static void run(void) {
    int64_t began = now_ns(), end = began + options.ms * MILLISECOND, busy = cpu_ns();
    begin_count();
    due = began;
    for (int i = 0; i < options.connections; i++) {
        subscribers[i].leaves = began + options.life * MILLISECOND * i / options.connections; /* spread evenly */
    }
    if (mode == STORM) {
        connect_all();
    } else {
        do turn(work(end));
        while (now_ns() < end);
    }
    int64_t ended = wait_for_the_rest();
    if (options.life) settle_all();
    print_count(ended - began, cpu_ns() - busy);
}

static void read_options(int size, char **arguments) {
    size_t known = sizeof OPTIONS / sizeof *OPTIONS;
    for (int i = 1; i + 1 < size; i += 2) {
        size_t which = 0;
        while (which < known && strcmp(OPTIONS[which].name, arguments[i])) which++;
        if (which == known) die("unknown option %s", arguments[i]);
        if (OPTIONS[which].text) *OPTIONS[which].text = arguments[i + 1];
        if (OPTIONS[which].number) *OPTIONS[which].number = atoi(arguments[i + 1]);
    }
    if (!options.far_port) options.far_port = options.port;
    while (strcmp(MODES[mode], options.mode)) {
        if (++mode > PRESENCE) die("unknown mode %s", options.mode);
    }
}

int main(int size, char **arguments) {
    read_options(size, arguments);
    allow_many_descriptors();
    alarm(LIFETIME);
    hmac_key(&signing, options.secret);
    make_subscribers();
    make_publishers();
    poller = epoll_create1(EPOLL_CLOEXEC);
    watch(poller, STDIN_FILENO, (uint64_t)INPUT << 32);
    if (mode != STORM) connect_all();
    printf("{\"connected\":%d}\n", subscribed);
    fflush(stdout);
    for (;;) {
        while (!told_to_go) turn(now_ns() + SECOND);
        told_to_go = 0;
        run();
    }
}
