/* cluster.c -- a local cluster's directory: where it is, what it holds, how it goes. */
#include "cluster.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "say.h"

/* mkdir -p. */
static int make_dirs(const char *path)
{
    char part[CLUSTER_PATH_MAX];
    snprintf(part, sizeof part, "%s", path);
    for (char *at = part + 1;; at++) {
        if (*at != '/' && *at)
            continue;
        char end = *at;
        *at = 0;
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return say_error(EXIT_FAILED, "cannot make the directory %s: %s", part,
                             strerror(errno));
        if (!end)
            return EXIT_DONE;
        *at = end;
    }
}

size_t cluster_dirs_there(const char *dir)
{
    char part[CLUSTER_PATH_MAX];
    size_t size = strlen(dir);
    snprintf(part, sizeof part, "%s", dir);
    while (size > 1 && access(part, F_OK) != 0) {
        while (size > 1 && part[size - 1] != '/')
            size--;
        part[--size] = 0;
    }
    return size;
}

void cluster_remove_dirs(const char *dir, size_t there)
{
    char part[CLUSTER_PATH_MAX];
    size_t size = strlen(dir);
    snprintf(part, sizeof part, "%s", dir);
    while (size > there && (rmdir(part) == 0 || errno == ENOENT)) {
        while (size > there && part[size - 1] != '/')
            size--;
        part[size ? --size : 0] = 0;
    }
}

static int state_dir(char out[CLUSTER_PATH_MAX])
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int size;
    if (state && *state == '/')
        size = snprintf(out, CLUSTER_PATH_MAX, "%s/skiff", state);
    else if (home && *home == '/')
        size = snprintf(out, CLUSTER_PATH_MAX, "%s/.local/state/skiff", home);
    else
        return say_error(EXIT_FAILED, "neither $XDG_STATE_HOME nor $HOME is set; give --dir");
    return size < CLUSTER_PATH_MAX - 64 ? EXIT_DONE : say_error(EXIT_FAILED, "%s: too long", out);
}

static bool holds_cluster(const char *dir)
{
    char path[CLUSTER_PATH_MAX];
    int size = snprintf(path, sizeof path, "%s/cluster.json", dir);
    return size < CLUSTER_PATH_MAX && access(path, F_OK) == 0;
}

static bool last_dir(char out[CLUSTER_PATH_MAX])
{
    char path[CLUSTER_PATH_MAX];
    if (state_dir(path))
        return false;
    strncat(path, "/last", sizeof path - strlen(path) - 1);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    bool is_there = fgets(out, CLUSTER_PATH_MAX, file) != NULL;
    fclose(file);
    if (is_there)
        out[strcspn(out, "\n")] = 0;
    return is_there && out[0] == '/' && holds_cluster(out);
}

int cluster_dir(const char *given, bool prefer_last, char out[CLUSTER_PATH_MAX])
{
    if (given) {
        char here[CLUSTER_PATH_MAX] = "";
        if (given[0] != '/' && !getcwd(here, sizeof here))
            return say_error(EXIT_FAILED, "cannot tell the current directory");
        if (!*given || strlen(here) + strlen(given) > CLUSTER_PATH_MAX - 64)
            return say_error(EXIT_USAGE, "--dir %s: empty or too long", given);
        snprintf(out, CLUSTER_PATH_MAX, "%s%s", here, "");
        if (*here)
            strncat(out, "/", CLUSTER_PATH_MAX - strlen(out) - 1);
        strncat(out, given, CLUSTER_PATH_MAX - strlen(out) - 1);
        return EXIT_DONE;
    }
    if (prefer_last && last_dir(out))
        return EXIT_DONE;
    int code = state_dir(out);
    if (!code)
        strncat(out, "/cluster", CLUSTER_PATH_MAX - strlen(out) - 1);
    return code;
}

