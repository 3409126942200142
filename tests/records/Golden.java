// Golden.java -- prints records of __consumer_offsets as Apache Kafka's own classes write them.
//
//     java -cp 'JARS/*' Golden.java > golden.txt
//
// JARS are those that tests/clients/dump brings. A line is: case, key, value, both in hex, the
// key with its type and the value with its version before it. What the cases hold is said again,
// in C, in records.c.
import java.nio.ByteBuffer;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.coordinator.group.generated.*;

class Golden {
    static String hex(int prefix, ByteBuffer body) {
        StringBuilder out = new StringBuilder(String.format("%04x", prefix));
        while (body.hasRemaining())
            out.append(String.format("%02x", body.get()));
        return out.toString();
    }

    static void show(String name, int type, ApiMessage key, int version, ApiMessage value) {
        ByteBuffer keyBytes = MessageUtil.toByteBufferAccessor(key, (short) 0).buffer();
        ByteBuffer valueBytes = MessageUtil.toByteBufferAccessor(value, (short) version).buffer();
        System.out.println(name + " " + hex(type, keyBytes) + " " + hex(version, valueBytes));
    }

    static Uuid topic() {
        return new Uuid(0x0102030405060708L, 0x090a0b0c0d0e0f10L);
    }

    static void offsets() {
        OffsetCommitKey key = new OffsetCommitKey().setGroup("g-1").setTopic("orders").setPartition(7);
        for (int version = 0; version <= 4; version++) {
            OffsetCommitValue value = new OffsetCommitValue().setOffset(1234567890123L).setMetadata("née")
                .setCommitTimestamp(1700000000000L);
            if (version == 1)
                value.setExpireTimestamp(1700000600000L);
            if (version >= 3)
                value.setLeaderEpoch(5);
            if (version >= 4)
                value.setTopicId(topic());
            show("offset_commit_" + version, 1, key, version, value);
        }
    }

    static void groups() {
        for (int version = 0; version <= 4; version++) {
            GroupMetadataValue.MemberMetadata first = new GroupMetadataValue.MemberMetadata().setMemberId("m-1")
                .setClientId("app").setClientHost("/127.0.0.1").setSessionTimeout(45000)
                .setSubscription(new byte[] {1, 2, 3}).setAssignment(new byte[] {4, 5});
            GroupMetadataValue.MemberMetadata second = new GroupMetadataValue.MemberMetadata().setMemberId("m-2")
                .setClientId("").setClientHost("/::1").setSessionTimeout(10000)
                .setSubscription(new byte[0]).setAssignment(new byte[0]);
            if (version >= 1)
                first.setRebalanceTimeout(300000);
            if (version >= 3)
                first.setGroupInstanceId("i-1");
            GroupMetadataValue value = new GroupMetadataValue().setProtocolType("consumer").setGeneration(12)
                .setProtocol("range").setLeader("m-1").setMembers(List.of(first, second));
            if (version >= 2)
                value.setCurrentStateTimestamp(1700000000001L);
            show("group_metadata_" + version, 2, new GroupMetadataKey().setGroup("g-1"), version, value);
        }
        show("group_metadata_empty", 2, new GroupMetadataKey().setGroup("g-1"), 3,
            new GroupMetadataValue().setProtocolType("consumer").setGeneration(13).setProtocol(null).setLeader(null)
                .setCurrentStateTimestamp(1700000000002L).setMembers(List.of()));
    }

    static void consumers() {
        show("consumer_group_metadata", 3, new ConsumerGroupMetadataKey().setGroupId("g-2"), 0,
            new ConsumerGroupMetadataValue().setEpoch(3).setMetadataHash(-2L));
        show("consumer_group_member", 5,
            new ConsumerGroupMemberMetadataKey().setGroupId("g-2").setMemberId("m-1"), 0,
            new ConsumerGroupMemberMetadataValue().setInstanceId("i-1").setRackId(null).setClientId("app")
                .setClientHost("/127.0.0.1").setSubscribedTopicNames(List.of("a", "b")).setSubscribedTopicRegex("a.*")
                .setRebalanceTimeoutMs(60000).setServerAssignor("uniform")
                .setClassicMemberMetadata(new ConsumerGroupMemberMetadataValue.ClassicMemberMetadata()
                    .setSessionTimeoutMs(45000).setSupportedProtocols(List.of(
                        new ConsumerGroupMemberMetadataValue.ClassicProtocol().setName("range")
                            .setMetadata(new byte[] {9})))));
        show("consumer_group_target", 6, new ConsumerGroupTargetAssignmentMetadataKey().setGroupId("g-2"), 0,
            new ConsumerGroupTargetAssignmentMetadataValue().setAssignmentEpoch(3)
                .setAssignmentTimestamp(1700000000003L));
        show("consumer_group_target_member", 7,
            new ConsumerGroupTargetAssignmentMemberKey().setGroupId("g-2").setMemberId("m-1"), 0,
            new ConsumerGroupTargetAssignmentMemberValue().setTopicPartitions(List.of(
                new ConsumerGroupTargetAssignmentMemberValue.TopicPartition().setTopicId(topic())
                    .setPartitions(List.of(0, 1, 300)))));
        show("consumer_group_current", 8,
            new ConsumerGroupCurrentMemberAssignmentKey().setGroupId("g-2").setMemberId("m-1"), 0,
            new ConsumerGroupCurrentMemberAssignmentValue().setMemberEpoch(3).setPreviousMemberEpoch(2)
                .setState((byte) 1)
                .setAssignedPartitions(List.of(new ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions()
                    .setTopicId(topic()).setPartitions(List.of(0, 1)).setAssignmentEpochs(List.of(3, 2))))
                .setPartitionsPendingRevocation(List.of(new ConsumerGroupCurrentMemberAssignmentValue
                    .TopicPartitions().setTopicId(topic()).setPartitions(List.of(300)))));
        show("consumer_group_regex", 16,
            new ConsumerGroupRegularExpressionKey().setGroupId("g-2").setRegularExpression("a.*"), 0,
            new ConsumerGroupRegularExpressionValue().setTopics(List.of("a", "ab")).setVersion(17L)
                .setTimestamp(1700000000004L));
    }

    public static void main(String[] words) {
        offsets();
        groups();
        consumers();
    }
}
