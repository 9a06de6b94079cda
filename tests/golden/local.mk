# SPDX-License-Identifier: Apache-2.0
# Recorded cases and what replays them.
check_PROGRAMS += tests/golden/replay

tests_golden_replay_SOURCES = \
	tests/golden/board.c \
	tests/golden/board.h \
	tests/golden/case.h \
	tests/golden/case_arrays.c \
	tests/golden/case_text.c \
	tests/golden/elements.c \
	tests/golden/elements.h \
	tests/golden/judge.c \
	tests/golden/judge.h \
	tests/golden/options.c \
	tests/golden/options.h \
	tests/golden/play.c \
	tests/golden/play.h \
	tests/golden/rank.c \
	tests/golden/rank.h \
	tests/golden/replay.c \
	tests/golden/run.c \
	tests/golden/run.h \
	tests/golden/sets.c \
	tests/golden/sets.h

shell_tests += \
	tests/golden/replay.sh
slow_tests += \
	tests/golden/every.sh \
	tests/golden/fresh.sh

# the cases are a folder of some thousand files
EXTRA_DIST += \
	tests/golden/README.md \
	tests/golden/cases \
	tests/golden/catalogue.py \
	tests/golden/generate.py \
	tests/golden/reference.py
