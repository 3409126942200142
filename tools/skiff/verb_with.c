/* verb_with.c -- skiff with: a throw-away cluster around one command, for test suites.
 *
 * Three processes take part. The keeper, in a session of its own, starts the cluster and
 * stops and deletes it when the other end of its socket closes: so one path takes it down,
 * whether the command ended, a signal came, or `skiff with` was killed. The nodes die with
 * the keeper. The command stays in the caller's process group, and is this process's child. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "say.h"
#include "start.h"
#include "verbs.h"

enum { NODES_DEFAULT = 3, NOT_EXECUTABLE = 126, NO_SUCH_COMMAND = 127, KILLED_BY = 128 };

const struct flag with_flags[] = {
    {'n', "nodes", "N", "how many (3)"},
    {0, "set", "KEY=VALUE", "a line for every server.properties; may be repeated"},
    {0, "chaos", NULL, "as of `skiff up`; with --dir, CMD can break it: skiff chaos ..."},
    {0, "timeout", "TIME", "for the first acknowledged write: 500ms, 30s (the default), 2m"},
    {0, NULL, NULL, NULL},
};

struct with {
    struct start start;
    size_t dirs_there; /* Of its directory's path; the rest goes with the cluster. */
    int64_t nodes;
    pid_t keeper;
    int keeper_socket; /* Its end tells the keeper to clear up. */
    int signals;       /* A signalfd: a signal is never between a look and a wait. */
    sigset_t old_mask;
};

/* ---- The keeper. */

static int make_dir(struct with *with, const struct call *call, char dir[CLUSTER_PATH_MAX])
{
    struct cluster known;
    const char *parent = getenv("TMPDIR");
    if (call_flag(call, "dir")) {
        int code = cluster_dir(call_flag(call, "dir"), false, dir);
        with->dirs_there = code ? 0 : cluster_dirs_there(dir);
        if (!code && cluster_load(&known, dir) != EXIT_NOT_FOUND)
            code = say_error(EXIT_FAILED, "%s holds a cluster already; not touched", dir);
        return code;
    }
    int size = snprintf(dir, CLUSTER_PATH_MAX - 64, "%s/skiff-with-XXXXXX",
                        parent && *parent == '/' ? parent : "/tmp");
    if (size >= CLUSTER_PATH_MAX - 64 || !mkdtemp(dir))
        return say_error(EXIT_FAILED, "cannot make a directory in %s: %s", parent ? parent : "/tmp",
                         strerror(errno));
    with->dirs_there = strlen(dir);
    with->start.is_new = true; /* Ours to remove, whatever comes. */
    snprintf(with->start.cluster.dir, sizeof with->start.cluster.dir, "%s", dir);
    return EXIT_DONE;
}

static int delete_cluster(const struct with *with)
{
    int code = cluster_delete(&with->start.cluster);
    cluster_remove_dirs(with->start.cluster.dir, with->dirs_there);
    return code;
}

static int start_cluster(struct with *with, const struct call *call)
{
    struct start *start = &with->start;
    char dir[CLUSTER_PATH_MAX];
    int code = make_dir(with, call, dir);
    if (code)
        return code;
    start->cluster.chaos = call_flag(call, "chaos") != NULL;
    code = start_new(start, dir, with->nodes, 0);
    start->cluster.ends_with_us = true;
    if (!code)
        code = start_nodes(start);
    if (code)
        delete_cluster(with);
    return code;
}

static _Noreturn void keep(struct with *with, const struct call *call, int command_socket)
{
    char brokers[CLUSTER_BROKERS_MAX];
    char byte;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    setsid();
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    int code = start_cluster(with, call);
    if (code)
        _exit(code);
    cluster_brokers(&with->start.cluster, brokers);
    (void)!write(command_socket, brokers, strlen(brokers));
    while (read(command_socket, &byte, 1) < 0 && errno == EINTR)
        ;
    stop_nodes(&with->start.cluster, SIGKILL, STOP_LIMIT_US);
    _exit(delete_cluster(with));
}

