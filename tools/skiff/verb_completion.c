/* verb_completion.c -- skiff completion bash, zsh: the verbs' table as a script for a shell.
 *
 * A script holds verbs, flags and what stands for what; names of topics and groups it asks the
 * cluster for, at most a second long, when the user wants them. Whoever reaches the cluster chooses
 * those names: a script never lets its shell read them, and offers them quoted.
 *
 * What a word of the table stands for is its kind: `topics`, `groups`, `files`, `folders`,
 * `commands`, `keys-of-topic` and `settings-of-topic` and their like (completion_lists.h), `=a,b`
 * (one of these) or `-`, which is anything. */
#include <stdio.h>
#include <string.h>

#include "completion_lists.h"
#include "say.h"
#include "verbs.h"

enum { KIND_MAX = 64 };

/* ---- What a word of the table stands for. */

/* "N|controller|leader:T/P" -> "=controller,leader:"; placeholders are upper case. */
static void kind_of_choices(const char *word, size_t size, char kind[KIND_MAX])
{
    size_t used = 0;
    for (size_t at = 0; at < size;) {
        size_t length = strcspn(word + at, "|");
        length = length < size - at ? length : size - at;
        size_t literal = strcspn(word + at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ|]");
        literal = literal < length ? literal : length;
        if (literal > 0 && used + literal + 2 < KIND_MAX)
            used += (size_t)snprintf(kind + used, KIND_MAX - used, "%s%.*s", used ? "," : "=",
                                     (int)literal, word + at);
        at += length + 1;
    }
    if (used == 0)
        snprintf(kind, KIND_MAX, "-");
}

static bool kind_of_config(const struct verb *verb, const char *word, size_t size,
                           char kind[KIND_MAX])
{
    if (strncmp(word, "KEY", 3) != 0)
        return false;
    bool is_setting = size > 3 && word[3] == '=';
    snprintf(kind, KIND_MAX, "%s-of-%s", is_setting ? "settings" : "keys",
             completion_list_of(verb->name));
    return true;
}

static void kind_of(const struct verb *verb, const char *word, size_t size, char kind[KIND_MAX])
{
    static const char *const kinds[][2] = {{"TOPIC", "topics"}, {"GROUP", "groups"},
                                           {"FILE", "files"},   {"DIR", "folders"},
                                           {"CMD", "commands"}, {"ERROR", "keys-of-errors"}};
    size_t bracket = size > 0 && word[0] == '[';
    word += bracket;
    size -= bracket;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strncmp(word, kinds[i][0], strlen(kinds[i][0])) == 0) {
            snprintf(kind, KIND_MAX, "%s", kinds[i][1]);
            return;
        }
    if (kind_of_config(verb, word, size, kind))
        return;
    if (memchr(word, '|', size))
        kind_of_choices(word, size, kind);
    else
        snprintf(kind, KIND_MAX, "-");
}

/* The next word of a verb's arguments, or false. */
static bool next_argument(const struct verb *verb, const char **arguments, char kind[KIND_MAX],
                          bool *repeats)
{
    size_t size;
    do {
        *arguments += strspn(*arguments, " ");
        size = strcspn(*arguments, " ");
        if (size == 0)
            return false;
        kind_of(verb, *arguments, size, kind);
        *repeats = size >= 3 && strstr(*arguments, "...") && !strchr(*arguments, ' ');
        *arguments += size;
    } while (strncmp(*arguments - size, "[--]", size) == 0);
    return true;
}

/* ---- What both shells are told. */

static bool has_second_word(const struct verb *verb)
{
    return strchr(verb->name, ' ') != NULL;
}

static size_t first_word_size(const struct verb *verb)
{
    return strcspn(verb->name, " ");
}

/* The first row of those that begin with this row's first word. */
static bool is_first_of_group(uint32_t index)
{
    size_t size = first_word_size(&verbs[index]);
    return index == 0 || first_word_size(&verbs[index - 1]) != size ||
           strncmp(verbs[index - 1].name, verbs[index].name, size) != 0;
}

static bool is_in_group(const struct verb *verb, const struct verb *of)
{
    size_t size = first_word_size(of);
    return first_word_size(verb) == size && strncmp(verb->name, of->name, size) == 0;
}