void cluster_path(const struct cluster *cluster, node_id node, const char *name,
                  char out[CLUSTER_PATH_MAX])
{
    int size = snprintf(out, CLUSTER_PATH_MAX, "%.*s/node-%d%s%s", CLUSTER_PATH_MAX - 64,
                        cluster->dir, node, *name ? "/" : "", name);
    check(size < CLUSTER_PATH_MAX);
}

static void file_path(const struct cluster *cluster, const char *name, char out[CLUSTER_PATH_MAX])
{
    snprintf(out, CLUSTER_PATH_MAX, "%.*s/%s", CLUSTER_PATH_MAX - 64, cluster->dir, name);
}

struct cluster_node *cluster_node(struct cluster *cluster, node_id id)
{
    for (uint32_t i = 0; i < cluster->count; i++)
        if (cluster->nodes[i].id == id)
            return &cluster->nodes[i];
    return NULL;
}

void cluster_host(const struct cluster *cluster, node_id node, char out[CLUSTER_HOST_MAX])
{
    snprintf(out, CLUSTER_HOST_MAX, "localhost");
    if (cluster->chaos)
        snprintf(out, CLUSTER_HOST_MAX, "127.0.2.%d", node);
}

void cluster_dial_host(const struct cluster *cluster, node_id node, char out[CLUSTER_HOST_MAX])
{
    snprintf(out, CLUSTER_HOST_MAX, "127.0.0.1");
    if (cluster->chaos)
        snprintf(out, CLUSTER_HOST_MAX, "127.0.1.%d", node);
}

typedef void (*find_host)(const struct cluster *cluster, node_id node, char out[CLUSTER_HOST_MAX]);

static void write_brokers(const struct cluster *cluster, find_host find,
                          char out[CLUSTER_BROKERS_MAX])
{
    size_t size = 0;
    out[0] = 0;
    for (uint32_t i = 0; i < cluster->count; i++) {
        char host[CLUSTER_HOST_MAX];
        find(cluster, cluster->nodes[i].id, host);
        size += (size_t)snprintf(out + size, CLUSTER_BROKERS_MAX - size, "%s%s:%u", i ? "," : "",
                                 host, cluster->nodes[i].port);
    }
}

void cluster_brokers(const struct cluster *cluster, char out[CLUSTER_BROKERS_MAX])
{
    write_brokers(cluster, cluster_host, out);
}

void cluster_dial_brokers(const struct cluster *cluster, char out[CLUSTER_BROKERS_MAX])
{
    write_brokers(cluster, cluster_dial_host, out);
}

int cluster_load(struct cluster *cluster, const char *dir)
{
    char path[CLUSTER_PATH_MAX];
    json_error_t error;
    memset(cluster, 0, sizeof *cluster);
    snprintf(cluster->dir, sizeof cluster->dir, "%s", dir);
    file_path(cluster, "cluster.json", path);
    if (access(path, F_OK) != 0)
        return EXIT_NOT_FOUND;
    json_t *root = json_load_file(path, 0, &error);
    if (!root)
        return say_error(EXIT_FAILED, "%s: %s", path, error.text);
    json_t *nodes = json_object_get(root, "nodes");
    json_t *ack = json_object_get(root, "first_ack_us");
    cluster->chaos = json_is_true(json_object_get(root, "chaos"));
    cluster->first_ack_us = json_is_integer(ack) ? json_integer_value(ack) : -1;
    size_t index;
    json_t *node;
    json_array_foreach(nodes, index, node)
    {
        if (index == CLUSTER_NODES_MAX)
            break;
        struct cluster_node *into = &cluster->nodes[cluster->count++];
        into->id = (node_id)json_integer_value(json_object_get(node, "id"));
        into->port = (uint16_t)json_integer_value(json_object_get(node, "port"));
        into->internal_port = (uint16_t)json_integer_value(json_object_get(node, "internal_port"));
        into->http_port = (uint16_t)json_integer_value(json_object_get(node, "http_port"));
    }
    json_array_foreach(json_object_get(root, "sets"), index, node)
    {
        const char *set = json_string_value(node);
        if (!set || strlen(set) >= CLUSTER_SET_SIZE || index == CLUSTER_SETS_MAX)
            break;
        snprintf(cluster->sets[cluster->set_count++], CLUSTER_SET_SIZE, "%s", set);
    }
    json_decref(root);
    return cluster->count ? EXIT_DONE : say_error(EXIT_FAILED, "%s names no nodes", path);
}

