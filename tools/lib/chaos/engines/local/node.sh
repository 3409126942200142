# node.sh -- nodes as processes, for engines that keep "<pid> <start time>" in DIR/node-N/pid. Sourced.
#
# A pid alone may have been reused, so a node is its pid and the time at which the kernel says it
# started; nothing else is ever signalled. /proc is read by the shell itself: a kill must not wait
# for a program to start.

fail()
{
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# Clusters are looked at with the command line of the build under test, whatever they are of.
skiff=${SKIFF_BUILD:-${0%/*}/../../../../../build}/skiff

need_skiff()
{
    [ -x "$skiff" ] || fail "$skiff does not exist: build it with tools/up, or name its folder in \$SKIFF_BUILD"
}

# What `skiff up` remembers as the cluster that was started last stays the user's own.
keep_state()
{
    mkdir -p "$dir/state"
    export XDG_STATE_HOME="$dir/state"
}

# The absolute path of the cluster in $1, which must be there.
find_dir()
{
    dir=$(CDPATH= cd -- "$1" 2>/dev/null && pwd) || fail "$1: there is no such directory"
}

# Sets pid and state of the process that file $1 names. False: it does not run. A zombie is gone
# once its last thread is, which closes the sockets.
runs()
{
    read -r pid start 2>/dev/null <"$1" || return 1
    read -r stat 2>/dev/null <"/proc/$pid/stat" || return 1
    set -- "$pid" name ${stat##*") "} # Numbered as in proc(5); a name may hold blanks and brackets.
    state=$3
    [ "${22}" = "$start" ] || return 1
    case $state in
    Z | X) [ "${20}" -gt 1 ] ;;
    esac
}

# Writes down that node $1 is the process $2.
remember_node()
{
    read -r stat <"/proc/$2/stat"
    set -- "$1" "$2" ${stat##*") "}
    echo "$2 ${22}" >"$dir/node-$1/pid"
}

node_runs()
{
    runs "$dir/node-$1/pid"
}

need_node()
{
    node_runs "$1" || fail "node $1 does not run"
}

# Waits until the process of file $1 has gone, at most $2 steps of some 2 ms.
wait_gone_of()
{
    steps=$2
    while runs "$1"; do
        [ "$steps" -gt 0 ] || return 1
        steps=$((steps - 1))
        sleep 0.002
    done
}

wait_gone()
{
    wait_gone_of "$dir/node-$1/pid" "$2"
}

# Waits until the state of node $1 is one of the letters $2.
wait_state()
{
    steps=500
    until node_runs "$1" && case $state in [$2]) true ;; *) false ;; esac; do
        [ "$steps" -gt 0 ] || fail "node $1 did not change its state"
        steps=$((steps - 1))
        sleep 0.002
    done
}

# Asks the nodes after $1 to stop, all at once, and kills those that have not within $1 steps: $killed.
stop_nodes()
{
    limit=$1
    killed=""
    shift
    for node; do
        ! node_runs "$node" || kill -TERM "$pid" || true
        ! node_runs "$node" || kill -CONT "$pid" || true
    done
    for node; do
        wait_gone "$node" "$limit" || { kill -KILL "$pid" && killed="$killed $node"; }
        wait_gone "$node" 5000 || fail "node $node does not end"
    done
}

# The same of nodes of which it is said that they stop in order: that one had to be killed is a failure.
stop_in_order()
{
    stop_nodes "$@"
    [ -z "$killed" ] || fail "did not end when asked to, and was killed: node$killed"
}

# The numbers of all nodes in $dir.
all_nodes()
{
    for path in "$dir"/node-*/pid; do
        [ ! -f "$path" ] || { path=${path%/pid}; printf '%s ' "${path##*/node-}"; }
    done
}

# Waits until each of the $1 nodes serves clients and sees all others, at most $2 s.
wait_all_serve()
{
    end=$(($(date +%s) + $2))
    for host in $("${0%/*}/bootstrap" "$dir" | tr , ' '); do
        until [ "$("$skiff" cluster info -b "$host" --timeout 1s 2>/dev/null | grep -c ' serving')" = "$1" ]; do
            for node in $(all_nodes); do
                node_runs "$node" || fail "node $node ended; the end of its log: $(tail -n 5 "$dir/node-$node/log")"
            done
            [ "$(date +%s)" -le "$end" ] || fail "the node at $host does not serve, or does not see all others"
            sleep 0.05
        done
    done
}
