/* SHA-1 (FIPS 180-4), SHA-256 (FIPS 180-4), HMAC (RFC 2104), MD5 (RFC 1321), base64 (RFC 4648), as the protocol needs
 * them. Plain C, so that the benchmark needs a compiler and nothing else; not for secrets that matter.
 *
 * The three hashes differ in their block function, their first state and their byte order; the rest is shared.
 */
#ifndef CRYPTO_H
#define CRYPTO_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK = 64, LONGEST_DIGEST = 32 };

typedef struct {
    void (*compress)(uint32_t *state, const uint8_t *block);
    int words; /* of the state */
    int big_endian;
    uint32_t first[8];
} Algorithm;

typedef struct {
    const Algorithm *algorithm;
    uint32_t state[8];
    uint64_t length;
    uint8_t block[BLOCK]; /* what does not fill a block yet */
} Hash;

/* A key, already hashed: each signature starts from copies of these. */
typedef struct {
    Hash inner, outer;
} HmacKey;

static inline uint32_t left(uint32_t word, int bits) { return word << bits | word >> (32 - bits); }
static inline uint32_t right(uint32_t word, int bits) { return word >> bits | word << (32 - bits); }

static inline uint32_t read_word(const uint8_t *p, int big_endian) {
    uint32_t word;
    memcpy(&word, p, 4);
    int here = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    return here == big_endian ? word : __builtin_bswap32(word);
}

static inline void write_word(uint8_t *p, uint32_t word, int big_endian) {
    word = read_word((const uint8_t *)&word, big_endian);
    memcpy(p, &word, 4);
}

