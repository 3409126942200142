/* slots.c -- a value is lost neither to a torn write (rule 21) nor to a cache that only looked
 * durable (rule 8). */
#include <criterion/criterion.h>

#include "memory_env.h"
#include "slots.h"

static const struct slots_config config = {.path = "vote", .kind = 7, .reserve = 4096};

static struct slots *start(struct memory_env *memory)
{
    struct slots *slots;
    cr_assert_eq(slots_open(&slots, &memory->env, &config), ERR_NONE);
    return slots;
}

static void begin_sync(struct memory_env *memory, struct slots *slots)
{
    file_id files[SLOTS_SYNC_FILES_MAX];
    uint32_t count = slots_sync_files(slots, files);
    env_sync(&memory->env, &(struct env_sync){.ticket = 1, .count = count, .files = files});
}

static void end_sync(struct memory_env *memory, struct slots *slots)
{
    uint64_t ticket;
    enum err result;
    cr_assert(memory_env_end_sync(memory, &ticket, &result));
    slots_on_synced(slots, result);
}

static void settle(struct memory_env *memory, struct slots *slots)
{
    while (slots_needs_sync(slots)) {
        begin_sync(memory, slots);
        end_sync(memory, slots);
    }
}

static int value_of(const struct slots *slots)
{
    struct bytes payload = slots_payload(slots);
    return payload.data == NULL ? -1 : payload.data[0];
}

static void put(struct slots *slots, uint8_t value, uint32_t size)
{
    uint8_t payload[2000];
    memset(payload, value, sizeof payload);
    cr_assert_eq(slots_write(slots, (struct bytes){.data = payload, .size = size}), ERR_NONE);
}

Test(slots, begin_empty_and_keep_the_last_synced_value)
{
    struct memory_env *memory = memory_env_open();
    struct slots *slots = start(memory);
    cr_assert_eq(value_of(slots), -1);
    cr_assert_not(slots_needs_sync(slots));

    put(slots, 1, 10);
    settle(memory, slots);
    put(slots, 2, 10);
    struct memory_env *after = memory_env_power_loss(memory, NULL);
    struct slots *found = start(after);

    cr_assert_eq(value_of(found), 1);
    slots_close(found);
    slots_close(slots);
    memory_env_close(after);
    memory_env_close(memory);
}

/* In every state that power loss leaves, the value is the last synced one or a later one. */
static void check_states(struct memory_env *memory, int synced, int written)
{
    enum memory_fate fates[16];
    uint32_t count = memory->op_count, all = 1;

    cr_assert_leq(count, 8);
    for (uint32_t i = 0; i < count; i++)
        all *= MEMORY_FATES;
    for (uint32_t code = 0; code < all; code++) {
        uint32_t rest = code;
        for (uint32_t i = 0; i < count; i++, rest /= MEMORY_FATES)
            fates[i] = (enum memory_fate)(rest % MEMORY_FATES);
        struct memory_env *after = memory_env_power_loss(memory, fates);
        struct slots *slots = start(after);
        int value = value_of(slots);
        cr_assert_geq(value, synced);
        cr_assert_leq(value, written);
        settle(after, slots);
        struct memory_env *again = memory_env_power_loss(after, NULL);
        struct slots *once_more = start(again);
        cr_assert_eq(value_of(once_more), value);
        slots_close(once_more);
        slots_close(slots);
        memory_env_close(again);
        memory_env_close(after);
    }
}

Test(slots, survive_power_loss_at_every_point)
{
    struct memory_env *memory = memory_env_open();
    struct slots *slots = start(memory);
    int synced = -1;

    for (uint8_t value = 1; value < 6; value++) {
        put(slots, value, value * 300u); /* It grows. */
        check_states(memory, synced, value);
        begin_sync(memory, slots);
        check_states(memory, synced, value);
        end_sync(memory, slots);
        synced = value;
        check_states(memory, synced, value);
    }
    slots_close(slots);
    memory_env_close(memory);
}

Test(slots, survive_a_kill_before_the_sync_then_power_loss)
{
    struct memory_env *memory = memory_env_open();
    struct slots *slots = start(memory);
    put(slots, 1, 600);
    settle(memory, slots);
    put(slots, 2, 600);
    slots_close(slots); /* Killed: 2 stands in the cache only. */

    slots = start(memory);
    cr_assert_eq(value_of(slots), 2);
    put(slots, 3, 600);
    check_states(memory, 1, 2);
    begin_sync(memory, slots);
    end_sync(memory, slots);
    check_states(memory, 2, 3);
    settle(memory, slots);
    check_states(memory, 3, 3);
    slots_close(slots);
    memory_env_close(memory);
}

Test(slots, write_again_after_a_failed_sync)
{
    struct memory_env *memory = memory_env_open();
    struct slots *slots = start(memory);
    put(slots, 1, 600);
    settle(memory, slots);
    put(slots, 2, 600);
    begin_sync(memory, slots);
    memory->fails_sync = true;

    end_sync(memory, slots);

    cr_assert(slots_needs_sync(slots));
    check_states(memory, 1, 2);
    settle(memory, slots);
    check_states(memory, 2, 2);
    slots_close(slots);
    memory_env_close(memory);
}

Test(slots, rule_8_write_again_what_a_failed_sync_left_in_the_cache)
{
    struct memory_env *memory = memory_env_open();
    struct slots *slots = start(memory);
    uint64_t ticket;
    enum err result;
    put(slots, 1, 600);
    settle(memory, slots);
    put(slots, 2, 600);
    begin_sync(memory, slots);
    memory->fails_sync = true;
    cr_assert(memory_env_end_sync(memory, &ticket, &result));
    slots_close(slots); /* Killed before it heard. */

    slots = start(memory);
    cr_assert_eq(value_of(slots), 2);
    settle(memory, slots);

    check_states(memory, 2, 2);
    slots_close(slots);
    memory_env_close(memory);
}

Test(slots, a_value_written_during_a_sync_is_kept_for_the_next)
{
    struct memory_env *memory = memory_env_open();
    struct slots *slots = start(memory);
    put(slots, 1, 100);
    begin_sync(memory, slots);

    put(slots, 2, 100);
    put(slots, 3, 100);
    cr_assert_eq(value_of(slots), 3);
    end_sync(memory, slots);

    cr_assert(slots_needs_sync(slots));
    settle(memory, slots);
    check_states(memory, 3, 3);
    slots_close(slots);
    memory_env_close(memory);
}

Test(slots, refuse_two_rotten_copies_and_another_kind)
{
    struct memory_env *memory = memory_env_open();
    struct slots *slots = start(memory);
    struct slots_config other = config;
    put(slots, 1, 100);
    settle(memory, slots);
    put(slots, 2, 100);
    settle(memory, slots);
    slots_close(slots);

    other.kind = 8;
    cr_assert_eq(slots_open(&slots, &memory->env, &other), ERR_CORRUPT);
    memory_env_flip(memory, "vote.1", 40);
    slots = start(memory);
    cr_assert_eq(value_of(slots), 1);
    slots_close(slots);
    memory_env_flip(memory, "vote.0", 40);
    cr_assert_eq(slots_open(&slots, &memory->env, &config), ERR_CORRUPT);
    memory_env_close(memory);
}
