/* inodes.c -- the table of inodes beneath the data directory, found without a lock.
 *
 * A slot is never given back: the kernel uses numbers again, so a long run needs few. */
#include <string.h>

#include "faults.h"
#include "journal.h"

enum { PROBES_MAX = 512 };

static struct inode inodes[INODES_MAX];

struct inode *inode_of(uint64_t number)
{
    uint64_t place = number * UINT64_C(0x9e3779b97f4a7c15) >> 48;
    for (uint32_t probe = 0; probe < PROBES_MAX; probe++) {
        struct inode *inode = &inodes[(place + probe) % INODES_MAX];
        uint64_t found = atomic_load_explicit(&inode->number, memory_order_relaxed);
        if (found == number)
            return inode;
        /* Zeroed memory is an unlocked mutex and an empty list. */
        if (found == 0 && atomic_compare_exchange_strong(&inode->number, &found, number))
            return inode;
        if (found == number)
            return inode;
    }
    journal_lose("there are too many files");
    return NULL;
}

uint32_t inode_place(const struct inode *inode)
{
    return (uint32_t)(inode - inodes);
}

struct inode *inode_at(uint32_t place)
{
    return &inodes[place];
}

bool is_beneath_data(const char *path)
{
    size_t size = faults.data_dir_size;
    return size && !strncmp(path, faults.data_dir, size) && (path[size] == '/' || path[size] == 0);
}
