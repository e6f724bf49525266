#!/usr/bin/env bash
# Tunnels of AWS SSM to databases that this machine does not reach itself.
#   tunnel.sh open INSTANCE SECONDS   opens one through a managed instance for each line "<local port> <host> <port>" of standard
#                                     input, which `launchgate tunnels` prints, and waits until all their ports answer; all or none
#   tunnel.sh close                   ends those that were opened
set -euo pipefail
dir=${RUNNER_TEMP:?}/tunnels

close() {
  for file in "$dir"/*.pid; do
    [ -e "$file" ] || continue
    pid=$(<"$file")
    rm "$file"
    kill -TERM -- "-$pid" 2>/dev/null || continue # a group of its own: aws and its plugin
    for _ in {1..50}; do
      kill -0 -- "-$pid" 2>/dev/null || continue 2
      sleep 0.1
    done
    kill -KILL -- "-$pid" 2>/dev/null || true
  done
}

fail() {
  close
  echo "::error::$*"
  exit 1
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

open() {
  local instance=$1 seconds=$2 ports=() port
  for program in aws session-manager-plugin; do
    command -v "$program" >/dev/null || fail "$program is not on this machine: install it, or open the tunnels another way and leave LAUNCHGATE_TUNNEL unset"
  done
  mkdir -p "$dir"
  while read -r local host remote; do
    answers "$local" && fail "port $local is taken: what answers there is not the tunnel to $host"
    setsid aws ssm start-session --target "$instance" --document-name AWS-StartPortForwardingSessionToRemoteHost \
      --parameters "{\"host\":[\"$host\"],\"portNumber\":[\"$remote\"],\"localPortNumber\":[\"$local\"]}" </dev/null >"$dir/$local.log" 2>&1 &
    echo $! >"$dir/$local.pid"
    ports+=("$local")
  done
  [ ${#ports[@]} -gt 0 ] || fail "launch.yaml names no tunnel: add database.sql.tunnel, or leave LAUNCHGATE_TUNNEL unset"
  for port in "${ports[@]}"; do
    until answers "$port"; do
      kill -0 "$(<"$dir/$port.pid")" 2>/dev/null ||
        fail "the tunnel at port $port did not open: $(tail -n 1 "$dir/$port.log"). Its role needs ssm:StartSession on $instance and on the document AWS-StartPortForwardingSessionToRemoteHost"
      [ $SECONDS -lt "$seconds" ] || fail "the tunnel at port $port does not answer after $seconds s: $(tail -n 1 "$dir/$port.log")"
      sleep 0.2
    done
  done
  echo "open: ${ports[*]}"
}

case ${1-} in
open) open "$2" "$3" ;;
close) close ;;
*) fail "want open INSTANCE SECONDS, or close" ;;
esac
