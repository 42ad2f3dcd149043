/* What crypto.h makes of stdin: `vectors sha1|sha256|md5|base64|hmac [KEY]`. */
#include "crypto.h"

int main(int count, char **arguments) {
    static char data[1 << 16], text[1 << 17];
    size_t size = fread(data, 1, sizeof data, stdin);
    const char *wanted = count > 1 ? arguments[1] : "";
    if (!strcmp(wanted, "sha1")) hash_hex(&SHA1, data, size, text);
    if (!strcmp(wanted, "sha256")) hash_hex(&SHA256, data, size, text);
    if (!strcmp(wanted, "md5")) hash_hex(&MD5, data, size, text);
    if (!strcmp(wanted, "base64")) base64((uint8_t *)data, size, text);
    if (!strcmp(wanted, "hmac")) {
        HmacKey key;
        hmac_key(&key, arguments[2]);
        sign(&key, data, size, text);
    }
    puts(text);
}
