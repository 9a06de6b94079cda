/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor's passes for one width of registers. To be defined before: TARGET, NAME(x), VECTOR,
 * LOAD(p), MIX(a, b), ZERO, STREAM(p, v), STORE(p, v). Undefined afterwards.
 */

enum { NAME(width) = sizeof(VECTOR), NAME(regs) = LINE / sizeof(VECTOR) };

/* One stream in, one out. */
TARGET static void
NAME(copy_1)(const char *in, char *out, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += LINE) {
		FETCH(in + at);
		for (int r = 0; r < NAME(regs); r++)
			STREAM(out + at + r * NAME(width), LOAD(in + at + r * NAME(width)));
	}
}

TARGET static void
NAME(copy_2)(const char *a, const char *b, char *out, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += LINE) {
		FETCH(a + at);
		FETCH(b + at);
		for (int r = 0; r < NAME(regs); r++) {
			size_t here = at + (size_t)r * NAME(width);

			STREAM(out + here, MIX(LOAD(a + here), LOAD(b + here)));
		}
	}
}

TARGET static void
NAME(copy_3)(const char *const *in, char *out, char *second, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += LINE) {
		for (int i = 0; i < PERF_BN_STREAMS; i++)
			FETCH(in[i] + at);
		for (int r = 0; r < NAME(regs); r++) {
			size_t here = at + (size_t)r * NAME(width);
			VECTOR sum = MIX(LOAD(in[0] + here), LOAD(in[1] + here));

			STREAM(out + here, MIX(sum, LOAD(in[2] + here)));
			STREAM(second + here, sum);
		}
	}
}

/* Several sums, so that no load waits for another. */
TARGET static uint64_t
NAME(read_1)(const char *in, size_t bytes)
{
	VECTOR sum[NAME(regs)];
	char folded[sizeof(VECTOR)];
	uint64_t word;

	for (int r = 0; r < NAME(regs); r++)
		sum[r] = ZERO;
	for (size_t at = 0; at < bytes; at += LINE)
		for (int r = 0; r < NAME(regs); r++)
			sum[r] = MIX(sum[r], LOAD(in + at + r * NAME(width)));
	for (int r = 1; r < NAME(regs); r++)
		sum[0] = MIX(sum[0], sum[r]);
	STORE(folded, sum[0]);
	memcpy(&word, folded, sizeof(word));
	return word;
}

static const struct passes NAME(passes) = { NAME(copy_1), NAME(copy_2), NAME(copy_3),
					    NAME(read_1) };

#undef TARGET
#undef NAME
#undef VECTOR
#undef LOAD
#undef MIX
#undef ZERO
#undef STREAM
#undef STORE
