#!/bin/bash
{#- Takes one program of this instance from the connection that is its input and output. It asks nobody who he is, because it #}
{#- takes nothing but the bytes whose hashes are these. #}
wanted=({{ hashes }})
cd "$STATE_DIRECTORY" || exit
answer() {
  printf 'HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %s\r\n\r\n%s' "$1" "{% raw %}${#2}{% endraw %}" "$2"
  {#- What is not read yet would have the answer thrown away (RFC 1122, section 4.2.2.13). #}
  timeout 2 cat >/dev/null
  exit 0
}
head=$((SECONDS + 10))
next() {
  local left=$((head - SECONDS))
  [ "$left" -gt 0 ] && IFS= read -r -t "$left" line && line=${line%$'\r'}
}
next || exit 0
[[ $line =~ ^([A-Z]+)\ (/[^ ]*)\ HTTP/1\.[01]$ ]] || answer '400 Bad Request'
method=${BASH_REMATCH[1]} path=${BASH_REMATCH[2]} length=
while next || exit 0; [ "$line" ]; do
  case ${line,,} in
  content-length:*) length=${line#*:} length=${length//[[:blank:]]/} ;;
  esac
done
missing=
for hash in "${wanted[@]}"; do [ -e "$hash" ] || missing+=${missing:+,}\"$hash\"; done
case $method in
{#- There is nothing to be read before the programs run. #}
GET) answer '503 Service Unavailable' "{\"missing\":[$missing]}" ;;
PUT) ;;
*) answer '405 Method Not Allowed' ;;
esac
hash=${path#/v1/programs/}
[[ " ${wanted[*]} " == *" $hash "* ]] || answer '404 Not Found'
[ "$length" ] || answer '411 Length Required'
[[ $length =~ ^[0-9]+$ ]] || answer '400 Bad Request'
[[ $length =~ ^[0-9]{1,8}$ && 10#$length -le {{ limit }} ]] || answer '413 Content Too Large'
part=$hash.$$
{#- Who is slow has time, as long as something comes; the unit says how long in all. #}
head -c "$length" <&0 >"$part" &
taker=$!
{
  size=0
  while sleep {{ silence }} && now=$(stat --format %s "$part") && [ "$now" != "$size" ]; do size=$now; done
  kill "$taker"
} <&- >&- 2>&- &
watch=$!
{#- After the two: what is killed before it has put a trap of its parent away still acts on it. #}
trap 'rm -f "$part"' EXIT
wait "$taker"
[ $? -ne 143 ] || answer '408 Request Timeout'
kill "$watch"
[ "$(sha256sum <"$part")" = "$hash  -" ] || answer '422 Unprocessable Content'
mv "$part" "$hash" || answer '500 Internal Server Error'
answer '201 Created'