/* 'topic ls'|'topic list') or 'up'\ *) */
static void print_pattern(const struct verb *verb)
{
    const char *second = strchr(verb->name, ' ');
    printf("    '%s'%s", verb->name, second ? "" : "\\ *");
    for (uint32_t i = 0; second && i < verb_alias_count; i++)
        if (strcmp(second + 1, verb_aliases[i].stands_for) == 0)
            printf("|'%.*s %s'", (int)(second - verb->name), verb->name, verb_aliases[i].word);
    printf(")\n");
}

/* ---- bash */

static void bash_flag(const struct flag *flag)
{
    if (flag->letter)
        printf("-%c ", flag->letter);
    printf("--%s ", flag->name);
}

static void bash_value(const struct verb *verb, const struct flag *flag)
{
    char kind[KIND_MAX];
    if (!flag->value)
        return;
    kind_of(verb, flag->value, strlen(flag->value), kind);
    if (flag->letter)
        printf("-%c:%s ", flag->letter, kind);
    printf("--%s:%s ", flag->name, kind);
}

static void bash_verb(const struct verb *verb)
{
    const char *arguments = verb->arguments;
    char kind[KIND_MAX];
    bool repeats = false;
    const struct flag *flag;
    print_pattern(verb);
    printf("        flags='");
    for (uint32_t i = 0; (flag = verb_flag(verb, i)); i++)
        bash_flag(flag);
    printf("'\n        values=' ");
    for (uint32_t i = 0; (flag = verb_flag(verb, i)); i++)
        bash_value(verb, flag);
    printf("'\n        kinds=(");
    while (next_argument(verb, &arguments, kind, &repeats))
        printf("'%s' ", kind);
    printf(") repeats=%d first=%d ;;\n", repeats, has_second_word(verb) ? 3 : 2);
}

static void bash_groups(void)
{
    printf("        case ${words[1]} in\n");
    for (uint32_t i = 0; i < verb_count; i++) {
        if (!has_second_word(&verbs[i]) || !is_first_of_group(i))
            continue;
        printf("        %.*s) flags='", (int)first_word_size(&verbs[i]), verbs[i].name);
        for (uint32_t j = i; j < verb_count; j++)
            if (is_in_group(&verbs[j], &verbs[i]))
                printf("%s ", strchr(verbs[j].name, ' ') + 1);
        printf("' ;;\n");
    }
    printf("        esac\n");
}