int cluster_save(const struct cluster *cluster)
{
    char path[CLUSTER_PATH_MAX];
    char fresh[CLUSTER_PATH_MAX];
    json_t *nodes = json_array();
    for (uint32_t i = 0; i < cluster->count; i++) {
        const struct cluster_node *node = &cluster->nodes[i];
        json_array_append_new(nodes,
                              json_pack("{si si si si}", "id", node->id, "port", (int)node->port,
                                        "internal_port", (int)node->internal_port, "http_port",
                                        (int)node->http_port));
    }
    json_t *sets = json_array();
    for (uint32_t i = 0; i < cluster->set_count; i++)
        json_array_append_new(sets, json_string(cluster->sets[i]));
    json_t *root = json_pack("{so so sb sI}", "nodes", nodes, "sets", sets, "chaos", cluster->chaos,
                             "first_ack_us", (json_int_t)cluster->first_ack_us);
    file_path(cluster, "cluster.json", path);
    file_path(cluster, "cluster.json.new", fresh);
    bool written = json_dump_file(root, fresh, JSON_INDENT(2)) == 0 && rename(fresh, path) == 0;
    json_decref(root);
    return written ? EXIT_DONE : say_error(EXIT_FAILED, "%s: %s", path, strerror(errno));
}

void cluster_remember(const struct cluster *cluster)
{
    char path[CLUSTER_PATH_MAX];
    if (state_dir(path) || make_dirs(path))
        return;
    strncat(path, "/last", sizeof path - strlen(path) - 1);
    FILE *file = fopen(path, "we");
    if (!file)
        return;
    fprintf(file, "%s\n", cluster->dir);
    fclose(file);
}

/* The directory that was locked is the one that stands there. */
static bool is_still_there(int fd, const char *dir)
{
    struct stat held;
    struct stat there;
    return fstat(fd, &held) == 0 && stat(dir, &there) == 0 && held.st_ino == there.st_ino &&
           held.st_dev == there.st_dev;
}

int cluster_lock(const char *dir)
{
    for (;;) {
        int code = make_dirs(dir);
        if (code)
            return code;
        int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT)
            continue;
        if (fd < 0 || flock(fd, LOCK_EX) != 0)
            return say_error(EXIT_FAILED, "%s: %s", dir, strerror(errno));
        if (is_still_there(fd, dir))
            return EXIT_DONE; /* Held open on purpose: the lock goes with the process. */
        close(fd);            /* Whoever had it has failed, and removed it. */
    }
}

static void write_voters(const struct cluster *cluster, FILE *file)
{
    fputs("controller.quorum.voters=", file);
    for (uint32_t i = 0; i < cluster->count; i++) {
        const struct cluster_node *node = &cluster->nodes[i];
        char host[CLUSTER_HOST_MAX];
        cluster_host(cluster, node->id, host);
        fprintf(file, "%s%d@%s:%u", i ? "," : "", node->id, host, node->internal_port);
    }
    fputc('\n', file);
}

bool cluster_writes_key(const char *set)
{
    static const char *const keys[] = {
        "node.id",
        "broker.id",
        "log.dirs",
        "log.dir",
        "listeners",
        "advertised.listeners",
        "listener.security.protocol.map",
        "inter.broker.listener.name",
        "process.roles",
        "controller.listener.names",
        "controller.quorum.voters",
        "controller.quorum.bootstrap.servers",
        "skiff.http.listener",
    };
    set += strspn(set, " \t");
    size_t size = strcspn(set, "= \t");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strlen(keys[i]) == size && !strncmp(keys[i], set, size))
            return true;
    return false;
}

