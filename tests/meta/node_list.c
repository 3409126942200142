/* node_list.c -- a few broker ids in order. */
#include "world.h"

Test(node_list, keeps_the_order_in_which_ids_came)
{
    struct node_list list = {.count = 0};

    node_list_add(&list, 3);
    node_list_add(&list, 1);
    node_list_add(&list, 3);
    node_list_add(&list, 2);

    assert_nodes(list, 3, 1, 2);
}

Test(node_list, tells_order_apart)
{
    struct node_list a = NODES(1, 2);
    struct node_list b = NODES(2, 1);

    cr_assert_not(node_list_equal(&a, &b));
}
