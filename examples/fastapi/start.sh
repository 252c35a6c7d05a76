#!/bin/sh
# Serves app.py at LISTEN, as the program of a worker is started.
#
# LISTEN  address:port, 127.0.0.1:8001 when it is not set
# PYTHON  the interpreter that has requirements.txt installed, python3 when it is not set
listen=${LISTEN:-127.0.0.1:8001}
host=${listen%:*}
host=${host#[}
host=${host%]}
cd "$(dirname "$0")" || exit 1
# Connections are kept longer than whoever stands in front keeps them: who closes first makes a failure of a request that is
# just being sent.
exec "${PYTHON:-python3}" -m uvicorn app:app --host "$host" --port "${listen##*:}" --timeout-keep-alive 75 --no-access-log
