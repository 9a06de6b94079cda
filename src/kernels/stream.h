/* SPDX-License-Identifier: Apache-2.0 */
/* The end of stores past the caches. */
#ifndef SBN_KERNELS_STREAM_H
#define SBN_KERNELS_STREAM_H

/*
 * What this thread's kernels have stored past the caches comes before its later stores: without
 * it a release does not cover them.
 */
static inline void
sbn_stream_end(void)
{
#ifdef SBN_HAVE_X86
	__builtin_ia32_sfence();
#endif
}

#endif
