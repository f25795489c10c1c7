#!/usr/bin/env bash
# Runs the Autobahn test suite against the client (`connect --echo`) and the mock (`serve-mock`, path /echo), counts how
# each case behaved, and fails if one failed or was not implemented. Needs `wstest` (PyPI: autobahntestsuite 25.10.1, Python 2.7).
#
#   tests/interop/autobahn.sh WSTAP [client|server] [CASES]      both sides and all 517 cases by default; CASES: "1.*,12.1.*"
set -euo pipefail

wstap=$(realpath "$1")
sides=${2:-client server}
cases=${3:-*}
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"

json_list() { sed 's/[^,]*/"&"/g' <<<"$1"; }

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

client() {
  local port url count
  port=$(free_port)
  url=ws://127.0.0.1:$port
  cat >server.json <<END
{"url": "$url", "outdir": "client", "cases": [$(json_list "$cases")], "exclude-cases": [], "exclude-agent-cases": {}}
END
  wstest -m fuzzingserver -s server.json -w "$folder" >server.log 2>&1 &
  until count=$("$wstap" -q connect "$url/getCaseCount" 2>/dev/null </dev/null); do sleep 0.2; done
  for ((case = 1; case <= count; case++)); do
    # Many cases break the protocol on purpose: the suite judges, not the exit status.
    "$wstap" -q connect --echo --max-message-size 64M "$url/runCase?case=$case&agent=wstap" </dev/null >/dev/null 2>&1 || true
  done
  "$wstap" -q connect "$url/updateReports?agent=wstap" </dev/null
}

server() {
  local url
  "$wstap" -q serve-mock --port-file url >/dev/null &
  until [ -s url ]; do sleep 0.2; done
  url=$(cat url)
  cat >client.json <<END
{"outdir": "server", "servers": [{"agent": "wstap", "url": "${url%/}/echo"}],
 "cases": [$(json_list "$cases")], "exclude-cases": [], "exclude-agent-cases": {}}
END
  wstest -m fuzzingclient -s client.json -w "$folder" >client.log 2>&1
}

count() {
  python3 - "$1" <<'END'
import collections, json, sys
side = sys.argv[1]
[results] = json.load(open(f"{side}/index.json")).values()
for key in ("behavior", "behaviorClose"):
    print(f"{side}: {len(results)} cases, {key}:", dict(collections.Counter(case[key] for case in results.values())))
odd = {name: case for name, case in results.items() if {case["behavior"], case["behaviorClose"]} & {"FAILED", "UNIMPLEMENTED"}}
for name, case in sorted(odd.items()):
    print(f"{side}: case {name}: {case['behavior']}, close {case['behaviorClose']}")
sys.exit(bool(odd) or not results)
END
}

for side in $sides; do
  "$side"
  count "$side"
done
