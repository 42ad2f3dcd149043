/* What became of every copy: delivered, lost, doubled, out of order, and how old it was. */
#include "load.h"

enum { SLOWEST = 4000000 }; /* µs: what takes longer counts as that */

Count count;
static uint32_t histogram[SLOWEST + 1]; /* by µs */

/* What went wrong since the last run ended counts for this one: nobody would see it otherwise. */
void begin_count(void) {
    count = (Count){.pending = count.pending,       .duplicates = count.duplicates, .disordered = count.disordered,
                    .strays = count.strays,         .refused = count.refused,       .errors = count.errors,
                    .dropped = count.dropped};
    memset(histogram, 0, sizeof histogram);
}

void note_latency(int64_t nanoseconds) {
    int64_t microseconds = nanoseconds / 1000;
    histogram[microseconds < 0 ? 0 : microseconds > SLOWEST ? SLOWEST : microseconds]++;
}

static int percentile(double share) {
    uint64_t total = 0, below = 0;
    for (int i = 0; i <= SLOWEST; i++) total += histogram[i];
    for (int i = 0; total && i <= SLOWEST; i++) {
        below += histogram[i];
        if (below >= share * total) return i;
    }
    return 0;
}

/* A copy arrived, `age` ns old: is it the next one, one again, or one from before? */
void account(Order *order, uint32_t sequence, int64_t age) {
    uint32_t ahead = sequence - order->last, behind = order->last - sequence;
    if (sequence > order->last) {
        order->seen = (ahead < 64 ? order->seen << ahead : 0) | 1;
        order->last = sequence;
    } else if (behind < 64 && !(order->seen >> behind & 1)) {
        count.disordered += (order->seen & ((1ULL << behind) - 1)) != 0; /* a newer one has come */
        order->seen |= 1ULL << behind;
    } else {
        count.duplicates++;
        return;
    }
    order->got += sequence > order->base;
    count.delivered++;
    note_latency(age);
}

/* From here on the subscriber must get everything after `sequence`; what is under way may come or not. */
void expect_after(Order *order, uint32_t sequence) {
    uint32_t ahead = sequence - order->last;
    order->seen = ahead < 64 ? order->seen << ahead : 0;
    order->last = order->base = sequence;
    order->got = 0;
}

/* Count what is missing of the events up to `due`, or up to the last that came. */
void settle(Order *order, uint32_t due) {
    uint32_t until = due > order->last ? due : order->last;
    count.lost += until - order->base - order->got;
    expect_after(order, until);
}

int all_arrived(void) { return count.delivered >= count.expected; }

/* Print the run as a line of JSON. Where subscribers come and go, settle() has told what was lost. */
void print_count(int64_t elapsed, int64_t busy) {
    uint64_t lost = options.life ? count.lost : all_arrived() ? 0 : count.expected - count.delivered;
    printf("{\"seconds\":%.6f,\"busy\":%.3f,\"events\":%lu,\"connects\":%lu,\"delivered\":%lu,\"lost\":%lu,"
           "\"duplicates\":%lu,\"disordered\":%lu,\"strays\":%lu,\"refused\":%lu,\"errors\":%lu,\"dropped\":%lu,"
           "\"subscribed\":%d,"
           "\"p50_us\":%d,\"p95_us\":%d,\"p99_us\":%d}\n",
           elapsed / 1e9, (double)busy / elapsed, count.events, count.connects, count.delivered, lost, count.duplicates,
           count.disordered, count.strays, count.refused, count.errors, count.dropped, subscribed - (mode == PRESENCE),
           percentile(0.5), percentile(0.95), percentile(0.99));
    fflush(stdout);
    count.duplicates = count.disordered = count.strays = count.refused = count.errors = count.dropped = 0;
}
