/* test_voters.c -- the quorum as configured. */
#include <criterion/criterion.h>

#include "config_reader.h"

static struct config_reader reader;

Test(voters, are_sorted_by_id)
{
    reader_read(&reader,
                "node.id=2\nlisteners=PLAINTEXT://localhost:1,INTERNAL://localhost:12\n"
                "controller.quorum.voters=3@c:13,1@a:11,2@localhost:12",
                NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert_eq(reader.config.voter_count, 3);
    cr_assert_eq(reader.config.voters[0].id, 1);
    cr_assert_str_eq(reader.config.voters[0].address.host, "a");
    cr_assert_eq(reader.config.voters[0].address.port, 11);
    cr_assert_eq(reader.config.voters[2].id, 3);
    reader_free(&reader);
}

Test(voters, are_this_node_alone_when_none_are_named)
{
    reader_read(&reader,
                "node.id=7\nlisteners=PLAINTEXT://localhost:9092,INTERNAL://localhost:9093", NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    cr_assert_eq(reader.config.voter_count, 1);
    cr_assert_eq(reader.config.voters[0].id, 7);
    cr_assert_eq(reader.config.voters[0].address.port, 9093);
    reader_free(&reader);
}

Test(voters, must_contain_this_node)
{
    reader_read(&reader, "node.id=4\ncontroller.quorum.voters=1@a:1,2@b:2,3@c:3", NULL);
    cr_assert(reader_refuses(&reader, "node.id=4: is not among controller.quorum.voters"));
    reader_free(&reader);
}

Test(voters, need_an_id_of_our_own_when_there_are_several)
{
    reader_read(&reader, "controller.quorum.voters=1@a:1,2@b:2,3@c:3", NULL);
    cr_assert(reader_refuses(&reader, "node.id is not set"));
    reader_free(&reader);
}

Test(voters, are_refused_when_malformed_or_doubled)
{
    reader_read(&reader, "controller.quorum.voters=localhost:9093", NULL);
    cr_assert(reader_refuses(&reader, "must be id@host:port"));
    reader_free(&reader);
    reader_read(&reader, "node.id=1\ncontroller.quorum.voters=1@a:1,1@b:2", NULL);
    cr_assert(reader_refuses(&reader, "id 1 stands there twice"));
    reader_free(&reader);
    reader_read(&reader, "node.id=1\ncontroller.quorum.voters=1@a:1,2@b:0", NULL);
    cr_assert(reader_refuses(&reader, "port 0 of id 2"));
    reader_free(&reader);
}

Test(voters, are_not_guessed_from_other_bootstrap_servers)
{
    reader_read(&reader, "node.id=1\ncontroller.quorum.bootstrap.servers=a:9093,b:9093", NULL);
    cr_assert(reader_refuses(&reader, "names other servers"));
    reader_free(&reader);
    reader_read(&reader, "node.id=1\ncontroller.quorum.bootstrap.servers=a:7777", NULL);
    cr_assert(reader_refuses(&reader, "names other servers"));
    reader_free(&reader);
}

Test(voters, may_be_others_where_this_node_is_only_a_broker)
{
    reader_read(&reader,
                "node.id=4\nprocess.roles=broker\ncontroller.quorum.voters=1@a:1\n"
                "listeners=PLAINTEXT://localhost:9092,INTERNAL://localhost:9093",
                NULL);
    cr_assert_eq(reader.result, ERR_NONE);
    reader_free(&reader);
    reader_read(&reader,
                "node.id=1\nprocess.roles=broker\ncontroller.quorum.voters=1@a:1\n"
                "listeners=PLAINTEXT://localhost:9092,INTERNAL://localhost:1",
                NULL);
    cr_assert(reader_refuses(&reader, "process.roles=broker"));
    reader_free(&reader);
}

Test(voters, of_a_node_without_the_broker_role_are_refused_for_now)
{
    reader_read(&reader, "node.id=1\nprocess.roles=controller", NULL);
    cr_assert(reader_refuses(&reader, "process.roles=controller"));
    reader_free(&reader);
}
