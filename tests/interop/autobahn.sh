#!/usr/bin/env bash
# Runs the Autobahn test suite against the client (`connect --echo`) and the mock (`serve-mock`, path /echo), each alone and
# through a tap (`serve-mock --upstream`), counts how each case behaved, and fails if one failed or was not implemented.
# Needs `wstest` (PyPI: autobahntestsuite 25.10.1, Python 2.7).
#
#   tests/interop/autobahn.sh WSTAP [SIDES] [CASES]
#
# SIDES: "client server tap-client tap-server" (default). CASES: all 517 by default, or such as "1.*,12.1.*".
set -euo pipefail

wstap=$(realpath "$1")
sides=${2:-client server tap-client tap-server}
cases=${3:-*}
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"

json_list() { sed 's/[^,]*/"&"/g' <<<"$1"; }

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Starts the mock with these options; its URL becomes $url.
mock() {
  local file
  file=$(mktemp -u "$folder/urlXXXXXX")
  "$wstap" -q serve-mock --port-file "$file" "$@" >/dev/null &
  until [ -s "$file" ]; do sleep 0.2; done
  url=$(cat "$file")
  url=${url%/}
}

# The client meets the suite's server: directly, or through a tap.
client() {
  local side=$1 port url count
  port=$(free_port)
  url=ws://127.0.0.1:$port
  cat >"$side.json" <<END
{"url": "$url", "outdir": "$side", "cases": [$(json_list "$cases")], "exclude-cases": [], "exclude-agent-cases": {}}
END
  wstest -m fuzzingserver -s "$side.json" --webport 0 -w "$folder" >"$side.log" 2>&1 &
  until count=$("$wstap" -q connect "$url/getCaseCount" 2>/dev/null </dev/null); do sleep 0.2; done
  [ "$side" = client ] || mock --upstream "$url"
  for ((case = 1; case <= count; case++)); do
    # Many cases break the protocol on purpose: the suite judges, not the exit status.
    "$wstap" -q connect --echo --max-message-size 64M "$url/runCase?case=$case&agent=wstap" </dev/null >/dev/null 2>&1 || true
  done
  "$wstap" -q connect "$url/updateReports?agent=wstap" </dev/null
}

# The suite's client meets the mock: directly, or through a tap.
server() {
  local side=$1 url
  mock
  [ "$side" = server ] || mock --upstream "$url"
  cat >"$side.json" <<END
{"outdir": "$side", "servers": [{"agent": "wstap", "url": "$url/echo"}],
 "cases": [$(json_list "$cases")], "exclude-cases": [], "exclude-agent-cases": {}}
END
  wstest -m fuzzingclient -s "$side.json" -w "$folder" >"$side.log" 2>&1
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

failed=0
for side in $sides; do
  "${side#tap-}" "$side"
  count "$side" || failed=1
done
exit "$failed"
