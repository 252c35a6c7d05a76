#!/bin/bash
{#- ClusterBenchmark {{ role }}. Generated; every instance of a launch runs the same text. #}
{#- cloud-init runs it once in the life of an instance, also if a power cut ends it half-way. So it only does what must #}
{#- not wait, and leaves the rest to a unit that runs this text with `boot` at every start until that has succeeded. #}
set -euo pipefail
umask 022

root=${DESTDIR:-}
units=$root/etc/systemd/system
own=$root/opt/clusterbench
say() { echo "clusterbench: $*"; }
fail() { say "error: $*"; exit 1; }
trap 'say "error: line $LINENO failed: $BASH_COMMAND"' ERR

if [ "${1:-}" != boot ]; then

{#- 1. The dead man's switch, before anything that needs the network. #}
say "step 1/6 arm expiry {{ expires_at }}"
arm() {
  mkdir -p "$units"
  cat >"$units/clusterbench-expiry.service" <<'UNIT'
[Unit]
Description=ClusterBenchmark expiry: this instance shuts itself down

[Service]
Type=oneshot
ExecStart=/usr/sbin/shutdown -h now
UNIT
  cat >"$units/clusterbench-expiry.timer" <<'UNIT'
[Unit]
Description=ClusterBenchmark expiry

[Timer]
OnCalendar={{ on_calendar }}
AccuracySec=1s
Persistent=true

[Install]
WantedBy=timers.target
UNIT
  systemctl daemon-reload && systemctl enable --now clusterbench-expiry.timer
}
{#- An instance that could outlive its operator must not live at all. #}
arm || { say "error: cannot arm the expiry timer; shutting down"; shutdown -h now; exit 1; }
{#- A timer that is armed after its time would wait for ever. #}
if [ "$(date +%s)" -ge {{ expires_epoch }} ]; then
  say "error: expired before boot; shutting down"
  shutdown -h now
  exit 1
fi

mkdir -p "$own"
cp "$0" "$own/boot"
chmod 0755 "$own/boot"
cat >"$units/{{ boot_unit }}.service" <<'UNIT'
[Unit]
Description=ClusterBenchmark boot, at every start until it has succeeded
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart=/opt/clusterbench/boot boot
SyslogIdentifier={{ boot_unit }}
StandardOutput=journal+console

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable {{ boot_unit }}.service
{#- A power cut takes what is not on the disk yet. #}
sync "$own/boot" "$units"/clusterbench-* "$units"/*.wants || true
{#- Not waited for: cloud-init has more to do, and nothing that a boot waits for may hang on a mirror. #}
systemctl start --no-block {{ boot_unit }}.service
exit

fi

{#- 2. Who and where we are, by IMDSv2. #}
say "step 2/6 metadata"
imds=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}
imds=${imds%/}
ask() { curl --fail --silent --show-error --noproxy '*' --connect-timeout 2 --max-time 5 "$@"; }
identify() {
  local token
  token=$(ask --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$imds/latest/api/token") &&
    id=$(ask --header "X-aws-ec2-metadata-token: $token" "$imds/latest/meta-data/instance-id") &&
    address=$(ask --header "X-aws-ec2-metadata-token: $token" "$imds/latest/meta-data/local-ipv4")
}
until identify; do
  [ "$SECONDS" -lt {{ metadata_seconds }} ] || fail "no instance metadata from $imds for {{ metadata_seconds }} s"
  sleep 1
done
[[ $id =~ ^[A-Za-z0-9-]+$ && $address =~ ^[0-9.]+$ ]] || fail "instance metadata are not an id and an IPv4 address"
{%- if is_fetching %}

fetch() {
  curl --fail --silent --show-error --location --globoff --proto '=http,https' --connect-timeout 10 \
    --speed-limit 1024 --speed-time 30 --output "$program.part" -- "$url"
}
{%- endif %}

{#- What came before the start is done once: a boot that is cut later finds programs that run already, or start beside it. #}
{#- A power cut takes what is not on the disk yet. #}
is_done() { [ -e "$own/$1.installed" ]; }
done_with() { sync && touch "$own/$1.installed"; }

if ! is_done {{ role }}; then
{%- if let Some(loader) = loader %}
{% include "await.sh" %}
{%- endif %}
{%- if let Some(fetched) = fetched %}

{#- 3. The program. #}
url={{ fetched.url }}
say "step 3/6 fetch $url"
program=$own/{{ fetched.name }}
give_up=$((SECONDS + {{ fetch_seconds }}))
until fetch; do
  [ "$SECONDS" -lt "$give_up" ] || fail "cannot fetch $url for {{ fetch_seconds }} s"
  sleep 2
done

{#- 4. Nothing runs that is not exactly what was asked for. #}
say "step 4/6 verify"
want={{ fetched.sha256 }}
got=$(sha256sum <"$program.part")
got=${got%% *}
if [ "$got" != "$want" ]; then
  rm -f "$program.part"
  fail "$url has sha256 $got, not $want: it was not run"
fi
chmod 0755 "$program.part"
mv "$program.part" "$program"
{%- endif %}

{#- 5. Its environment and its unit. #}
say "step 5/6 install {{ role }}"
mkdir -p "$root/etc/clusterbench"
{
  printf 'INSTANCE_ID=%s\nROLE=%s\n' "$id" {{ role }}
{%- if let Some(port) = port %}
  printf 'LISTEN=%s:%s\n' "$address" {{ port }}
{%- endif %}
{%- if let Some(control) = control %}
  printf 'CONTROL_LISTEN=%s:%s\n' "$address" {{ control.port }}
{%- endif %}
{%- if has_stock %}
  printf 'STOCK_DIR=%s\n' "$own"
{%- endif %}
{%- for line in environment %}
  printf '%s\n' {{ line }}
{%- endfor %}
} >"$root/etc/clusterbench/{{ role }}.env"
{%- if let Some(unit) = unit %}
cat >"$units/{{ unit_name }}" <<'UNIT'
{{ unit }}
UNIT
systemctl daemon-reload
{%- endif %}
{%- if archive.is_some() || container.is_some() || !packages.is_empty() %}
install() {
  if command -v dnf; then
    dnf install --assumeyes --quiet "$@"
  elif command -v apt-get; then
    apt-get update --quiet --quiet || return
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends "$@"
  else
    echo "the image has neither dnf nor apt-get"
    return 1
  fi
}
{#- Updates at the first boot hold the lock of the packages for minutes; dnf waits for it by itself, apt-get does not. #}
packages() {
  local tries=0 give_up=$((SECONDS + 300))
  until install "$@" >"$own/packages.log" 2>&1 </dev/null; do
    if ! grep --quiet "get lock" "$own/packages.log" || [ "$SECONDS" -ge "$give_up" ]; then tries=$((tries + 1)); fi
    [ "$tries" -lt 3 ] || fail "{% if container.is_none() %}worker.packages{% else %}worker.container{% endif %}: $* cannot be installed: $(tail -n 1 "$own/packages.log")"
    sleep 5
  done
}
{%- endif %}
{%- if !packages.is_empty() %}
say "step 5/6 packages"{% for name in packages %} {{ name }}{% endfor %}
packages{% for name in packages %} {{ name }}{% endfor %}
{%- endif %}
{%- if let Some(archive) = archive %}
{%- include "archive.sh" %}
{%- endif %}
{%- if let Some(container) = container %}
{%- include "container.sh" %}
{%- endif %}
done_with {{ role }}
fi

{#- 6. Start, and see that it serves: a program that dies at once must not look like a boot that went well. #}
say "step 6/6 start {{ role }} as $id"
unit={{ unit_name }}
{%- if unit.is_some() %}
systemctl enable --now "$unit" || true # why it does not run is told below
{%- else %}
said=$(systemctl restart "$unit" 2>&1) || fail "worker.preinstalled: $unit cannot be started: ${said##*$'\n'}"
systemctl enable "$unit" || true
{%- endif %}
{%- if let Some(port) = awaited_port %}
serves() { (: <>"/dev/tcp/$address/{{ port }}") 2>/dev/null; }
begun=$SECONDS
looked=$SECONDS
restarts=0
ended=
{#- How it ended last, as systemd tells it: `exit-code, status=203` is a program that cannot be run. #}
look() {
  looked=$SECONDS
  local shown
  shown=$(systemctl show --property=Result --property=ExecMainStatus --property=NRestarts "$unit" || true)
  if [[ $shown =~ NRestarts=([0-9]+) ]]; then restarts=${BASH_REMATCH[1]}; fi
  {#- While it runs, nothing is told of how it ended before. #}
  if [[ $shown =~ Result=([a-z-]+) && ${BASH_REMATCH[1]} != success ]]; then ended="; $unit: ${BASH_REMATCH[1]}"; else return 0; fi
  if [[ $shown =~ ExecMainStatus=([0-9]+) ]]; then ended+=", status=${BASH_REMATCH[1]}"; fi
}
until serves; do
  [ "$SECONDS" -eq "$looked" ] || look
  if [ "$((SECONDS - begun))" -ge {{ start_seconds }} ] || [ "$restarts" -ge {{ start_restarts }} ]; then
    last=$(journalctl --lines 1 --output cat --no-pager "_SYSTEMD_UNIT=$unit" || true)
    fail "{{ role }} does not listen on $address:{{ port }} after $((SECONDS - begun)) s and $restarts restarts$ended; it said: $last"
  fi
  sleep 0.2
done
{%- endif %}
{%- if let Some(beside) = companion %}

{#- 7. The program beside it, which starts after it and ends before it. #}
if ! is_done {{ beside.name }}; then
{%- if let Some(fetched) = beside.fetched %}
url={{ fetched.url }}
say "step 3/6 fetch $url"
program=$own/{{ fetched.name }}
give_up=$((SECONDS + {{ fetch_seconds }}))
until fetch; do
  [ "$SECONDS" -lt "$give_up" ] || fail "cannot fetch $url for {{ fetch_seconds }} s"
  sleep 2
done
say "step 4/6 verify"
want={{ fetched.sha256 }}
got=$(sha256sum <"$program.part")
got=${got%% *}
if [ "$got" != "$want" ]; then
  rm -f "$program.part"
  fail "$url has sha256 $got, not $want: it was not run"
fi
chmod 0755 "$program.part"
mv "$program.part" "$program"
{%- endif %}
say "step 5/6 install {{ beside.name }}"
{
  printf 'INSTANCE_ID=%s\n' "$id"
  printf '{{ beside.variable }}_LISTEN=%s:%s\n' "$address" {{ beside.port }}
  printf 'SERVICE=%s:%s\n' "$address" {{ beside.service_port }}
{%- for line in beside.environment %}
  printf '%s\n' {{ line }}
{%- endfor %}
} >"$root/etc/clusterbench/{{ beside.name }}.env"
cat >"$units/clusterbench-{{ beside.name }}.service" <<'UNIT'
{{ beside.unit }}
UNIT
systemctl daemon-reload
done_with {{ beside.name }}
fi
say "step 6/6 start {{ beside.name }} as $id"
unit=clusterbench-{{ beside.name }}.service
systemctl enable --now "$unit" || true
serves() { (: <>"/dev/tcp/$address/{{ beside.port }}") 2>/dev/null; }
begun=$SECONDS
looked=$SECONDS
restarts=0
ended=
until serves; do
  [ "$SECONDS" -eq "$looked" ] || look
  if [ "$((SECONDS - begun))" -ge {{ start_seconds }} ] || [ "$restarts" -ge {{ start_restarts }} ]; then
    last=$(journalctl --lines 1 --output cat --no-pager "_SYSTEMD_UNIT=$unit" || true)
    fail "{{ beside.name }} does not listen on $address:{{ beside.port }} after $((SECONDS - begun)) s and $restarts restarts$ended; it said: $last"
  fi
  sleep 0.2
done
{%- endif %}
systemctl disable {{ boot_unit }}.service
{%- if let Some(port) = awaited_port %}
say "ready: {{ role }} listens on $address:{{ port }}"
{%- else %}
say "ready: {{ role }} started"
{%- endif %}
