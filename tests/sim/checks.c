/* checks.c -- the list of checkers, and which sees what. */
#include "check.h"

/* clang-format off */
#define CHECKERS(X)                                                                \
    X(r1) X(r2) X(r3) X(r4) X(r5) X(r6) X(r7) X(r8) X(r9) X(r11) X(r13) X(r14)     \
    X(c1) X(c2) X(c3) X(c4) X(c5) X(c6) X(c7) X(c8) X(c9) X(c10) X(c11)            \
    X(p1) X(p1_synced) X(p2) X(p3) X(p4) X(p5) X(p6) X(p7) X(p8) X(p9) X(p10)      \
    X(p11) X(p12) X(p13)                                                                  \
    X(g1) X(g1_owners) X(g2) X(g3) X(g4) X(g5) X(g6) X(g7)                                      \
    X(k4) X(k2) X(k3) X(k7) X(k1) X(k10)                                           \
    X(s1) X(s1_synced) X(s2) X(s3)                                                 \
    X(rule_10) X(rule_25) X(rule_28)
/* clang-format on */

#define X(name) extern const struct checker check_##name;
CHECKERS(X)
#undef X

static const struct checker *const all[] = {
#define X(name) &check_##name,
    CHECKERS(X)
#undef X
};

enum { CHECKER_COUNT = sizeof all / sizeof *all, KINDS = PROBE_MARK + 1 };

struct checks {
    const struct checker *by_kind[KINDS][CHECKER_COUNT];
    uint32_t count[KINDS];
};

void checks_open(struct world *world)
{
    struct checks *checks = mem_zalloc(sizeof *checks);
    world->checks = checks;
    for (uint32_t i = 0; i < CHECKER_COUNT; i++) {
        if (all[i]->open)
            all[i]->open(world);
        for (uint32_t kind = 0; kind < KINDS; kind++)
            if (all[i]->kinds >> kind & 1)
                checks->by_kind[kind][checks->count[kind]++] = all[i];
    }
}

void checks_take(struct world *world, struct sim_node *node, const struct probe *probe)
{
    struct checks *checks = world->checks;
    for (uint32_t i = 0; i < checks->count[probe->kind]; i++)
        checks->by_kind[probe->kind][i]->take(world, node, probe);
}

void checks_committed(struct world *world, const struct ledger_record *record)
{
    if (ledger_group_of(world, record->group)->is_haunted)
        return;
    for (uint32_t i = 0; i < CHECKER_COUNT; i++)
        if (all[i]->committed)
            all[i]->committed(world, record);
}

void checks_decided(struct world *world, const struct ledger_group *group)
{
    if (group->is_haunted)
        return;
    for (uint32_t i = 0; i < CHECKER_COUNT; i++)
        if (all[i]->decided)
            all[i]->decided(world, group);
}

void checks_told(struct world *world, const struct ledger_told *told)
{
    for (uint32_t i = 0; i < CHECKER_COUNT; i++)
        if (all[i]->told)
            all[i]->told(world, told);
}

void checks_end(struct world *world)
{
    for (uint32_t i = 0; i < CHECKER_COUNT; i++)
        if (all[i]->end)
            all[i]->end(world);
}
