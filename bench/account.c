/* What became of every copy: delivered, lost, doubled, out of order, and how old it was. */
#include "load.h"

enum { SLOWEST = 4000000 }; /* µs: what takes longer counts as that */

Count count;
static uint32_t histogram[SLOWEST + 1]; /* by µs */

void begin_count(void) {
    memset(&count, 0, sizeof count);
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
    if (options.life && !order->last) order->last = sequence - 1; /* its subscriber came in the middle */
    uint32_t ahead = sequence - order->last, behind = order->last - sequence;
    if (sequence > order->last) {
        order->seen = (ahead < 64 ? order->seen << ahead : 0) | 1;
        order->last = sequence;
        count.gaps += ahead - 1;
    } else if (behind < 64 && !(order->seen >> behind & 1)) {
        order->seen |= 1ULL << behind;
        count.disordered++, count.gaps--;
    } else {
        count.duplicates++;
        return;
    }
    count.delivered++;
    note_latency(age);
}

int all_arrived(void) { return count.delivered >= count.expected; }

/* Print the run as a line of JSON. Where subscribers come and go, only gaps tell what was lost. */
void print_count(int64_t elapsed, int64_t busy) {
    uint64_t lost = options.life ? count.gaps : all_arrived() ? 0 : count.expected - count.delivered;
    printf("{\"seconds\":%.6f,\"busy\":%.3f,\"events\":%lu,\"connects\":%lu,\"delivered\":%lu,\"lost\":%lu,"
           "\"duplicates\":%lu,\"disordered\":%lu,\"refused\":%lu,\"errors\":%lu,\"dropped\":%lu,"
           "\"p50_us\":%d,\"p95_us\":%d,\"p99_us\":%d}\n",
           elapsed / 1e9, (double)busy / elapsed, count.events, count.connects, count.delivered, lost, count.duplicates,
           count.disordered, count.refused, count.errors, count.dropped, percentile(0.5), percentile(0.95),
           percentile(0.99));
    fflush(stdout);
}