static int start_keeper(struct with *with, const struct call *call)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return say_error(EXIT_FAILED, "cannot make a socket: %s", strerror(errno));
    with->keeper = fork();
    if (with->keeper < 0)
        return say_error(EXIT_FAILED, "cannot start a process: %s", strerror(errno));
    if (with->keeper == 0) {
        close(ends[0]);
        keep(with, call, ends[1]); /* With every signal blocked that might end it early. */
    }
    close(ends[1]);
    with->keeper_socket = ends[0];
    return EXIT_DONE;
}

/* All is taken down when this returns: the keeper's exit code, or 128 and its signal. */
static int end_keeper(struct with *with)
{
    int status = 0;
    close(with->keeper_socket);
    while (waitpid(with->keeper, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED_BY + WTERMSIG(status);
}

/* ---- The command. */

static int take_signals(struct with *with)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGHUP);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, &with->old_mask);
    with->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    return with->signals >= 0 ? EXIT_DONE
                              : say_error(EXIT_FAILED, "no signalfd: %s", strerror(errno));
}

/* The next signal but SIGCHLD, whose child is waited for elsewhere; 0: none. */
static int next_signal(struct with *with, bool *is_for_group)
{
    struct signalfd_siginfo info;
    while (read(with->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            continue;
        *is_for_group = info.ssi_code == SI_KERNEL; /* A terminal's: the command has it too. */
        return (int)info.ssi_signo;
    }
    return 0;
}

/* Wait for the brokers' addresses. Errors: the keeper's, told; 128 and a signal that came. */
static int wait_for_brokers(struct with *with, char brokers[CLUSTER_BROKERS_MAX])
{
    struct pollfd polls[2] = {{.fd = with->keeper_socket, .events = POLLIN},
                              {.fd = with->signals, .events = POLLIN}};
    for (;;) {
        bool is_for_group;
        if (poll(polls, 2, -1) < 0 && errno != EINTR)
            return say_error(EXIT_FAILED, "poll: %s", strerror(errno));
        int number = next_signal(with, &is_for_group);
        if (number)
            return KILLED_BY + number;
        if (!polls[0].revents)
            continue;
        ssize_t size = read(with->keeper_socket, brokers, CLUSTER_BROKERS_MAX - 1);
        if (size <= 0)
            return EXIT_FAILED;
        brokers[size] = 0;
        return EXIT_DONE;
    }
}

static _Noreturn void become_command(const struct with *with, char **command, pid_t parent)
{
    if (!end_with(parent, SIGTERM))
        _exit(KILLED_BY + SIGTERM);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &with->old_mask, NULL);
    execvp(command[0], command);
    int code = errno == ENOENT ? NO_SUCH_COMMAND : NOT_EXECUTABLE;
    say_error(code, "%s: %s", command[0], strerror(errno));
    _exit(code);
}

/* The command's exit code as a shell tells it: 128 and the signal when one ended it. */
static int run_command(struct with *with, char **command)
{
    struct pollfd polls = {.fd = with->signals, .events = POLLIN};
    pid_t self = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return say_error(EXIT_FAILED, "cannot start a process: %s", strerror(errno));
    if (pid == 0)
        become_command(with, command, self);
    for (;;) {
        int status;
        int number;
        bool is_for_group;
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED_BY + WTERMSIG(status);
        poll(&polls, 1, -1);
        while ((number = next_signal(with, &is_for_group)))
            if (!is_for_group)
                kill(pid, number);
    }
}

int run_with(struct call *call)
{
    struct with with = {0};
    char brokers[CLUSTER_BROKERS_MAX];
    int code = call_number(call, "nodes", 1, CLUSTER_NODES_MAX, NODES_DEFAULT, &with.nodes);
    if (!code)
        code = start_read(&with.start, call);
    if (!code)
        code = take_signals(&with);
    if (!code)
        code = start_keeper(&with, call);
    if (code)
        return code;
    code = wait_for_brokers(&with, brokers);
    if (!code) {
        setenv("KAFKA_BOOTSTRAP_SERVERS", brokers, 1);
        setenv("SKIFF_BROKERS", brokers, 1);
        code = run_command(&with, call->command);
        end_keeper(&with);
        return code;
    }
    int why = end_keeper(&with);
    return code == EXIT_FAILED && why ? why : code;
}
