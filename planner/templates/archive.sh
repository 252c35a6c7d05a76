
say "step 5/6 unpack"
app=$root/var/lib/{{ archive.user }}
rm -rf "$app"
mkdir -p "$app"
said=$(tar --extract --file "$program" --directory "$app" --no-same-owner --no-same-permissions 2>&1) ||
  fail "worker.archive: tar cannot unpack $url: ${said##*$'\n'}"
id {{ archive.user }} >/dev/null 2>&1 || useradd --system --user-group --no-create-home \
  --home-dir /var/lib/{{ archive.user }} --shell /usr/sbin/nologin {{ archive.user }}
chown --recursive --no-dereference {{ archive.user }}:{{ archive.user }} "$app"
{%- if !archive.setup.is_empty() %}
{#- Each line is a unit of its own, with the user and the sandbox of the program, which may not write there later. #}
setup_end=$((SECONDS + {{ archive.setup_seconds }}))
setup() {
  say "step 5/6 setup $1 of {{ archive.setup.len() }}: $2"
  local name=clusterbench-setup-$1.service left=$((setup_end - SECONDS)) shown last
  printf '#!/bin/bash\nset -euo pipefail\n%s\n' "$2" >"$own/setup"
  chmod 0755 "$own/setup"
  {
    cat <<'UNIT'
{{ setup_unit }}
UNIT
    printf 'TimeoutStartSec=%s\n' $((left > 0 ? left : 1))
  } >"$units/$name"
  systemctl daemon-reload
  if systemctl start "$name" 2>/dev/null; then return; fi
  shown=$(systemctl show --property=Result --property=ExecMainStatus "$name" || true)
  last=$(journalctl --lines 1 --output cat --no-pager "_SYSTEMD_UNIT=$name" || true)
  fail "worker.setup[$(($1 - 1))]: ${shown//$'\n'/, }; it said: $last"
}
{%- for line in archive.setup %}
setup {{ loop.index }} {{ line }}
{%- endfor %}
rm -f "$own/setup" "$units"/clusterbench-setup-*.service
{%- endif %}