static int write_properties(const struct cluster *cluster, const struct cluster_node *node)
{
    char path[CLUSTER_PATH_MAX];
    char data[CLUSTER_PATH_MAX];
    char host[CLUSTER_HOST_MAX];
    char bind[CLUSTER_HOST_MAX] = "localhost";
    cluster_host(cluster, node->id, host);
    if (cluster->chaos)
        cluster_dial_host(cluster, node->id, bind);
    cluster_path(cluster, node->id, "server.properties", path);
    cluster_path(cluster, node->id, "data", data);
    FILE *file = fopen(path, "we");
    if (!file)
        return say_error(EXIT_FAILED, "%s: %s", path, strerror(errno));
    fprintf(file,
            "# Written by `skiff up`; the next start writes it again.\n"
            "node.id=%d\n"
            "process.roles=broker,controller\n"
            "listeners=CLIENT://%s:%u,INTERNAL://%s:%u\n"
            "advertised.listeners=CLIENT://%s:%u,INTERNAL://%s:%u\n"
            "listener.security.protocol.map=CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT\n"
            "inter.broker.listener.name=INTERNAL\n"
            "controller.listener.names=INTERNAL\n",
            node->id, bind, node->port, bind, node->internal_port, host, node->port, host,
            node->internal_port);
    write_voters(cluster, file);
    if (node->http_port)
        fprintf(file, "skiff.http.listener=localhost:%u\n", node->http_port);
    fprintf(file, "log.dirs=%s\n", data);
    for (uint32_t i = 0; i < cluster->set_count; i++)
        fprintf(file, "%s\n", cluster->sets[i]);
    return fclose(file) == 0 ? EXIT_DONE : say_error(EXIT_FAILED, "%s: %s", path, strerror(errno));
}

int cluster_write_nodes(const struct cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->count; i++) {
        char data[CLUSTER_PATH_MAX];
        cluster_path(cluster, cluster->nodes[i].id, "data", data);
        int code = make_dirs(data);
        if (!code && access(data, W_OK | X_OK) != 0)
            code = say_error(EXIT_FAILED, "cannot write to %s: %s", data, strerror(errno));
        if (!code)
            code = write_properties(cluster, &cluster->nodes[i]);
        if (code)
            return code;
    }
    return EXIT_DONE;
}

/* Depth is bounded: a cluster's directory holds data directories, topics and files. */
static bool delete_tree(int parent, const char *name, int depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return unlinkat(parent, name, 0) == 0;
    DIR *dir = fdopendir(fd);
    bool done = dir && depth > 0;
    const struct dirent *entry;
    while (done && (entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            done = delete_tree(dirfd(dir), entry->d_name, depth - 1);
    if (dir)
        closedir(dir);
    return done && unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

/* Only what a cluster consists of goes: another file in that directory is not ours. */
int cluster_delete(const struct cluster *cluster)
{
    int fd = open(cluster->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? EXIT_DONE
                               : say_error(EXIT_FAILED, "%s: %s", cluster->dir, strerror(errno));
    bool done = true;
    for (uint32_t i = 0; i < cluster->count; i++) {
        char name[32];
        snprintf(name, sizeof name, "node-%d", cluster->nodes[i].id);
        done = (delete_tree(fd, name, 8) || errno == ENOENT) && done;
    }
    done = (!cluster->chaos || delete_tree(fd, "chaos", 4) || errno == ENOENT) && done;
    unlinkat(fd, "cluster.json.new", 0);
    done = (unlinkat(fd, "cluster.json", 0) == 0 || errno == ENOENT) && done;
    close(fd);
    rmdir(cluster->dir);
    return done ? EXIT_DONE
                : say_error(EXIT_FAILED, "%s: not everything could be deleted", cluster->dir);
}
