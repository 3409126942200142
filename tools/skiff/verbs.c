/* verbs.c -- one row a verb: what it takes, what it says of itself, what it runs. */
#include "verbs.h"
#include "verbs_chaos.h"

enum { ANY = CALL_ARGUMENTS_MAX };

const struct verb_alias verb_aliases[] = {{"list", "ls"}, {"rm", "delete"}};

const uint32_t verb_alias_count = sizeof verb_aliases / sizeof verb_aliases[0];

const struct verb verbs[] = {
    {"up", "", 0, 0, VERB_LOCAL, false, up_flags,
     "Start a local quorum, or show the one that runs.",
     "skiff up\nskiff up -n 1 -p 0 --dir /tmp/one\nskiff up --set log.segment.bytes=1048576",
     run_up},
    {"down", "", 0, 0, VERB_LOCAL, false, down_flags, "Stop the local quorum. The data stays.",
     "skiff down\nskiff down --rm", run_down},
    {"with", "[--] CMD...", 1, 1, VERB_COMMAND, false, with_flags,
     "Run CMD beside a throw-away cluster, for test suites.\nThe cluster's addresses are in "
     "$KAFKA_BOOTSTRAP_SERVERS and $SKIFF_BROKERS; the exit code is CMD's (128 and the signal\n"
     "that ended it, 127: no such command, 126: it cannot be run).",
     "skiff with -- pytest tests\nskiff with -n 1 -- sh -c 'echo hello | skiff produce greetings'",
     run_with},
    {"ps", "", 0, 0, VERB_LOCAL, true, no_flags, "Which nodes run, and what they take.",
     "skiff ps\nskiff ps -w", run_ps},
    {"logs", "[N]", 0, 1, VERB_LOCAL, false, logs_flags, "What the nodes print.",
     "skiff logs -f\nskiff logs 2 -n 100", run_logs},
    {"kill", "N|controller|leader:T/P", 1, 1, VERB_LOCAL, false, no_flags, "kill -9 one node.",
     "skiff kill 2\nskiff kill controller\nskiff kill leader:orders/0", run_kill},
    {"restart", "N|controller|leader:T/P", 1, 1, VERB_LOCAL, false, restart_flags,
     "Stop one node if it runs, start it, and wait until it serves.", "skiff restart 2",
     run_restart},
    {"pause", "N|controller|leader:T/P", 1, 1, VERB_LOCAL, false, no_flags,
     "Stop one node's process where it stands (SIGSTOP): a hung node.",
     "skiff pause leader:orders/0", run_pause},
    {"resume", "N", 1, 1, VERB_LOCAL, false, no_flags, "Let a paused node go on.", "skiff resume 2",
     run_resume},
    {"topic create", "NAME...", 1, ANY, VERB_REMOTE, false, topic_create_flags, "Create topics.",
     "skiff topic create orders -p 12\nskiff topic create logs -r 1 -c flush.messages=10000",
     run_topic_create},
    {"topic ls", "", 0, 0, VERB_REMOTE, true, topic_ls_flags, "List topics.",
     "skiff topic ls\nskiff topic ls --json", run_topic_ls},
    {"topic describe", "TOPIC...", 1, ANY, VERB_REMOTE, true, no_flags,
     "Leaders, replicas and in-sync replicas of every partition.", "skiff topic describe orders -w",
     run_topic_describe},
    {"topic config", "TOPIC", 1, 1, VERB_REMOTE, false, topic_config_flags,
     "What a topic says of itself, or with --all whatever counts for it, and from where.",
     "skiff topic config orders\nskiff topic config orders --all --json", run_topic_config},
    {"topic set", "TOPIC [KEY=VALUE...]", 1, ANY, VERB_REMOTE, false, topic_set_flags,
     "Change a topic's configs; it is felt at once.",
     "skiff topic set orders retention.ms=86400000 min.insync.replicas=2\n"
     "skiff topic set orders --unset retention.ms",
     run_topic_set},
    {"topic add-partitions", "TOPIC N", 2, 2, VERB_REMOTE, false, topic_grow_flags,
     "Add N partitions to those that a topic has: how many more, not how many there will be.\n"
     "There are never fewer. Keys go elsewhere from then on, and readers that begin at the end "
     "miss what is written to\n"
     "new partitions before they find them.",
     "skiff topic add-partitions orders 6\nskiff topic add-partitions orders 6 --dry-run",
     run_topic_grow},
    {"topic delete", "TOPIC...", 1, ANY, VERB_REMOTE, false, no_flags,
     "Delete topics and their records.", "skiff topic delete orders", run_topic_delete},
    {"topic trim", "TOPIC/PARTITION OFFSET", 2, 2, VERB_REMOTE, false, no_flags,
     "Delete the records of a partition below OFFSET, which stays; `end`: all that are there.",
     "skiff topic trim orders/0 1000\nskiff topic trim orders/0 end", run_topic_trim},
    {"partition ls", "[TOPIC[/P]...]", 0, ANY, VERB_REMOTE, true, partition_ls_flags,
     "Who leads each partition, who should, and who is in sync.",
     "skiff partition ls orders\nskiff partition ls --moved\nskiff partition ls --leaderless -w",
     run_partition_ls},
    {"partition elect", "[TOPIC[/P]...]", 0, ANY, VERB_REMOTE, false, partition_elect_flags,
     "Give leadership back to preferred replicas, of all partitions or those that are named.\n"
     "It happens by itself, too, within leader.imbalance.check.interval.seconds.",
     "skiff partition elect\nskiff partition elect orders logs/3\n"
     "skiff partition elect orders/0 --unclean",
     run_partition_elect},
    {"group ls", "", 0, 0, VERB_REMOTE, true, group_ls_flags, "List groups.",
     "skiff group ls\nskiff group ls -s Stable -s Empty --json", run_group_ls},
    {"group describe", "GROUP...", 1, ANY, VERB_REMOTE, true, no_flags,
     "Members, what each reads, what is committed and how far behind that is.",
     "skiff group describe billing\nskiff group describe billing -w", run_group_describe},
    {"group seek", "GROUP [TOPIC[/P]...]", 1, ANY, VERB_REMOTE, false, group_seek_flags,
     "Let a group without members go on from somewhere else.\n"
     "Without topics: wherever it has committed something. An offset below or above what a\n"
     "partition has becomes its start or its end.",
     "skiff group seek billing --to start --dry-run\nskiff group seek billing orders --to end\n"
     "skiff group seek billing orders/3 --to 1200\nskiff group seek billing --to -100\n"
     "skiff group seek billing orders --to @1767225600000\n"
     "skiff group seek billing --from-file offsets.csv",
     run_group_seek},
    {"group delete", "GROUP...", 1, ANY, VERB_REMOTE, false, group_delete_flags,
     "Delete groups without members, or some of what one has committed.",
     "skiff group delete billing\nskiff group delete billing --offsets orders --offsets logs/3",
     run_group_delete},
    {"produce", "TOPIC", 1, 1, VERB_REMOTE, false, produce_flags,
     "Lines from standard input become records, acknowledged by all in-sync replicas.",
     "echo hello | skiff produce orders\nskiff produce orders -K : < pairs\n"
     "skiff produce orders -k user-1 -H source=web -z lz4 < lines",
     run_produce},
    {"consume", "TOPIC", 1, 1, VERB_REMOTE, false, consume_flags,
     "Print records, of all partitions or, in a group, of those that are assigned here.\n"
     "A group's member commits what it printed, and leaves at Ctrl-C.",
     "skiff consume orders -e\nskiff consume orders -o -10 -n 10\nskiff consume orders -g billing\n"
     "skiff consume orders -f '%p %o %k %v\\n'\nskiff consume orders -o @1767225600000 -J",
     run_consume},
    {"dump", "FILE...", 1, ANY, VERB_LOCAL, false, dump_flags,
     "Show a file of a node's directory: segments, indexes, snapshots, marks, the vote.\n"
     "What is wrong is told with its place, and the exit code is 1 then.",
     "skiff dump data/orders-0/00000000000000000000.log -r\n"
     "skiff dump data/__cluster_metadata-0/*.log\nskiff dump --json data/marks-0.0",
     run_dump},
    {"explain", "[ERROR...]", 0, ANY, VERB_LOCAL, false, no_flags,
     "What an error of Kafka means, whether clients ask again, and what to do about it.\n"
     "ERROR is its number or its name; without one, all of them.",
     "skiff explain 19\nskiff explain NotLeaderOrFollowerException\nskiff explain --json",
     run_explain},
    {"completion", "bash|zsh", 1, 1, VERB_LOCAL, false, no_flags,
     "A script with which a shell completes verbs, flags, configs, names of topics and groups.",
     "source <(skiff completion bash)\nskiff completion zsh > ~/.zfunc/_skiff", run_completion},
    {"cluster info", "", 0, 0, VERB_REMOTE, true, no_flags, "The cluster's id and nodes.",
     "skiff cluster info", run_cluster_info},
    {"cluster health", "", 0, 0, VERB_REMOTE, true, no_flags,
     "Whether nodes, the quorum and all partitions are well, and what is not.\n"
     "Exit code 10 where something is not.",
     "skiff cluster health\nskiff cluster health -w\nskiff cluster health --json",
     run_cluster_health},
    {"cluster quorum", "", 0, 0, VERB_REMOTE, true, no_flags,
     "Who leads the quorum, and how far each voter has got.", "skiff cluster quorum -w",
     run_cluster_quorum},
    {"cluster config", "[KEY=VALUE...]", 0, ANY, VERB_REMOTE, false, cluster_config_flags,
     "What was altered for all nodes, or for one; with KEY=VALUE or --unset, alter it.",
     "skiff cluster config\nskiff cluster config log.retention.ms=86400000\n"
     "skiff cluster config --node 2 --all\nskiff cluster config --unset log.retention.ms",
     run_cluster_config},
    {"chaos check", "FILE...", 1, ANY, VERB_LOCAL, false, chaos_check_flags,
     "Hold a history of writes and reads against what a log promises its clients.\n"
     "All FILEs together are one history (docs/chaos-history.md). Exit code 0: it is valid, 11:\n"
     "it is not, and a few of its lines show why, 12: it says too little, 1: it cannot be read,\n"
     "or was cut short.",
     "skiff chaos check history-*.txt\nskiff chaos check --json history.txt", run_chaos_check},
    {"chaos replicas", "DIR...", 1, CALL_DIRS_MAX, VERB_LOCAL, false, chaos_replicas_flags,
     "Compare all copies of a topic, byte for byte, in the data directories DIR of nodes that do\n"
     "not run, Skiff's or Apache Kafka's. Exit code 0: they are the same, 11: two differ, and "
     "both\n"
     "headers are shown, 12: a copy is missing, begins too late or ends too early, and its\n"
     "directory was not excused by --may-miss, or there was nothing to compare.",
     "skiff chaos check history.txt --replica-ends ends\n"
     "skiff chaos replicas --topic orders --ends ends /tmp/skiff/node-*/data",
     run_chaos_replicas},
    {"chaos cut", "A B", 2, 2, VERB_LOCAL, false, chaos_cut_flags,
     "No byte passes between A and B until `skiff chaos heal`: it waits, and so do new dials.\n"
     "A and B are node numbers, `client` (whoever is no node), or `all`.",
     "skiff chaos cut 1 2\nskiff chaos cut 1 2 --one-way\nskiff chaos cut 3 all\n"
     "skiff chaos cut client 2",
     run_chaos_cut},
    {"chaos link", "A B WHAT...", 3, 6, VERB_LOCAL, false, no_flags,
     "What happens to bytes from A to B: pass, cut, delay MS [JITTER_MS], throttle "
     "BYTES_A_SECOND,\n"
     "stall PERCENT MS, reset, flap PERIOD_MS.",
     "skiff chaos link 1 2 delay 50 10\nskiff chaos link client all throttle 1000000\n"
     "skiff chaos link 2 3 stall 5 200\nskiff chaos link 2 3 pass",
     run_chaos_link},
    {"chaos heal", "", 0, 0, VERB_LOCAL, false, no_flags,
     "Network, disks, clocks and descriptors are whole. What is down stays down.",
     "skiff chaos heal", run_chaos_heal},
    {"chaos status", "", 0, 0, VERB_LOCAL, true, no_flags,
     "Which faults there are, and what they have met.", "skiff chaos status\nskiff chaos status -w",
     run_chaos_status},
    {"chaos slow-disk", "N|all TIME", 2, 2, VERB_LOCAL, false, chaos_slow_flags,
     "Each sync of the node takes that much longer.",
     "skiff chaos slow-disk 2 200ms\nskiff chaos slow-disk all 5ms --writes\n"
     "skiff chaos slow-disk 2 50ms --reads",
     run_chaos_slow_disk},
    {"chaos hang-disk", "N|all", 1, 1, VERB_LOCAL, false, chaos_hang_flags,
     "Each sync of the node hangs, until `skiff chaos heal`.", "skiff chaos hang-disk 2",
     run_chaos_hang_disk},
    {"chaos fill-disk", "N|all", 1, 1, VERB_LOCAL, false, chaos_fill_flags,
     "The node's disk is full (ENOSPC).",
     "skiff chaos fill-disk 2\nskiff chaos fill-disk all --free 1000000", run_chaos_fill_disk},
    {"chaos fail-sync", "N|all", 1, 1, VERB_LOCAL, false, chaos_fail_flags,
     "The node's next sync fails (EIO).",
     "skiff chaos fail-sync 2\nskiff chaos fail-sync 2 --always", run_chaos_fail_sync},
    {"chaos short-writes", "N|all", 1, 1, VERB_LOCAL, false, no_flags,
     "Every second write of the node writes only half.", "skiff chaos short-writes 2",
     run_chaos_short_writes},
    {"chaos clock", "N|all STEP|drift:PPM", 2, 2, VERB_LOCAL, false, no_flags,
     "The node's clock is wrong by STEP, or drifts. Time that only passes is as it was.",
     "skiff chaos clock 2 +1h\nskiff chaos clock 2 -10y\nskiff chaos clock 3 drift:-20000",
     run_chaos_clock},
    {"chaos descriptors", "N|all COUNT", 2, 2, VERB_LOCAL, false, no_flags,
     "The node opens no descriptor at or above that number (EMFILE).",
     "skiff chaos descriptors 2 40", run_chaos_descriptors},
    {"chaos power-off", "N|all", 1, 1, VERB_LOCAL, false, chaos_power_off_flags,
     "Cut the power of nodes: what no sync had covered is lost, torn or kept, as the seed says.",
     "skiff chaos power-off 2\nskiff chaos power-off all --seed 7\n"
     "skiff chaos power-off 2 --keep 0",
     run_chaos_power_off},
    {"chaos power-on", "[N|all]", 0, 1, VERB_LOCAL, false, chaos_power_on_flags,
     "Start the nodes that are down, and wait until they serve.", "skiff chaos power-on",
     run_chaos_power_on},
    {"chaos run", "[SCENARIO...]", 0, 0, VERB_ELSEWHERE, false, NULL,
     "Break a cluster while clients write, check every record, report.", "", run_chaos_suite},
    {"chaos watch", "-b HOST", 0, 0, VERB_ELSEWHERE, false, NULL,
     "Write to a cluster and check, while you break it.", "", run_chaos_suite},
    {"chaos ls", "[SCENARIO]", 0, 0, VERB_ELSEWHERE, false, NULL, "What chaos run can break.", "",
     run_chaos_suite},
    {"chaos compare", "REPORT...", 0, 0, VERB_ELSEWHERE, false, NULL,
     "Reports of chaos runs, side by side.", "", run_chaos_suite},
    {"chaos clean", "", 0, 0, VERB_ELSEWHERE, false, NULL,
     "End and remove what chaos runs that were killed have left.", "", run_chaos_suite},
};

const uint32_t verb_count = sizeof verbs / sizeof verbs[0];