static const char bash_asking[] =
    "_skiff_names()\n"
    "{\n"
    "    local i where=()\n"
    "    for ((i = 1; i < ${#words[@]} - 1; i++)); do\n"
    "        case ${words[i]} in -b|--brokers|--dir) where=(\"${words[@]:i:2}\") ;; esac\n"
    "    done\n"
    "    \"${words[0]}\" \"$1\" ls --null \"${where[@]}\" --timeout 1s 2>/dev/null\n"
    "}\n"
    "\n"
    "# Names that others chose: no shell reads them. They come quoted; a word that begins with a\n"
    "# quote goes on within it, so only with names that mean nothing there.\n"
    "_skiff_offer_names()\n"
    "{\n"
    "    local name quote= typed=$2\n"
    "    case $typed in [\\'\\\"]*) quote=${typed:0:1} typed=${typed:1} ;; esac\n"
    "    while IFS= read -r -d '' name; do\n"
    "        [[ $quote ]] || printf -v name %q \"$name\"\n"
    "        [[ $quote && $name == *[!A-Za-z0-9\\ ._:=@/-]* ]] && continue\n"
    "        [[ $name == \"$typed\"* ]] && COMPREPLY+=(\"$name\")\n"
    "    done < <(_skiff_names \"$1\")\n"
    "}\n"
    "\n"
    "_skiff_settings()\n"
    "{\n"
    "    local name=_skiff_list_$1 one key=${2%%=*} choices=\n"
    "    if [[ $2 != *=* ]]; then\n"
    "        compopt -o nospace 2>/dev/null\n"
    "        COMPREPLY=($(for one in ${!name}; do printf '%s=\\n' \"${one%%=*}\"; done))\n"
    "    else\n"
    "        for one in ${!name}; do [[ $one == \"$key=\"* ]] && choices=${one#*=}; done\n"
    "        COMPREPLY=($(for one in ${choices//,/ }; do printf '%s=%s\\n' \"$key\" \"$one\"; "
    "done))\n"
    "    fi\n"
    "    COMPREPLY=($(compgen -W \"${COMPREPLY[*]}\" -- \"$2\"))\n"
    "}\n"
    "\n"
    "_skiff_keys()\n"
    "{\n"
    "    local name=_skiff_list_$1 one\n"
    "    COMPREPLY=($(compgen -W \"$(for one in ${!name}; do printf '%s\\n' \"${one%%=*}\"; "
    "done)\" -- \"$2\"))\n"
    "}\n"
    "\n"
    "_skiff_offer()\n"
    "{\n"
    "    local word=$2\n"
    "    case $1 in\n"
    "    topics) _skiff_offer_names topic \"$word\" ;;\n"
    "    groups) _skiff_offer_names group \"$word\" ;;\n"
    "    files) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n"
    "    folders) COMPREPLY=($(compgen -d -- \"$word\")) ;;\n"
    "    commands) COMPREPLY=($(compgen -c -- \"$word\")) ;;\n"
    "    keys-of-*|settings-of-*) \"_skiff_${1%%-*}\" \"${1##*-}\" \"$word\" ;;\n"
    "    =*) COMPREPLY=($(compgen -W \"$(printf '%s' \"${1#=}\" | tr , ' ')\" -- \"$word\")) ;;\n"
    "    esac\n"
    "}\n"
    "\n"
    "# The words up to the cursor. bash cuts them at = and :, which are parts of words here.\n"
    "_skiff_words()\n"
    "{\n"
    "    local i one blanks rest=${COMP_LINE-}\n"
    "    words=(\"${COMP_WORDS[@]:0:COMP_CWORD + 1}\")\n"
    "    [[ $rest ]] || return\n"
    "    words=()\n"
    "    rest=${rest:0:COMP_POINT}\n"
    "    for ((i = 0; i <= COMP_CWORD; i++)); do\n"
    "        one=${COMP_WORDS[i]}\n"
    "        blanks=$rest\n"
    "        [[ $one ]] && blanks=${rest%%\"$one\"*}\n"
    "        rest=${rest#\"$blanks$one\"}\n"
    "        if [[ $blanks ]] || ((i == 0)); then\n"
    "            words+=(\"$one\")\n"
    "        else\n"
    "            words[${#words[@]}-1]+=$one\n"
    "        fi\n"
    "    done\n"
    "}\n"
    "\n"
    "_skiff()\n"
    "{\n"
    "    local words=() word raw=${COMP_WORDS[COMP_CWORD]} last flags= values= kinds=() repeats=0\n"
    "    local first=2 i at=0 kind before=\n"
    "    COMPREPLY=()\n"
    "    _skiff_words\n"
    "    last=$((${#words[@]} - 1))\n"
    "    word=${words[last]}\n";

static const char bash_choosing[] =
    "    if ((last < first)); then\n"
    "        COMPREPLY=($(compgen -W \"$flags\" -- \"$word\"))\n"
    "        return\n"
    "    fi\n"
    "    kind=\" ${words[last-1]}:\"\n"
    "    if [[ $word == --*=* ]]; then\n"
    "        kind=\" ${word%%=*}:\"\n"
    "        before=${word%%=*}=\n"
    "    fi\n"
    "    if [[ $values == *\"$kind\"* ]]; then\n"
    "        kind=${values#*\"$kind\"}\n"
    "        _skiff_offer \"${kind%% *}\" \"${word#\"$before\"}\"\n"
    "    elif [[ $word == -* ]]; then\n"
    "        COMPREPLY=($(compgen -W \"$flags\" -- \"$word\"))\n"
    "    else\n"
    "        for ((i = first; i < last; i++)); do\n"
    "            if [[ $values == *\" ${words[i]}:\"* ]]; then\n"
    "                ((i++))\n"
    "            elif [[ ${words[i]} != -* ]]; then\n"
    "                ((at++))\n"
    "            fi\n"
    "        done\n"
    "        if ((at >= ${#kinds[@]} && repeats)); then\n"
    "            at=$((${#kinds[@]} - 1))\n"
    "        fi\n"
    "        _skiff_offer \"${kinds[at]:--}\" \"$word\"\n"
    "    fi\n"
    "    # bash puts each in the place of what follows the last = or : alone.\n"
    "    [[ $raw == [=:] ]] && raw=\n"
    "    word=${word%\"$raw\"}\n"
    "    COMPREPLY=(\"${COMPREPLY[@]/#/\"$before\"}\")\n"
    "    COMPREPLY=(\"${COMPREPLY[@]#\"$word\"}\")\n"
    "}\n"
    "\n"
    "complete -o default -F _skiff skiff\n";

