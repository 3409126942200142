/* kernel.c -- the event heap and the trace hash. */
#include "kernel.h"

void kernel_init(struct kernel *kernel, uint64_t seed)
{
    *kernel = (struct kernel){.seed = seed, .hash = seed};
    kernel_stream(kernel, STREAM_SCHED, 0, &kernel->ties);
}

void kernel_free(struct kernel *kernel)
{
    mem_free(kernel->heap);
    kernel->heap = NULL;
    kernel->count = kernel->capacity = 0;
}

void kernel_stream(const struct kernel *kernel, enum stream purpose, uint32_t node,
                   struct rand *out)
{
    rand_init(out, rand_derive(kernel->seed, (uint64_t)purpose << 32 | node));
}

static bool is_before(const struct event *a, const struct event *b)
{
    if (a->time != b->time)
        return a->time < b->time;
    return a->tie < b->tie;
}

void kernel_add(struct kernel *kernel, sim_us delay, struct event event)
{
    check(delay >= 0);
    event.time = kernel->now + delay;
    event.tie = rand_u64(&kernel->ties);
    mem_grow(kernel->heap, kernel->count, &kernel->capacity);
    uint32_t at = kernel->count++;
    while (at > 0 && is_before(&event, &kernel->heap[(at - 1) / 2])) {
        kernel->heap[at] = kernel->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    kernel->heap[at] = event;
}

static struct event take_first(struct kernel *kernel)
{
    struct event first = kernel->heap[0];
    struct event last = kernel->heap[--kernel->count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= kernel->count)
            break;
        if (child + 1 < kernel->count && is_before(&kernel->heap[child + 1], &kernel->heap[child]))
            child++;
        if (!is_before(&kernel->heap[child], &last))
            break;
        kernel->heap[at] = kernel->heap[child];
        at = child;
    }
    kernel->heap[at] = last;
    return first;
}

bool kernel_step(struct kernel *kernel)
{
    if (kernel->count == 0)
        return false;
    struct event event = take_first(kernel);
    check(event.time >= kernel->now);
    kernel->now = event.time;
    kernel->done++;
    kernel_mix(kernel, (uint64_t)event.time);
    kernel_mix(kernel, (uint64_t)event.label << 56 ^ event.a << 28 ^ event.b);
    event.run(&event);
    return true;
}

void kernel_mix(struct kernel *kernel, uint64_t value)
{
    kernel->hash = sim_mix(kernel->hash, value);
}

sim_us kernel_delay(struct rand *rand, sim_us mean)
{
    if (mean <= 0)
        return 0;
    uint64_t draw = rand_u64(rand);
    sim_us halves = 0; /* Geometric: each further half of the mean is half as likely. */
    while (halves < 16 && draw % 2 == 1) {
        halves++;
        draw /= 2;
    }
    return halves * mean / 2 + (sim_us)rand_below(rand, (uint64_t)mean + 1);
}
