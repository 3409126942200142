/* test_listeners.c -- listeners, what is advertised, which one is internal. */
#include <criterion/criterion.h>

#include "config_reader.h"

static struct config_reader reader;

Test(listeners, listens_as_kafka_does_when_nothing_is_said)
{
    reader_read(&reader, "", NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert_str_eq(reader.config.listeners[0].name, "PLAINTEXT");
    cr_assert_str_eq(reader.config.listeners[0].bind.host, "");
    cr_assert_eq(reader.config.listeners[0].bind.port, 9092);
    cr_assert_str_eq(reader.config.listeners[0].advertised.host, "localhost");
    reader_free(&reader);
}

Test(listeners, get_an_internal_one_on_loopback_where_none_is_named)
{
    reader_read(&reader, "listeners=PLAINTEXT://:9092", NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert_eq(reader.config.listener_count, 2);
    cr_assert_not(reader.config.listeners[0].internal);
    cr_assert(reader.config.listeners[1].internal);
    cr_assert_str_eq(reader.config.listeners[1].bind.host, "localhost");
    cr_assert_eq(reader.config.listeners[1].bind.port, 0);
    cr_assert_eq(reader.config.voters[0].address.port, 0, "known once it is bound");
    reader_free(&reader);
}

Test(listeners, never_make_a_single_brokers_own_listener_internal)
{
    reader_read(&reader,
                "broker.id=0\nlisteners=INTERNAL://localhost:29092,EXTERNAL://localhost:9092\n"
                "listener.security.protocol.map=INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT\n"
                "inter.broker.listener.name=INTERNAL",
                NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert_not(reader.config.listeners[0].internal);
    cr_assert_not(reader.config.listeners[1].internal);
    cr_assert(reader.config.listeners[2].internal);
    reader_free(&reader);
}

Test(listeners, refuse_a_quorum_that_would_share_the_only_one)
{
    reader_read(&reader,
                "node.id=1\nlisteners=PLAINTEXT://localhost:1\n"
                "controller.quorum.voters=1@localhost:1,2@localhost:2,3@localhost:3",
                NULL);
    cr_assert(reader_refuses(&reader, "add INTERNAL://host:port"));
    reader_free(&reader);
}

Test(listeners, maps_the_controller_listener_to_the_internal_one)
{
    reader_read(&reader,
                "listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\n"
                "inter.broker.listener.name=PLAINTEXT\ncontroller.listener.names=CONTROLLER\n",
                NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert_not(reader.config.listeners[0].internal);
    cr_assert(reader.config.listeners[1].internal);
    reader_free(&reader);
}

Test(listeners, takes_the_listener_among_brokers_where_a_quorum_names_no_other)
{
    reader_read(&reader,
                "node.id=4\nprocess.roles=broker\ncontroller.quorum.voters=1@localhost:1\n"
                "listeners=EXTERNAL://localhost:9092,BROKERS://localhost:9093\n"
                "listener.security.protocol.map=EXTERNAL:PLAINTEXT,BROKERS:PLAINTEXT\n"
                "inter.broker.listener.name=BROKERS\n",
                NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert_not(reader.config.listeners[0].internal);
    cr_assert(reader.config.listeners[1].internal);
    reader_free(&reader);
}

Test(listeners, takes_the_listener_that_our_voter_entry_names)
{
    reader_read(&reader,
                "node.id=2\nlisteners=PLAINTEXT://localhost:1000,INTERNAL://localhost:2000\n"
                "controller.quorum.voters=1@localhost:2001,2@localhost:1000",
                NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert(reader.config.listeners[0].internal);
    reader_free(&reader);
}

Test(listeners, keeps_bind_and_advertised_apart)
{
    reader_read(
        &reader,
        "listeners=PLAINTEXT://0.0.0.0:9092\nadvertised.listeners=plaintext://[fe80::1]:19092",
        NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert_str_eq(reader.config.listeners[0].bind.host, "0.0.0.0");
    cr_assert_str_eq(reader.config.listeners[0].advertised.host, "fe80::1");
    cr_assert_eq(reader.config.listeners[0].advertised.port, 19092);
    reader_free(&reader);
}

Test(listeners, refuses_to_advertise_every_address)
{
    reader_read(&reader, "advertised.listeners=PLAINTEXT://0.0.0.0:9092", NULL);
    cr_assert(reader_refuses(&reader, "needs a host that clients can reach"));
    reader_free(&reader);
}

Test(listeners, refuses_malformed_doubled_and_clashing_ones)
{
    reader_read(&reader, "listeners=localhost:9092", NULL);
    cr_assert(reader_refuses(&reader, "listeners=localhost:9092: must be NAME://host:port"));
    reader_free(&reader);
    reader_read(&reader, "listeners=PLAINTEXT://h:65536", NULL);
    cr_assert(reader_refuses(&reader, "65536"));
    reader_free(&reader);
    reader_read(&reader, "listeners=PLAINTEXT://h:1,PLAINTEXT://h:2", NULL);
    cr_assert(reader_refuses(&reader, "PLAINTEXT stands there twice"));
    reader_free(&reader);
    reader_read(&reader, "listeners=PLAINTEXT://h:1,INTERNAL://h:1", NULL);
    cr_assert(reader_refuses(&reader, "same port 1"));
    reader_free(&reader);
}

Test(listeners, refuses_a_protocol_that_is_not_built_only_where_it_is_used)
{
    reader_read(&reader, "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SSL:SSL", NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    reader_free(&reader);
    reader_read(&reader,
                "listeners=CLIENTS://localhost:9092\n"
                "listener.security.protocol.map=CLIENTS:SASL_SSL",
                NULL);
    cr_assert(reader_refuses(&reader, "security protocol SASL_SSL"));
    reader_free(&reader);
    reader_read(&reader, "listeners=SSL://localhost:9092", NULL);
    cr_assert(reader_refuses(&reader, "security protocol SSL"));
    reader_free(&reader);
}

Test(listeners, refuses_a_name_that_no_protocol_is_given_for)
{
    reader_read(&reader, "listeners=CLIENTS://localhost:9092", NULL);
    cr_assert(reader_refuses(&reader, "add CLIENTS:PLAINTEXT"));
    reader_free(&reader);
}

Test(listeners, warns_of_a_listener_that_others_can_reach)
{
    reader_read(&reader, "listeners=PLAINTEXT://:9092", NULL);
    const struct config_remark *remark = reader_find(&reader, "without authentication");
    cr_assert_not_null(remark);
    cr_assert_not(remark->note);
    cr_assert_not(remark->fatal);
    reader_free(&reader);
    reader_read(&reader, "listeners=PLAINTEXT://127.0.0.1:9092,INTERNAL://[::1]:9093", NULL);
    cr_assert_null(reader_find(&reader, "without authentication"));
    reader_free(&reader);
}

Test(listeners, have_an_http_port_only_where_one_is_named)
{
    reader_read(&reader, "listeners=PLAINTEXT://:9092\nskiff.http.listener=localhost:11092", NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert_eq(reader.config.listener_count, 3);
    cr_assert_not(reader.config.listeners[0].http);
    cr_assert_not(reader.config.listeners[1].http);
    cr_assert(reader.config.listeners[2].http);
    cr_assert_not(reader.config.listeners[2].internal);
    cr_assert_str_eq(reader.config.listeners[2].bind.host, "localhost");
    cr_assert_eq(reader.config.listeners[2].bind.port, 11092);
    reader_free(&reader);
}

Test(listeners, refuse_an_http_port_that_is_no_address)
{
    reader_read(&reader, "skiff.http.listener=HTTP://localhost:70000", NULL);
    cr_assert(reader_refuses(&reader, "must be host:port"));
    reader_free(&reader);
}
