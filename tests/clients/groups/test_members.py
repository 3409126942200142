"""test_members.py -- stock clients that are not in the matrix yet, and members of both protocols, in a group of three."""
import os
import sys

from groups.test_groups import group_of_three, librdkafka_member
from live import Skip
from ready import java, python, ready


def franz_go_member():
    return [os.path.join(ready("go"), "member")]


def java_member():
    return java("old", "JavaClient", "member", version="4.4.0")


def test_librdkafka_in_a_group_loses_no_committed_offset():
    group_of_three(librdkafka_member())


def test_librdkafka_in_a_group_of_consumers_loses_no_committed_offset():
    group_of_three(python("groups", "groups/confluent_member.py"), (("consumer",),), "consumer")  # Debian's knows none.


def test_java_members_of_both_protocols_share_a_group():
    group_of_three(java_member(), (("classic",), ("consumer",)), "consumer")


def test_franz_go_in_a_group_loses_no_committed_offset():
    group_of_three(franz_go_member())


def test_franz_go_in_a_group_of_consumers_loses_no_committed_offset():
    group_of_three(franz_go_member(), (("consumer",),), "consumer")


def test_kafka_python_in_a_group_loses_no_committed_offset():
    group_of_three(python("python", "groups/member.py"))


def test_kafka_python_2_0_2_in_a_group_loses_no_committed_offset():
    if sys.version_info >= (3, 12):
        raise Skip("kafka-python 2.0.2 imports what Python 3.12 has no more")
    group_of_three(python("old_python", "groups/member.py"))
