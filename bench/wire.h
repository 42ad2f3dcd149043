/* What floor.c and load.c share: the little of sockets, WebSocket frames and JSON that both need. */
#ifndef WIRE_H
#define WIRE_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "crypto.h"

enum { TEXT = 1, CLOSE = 8, PING = 9, PONG = 10 };
enum { LARGEST_HEADER = 14 };
enum { LIFETIME = 1200 }; /* seconds: nothing here runs longer, whatever happens */

/* Bytes inside a buffer that belongs to somebody else; `at` of NULL: not found. */
typedef struct {
    const char *at;
    size_t size;
} Slice;

typedef struct {
    int opcode;
    uint8_t *payload;
    size_t size;  /* of the payload */
    size_t whole; /* of the frame; 0: it is not complete */
} Frame;

/* What was received and is no whole message yet. */
typedef struct {
    uint8_t *bytes;
    size_t size;
} Rest;

static inline void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(2);
}

static inline int64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static inline int64_t cpu_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static inline void allow_many_descriptors(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static inline struct sockaddr_in loopback(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static inline void set_option(int fd, int level, int option) {
    int on = 1;
    if (setsockopt(fd, level, option, &on, sizeof on)) die("setsockopt: %s", strerror(errno));
}

static inline void watch(int poller, int fd, uint64_t what) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = what};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) die("epoll_ctl: %s", strerror(errno));
}

/* Send all of it, waiting for a full socket: nothing is ever left out. Return 0 when the peer has gone. */
static inline int send_all(int fd, const void *data, size_t size) {
    const char *p = data;
    while (size) {
        ssize_t sent = send(fd, p, size, MSG_NOSIGNAL);
        if (sent >= 0) {
            p += sent, size -= sent;
        } else if (errno == EAGAIN) {
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
        } else {
            return 0;
        }
    }
    return 1;
}

/* Receive behind what is left from before; return the bytes that lie in `buffer` now, 0 when the peer has gone, or -1
 * when nothing new is there. */
static inline ssize_t receive(int fd, Rest *rest, uint8_t *buffer, size_t room) {
    if (rest->size) memcpy(buffer, rest->bytes, rest->size);
    ssize_t got = recv(fd, buffer + rest->size, room - rest->size, 0);
    if (got <= 0) return got < 0 && errno == EAGAIN ? -1 : 0;
    got += rest->size;
    rest->size = 0;
    return got;
}

static inline void keep(Rest *rest, const uint8_t *bytes, size_t size) {
    rest->size = size;
    if (!size) return;
    rest->bytes = realloc(rest->bytes, size);
    memcpy(rest->bytes, bytes, size);
}

static inline void forget(Rest *rest) {
    free(rest->bytes);
    *rest = (Rest){0};
}

/* RFC 6455, 5.2. Write a frame's header; return its size. Clients mask, with a key of zeros. */
static inline int frame_header(uint8_t *out, int opcode, size_t size, int masked) {
    int length = 2, mark = masked ? 0x80 : 0;
    out[0] = 0x80 | opcode;
    if (size < 126) {
        out[1] = mark | size;
    } else if (size < 65536) {
        out[1] = mark | 126, out[2] = size >> 8, out[3] = size;
        length = 4;
    } else {
        out[1] = mark | 127;
        for (int i = 0; i < 8; i++) out[2 + i] = (uint64_t)size >> (56 - 8 * i);
        length = 10;
    }
    if (masked) memset(out + length, 0, 4);
    return masked ? length + 4 : length;
}

/* Read the frame at the beginning of `bytes` and unmask it in place. */
static inline Frame read_frame(uint8_t *bytes, size_t size) {
    Frame frame = {0};
    if (size < 2) return frame;
    uint64_t length = bytes[1] & 127;
    size_t header = length < 126 ? 2 : length == 126 ? 4 : 10, mask = bytes[1] & 0x80 ? 4 : 0;
    if (size < header + mask) return frame;
    if (header > 2) length = 0;
    for (size_t i = 2; i < header; i++) length = length << 8 | bytes[i];
    if (size - header - mask < length) return frame;
    frame = (Frame){bytes[0] & 15, bytes + header + mask, length, header + mask + length};
    for (size_t i = 0; mask && i < length; i++) frame.payload[i] ^= bytes[header + i % 4];
    return frame;
}

/* Return what stands behind `text`, up to the end of `where`. */
static inline Slice after(Slice where, const char *text) {
    const char *found = where.at ? memmem(where.at, where.size, text, strlen(text)) : NULL;
    if (!found) return (Slice){0};
    found += strlen(text);
    return (Slice){found, where.at + where.size - found};
}

/* Return what stands before the first `end`; in JSON strings a quote behind a backslash is none. */
static inline Slice until(Slice where, char end) {
    for (size_t i = 0; i < where.size; i++) {
        if (where.at[i] == '\\' && end == '"') {
            i++;
        } else if (where.at[i] == end) {
            return (Slice){where.at, i};
        }
    }
    return (Slice){0};
}

/* Return the string behind `"field":`, still escaped. Compact JSON only, as PHP and JavaScript make it. */
static inline Slice json_string(Slice where, const char *field) {
    return until(after(where, field), '"');
}

static inline int begins(Slice slice, const char *text) {
    return slice.size >= strlen(text) && !memcmp(slice.at, text, strlen(text));
}

/* Write `text` as the inside of a JSON string; return its size. Nothing but quotes and backslashes needs it here. */
static inline size_t escape(Slice text, char *out) {
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] == '"' || text.at[i] == '\\') out[size++] = '\\';
        out[size++] = text.at[i];
    }
    return size;
}

static inline size_t unescape(Slice string, char *out) {
    size_t size = 0;
    for (size_t i = 0; i < string.size; i++) {
        if (string.at[i] == '\\') i++;
        out[size++] = string.at[i];
    }
    return size;
}

#endif
