/* child.c -- faults-child: does what its arguments say, one call each, in its working directory.
 *
 *     faults-child 'open a file rwc' 'write a 0 100 x' 'fdatasync a' 'die'
 *
 * Prints a line a call: its name, and what it returned or the name of its error. `start` makes
 * a call on another thread, `join` waits for it, and `gate PATH` until somebody opens that pipe;
 * `fork` makes one in a child. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORDS_MAX = 6, SLOTS = 26, BYTES_MAX = 1 << 20 };

static int slots[SLOTS];
static char bytes[BYTES_MAX];

static int *slot(const char *word)
{
    return &slots[(word[0] - 'a') % SLOTS];
}

static int flags_of(const char *letters)
{
    int flags = strpbrk(letters, "w") ? O_RDWR : O_RDONLY;
    if (!strchr(letters, 'r') && strchr(letters, 'w'))
        flags = O_WRONLY;
    flags |= strchr(letters, 'c') ? O_CREAT : 0;
    flags |= strchr(letters, 'x') ? O_EXCL : 0;
    flags |= strchr(letters, 't') ? O_TRUNC : 0;
    flags |= strchr(letters, 'a') ? O_APPEND : 0;
    flags |= strchr(letters, 's') ? O_DSYNC : 0;
    return flags;
}

static long number(const char *word)
{
    return strtol(word, NULL, 10);
}

static const char *filled(const char *word)
{
    memset(bytes, word[0], sizeof bytes);
    return bytes;
}

/* In two parts, so that what is cut is not cut where they meet. */
static long write_parts(int fd, long offset, long size, const char *word)
{
    struct iovec parts[2] = {
        {.iov_base = (void *)(uintptr_t)filled(word), .iov_len = (size_t)(size / 3)},
        {.iov_base = (void *)(uintptr_t)bytes, .iov_len = (size_t)(size - size / 3)},
    };
    return pwritev(fd, parts, 2, offset);
}

static long connect_to(const char *port, const char *family)
{
    struct sockaddr_in narrow = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number(port))};
    struct sockaddr_in6 wide = {.sin6_family = AF_INET6, .sin6_port = narrow.sin_port};
    inet_pton(AF_INET, "127.0.0.1", &narrow.sin_addr);
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &wide.sin6_addr);
    bool is_narrow = family[0] == '4';
    int fd = socket(is_narrow ? AF_INET : AF_INET6, SOCK_STREAM, 0);
    if (fd < 0)
        return -1;
    return connect(fd, is_narrow ? (struct sockaddr *)&narrow : (struct sockaddr *)&wide,
                   is_narrow ? sizeof narrow : sizeof wide);
}

/* Milliseconds that a wait of `word` milliseconds until a time of day takes. */
static long timed_wait(const char *word)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    struct timespec deadline;
    struct timespec before;
    struct timespec after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_nsec += number(word) * 1000000;
    deadline.tv_sec += deadline.tv_nsec / 1000000000;
    deadline.tv_nsec %= 1000000000;
    pthread_mutex_lock(&mutex);
    int result = pthread_cond_timedwait(&condition, &mutex, &deadline);
    clock_gettime(CLOCK_MONOTONIC, &after);
    errno = result;
    return result != ETIMEDOUT
               ? -1
               : (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
}

static long day(const char *how)
{
    struct timespec now;
    struct timeval other;
    if (!strcmp(how, "time"))
        return time(NULL);
    if (!strcmp(how, "gettimeofday"))
        return gettimeofday(&other, NULL) == 0 ? other.tv_sec : -1;
    if (!strcmp(how, "timespec_get"))
        return timespec_get(&now, TIME_UTC) == TIME_UTC ? now.tv_sec : -1;
    return clock_gettime(!strcmp(how, "coarse") ? CLOCK_REALTIME_COARSE : CLOCK_REALTIME, &now) == 0
               ? now.tv_sec
               : -1;
}

static long on_file(const char *call, char **word)
{
    if (!strcmp(call, "open"))
        return (*slot(word[0]) = open(word[1], flags_of(word[2]), 0644)) < 0 ? -1 : 0;
    int fd = *slot(word[0]);
    if (!strcmp(call, "close"))
        return close(fd);
    if (!strcmp(call, "write"))
        return pwrite(fd, filled(word[3]), (size_t)number(word[2]), number(word[1]));
    if (!strcmp(call, "writev"))
        return write_parts(fd, number(word[1]), number(word[2]), word[3]);
    if (!strcmp(call, "append"))
        return write(fd, filled(word[2]), (size_t)number(word[1]));
    if (!strcmp(call, "read"))
        return pread(fd, bytes, (size_t)number(word[1]), 0);
    if (!strcmp(call, "truncate"))
        return ftruncate(fd, number(word[1]));
    if (!strcmp(call, "reserve"))
        return fallocate(fd, FALLOC_FL_KEEP_SIZE, number(word[1]), number(word[2]));
    if (!strcmp(call, "zero"))
        return fallocate(fd, FALLOC_FL_ZERO_RANGE, number(word[1]), number(word[2]));
    if (!strcmp(call, "fsync"))
        return fsync(fd);
    if (!strcmp(call, "fdatasync"))
        return fdatasync(fd);
    if (!strcmp(call, "syncfs"))
        return syncfs(fd);
    errno = ENOSYS;
    return -1;
}

static long on_name(const char *call, char **word)
{
    if (!strcmp(call, "rename"))
        return rename(word[0], word[1]);
    if (!strcmp(call, "link"))
        return link(word[0], word[1]);
    if (!strcmp(call, "unlink"))
        return unlink(word[0]);
    if (!strcmp(call, "remove"))
        return remove(word[0]);
    if (!strcmp(call, "mkdir"))
        return mkdir(word[0], 0755);
    if (!strcmp(call, "rmdir"))
        return rmdir(word[0]);
    if (!strcmp(call, "connect"))
        return connect_to(word[0], word[1]);
    if (!strcmp(call, "wait"))
        return timed_wait(word[0]);
    if (!strcmp(call, "day"))
        return day(word[0]);
    if (!strcmp(call, "gate"))
        return close(open(word[0], O_RDONLY));
    return on_file(call, word);
}

enum { TEXT_MAX = 256 };

static char started[TEXT_MAX];
static pthread_t starter;

static void perform(char *text);

static void *perform_started(void *argument)
{
    perform(argument);
    return NULL;
}

static void perform(char *text)
{
    char *words[WORDS_MAX + 1] = {"", "", "", "", "", "", ""};
    int count = 0;
    char *rest;
    if (!strncmp(text, "start ", 6)) {
        snprintf(started, sizeof started, "%s", text + 6);
        pthread_create(&starter, NULL, perform_started, started);
        return;
    }
    if (!strncmp(text, "fork ", 5)) {
        pid_t child = fork();
        if (child == 0) {
            perform(text + 5);
            _exit(0);
        }
        waitpid(child, NULL, 0);
        return;
    }
    for (char *word = strtok_r(text, " ", &rest); word && count < WORDS_MAX;
         word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    if (!strcmp(words[0], "die"))
        raise(SIGKILL);
    long result = on_name(words[0], words + 1);
    if (result < 0)
        printf("%s %s\n", words[0], strerrorname_np(errno));
    else
        printf("%s %ld\n", words[0], result);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "join"))
            pthread_join(starter, NULL);
        else
            perform(argv[i]);
    }
    return 0;
}
