// Golden.java -- prints requests and replies as kafka-clients' own classes read and write them.
//
//     java -cp 'JARS/*' golden/Golden.java KEY:FIRST-LAST...
//
// golden/make.py runs it. A line is: key, version, "request" or "response", and then either
// "names" and the fields in wire order, those of a struct in brackets, tagged ones with their tag;
// or "full" or "bare" and a body in hex. Full: no value is its default, nothing is null, an array
// has two elements, all tags are there. Bare: what may be null is, arrays are empty, no tag is
// there. Each body was read by the message's class and came out the same. A version that
// this kafka-clients does not have is left out.
import java.nio.ByteBuffer;
import java.util.*;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.protocol.*;
import org.apache.kafka.common.protocol.types.*;

class Golden {
    static Random random;

    static byte[] bytes(int size) {
        byte[] bytes = new byte[size];
        random.nextBytes(bytes);
        return bytes;
    }

    // It has moved between the two versions of kafka-clients.
    static Object records(byte[] bytes) {
        for (String place : new String[] {"record", "record.internal"})
            try {
                return Class.forName("org.apache.kafka.common." + place + ".MemoryRecords")
                    .getMethod("readableRecords", ByteBuffer.class).invoke(null, ByteBuffer.wrap(bytes));
            } catch (ReflectiveOperationException elsewhere) {
                continue;
            }
        throw new IllegalStateException("no MemoryRecords");
    }

    // The older one does not tell by itself.
    @SuppressWarnings("unchecked")
    static Map<Integer, Field> tags(TaggedFields tagged) {
        try {
            java.lang.reflect.Field fields = TaggedFields.class.getDeclaredField("fields");
            fields.setAccessible(true);
            return new TreeMap<>((Map<Integer, Field>) fields.get(tagged));
        } catch (ReflectiveOperationException other) {
            throw new IllegalStateException(other);
        }
    }

    static Object full(Type type) {
        if (type.isArray()) {
            Type element = type.arrayElementType().get();
            return new Object[] {full(element), full(element)};
        }
        if (type instanceof Schema schema)
            return struct(schema, true);
        String name = type.toString().replace("COMPACT_", "").replace("NULLABLE_", "");
        switch (name) {
            case "BOOLEAN": return true;
            case "INT8": return (byte) (1 + random.nextInt(100));
            case "INT16": return (short) (1000 + random.nextInt(30000));
            case "UINT16": return 1000 + random.nextInt(60000);
            case "INT32": return 100000 + random.nextInt(1 << 30);
            case "UINT32": return (1L << 31) + random.nextInt(1 << 30);
            case "INT64": return (1L << 40) + random.nextInt(1 << 30);
            case "FLOAT64": return 1 + random.nextDouble();
            case "UUID": return new Uuid(random.nextLong(), random.nextLong());
            case "STRING": return "s" + random.nextInt(1000) + "é";
            case "BYTES": return ByteBuffer.wrap(bytes(1 + random.nextInt(9)));
            case "RECORDS": return records(bytes(1 + random.nextInt(9)));
            default: throw new IllegalArgumentException(name);
        }
    }

    static Object bare(Type type) {
        if (type.isNullable())
            return null;
        if (type.isArray())
            return new Object[0];
        if (type instanceof Schema schema)
            return struct(schema, false);
        switch (type.toString().replace("COMPACT_", "")) {
            case "BOOLEAN": return false;
            case "INT8": return Byte.MIN_VALUE;
            case "INT16": return Short.MIN_VALUE;
            case "UINT16": return 65535;
            case "INT32": return Integer.MIN_VALUE;
            case "UINT32": return (1L << 32) - 1;
            case "INT64": return Long.MIN_VALUE;
            case "FLOAT64": return -0.5;
            case "UUID": return Uuid.ZERO_UUID;
            case "STRING": return "";
            case "BYTES": return ByteBuffer.allocate(0);
            case "RECORDS": return records(new byte[0]);
            default: throw new IllegalArgumentException(type.toString());
        }
    }

    static Struct struct(Schema schema, boolean isFull) {
        Struct struct = new Struct(schema);
        for (BoundField field : schema.fields()) {
            if (field.def.type instanceof TaggedFields tagged) {
                NavigableMap<Integer, Object> values = new TreeMap<>();
                if (isFull)
                    tags(tagged).forEach((tag, of) -> values.put(tag, full(of.type)));
                struct.set(field, values);
            } else {
                struct.set(field, isFull ? full(field.def.type) : bare(field.def.type));
            }
        }
        return struct;
    }

    static void names(Type type, StringBuilder out) {
        if (type.isArray())
            type = type.arrayElementType().get();
        if (!(type instanceof Schema schema))
            return;
        out.append(" [");
        for (BoundField field : schema.fields()) {
            if (field.def.type instanceof TaggedFields tagged) {
                for (Map.Entry<Integer, Field> entry : tags(tagged).entrySet()) {
                    out.append(" ").append(entry.getKey()).append(":").append(entry.getValue().name);
                    names(entry.getValue().type, out);
                }
            } else {
                out.append(" ").append(field.def.name);
                names(field.def.type, out);
            }
        }
        out.append(" ]");
    }

    static String hex(ByteBuffer body) {
        StringBuilder out = new StringBuilder();
        while (body.hasRemaining())
            out.append(String.format("%02x", body.get()));
        return out.toString();
    }

    static String body(Schema schema, ApiMessage message, short version, boolean isFull) {
        Struct struct = struct(schema, isFull);
        ByteBuffer buffer = ByteBuffer.allocate(struct.sizeOf());
        struct.writeTo(buffer);
        buffer.flip();
        message.read(new ByteBufferAccessor(buffer.duplicate()), version);
        String text = hex(buffer);
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer written = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(written), cache, version);
        written.flip();
        String again = hex(written);
        if (!again.equals(text))
            throw new IllegalStateException(message.getClass() + " v" + version + " comes out changed");
        return text;
    }

    static void show(ApiMessageType api, short version, String direction, Schema schema) {
        boolean isRequest = direction.equals("request");
        String head = api.apiKey() + " " + version + " " + direction + " ";
        StringBuilder names = new StringBuilder();
        random = new Random(api.apiKey() * 1000 + version * 2 + (isRequest ? 1 : 0));
        names(schema, names);
        System.out.println(head + "names" + names);
        for (boolean isFull : new boolean[] {true, false}) {
            ApiMessage message = isRequest ? api.newRequest() : api.newResponse();
            System.out.println(head + (isFull ? "full " : "bare ") + body(schema, message, version, isFull));
        }
    }

    public static void main(String[] words) {
        for (String word : words) {
            String[] parts = word.split("[:-]");
            ApiMessageType api = ApiMessageType.fromApiKey(Short.parseShort(parts[0]));
            int first = Math.max(Integer.parseInt(parts[1]), api.lowestSupportedVersion());
            int last = Math.min(Integer.parseInt(parts[2]), api.highestSupportedVersion(true));
            for (int version = first; version <= last; version++) {
                show(api, (short) version, "request", api.requestSchemas()[version]);
                show(api, (short) version, "response", api.responseSchemas()[version]);
            }
        }
    }
}
