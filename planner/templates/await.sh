{#- 3. Our programs are brought: a socket takes them until all are here. See the script for why it asks nobody who he is. #}
say "step 3/6 await {{ loader.names }} at $address:{{ loader.port }}"
cat >"$own/loader" <<'LOADER'
{{ loader.script }}
LOADER
chmod 0755 "$own/loader"
cat >"$units/clusterbench-loader.socket" <<UNIT
[Unit]
Description=ClusterBenchmark loader

[Socket]
ListenStream=$address:{{ loader.port }}
Accept=yes
MaxConnections=16
MaxConnectionsPerSource=4
TriggerLimitIntervalSec=0
UNIT
cat >"$units/clusterbench-loader@.service" <<'UNIT'
[Unit]
Description=ClusterBenchmark loader
CollectMode=inactive-or-failed

[Service]
ExecStart=/opt/clusterbench/loader
StandardInput=socket
StandardOutput=socket
StandardError=journal
DynamicUser=yes
User=clusterbench-loader
StateDirectory=clusterbench-loader
RuntimeMaxSec={{ loader.longest }}
CapabilityBoundingSet=
LockPersonality=yes
MemoryDenyWriteExecute=yes
PrivateDevices=yes
PrivateNetwork=yes
PrivateUsers=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
UMask=0077
UNIT
systemctl daemon-reload
systemctl start clusterbench-loader.socket || fail "the loader cannot listen on $address:{{ loader.port }}"
brought=$root/var/lib/clusterbench-loader
for want in{% for file in loader.files %} {{ file.sha256 }}{% endfor %}; do
  until [ -e "$brought/$want" ]; do sleep 0.5; done
done
systemctl stop clusterbench-loader.socket

{#- 4. Nothing runs that is not exactly what was asked for. #}
say "step 4/6 verify"
take() {
  local got
  cp "$brought/$1" "$own/$2.part"
  got=$(sha256sum <"$own/$2.part")
  got=${got%% *}
  if [ "$got" != "$1" ]; then
    rm -f "$own/$2.part"
    fail "$2 has sha256 $got, not $1: it was not run"
  fi
  chmod 0755 "$own/$2.part"
  mv "$own/$2.part" "$own/$2"
}
{%- for file in loader.files %}
take {{ file.sha256 }} {{ file.name }}
{%- endfor %}
rm -f "$brought"/*
