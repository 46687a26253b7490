# ovsdb-client, one command after another: `bash ovsdb_client.sh unix:/tmp/db.sock`
set -euo pipefail

client() { ovsdb-client --timeout=30 "$@"; }

rows=$(client query "$1" '["Landline",{"op":"select","table":"Line","where":[]}]')
echo "[\"call\",$rows]"

# `ovsdb-client: set_db_change_aware failed ({"message":"Method not found","code":-32601})`
failure=$(client wait "$1" Landline added 2>&1 >/dev/null) && exit 1
failure=${failure#*failed (}
echo "[\"error\",${failure%)}]"

# A row that is there, and one that comes later: `53af9a53-1ea4-4fd8-9c6d-6d1a3d9a7a50,initial,now`.
exec {monitor}< <(exec ovsdb-client --timeout=30 --format=csv --no-headings monitor "$1" Landline Line text)
pid=$!
next() { while read -r row <&$monitor && [[ -z $row ]]; do :; done; }
next && now=${row##*,}
next && later=${row##*,}
kill $pid
echo "[\"calls back\",[\"$now\",\"$later\"]]"
