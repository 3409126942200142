/* test_observers.c -- src/raft/observers.c. */
#include "fixture.h"

static void fetch_from(struct fixture *fixture, node_id from, int directory, log_offset offset)
{
    struct raft_fetch request = test_fetch(from, offset, 2);
    request.from_directory = test_uuid(directory);
    fetch(fixture, request);
}

Test(observers, are_all_that_fetch_without_a_vote)
{
    struct fixture fixture = fixture_leader();
    struct raft_voter_state observers[RAFT_OBSERVERS_MAX];

    fetch_from(&fixture, 2, 2, 4);
    fetch_from(&fixture, 3, 42, 3);
    fetch_from(&fixture, 7, 7, 4);
    fetch_from(&fixture, 7, 7, 4);

    cr_assert_eq(raft_describe_observers(fixture.raft, observers), 2);
    cr_assert_eq(observers[0].voter.id, 3);
    cr_assert(uuid_equal(observers[0].voter.directory, test_uuid(42)));
    cr_assert_eq(observers[0].end, 3);
    cr_assert_eq(observers[1].voter.id, 7);
    cr_assert_eq(observers[1].last_fetch_at, fixture.now);
    raft_close(fixture.raft);
}

Test(observers, are_forgotten_when_they_fall_silent)
{
    struct fixture fixture = fixture_leader();
    struct raft_voter_state observers[RAFT_OBSERVERS_MAX];
    fetch_from(&fixture, 7, 7, 4);
    cr_assert_eq(raft_describe_observers(fixture.raft, observers), 1);

    fixture.raft->now += RAFT_OBSERVER_SILENT_MS;

    cr_assert_eq(raft_describe_observers(fixture.raft, observers), 0);
    raft_close(fixture.raft);
}

Test(observers, are_bounded_and_the_longest_silent_goes)
{
    struct fixture fixture = fixture_leader();
    struct raft_voter_state observers[RAFT_OBSERVERS_MAX];
    for (int i = 0; i <= RAFT_OBSERVERS_MAX; i++) {
        fixture.now++;
        fetch_from(&fixture, 100 + i, 5, 4);
    }

    uint32_t count = raft_describe_observers(fixture.raft, observers);

    cr_assert_eq(count, (uint32_t)RAFT_OBSERVERS_MAX);
    for (uint32_t i = 0; i < count; i++)
        cr_assert_neq(observers[i].voter.id, 100);
    raft_close(fixture.raft);
}
