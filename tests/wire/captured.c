/* Frames between other people's programs and Apache Kafka: read, written again, the same bytes.
 *
 * A line of a file: version, "request" or "response", which program, the frame in
 * hex. capture/README.md says how they were taken. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire.h"

enum { LINE_MAX_SIZE = 20 * 1024, FRAME_MAX = LINE_MAX_SIZE / 2 };

struct captured {
    const struct wire_api *api;
    int16_t version;
    char direction[16];
    char who[32];
    uint8_t bytes[FRAME_MAX];
    uint32_t size;
};

static bool parse(const char *line, struct captured *out)
{
    int version;
    int start;
    if (sscanf(line, "%d %15s %31s %n", &version, out->direction, out->who, &start) != 3)
        return false;
    out->version = (int16_t)version;
    out->size = 0;
    unsigned byte;
    for (const char *at = line + start; sscanf(at, "%2x", &byte) == 1; at += 2)
        out->bytes[out->size++] = (uint8_t)byte;
    return true;
}

static void expect_same(const struct captured *frame, const struct wire_frame *written)
{
    struct bytes in = {frame->bytes, frame->size};
    struct bytes out = {written->head->data + WIRE_SIZE_PREFIX,
                        written->head->size - WIRE_SIZE_PREFIX};
    cr_expect(bytes_equal(in, out), "%s v%d %s of %s comes out changed", frame->api->name,
              frame->version, frame->direction, frame->who);
}

static void check_request(const struct captured *frame)
{
    struct arena arena = {0};
    struct wire_reader reader;
    wire_reader_init(&reader, (struct bytes){frame->bytes, frame->size});
    struct wire_request_header header;
    const struct wire_api *api;
    void *body = arena_alloc(&arena, frame->api->request->body->size);
    struct wire_frame written;

    cr_assert_eq(wire_request_header_read(&header, &api, &reader), ERR_NONE);
    cr_assert_eq(api, frame->api);
    cr_assert_eq(walk_read(api->request, frame->version, &reader, &arena, body), ERR_NONE,
                 "%s v%d of %s", api->name, frame->version, frame->who);
    cr_assert_eq(wire_reader_left(&reader), 0, "%s v%d of %s", api->name, frame->version,
                 frame->who);
    cr_assert_eq(wire_request_frame(&written, &header, body), ERR_NONE);
    expect_same(frame, &written);
    wire_frame_free(&written);
    arena_free(&arena);
}

static void check_response(const struct captured *frame)
{
    struct arena arena = {0};
    struct wire_reader reader;
    wire_reader_init(&reader, (struct bytes){frame->bytes, frame->size});
    int32_t correlation_id;
    int16_t version = frame->version;
    void *body = arena_alloc(&arena, frame->api->response->body->size);
    struct wire_frame written;
    /* A broker answers a version of ApiVersions that it does not know in version 0. */
    if (frame->api->key == WIRE_API_VERSIONS &&
        load_be16(frame->bytes + 4) == ERR_UNSUPPORTED_VERSION)
        version = 0;

    cr_assert_eq(wire_response_header_read(&correlation_id, frame->api, version, &reader),
                 ERR_NONE);
    cr_assert_eq(walk_read(frame->api->response, version, &reader, &arena, body), ERR_NONE,
                 "%s v%d to %s", frame->api->name, frame->version, frame->who);
    cr_assert_eq(wire_reader_left(&reader), 0, "%s v%d to %s", frame->api->name, version,
                 frame->who);
    cr_assert_eq(wire_response_frame(&written, frame->api->key, version, correlation_id, body),
                 ERR_NONE);
    expect_same(frame, &written);
    wire_frame_free(&written);
    arena_free(&arena);
}

/* Check one API's file; returns how many frames it had of `direction`. */
static int check_file(const struct wire_api *api, const char *name, const char *direction)
{
    static char line[LINE_MAX_SIZE];
    static struct captured frame;
    char path[512];
    snprintf(path, sizeof path, "%s/%s", CAPTURED_DIR, name);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    int count = 0;
    while (fgets(line, sizeof line, file)) {
        frame.api = api;
        cr_assert(parse(line, &frame), "%s: %.40s", name, line);
        if (strcmp(frame.direction, direction) != 0)
            continue;
        count++;
        if (strcmp(direction, "request") == 0)
            check_request(&frame);
        else
            check_response(&frame);
    }
    fclose(file);
    return count;
}

/* Every file, and at least one frame of `direction` in each; returns how many files. */
static int check_all(const char *direction)
{
    DIR *folder = opendir(CAPTURED_DIR);
    cr_assert_not_null(folder);
    int files = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        const struct wire_api *api = wire_api_find((int16_t)atoi(entry->d_name));
        cr_assert_not_null(api, "%s", entry->d_name);
        cr_assert_gt(check_file(api, entry->d_name, direction), 0, "%s", entry->d_name);
        files++;
    }
    closedir(folder);
    return files;
}

Test(captured, requests_come_out_byte_for_byte)
{
    cr_assert_geq(check_all("request"), CAPTURED_APIS);
}

Test(captured, responses_come_out_byte_for_byte)
{
    cr_assert_geq(check_all("response"), CAPTURED_APIS);
}
