// GoldenAssign.java -- prints what Apache Kafka's own assignors decide, for groups whose members
// all subscribe to the same topics.
//
//     java -cp 'JARS/*' GoldenAssign.java > golden_assign.txt
//
// JARS are those that tests/clients/dump brings. A case is one line: the assignor, how many
// partitions each topic has, what each member has, and what it shall have. Members are in the
// order of their names; a member's partitions are TOPIC:PARTITION, or - for none.
import java.util.*;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.coordinator.group.api.assignor.*;
import org.apache.kafka.coordinator.group.assignor.*;
import org.apache.kafka.coordinator.group.modern.*;

class GoldenAssign {
    static Uuid topic(int i) {
        return new Uuid(0, i + 1);
    }

    static String show(Map<Uuid, Set<Integer>> partitions, int topics) {
        List<String> out = new ArrayList<>();
        for (int t = 0; t < topics; t++)
            for (int p : new TreeSet<>(partitions.getOrDefault(topic(t), Set.of())))
                out.add(t + ":" + p);
        return out.isEmpty() ? "-" : String.join(",", out);
    }

    static void run(ConsumerGroupPartitionAssignor assignor, int[] counts, List<Map<Uuid, Set<Integer>>> current) {
        Map<String, MemberSubscriptionAndAssignmentImpl> members = new LinkedHashMap<>();
        Map<Uuid, Map<Integer, String>> owners = new HashMap<>();
        Set<Uuid> topics = new LinkedHashSet<>();
        for (int t = 0; t < counts.length; t++)
            topics.add(topic(t));
        for (int m = 0; m < current.size(); m++) {
            String name = String.format("m%02d", m);
            members.put(name, new MemberSubscriptionAndAssignmentImpl(Optional.empty(), Optional.empty(), topics,
                new Assignment(current.get(m))));
            current.get(m).forEach((id, partitions) -> partitions.forEach(
                p -> owners.computeIfAbsent(id, x -> new HashMap<>()).put(p, name)));
        }
        GroupAssignment done = assignor.assign(new GroupSpecImpl(members, SubscriptionType.HOMOGENEOUS, owners),
            new SubscribedTopicDescriber() {
                public int numPartitions(Uuid id) {
                    int t = (int) id.getLeastSignificantBits() - 1;
                    return t < counts.length ? counts[t] : -1;
                }
                public Set<String> racksForPartition(Uuid id, int partition) {
                    return Set.of();
                }
            });
        StringBuilder line = new StringBuilder(assignor.name());
        for (int t = 0; t < counts.length; t++)
            line.append(t == 0 ? " " : ",").append(counts[t]);
        for (int m = 0; m < current.size(); m++)
            line.append(" ").append(show(current.get(m), counts.length));
        line.append(" =");
        for (String name : members.keySet())
            line.append(" ").append(show(done.members().get(name).partitions(), counts.length));
        System.out.println(line);
    }

    // Deals a random part of the partitions to a random part of the members.
    static List<Map<Uuid, Set<Integer>>> deal(Random random, int[] counts, int members) {
        List<Map<Uuid, Set<Integer>>> current = new ArrayList<>();
        int kind = random.nextInt(4), owners = kind == 0 ? 0 : 1 + random.nextInt(members);
        for (int m = 0; m < members; m++)
            current.add(new TreeMap<>());
        for (int t = 0; t < counts.length && owners > 0; t++)
            for (int p = 0; p < counts[t]; p++)
                if (kind > 1 || random.nextInt(3) > 0)
                    current.get(random.nextInt(owners)).computeIfAbsent(topic(t), x -> new TreeSet<>()).add(p);
        return current;
    }

    public static void main(String[] words) {
        Random random = new Random(1);
        for (int i = 0; i < 120; i++) {
            int[] counts = new int[1 + random.nextInt(3)];
            for (int t = 0; t < counts.length; t++)
                counts[t] = 1 + random.nextInt(7);
            int members = 1 + random.nextInt(5);
            ConsumerGroupPartitionAssignor assignor = i % 2 == 0 ? new UniformAssignor() : new RangeAssignor();
            run(assignor, counts, deal(random, counts, members));
        }
    }
}
