#!/bin/sh
# Publishes one event with nothing but curl and openssl:
#
#   sh examples/publish.sh my-channel ticket.assigned '{"ticket_id":1}'
#
# Server and app are in REVERB_HOST, REVERB_PORT, REVERB_SCHEME, REVERB_APP_ID, REVERB_APP_KEY and REVERB_APP_SECRET;
# without a key they are those of `make serve`. For trying things out: openssl shows the secret in the process list.
set -eu

[ $# -eq 3 ] || { echo "usage: sh examples/publish.sh CHANNEL EVENT JSON" >&2; exit 2; }

kept=.reverb/credentials.json
field() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" "$kept"; }
if [ -z "${REVERB_APP_KEY:-}" ]; then
    how="run \`make serve\` first, or set REVERB_APP_ID, REVERB_APP_KEY and REVERB_APP_SECRET"
    [ -r "$kept" ] || { echo "no $kept here: $how" >&2; exit 1; }
    REVERB_APP_ID=$(field id) REVERB_APP_KEY=$(field key) REVERB_APP_SECRET=$(field secret)
fi

# `data` is a string that holds JSON, so that its quotes are escaped.
string() { printf %s "$1" | tr '\n\r\t' '   ' | sed 's/\\/\\\\/g; s/"/\\"/g'; }
body=$(printf '{"name":"%s","channels":["%s"],"data":"%s"}' "$(string "$2")" "$(string "$1")" "$(string "$3")")

md5=$(printf %s "$body" | openssl dgst -md5 -r | cut -d' ' -f1)
path=/apps/$REVERB_APP_ID/events
query="auth_key=$REVERB_APP_KEY&auth_timestamp=$(date +%s)&auth_version=1.0&body_md5=$md5"
signature=$(printf 'POST\n%s\n%s' "$path" "$query" | openssl dgst -sha256 -hmac "$REVERB_APP_SECRET" -r | cut -d' ' -f1)

headers=$(mktemp)
trap 'rm -f "$headers"' EXIT
status=0
curl -sS --fail-with-body -D "$headers" -H 'Content-Type: application/json' --data-binary "$body" \
    "${REVERB_SCHEME:-http}://${REVERB_HOST:-127.0.0.1}:${REVERB_PORT:-8080}$path?$query&auth_signature=$signature" \
    || status=$?
echo
# How many connections received it, and why nobody did: reverb-py says so, other servers do not.
tr -d '\r' <"$headers" | sed -n 's/^[Xx]-[Rr]everb-[Dd]elivered:/X-Reverb-Delivered:/p; s/^[Xx]-[Rr]everb-[Hh]int:/X-Reverb-Hint:/p'
exit "$status"
