/* java.c -- the library inside a JVM, whose ways to the disk and to the network are others'. */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "node.h"

static struct node node;

Test(faults_java, a_jvm_loses_what_it_did_not_sync, .timeout = 120)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in peer = {0};
    socklen_t size = sizeof own;
    char port[16];
    if (system("java -version >/dev/null 2>&1") != 0)
        cr_skip_test("there is no Java");
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(listening, (struct sockaddr *)&own, size), 0);
    cr_assert_eq(listen(listening, 1), 0);
    cr_assert_eq(getsockname(listening, (struct sockaddr *)&own, &size), 0);
    snprintf(port, sizeof port, "%d", ntohs(own.sin_port));
    node_open(&node);
    node.rules->clock_step_ms = 86400000;
    const char *arguments[] = {"java", FAULTS_SOURCES "/KafkaFiles.java", port, NULL};

    node_start(&node, arguments);
    int status = node_wait(&node);
    cr_assert_eq(status, 0, "%s", node.output);
    cr_assert_eq(node.rules->journal_lost, 0);
    node_power(&node, 1, 0);

    cr_assert_str_eq(node_file(&node, "log"), "100a 200b 700a");
    cr_assert_str_eq(node_file(&node, "gathered"), "500c 500d");
    cr_assert_str_eq(node_file(&node, "checkpoint"), "9x");
    cr_assert_str_eq(node_file(&node, "deleted"), "empty");
    cr_assert_str_eq(node_file(&node, "index"), "10m 4086.");
    cr_assert_str_eq(node_file(&node, "unsynced-index"), "empty");
    cr_assert_str_eq(node_file(&node, "new"), "absent");
    int64_t told_ms = strtoll(node.output, NULL, 10);
    cr_assert_geq(told_ms / 1000, time(NULL) + 86400 - 100);
    cr_assert_geq(accept(listening, (struct sockaddr *)&peer, &size), 0);
    cr_assert_eq(ntohl(peer.sin_addr.s_addr), 0x7f000307);
    close(listening);
    node_close(&node);
}