static void print_bash(void)
{
    printf("# bash completion of skiff: source <(skiff completion bash)\n");
    completion_lists_print();
    printf("%s", bash_asking);
    printf("    if ((last == 1)); then\n        flags='");
    for (uint32_t i = 0; i < verb_count; i++)
        if (is_first_of_group(i))
            printf("%.*s ", (int)first_word_size(&verbs[i]), verbs[i].name);
    printf("--help --version'\n    elif ((last == 2)); then\n        first=3\n");
    bash_groups();
    printf("        [[ $flags ]] || first=2\n    fi\n"
           "    ((last < first)) || case \"${words[1]} ${words[2]}\" in\n");
    for (uint32_t i = 0; i < verb_count; i++)
        bash_verb(&verbs[i]);
    printf("    esac\n");
    printf("%s", bash_choosing);
}

/* ---- zsh */

/* Within single quotes, in a specification of _arguments or _describe. */
static void zsh_text(const char *text)
{
    for (const char *c = text; *c && *c != '\n'; c++) {
        if (*c == '\'')
            printf("'\\''");
        else if (strchr(":[]\\", *c))
            printf("\\%c", *c);
        else
            putchar(*c);
    }
}

static void zsh_action(const char *kind)
{
    if (kind[0] == '=') {
        putchar('(');
        for (const char *c = kind + 1; *c; c++)
            printf("%s%c", *c == ':' ? "\\" : "", *c == ',' ? ' ' : *c);
        putchar(')');
    } else if (strcmp(kind, "topics") == 0 || strcmp(kind, "groups") == 0) {
        printf("_skiff_%s", kind);
    } else if (strncmp(kind, "keys-of-", 8) == 0) { /* The blank keeps _arguments' words out. */
        printf(" _skiff_keys %s", kind + 8);
    } else if (strncmp(kind, "settings-of-", 12) == 0) {
        printf(" _skiff_settings %s", kind + 12);
    } else if (strcmp(kind, "files") == 0) {
        printf("_files");
    } else if (strcmp(kind, "folders") == 0) {
        printf("_files -/");
    } else if (strcmp(kind, "commands") == 0) {
        printf("_command_names -e");
    }
}

static void zsh_flag(const struct verb *verb, const struct flag *flag)
{
    char kind[KIND_MAX];
    printf(" \\\n            '*'");
    if (flag->letter)
        printf("{-%c,--%s}", flag->letter, flag->name);
    else
        printf("--%s", flag->name);
    printf("'[");
    zsh_text(flag->help);
    putchar(']');
    if (flag->value) {
        kind_of(verb, flag->value, strlen(flag->value), kind);
        putchar(':');
        zsh_text(flag->value);
        putchar(':');
        zsh_action(kind);
    }
    putchar('\'');
}

static void zsh_verb(const struct verb *verb)
{
    const char *arguments = verb->arguments;
    char kind[KIND_MAX];
    bool repeats = false;
    const struct flag *flag;
    print_pattern(verb);
    printf("        %sshift words; ((CURRENT--))\n        _arguments -S",
           has_second_word(verb) ? "shift words; ((CURRENT--)); " : "");
    for (uint32_t i = 0; (flag = verb_flag(verb, i)); i++)
        zsh_flag(verb, flag);
    while (next_argument(verb, &arguments, kind, &repeats)) {
        printf(" \\\n            '%s:", repeats ? "*" : "");
        zsh_text(strcmp(kind, "-") == 0 || kind[0] == '=' ? "argument" : kind);
        putchar(':');
        zsh_action(kind);
        putchar('\'');
    }
    printf(" ;;\n");
}

