/* main.c -- skiff-load: replays prebuilt requests against a broker, or measures the machine.
 *
 * It speaks to any broker of Kafka's protocol. What it measures goes to standard output as
 * JSON; what stops it goes to standard error, and the exit code is not 0 then. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "load.h"
#include "say.h"

static const char help[] =
    "skiff-load produce|consume -b HOST:PORT[,...] -t TOPIC [flags]\n"
    "skiff-load machine DIRECTORY\n"
    "\n"
    "produce sends one prebuilt batch again and again, consume fetches from the beginning, again\n"
    "and again; machine measures memory, loopback and the disk of DIRECTORY. All print JSON.\n"
    "\n"
    "  -b, --brokers LIST       whom to ask for the leaders\n"
    "  -t, --topic TOPIC        connection c works on partition c modulo their count\n"
    "  -c, --connections N      as many as partitions when 0 (the default)\n"
    "  -d, --depth N            requests that a connection has open (1)\n"
    "  -a, --acks 0|1|all       (1)\n"
    "  -r, --record BYTES       size of a record's value (100)\n"
    "  -s, --batch BYTES        size of a batch at most; 0 (the default): one record each\n"
    "  -f, --fetch BYTES        size of a fetch at most (1048576)\n"
    "  -R, --rate N             requests a second of all connections, sent when due whether or "
    "not\n"
    "                           earlier ones were answered; 0 (the default): a closed loop\n"
    "  -w, --warmup SECONDS     before it is measured (0)\n"
    "  -l, --length SECONDS     of the measurement (10)\n"
    "  -m, --bytes-max N        end earlier, after that many record bytes\n"
    "  -o, --timeout SECONDS    a connection from which nothing comes for that long has stalled "
    "(5)\n"
    "\n"
    "Exit codes: 0 ok, 1 the server closed, refused or made no sense, 2 usage, 3 no such topic,\n"
    "5 stalled.\n";

static const struct option flags[] = {
    {"brokers", required_argument, NULL, 'b'},
    {"topic", required_argument, NULL, 't'},
    {"connections", required_argument, NULL, 'c'},
    {"depth", required_argument, NULL, 'd'},
    {"acks", required_argument, NULL, 'a'},
    {"record", required_argument, NULL, 'r'},
    {"batch", required_argument, NULL, 's'},
    {"fetch", required_argument, NULL, 'f'},
    {"rate", required_argument, NULL, 'R'},
    {"warmup", required_argument, NULL, 'w'},
    {"length", required_argument, NULL, 'l'},
    {"bytes-max", required_argument, NULL, 'm'},
    {"timeout", required_argument, NULL, 'o'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool take_count(const char *text, int64_t min, int64_t max, uint32_t *out)
{
    int64_t value;
    if (!parse_int(text, min, max, &value))
        return false;
    *out = (uint32_t)value;
    return true;
}

static bool take_time(const char *text, int64_t *out)
{
    int64_t value_us = parse_duration_us(text);
    if (value_us < 0)
        return false;
    *out = value_us * 1000;
    return true;
}

static bool take_acks(const char *text, int16_t *out)
{
    static const struct {
        const char *text;
        int16_t acks;
    } known[] = {{"0", 0}, {"1", 1}, {"all", -1}, {"-1", -1}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].text, text) == 0) {
            *out = known[i].acks;
            return true;
        }
    }
    return false;
}

/* False: the value is not one that the flag takes. */
static bool take_flag(struct load_plan *plan, int letter, const char *value)
{
    enum { SIZE_MAX_BYTES = 64 * 1024 * 1024 };
    int64_t bytes_max;
    switch (letter) {
    case 'b':
        plan->brokers = value;
        return true;
    case 't':
        plan->topic = value;
        return true;
    case 'c':
        return take_count(value, 0, LOAD_CONNECTIONS_MAX, &plan->connections);
    case 'd':
        return take_count(value, 1, LOAD_DEPTH_MAX, &plan->depth);
    case 'a':
        return take_acks(value, &plan->acks);
    case 'r':
        return take_count(value, 0, SIZE_MAX_BYTES, &plan->record_size);
    case 's':
        return take_count(value, 0, SIZE_MAX_BYTES, &plan->batch_size);
    case 'f':
        return take_count(value, 1, SIZE_MAX_BYTES, &plan->fetch_size);
    case 'R':
        return take_count(value, 0, 10000000, &plan->rate);
    case 'w':
        return take_time(value, &plan->warmup_ns);
    case 'l':
        return take_time(value, &plan->length_ns) && plan->length_ns > 0;
    case 'o':
        return take_time(value, &plan->timeout_ns) && plan->timeout_ns > 0;
    case 'm':
        if (!parse_int(value, 1, INT64_MAX, &bytes_max))
            return false;
        plan->bytes_max = (uint64_t)bytes_max;
        return true;
    default:
        return false;
    }
}

static int parse_plan(struct load_plan *plan, int count, char **words)
{
    int letter;
    opterr = 0;
    while ((letter = getopt_long(count, words, "b:t:c:d:a:r:s:f:R:w:l:m:o:h", flags, NULL)) != -1) {
        if (letter == 'h') {
            fputs(help, stdout);
            return -1;
        }
        if (letter == '?')
            return say_error(EXIT_USAGE, "%s: no such flag, or no value (see --help)",
                             words[optind - 1]);
        if (!take_flag(plan, letter, optarg))
            return say_error(EXIT_USAGE, "-%c %s: not a value that it takes", letter, optarg);
    }
    if (optind < count)
        return say_error(EXIT_USAGE, "what is `%s`?", words[optind]);
    if (!plan->brokers || !plan->topic)
        return say_error(EXIT_USAGE, "-b and -t must be there (see --help)");
    if (plan->mode == LOAD_CONSUME)
        plan->depth = 1; /* The next offset stands in the last reply. */
    return EXIT_DONE;
}

int main(int count, char **words)
{
    struct load_plan plan = {
        .depth = 1,
        .record_size = 100,
        .fetch_size = 1048576,
        .acks = 1,
        .length_ns = 10000000000,
        .timeout_ns = 5000000000,
        .bytes_max = UINT64_MAX,
    };
    signal(SIGPIPE, SIG_IGN);
    if (count == 3 && strcmp(words[1], "machine") == 0)
        return load_measure_machine(words[2]);
    if (count < 2 || (strcmp(words[1], "produce") != 0 && strcmp(words[1], "consume") != 0)) {
        fputs(help, count < 2 || words[1][0] != '-' ? stderr : stdout);
        return count < 2 || words[1][0] != '-' ? EXIT_USAGE : EXIT_DONE;
    }
    plan.mode = strcmp(words[1], "consume") == 0 ? LOAD_CONSUME : LOAD_PRODUCE;
    int code = parse_plan(&plan, count - 1, words + 1);
    if (code)
        return code < 0 ? EXIT_DONE : code;
    struct load_result *result = mem_zalloc(sizeof *result);
    code = load_run(&plan, result);
    if (code == EXIT_DONE)
        load_report(&plan, result);
    mem_free(result);
    return code;
}
