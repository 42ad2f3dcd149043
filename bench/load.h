/* The parts of the load: what they share. load.c drives subscribers.c and publishers.c, account.c keeps the books. */
#ifndef LOAD_H
#define LOAD_H

#include "wire.h"

enum { ROOM = 1 << 20 };                     /* bytes that are received at once, at most */
enum { SUBSCRIBER, PUBLISHER, INPUT };       /* who is ready, in the upper half of an epoll event */
static const int64_t SECOND = 1000000000;    /* ns */

typedef enum { HOLD, STORM, TRIGGER, CLIENT, PRESENCE } Mode;
typedef enum { UPGRADING, CONNECTED, SUBSCRIBING, SUBSCRIBED, CLOSING, GONE } State;

/* Of the events of one publisher: the last number, and which of the 64 up to it have come. */
typedef struct {
    uint32_t last;
    uint32_t base, got; /* after which each must come, and how many of these have; for settle() */
    uint32_t due;       /* the last that must have come when its subscriber said goodbye */
    uint64_t seen;
} Order;

typedef struct {
    int fd;
    State state;
    int64_t since, leaves; /* ns: when it connected, when it is to go */
    uint32_t sent;         /* client events */
    char socket_id[40];
    Rest rest;
    Order *orders; /* by publisher */
} Subscriber;

typedef struct {
    const char *key, *app, *secret, *mode, *prefix;
    int port, connections, channels, publishers, batch, ms;
    int far_port;  /* of the node where is published and the churner joins; 0: there is one node */
    int rate;      /* requests a second; 0: as fast as they are answered */
    int life;      /* ms after which a subscriber goes and comes back; 0: it stays */
    int alone;     /* an event is published when every copy of the one before has arrived */
    int fresh;     /* a new connection for each request, as PHP does */
    int in_flight; /* connections that may be on their way to be subscribed */
} Options;

/* What became of a run. */
typedef struct {
    uint64_t events, expected, delivered, lost, duplicates, disordered, connects;
    uint64_t pending;                  /* requests without an answer yet */
    uint64_t strays;                   /* copies in a channel that is not their subscriber's */
    uint64_t refused, errors, dropped; /* requests not answered with 200, pusher:error, connections that ended */
} Count;

extern Options options;
extern Mode mode;
extern HmacKey signing;
extern int poller;
extern Count count;
extern uint8_t input[ROOM + 1];
extern Subscriber *subscribers; /* with one more at the end, who comes and goes: the churner */
extern int subscribed;

/* account.c */
void begin_count(void);
void note_latency(int64_t nanoseconds);
void account(Order *order, uint32_t sequence, int64_t age);
void expect_after(Order *order, uint32_t sequence);
void settle(Order *order, uint32_t due);
int all_arrived(void);
void print_count(int64_t elapsed, int64_t busy);

/* subscribers.c */
int connect_to_server(uint64_t who, int port);
void make_subscribers(void);
void open_subscriber(int number);
void read_subscriber(int number);
void send_client_event(void);
void step_presence(void);
void send_some_away(int64_t now);
void settle_all(void);
int channel_name(int number, char *out);
int audience(int channel);
int write_data(char *out, int channel, int publisher, uint32_t sequence, int64_t time);

/* publishers.c */
extern int64_t due; /* ns: when the next event is to be sent, with a rate */
void make_publishers(void);
void publish_where_possible(void);
void read_answer(int number);
void grow_older(int64_t now);
uint32_t published(int publisher, int channel);
uint32_t published_long_ago(int publisher, int channel);

#endif
