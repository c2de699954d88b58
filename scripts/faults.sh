#!/bin/sh
# Rounds of faults over a small cluster, in the long form: scripts/faults.sh [ROUNDS] [KIND…] gives each kind, or all, so many
# rounds (10), and shows a line for each and a table at the end. POLICYC_FAULT_SEED=N begins with the round of that seed.
set -eu
cd "$(dirname "$0")/.."

rounds=${1:-10}
[ $# -eq 0 ] || shift
scripts/redis >/dev/null
scripts/postgres >/dev/null
[ -n "$(ls /usr/lib/*/faketime/libfaketimeMT.so.1 2>/dev/null)" ] || scripts/debian faketime || true

export RUST_BACKTRACE=0 POLICYC_FAULT_ROUNDS="$rounds" POLICYC_FAULT_KINDS="$*"
exec cargo test --locked --package policyc-dist --test faults -- --nocapture