static void sha1_block(uint32_t *state, const uint8_t *block) {
    static const uint32_t constant[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int i = 0; i < 80; i++) {
        w[i] = i < 16 ? read_word(block + 4 * i, 1) : left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        uint32_t f = i < 20 ? (b & c) | (~b & d) : i >= 40 && i < 60 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
        uint32_t next = left(a, 5) + f + e + constant[i / 20] + w[i];
        e = d, d = c, c = left(b, 30), b = a, a = next;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
}

static void sha256_block(uint32_t *state, const uint8_t *block) {
    static const uint32_t constant[64] = { /* the fractions of the cube roots of the first 64 primes */
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    };
    uint32_t w[64], s[8];
    memcpy(s, state, sizeof s);
#pragma GCC unroll 64
    for (int i = 0; i < 64; i++) {
        if (i < 16) {
            w[i] = read_word(block + 4 * i, 1);
        } else {
            uint32_t x = w[i - 15], y = w[i - 2];
            w[i] = w[i - 16] + (right(x, 7) ^ right(x, 18) ^ x >> 3);
            w[i] += w[i - 7] + (right(y, 17) ^ right(y, 19) ^ y >> 10);
        }
        /* s[0] to s[7] are a to h; instead of moving them all, each step begins one place earlier. */
        uint32_t *a = &s[(64 - i) % 8], *b = &s[(65 - i) % 8], *c = &s[(66 - i) % 8], *d = &s[(67 - i) % 8];
        uint32_t e = s[(68 - i) % 8], f = s[(69 - i) % 8], g = s[(70 - i) % 8], *h = &s[(71 - i) % 8];
        uint32_t t1 = *h + (right(e, 6) ^ right(e, 11) ^ right(e, 25)) + ((e & f) ^ (~e & g)) + constant[i] + w[i];
        uint32_t t2 = (right(*a, 2) ^ right(*a, 13) ^ right(*a, 22)) + ((*a & *b) ^ (*a & *c) ^ (*b & *c));
        *d += t1, *h = t1 + t2;
    }
    for (int i = 0; i < 8; i++) state[i] += s[i];
}

static void md5_block(uint32_t *state, const uint8_t *block) {
    static const uint8_t shifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    static const uint32_t constant[64] = { /* abs(sin(i + 1)) * 2**32 */
        0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
        0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
        0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
        0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
        0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
        0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
        0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
        0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
    };
    static const uint8_t step[4] = {1, 5, 3, 7}, start[4] = {0, 1, 5, 0};
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
#pragma GCC unroll 64
    for (int i = 0; i < 64; i++) {
        int round = i / 16;
        uint32_t f = round == 0   ? (b & c) | (~b & d)
                     : round == 1 ? (d & b) | (~d & c)
                     : round == 2 ? b ^ c ^ d
                                  : c ^ (b | ~d);
        uint32_t word = read_word(block + 4 * ((step[round] * i + start[round]) % 16), 0);
        uint32_t next = b + left(a + f + constant[i] + word, shifts[round][i % 4]);
        a = d, d = c, c = b, b = next;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
}

static const Algorithm SHA1 = {sha1_block, 5, 1, {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}};
static const Algorithm MD5 = {md5_block, 4, 0, {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}};
static const Algorithm SHA256 = {sha256_block, 8, 1, {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};

static inline void hash_begin(Hash *hash, const Algorithm *algorithm) {
    hash->algorithm = algorithm;
    hash->length = 0;
    memcpy(hash->state, algorithm->first, sizeof hash->state);
}

static inline void hash_add(Hash *hash, const void *data, size_t size) {
    const uint8_t *p = data;
    while (size) {
        size_t used = hash->length % BLOCK, taken = BLOCK - used < size ? BLOCK - used : size;
        memcpy(hash->block + used, p, taken);
        hash->length += taken, p += taken, size -= taken;
        if (hash->length % BLOCK == 0) hash->algorithm->compress(hash->state, hash->block);
    }
}

/* Write the digest; return its size in bytes. */
static inline int hash_end(Hash *hash, uint8_t *digest) {
    const Algorithm *algorithm = hash->algorithm;
    uint64_t bits = hash->length * 8;
    uint8_t padding[BLOCK] = {0x80}, count[8];
    hash_add(hash, padding, 1 + (BLOCK + 55 - hash->length % BLOCK) % BLOCK);
    write_word(count, algorithm->big_endian ? bits >> 32 : bits, algorithm->big_endian);
    write_word(count + 4, algorithm->big_endian ? bits : bits >> 32, algorithm->big_endian);
    hash_add(hash, count, 8);
    for (int i = 0; i < algorithm->words; i++) write_word(digest + 4 * i, hash->state[i], algorithm->big_endian);
    return algorithm->words * 4;
}

/* Keys are at most one block long. */
static inline void hmac_key(HmacKey *key, const char *secret) {
    uint8_t inner[BLOCK], outer[BLOCK];
    size_t size = strlen(secret);
    for (size_t i = 0; i < BLOCK; i++) {
        uint8_t byte = i < size ? (uint8_t)secret[i] : 0;
        inner[i] = byte ^ 0x36, outer[i] = byte ^ 0x5c;
    }
    hash_begin(&key->inner, &SHA256), hash_add(&key->inner, inner, BLOCK);
    hash_begin(&key->outer, &SHA256), hash_add(&key->outer, outer, BLOCK);
}

static inline void hex(const uint8_t *bytes, int size, char *text) {
    static const char digit[] = "0123456789abcdef";
    for (int i = 0; i < size; i++) *text++ = digit[bytes[i] >> 4], *text++ = digit[bytes[i] & 15];
    *text = 0;
}

/* Write the 64 digits of the HMAC-SHA256. */
static inline void sign(const HmacKey *key, const char *text, size_t size, char *signature) {
    uint8_t digest[LONGEST_DIGEST];
    Hash inner = key->inner, outer = key->outer;
    hash_add(&inner, text, size);
    hash_add(&outer, digest, hash_end(&inner, digest));
    hex(digest, hash_end(&outer, digest), signature);
}

/* Write the hex digest of data; return its length. */
static inline int hash_hex(const Algorithm *algorithm, const void *data, size_t size, char *text) {
    uint8_t digest[LONGEST_DIGEST];
    Hash hash;
    hash_begin(&hash, algorithm);
    hash_add(&hash, data, size);
    int length = hash_end(&hash, digest);
    hex(digest, length, text);
    return 2 * length;
}

static inline void base64(const uint8_t *data, int size, char *text) {
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; i < size; i += 3) {
        uint32_t group = data[i] << 16 | (i + 1 < size ? data[i + 1] << 8 : 0) | (i + 2 < size ? data[i + 2] : 0);
        *text++ = digit[group >> 18];
        *text++ = digit[group >> 12 & 63];
        *text++ = i + 1 < size ? digit[group >> 6 & 63] : '=';
        *text++ = i + 2 < size ? digit[group & 63] : '=';
    }
    *text = 0;
}

#endif
