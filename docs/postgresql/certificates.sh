#!/bin/sh
# Make an authority (ca.crt, ca.key) and a server's certificate (server.crt, server.key) here.
# sh certificates.sh db.example.org [10.1.0.5]     the server's name, and its address if used
set -eu
umask 077
name=$1
names="DNS:$name${2:+,IP:$2}"
new_key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"

# shellcheck disable=SC2086 # several options
openssl req -x509 $new_key -days 3650 -subj "/CN=RadTune authority" -keyout ca.key -out ca.crt
# shellcheck disable=SC2086
openssl req -new $new_key -subj "/CN=$name" -keyout server.key -out server.csr
printf 'subjectAltName = %s\n' "$names" >server.ext
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 825 \
    -extfile server.ext -out server.crt
rm server.csr server.ext
