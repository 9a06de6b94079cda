/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "launch/option_table.h"

enum { HELP_COLUMN = 23, HELP_WIDTH = 80 };

static const char head[] =
	"usage: syncbn-run [options] [--] program args...\n"
	"\n"
	"Starts one process (rank) of the program on each NUMA domain of this machine,\n"
	"bound to its cores and memory, and ends all of them when one fails.\n";

static const char tail[] =
	"\n"
	"Each option is also a variable (SYNCBN_RUN_PER_DOMAIN=2) and a key in a file\n"
	"(per-domain = 2); the command line counts most, the file least.\n"
	"Ranks find RANK, LOCAL_RANK, WORLD_SIZE, LOCAL_WORLD_SIZE, GROUP_RANK, RANK_ID,\n"
	"RANK_SIZE, MS_WORKER_NUM, and unless set: MASTER_ADDR, MASTER_PORT and\n"
	"OMP_NUM_THREADS (the rank's cores); where ranks share CPUs OMP_WAIT_POLICY.\n"
	"Exit codes: 0, or the first failing rank's: its own, 128+N for signal N, 1 when\n"
	"it left the run early; 2 usage; 126 cannot be executed; 127 not found; 1 other.\n";

/* Writes text in lines that begin at the help's column; the first one stands at `column` now. */
static void
write_wrapped(const char *text, int column, FILE *out)
{
	fprintf(out, "%*s", HELP_COLUMN - column, "");
	column = HELP_COLUMN;
	while (*text != '\0') {
		int length = (int)strcspn(text, " ");

		if (column > HELP_COLUMN && column + 1 + length > HELP_WIDTH) {
			fprintf(out, "\n%*s", HELP_COLUMN, "");
			column = HELP_COLUMN;
		}
		column += fprintf(out, "%s%.*s", column > HELP_COLUMN ? " " : "", length, text);
		text += length;
		text += *text == ' ';
	}
	fputc('\n', out);
}

void
sbn_option_help(FILE *out)
{
	fputs(head, out);
	for (size_t i = 0; i < SBN_N_OPTIONS; i++) {
		const struct sbn_option *option = &sbn_option_table[i];
		int column;

		if (option->help == NULL)
			continue;
		if (option->section != NULL)
			fprintf(out, "\n%s\n", option->section);
		column = fprintf(out, "  %s%s%s", option->name, option->value != NULL ? " " : "",
				 option->value != NULL ? option->value : "");
		write_wrapped(option->help, column, out);
	}
	fputs(tail, out);
}