static void zsh_choice(const char *name, int size, const char *summary)
{
    printf(" \\\n            '%.*s:", size, name);
    zsh_text(summary);
    putchar('\'');
}

static void zsh_groups(void)
{
    for (uint32_t i = 0; i < verb_count; i++) {
        if (!has_second_word(&verbs[i]) || !is_first_of_group(i))
            continue;
        printf("        %.*s) choices=(", (int)first_word_size(&verbs[i]), verbs[i].name);
        for (uint32_t j = i; j < verb_count; j++)
            if (is_in_group(&verbs[j], &verbs[i])) {
                const char *second = strchr(verbs[j].name, ' ') + 1;
                zsh_choice(second, (int)strlen(second), verbs[j].summary);
            }
        printf(") ;;\n");
    }
}

static const char zsh_asking[] =
    "_skiff_names()\n"
    "{\n"
    "    local -a where names\n"
    "    local i=${words[(I)(-b|--brokers|--dir)]}\n"
    "    ((i > 0 && i < CURRENT - 1)) && where=(\"${words[i]}\" \"${words[i+1]}\")\n"
    "    names=(${(0)\"$(skiff $1 ls --null $where --timeout 1s 2>/dev/null)\"})\n"
    "    compadd -a names\n"
    "}\n"
    "_skiff_settings()\n"
    "{\n"
    "    local name=_skiff_list_$1 key\n"
    "    local -a all found\n"
    "    all=(${=${(P)name}})\n"
    "    if compset -P 1 '*='; then\n"
    "        key=${IPREFIX%=}\n"
    "        found=(${(M)all:#${key##*=}=*})\n"
    "        found=(${(s:,:)${found[1]#*=}})\n"
    "        compadd -a found\n"
    "    else\n"
    "        found=(${all%%=*})\n"
    "        compadd -S = -a found\n"
    "    fi\n"
    "}\n"
    "_skiff_keys()\n"
    "{\n"
    "    local name=_skiff_list_$1\n"
    "    local -a all\n"
    "    all=(${=${(P)name}})\n"
    "    all=(${all%%=*})\n"
    "    compadd -a all\n"
    "}\n"
    "_skiff_topics() { _skiff_names topic }\n"
    "_skiff_groups() { _skiff_names group }\n\n"
    "_skiff()\n"
    "{\n"
    "    local -a choices\n"
    "    if ((CURRENT == 2)); then\n"
    "        choices=(";

static void print_zsh(void)
{
    printf("#compdef skiff\n# zsh completion of skiff: source <(skiff completion zsh), after "
           "compinit\n");
    completion_lists_print();
    printf("%s", zsh_asking);
    for (uint32_t i = 0; i < verb_count; i++)
        if (is_first_of_group(i))
            zsh_choice(verbs[i].name, (int)first_word_size(&verbs[i]),
                       has_second_word(&verbs[i]) ? "..." : verbs[i].summary);
    printf(")\n    elif ((CURRENT == 3)); then\n        case ${words[2]} in\n");
    zsh_groups();
    printf("        esac\n    fi\n    if ((${#choices})); then\n"
           "        _describe -t verbs verb choices\n        return\n    fi\n"
           "    case \"${words[2]} ${words[3]}\" in\n");
    for (uint32_t i = 0; i < verb_count; i++)
        zsh_verb(&verbs[i]);
    printf("    esac\n}\n\ncompdef _skiff skiff\n");
}

int run_completion(struct call *call)
{
    const char *shell = call->arguments[0];
    if (strcmp(shell, "bash") == 0)
        print_bash();
    else if (strcmp(shell, "zsh") == 0)
        print_zsh();
    else
        return say_error(EXIT_USAGE, "`%s`: there are completions for bash and zsh", shell);
    return EXIT_DONE;
}
