/* consume_leave.c -- how a member of a group ends: what it printed is committed, then it leaves.
 *
 * A connection's requests are answered in order. While a member waits for a rebalance to end, which
 * another one that has died or hangs can hold up for its whole session, its JoinGroup has no answer
 * yet, and its last commit stands in line behind that. So a client that does not get away soon has
 * its connections cut: it dials anew, and commits and leaves over a new one. They are cut one after
 * the other, the youngest first, which is the coordinator's: where all go at once librdkafka may
 * ask for its coordinator over one that has gone, and wait for that answer for ever. */
#include "consume.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "say.h"

enum {
    PATIENCE_US = 1000000, /* A member that nobody holds up leaves within this. */
    NEXT_US = 250000,      /* Between two connections that are cut. */
    LIMIT_US = 10000000,
    POLL_MS = 20,
    SOCKETS_MAX = 256, /* Of one client; there is one for each broker. */
};

/* The client's threads open and close them. */
static struct {
    pthread_mutex_t lock;
    uint32_t count;
    uint64_t opened; /* Ever. */
    struct {
        int descriptor;
        uint64_t number; /* As they were opened, from 1 on. */
    } list[SOCKETS_MAX];
} sockets = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int on_socket(int domain, int type, int protocol, void *opaque)
{
    int descriptor = socket(domain, type | SOCK_CLOEXEC, protocol);
    (void)opaque;
    pthread_mutex_lock(&sockets.lock);
    if (descriptor >= 0 && sockets.count < SOCKETS_MAX) {
        sockets.list[sockets.count].descriptor = descriptor;
        sockets.list[sockets.count++].number = ++sockets.opened;
    }
    pthread_mutex_unlock(&sockets.lock);
    return descriptor;
}

static int on_close(int descriptor, void *opaque)
{
    (void)opaque;
    pthread_mutex_lock(&sockets.lock);
    for (uint32_t i = 0; i < sockets.count; i++)
        if (sockets.list[i].descriptor == descriptor)
            sockets.list[i] = sockets.list[--sockets.count];
    int result = close(descriptor);
    pthread_mutex_unlock(&sockets.lock);
    return result;
}

static uint64_t count_opened(void)
{
    pthread_mutex_lock(&sockets.lock);
    uint64_t opened = sockets.opened;
    pthread_mutex_unlock(&sockets.lock);
    return opened;
}

/* Cut the youngest one whose number is *last at most; *last goes below it, to 0 behind them all. */
static void cut_next(uint64_t *last)
{
    uint32_t youngest = SOCKETS_MAX;
    pthread_mutex_lock(&sockets.lock);
    for (uint32_t i = 0; i < sockets.count; i++)
        if (sockets.list[i].number <= *last &&
            (youngest == SOCKETS_MAX || sockets.list[i].number > sockets.list[youngest].number))
            youngest = i;
    *last = youngest == SOCKETS_MAX ? 0 : sockets.list[youngest].number - 1;
    if (youngest != SOCKETS_MAX)
        shutdown(sockets.list[youngest].descriptor, SHUT_RDWR);
    pthread_mutex_unlock(&sockets.lock);
}

void consume_leave_set(rd_kafka_conf_t *settings)
{
    rd_kafka_conf_set_socket_cb(settings, on_socket);
    rd_kafka_conf_set_closesocket_cb(settings, on_close);
}

/* Serve what the client asks for, and drop what it still read, until it has left.
 * Errors  false: it did not in time. */
static bool wait_until_left(const struct consuming *consuming, rd_kafka_queue_t *queue)
{
    int64_t begun_us = now_us(), cut_us = PATIENCE_US;
    uint64_t last = count_opened(); /* Those that it dials from now on stay. */
    while (!rd_kafka_consumer_closed(consuming->client)) {
        int64_t took_us = now_us() - begun_us;
        if (took_us > LIMIT_US)
            return false;
        if (took_us > cut_us) {
            cut_us += NEXT_US;
            cut_next(&last);
        }
        rd_kafka_message_t *unread = rd_kafka_consume_queue(queue, POLL_MS);
        if (unread)
            rd_kafka_message_destroy(unread);
    }
    return true;
}

int consume_group_leave(struct consuming *consuming)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(consuming->client);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(consuming->client, queue);
    int code = EXIT_DONE;
    if (error) {
        code =
            say_error(EXIT_FAILED, "group %s: %s", consuming->group, rd_kafka_error_string(error));
    } else if (!wait_until_left(consuming, queue)) {
        consuming->is_stuck = true;
        code = say_error(EXIT_FAILED,
                         "group %s: no answer when leaving; what was printed last may not be "
                         "committed, and is read again then",
                         consuming->group);
    } else if (consuming->commit_failed) {
        code = EXIT_FAILED;
    }
    rd_kafka_error_destroy(error);
    rd_kafka_queue_destroy(queue);
    return code;
}
