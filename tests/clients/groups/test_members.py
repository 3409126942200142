"""test_members.py -- members of both protocols in one group; the matrix plays a group of each client's own."""
from groups.test_groups import group_of_three
from ready import java


def java_member():
    return java("old", "JavaClient", "member", version="4.4.0")


def test_java_members_of_both_protocols_share_a_group():
    group_of_three(java_member(), (("classic",), ("consumer",)), "consumer")
