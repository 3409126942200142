/* completion_lists.h -- configs and errors that a shell completes, from the tables of the broker.
 *
 * Four lists: `errors`; `topic`, what a topic says itself; `cluster`, what of a broker can be
 * altered while it runs; `node`, what a broker can be started with. Configs without an effect are
 * left out. */
#ifndef SKIFF_COMPLETION_LISTS_H
#define SKIFF_COMPLETION_LISTS_H

/* Which list a verb's KEY and KEY=VALUE are of. */
const char *completion_list_of(const char *verb);

/* An assignment for each list, in the words of bash and zsh alike: NAME, or NAME=choice,choice. */
void completion_lists_print(void);

#endif
