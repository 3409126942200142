/* list.c -- intrusive lists. */
#include "base/base.h"

#include <criterion/criterion.h>

struct item {
    int number;
    struct list node;
};

static int sum_and_empty(struct list *head)
{
    struct list *node, *after;
    int sum = 0;
    list_each (node, after, head) {
        sum = 10 * sum + list_entry(node, struct item, node)->number;
        list_remove(node);
    }
    return sum;
}

Test(list, keeps_the_order_in_which_items_were_appended)
{
    struct list head;
    struct item one = {.number = 1}, two = {.number = 2}, three = {.number = 3};
    list_init(&head);

    list_append(&head, &one.node);
    list_append(&head, &three.node);
    list_insert_before(&three.node, &two.node);

    cr_assert_eq(sum_and_empty(&head), 123);
    cr_assert(list_is_empty(&head));
}

Test(list, a_removed_node_is_nowhere_and_may_be_removed_again)
{
    struct list head;
    struct item one = {.number = 1}, two = {.number = 2};
    list_init(&head);
    list_append(&head, &one.node);
    list_append(&head, &two.node);

    list_remove(&one.node);
    list_remove(&one.node);

    cr_assert(list_is_empty(&one.node));
    cr_assert_eq(list_take_first(&head), &two.node);
    cr_assert_null(list_take_first(&head));
}
