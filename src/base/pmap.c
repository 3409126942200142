/* pmap.c -- a path-copying treap whose priorities are a hash of the key.
 *
 * One set of keys has one shape in a process, whatever the order of updates. An update
 * copies the path to the key and shares the rest by counting it.
 *
 * Keys rise from left to right; no child ranks above its parent.
 *
 * Updates recurse along one path. Keys come from clients, so the hash is keyed: to whoever
 * does not know the secret the ranks are random numbers, and no choice and no order of keys
 * makes the tree deep. The depth of a key among n others is then a sum of independent chances
 * whose mean is below 2 ln n + 2 (Seidel and Aragon): 47 for 2^32 of them. That any path is
 * longer than 256 has a chance below 2^-200, and 256 calls take some 30 KB of stack. */
#include "base/map.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"

struct pmap {
    _Atomic uint32_t refs;
    uint32_t count; /* Entries of this subtree. */
    uint64_t rank;
    struct pmap *left;
    struct pmap *right;
    void *value;
    uint32_t key_size;
    uint8_t key[];
};

static struct bytes key_of(const struct pmap *node)
{
    return (struct bytes){.data = node->key, .size = node->key_size};
}

/* Whether (rank, key) belongs above `node`; keys break ties. */
static bool ranks_above(uint64_t rank, struct bytes key, const struct pmap *node)
{
    return rank != node->rank ? rank > node->rank : bytes_compare(key, key_of(node)) < 0;
}

static void ref_value(const struct pmap_kind *kind, void *value)
{
    if (kind != NULL && kind->value_ref != NULL)
        kind->value_ref(value);
}

/* A new node that takes over the references `left` and `right`, and one more on `value`. */
static struct pmap *new_node(const struct pmap_kind *kind, struct bytes key, void *value,
                             struct pmap *left, struct pmap *right)
{
    struct pmap *node = mem_alloc(sizeof *node + key.size);
    atomic_init(&node->refs, 1);
    node->count = 1 + pmap_count(left) + pmap_count(right);
    node->rank = hash_key(key);
    node->left = left;
    node->right = right;
    node->value = value;
    node->key_size = key.size;
    if (key.size > 0)
        memcpy(node->key, key.data, key.size);
    ref_value(kind, value);
    return node;
}

static struct pmap *copy_with(const struct pmap_kind *kind, const struct pmap *node,
                              struct pmap *left, struct pmap *right)
{
    return new_node(kind, key_of(node), node->value, left, right);
}

/* New trees of what stands before and after `key`, which is not in `node`. */
static void split(const struct pmap_kind *kind, struct pmap *node, struct bytes key,
                  struct pmap **before, struct pmap **after)
{
    *before = NULL;
    *after = NULL;
    if (node == NULL)
        return;
    struct pmap *middle;
    if (bytes_compare(key_of(node), key) < 0) {
        split(kind, node->right, key, &middle, after);
        *before = copy_with(kind, node, pmap_ref(node->left), middle);
    } else {
        split(kind, node->left, key, before, &middle);
        *after = copy_with(kind, node, middle, pmap_ref(node->right));
    }
}

/* A new tree of both; all keys of `left` come before those of `right`. */
static struct pmap *merge(const struct pmap_kind *kind, struct pmap *left, struct pmap *right)
{
    if (left == NULL)
        return pmap_ref(right);
    if (right == NULL)
        return pmap_ref(left);
    if (ranks_above(left->rank, key_of(left), right))
        return copy_with(kind, left, pmap_ref(left->left), merge(kind, left->right, right));
    return copy_with(kind, right, merge(kind, left, right->left), pmap_ref(right->right));
}

struct pmap *pmap_put(const struct pmap_kind *kind, struct pmap *root, struct bytes key,
                      void *value)
{
    check(value != NULL);
    if (root == NULL)
        return new_node(kind, key, value, NULL, NULL);

    int order = bytes_compare(key, key_of(root));
    if (order == 0)
        return new_node(kind, key, value, pmap_ref(root->left), pmap_ref(root->right));
    if (ranks_above(hash_key(key), key, root)) {
        struct pmap *before, *after;
        split(kind, root, key, &before, &after);
        return new_node(kind, key, value, before, after);
    }
    if (order < 0)
        return copy_with(kind, root, pmap_put(kind, root->left, key, value), pmap_ref(root->right));
    return copy_with(kind, root, pmap_ref(root->left), pmap_put(kind, root->right, key, value));
}

static struct pmap *remove_present(const struct pmap_kind *kind, struct pmap *root,
                                   struct bytes key)
{
    int order = bytes_compare(key, key_of(root));
    if (order == 0)
        return merge(kind, root->left, root->right);
    if (order < 0)
        return copy_with(kind, root, remove_present(kind, root->left, key), pmap_ref(root->right));
    return copy_with(kind, root, pmap_ref(root->left), remove_present(kind, root->right, key));
}

struct pmap *pmap_remove(const struct pmap_kind *kind, struct pmap *root, struct bytes key)
{
    if (pmap_get(root, key) == NULL)
        return pmap_ref(root);
    return remove_present(kind, root, key);
}

void *pmap_get(const struct pmap *root, struct bytes key)
{
    while (root != NULL) {
        int order = bytes_compare(key, key_of(root));
        if (order == 0)
            return root->value;
        root = order < 0 ? root->left : root->right;
    }
    return NULL;
}

uint32_t pmap_count(const struct pmap *root)
{
    return root == NULL ? 0 : root->count;
}

struct pmap *pmap_ref(struct pmap *root)
{
    if (root == NULL)
        return NULL;
    uint32_t before = atomic_fetch_add_explicit(&root->refs, 1, memory_order_relaxed);
    check(before > 0);
    return root;
}

void pmap_unref(const struct pmap_kind *kind, struct pmap *root)
{
    while (root != NULL && atomic_fetch_sub_explicit(&root->refs, 1, memory_order_acq_rel) == 1) {
        struct pmap *right = root->right;
        pmap_unref(kind, root->left);
        if (kind != NULL && kind->value_unref != NULL)
            kind->value_unref(root->value);
        mem_free(root);
        root = right;
    }
}

void *pmap_seek(const struct pmap *root, struct bytes key, bool after, struct bytes *found)
{
    const struct pmap *best = NULL;
    while (root != NULL) {
        int order = bytes_compare(key_of(root), key);
        if (order > 0 || (order == 0 && !after)) {
            best = root;
            root = root->left;
        } else {
            root = root->right;
        }
    }
    if (best == NULL)
        return NULL;
    if (found != NULL)
        *found = key_of(best);
    return best->value;
}
