/* verb_explain.c -- skiff explain: what an error of Kafka means, whether to ask again, what to do.
 *
 * An error is named by its number, or by its name as the protocol, a log or a client writes it:
 * NOT_LEADER_OR_FOLLOWER, not-leader-or-follower, NotLeaderOrFollowerException. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "error_texts.h"
#include "output.h"
#include "say.h"
#include "verbs.h"

enum { NAME_MAX_SIZE = 80 };

/* Letters alone, all small, without an `exception` at the end. */
static void plain_name(const char *word, char out[NAME_MAX_SIZE])
{
    static const char tail[] = "exception";
    size_t size = 0;
    for (; *word && size < NAME_MAX_SIZE - 1; word++)
        if (isalnum((unsigned char)*word))
            out[size++] = (char)tolower((unsigned char)*word);
    out[size] = 0;
    size_t cut = sizeof tail - 1;
    if (size > cut && strcmp(out + size - cut, tail) == 0)
        out[size - cut] = 0;
}

static const struct error_text *find_error(const char *word)
{
    char given[NAME_MAX_SIZE], name[NAME_MAX_SIZE];
    int64_t code;
    bool is_number = parse_int(word, INT16_MIN, INT16_MAX, &code);
    plain_name(word, given);
    for (uint32_t i = 0; i < error_text_count; i++) {
        plain_name(err_name(error_texts[i].err), name);
        if (is_number ? error_texts[i].err == (enum err)code : strcmp(name, given) == 0)
            return &error_texts[i];
    }
    return NULL;
}

static json_t *error_json(const struct error_text *text)
{
    return json_pack("{si ss sb ss ss?}", "code", (int)text->err, "name", err_name(text->err),
                     "retriable", text->retriable, "meaning", text->meaning, "advice",
                     text->advice);
}

static void print_error(const struct error_text *text)
{
    printf("%d %s%s\n  %s\n  %s\n", (int)text->err, err_name(text->err),
           text->retriable ? ", clients ask again" : "", text->meaning,
           text->advice ? text->advice : "This broker does not send it.");
}

static void list_errors(void)
{
    static const char *const heads[] = {"CODE", "NAME", "CLIENTS", "MEANING"};
    struct table *table = table_open(4, heads);
    for (uint32_t i = 0; i < error_text_count; i++) {
        const struct error_text *text = &error_texts[i];
        table_cell(table, "%d", (int)text->err);
        table_cell(table, "%s", err_name(text->err));
        table_cell(table, "%s", text->retriable ? "ask again" : "-");
        table_cell(table, "%s", text->meaning);
    }
    table_print_close(table);
}

int run_explain(struct call *call)
{
    json_t *list = call->json ? json_array() : NULL;
    int code = EXIT_DONE;
    for (uint32_t i = 0; i < call->argument_count; i++) {
        const struct error_text *text = find_error(call->arguments[i]);
        if (!text)
            code = say_error(EXIT_NOT_FOUND, "Kafka has no error `%s` (see: skiff explain)",
                             call->arguments[i]);
        else if (list)
            json_array_append_new(list, error_json(text));
        else
            print_error(text);
    }
    for (uint32_t i = 0; list && call->argument_count == 0 && i < error_text_count; i++)
        json_array_append_new(list, error_json(&error_texts[i]));
    if (list)
        print_json(list);
    else if (call->argument_count == 0)
        list_errors();
    return code;
}
