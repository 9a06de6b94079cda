# SPDX-License-Identifier: Apache-2.0
bin_PROGRAMS += tools/syncbn-run tools/syncbn-perf

tools_syncbn_run_SOURCES = tools/syncbn-run.c
tools_syncbn_run_LDADD = libsbn_launch.la libsbn_core.la

EXTRA_DIST += doc/syncbn-run.1.scd doc/syncbn-perf.1.scd tools/syncbn-run.bash
EXTRA_DIST += tools/bn_report.py tools/exchange_report.py tools/report_runs.py
if HAVE_MAN
dist_man_MANS = doc/syncbn-run.1 doc/syncbn-perf.1
MAN_PAGE = $(AM_V_GEN)$(MKDIR_P) doc && $(SCDOC) <$(top_srcdir)/$@.scd >$@.tmp && mv $@.tmp $@
doc/syncbn-run.1: doc/syncbn-run.1.scd
	$(MAN_PAGE)
doc/syncbn-perf.1: doc/syncbn-perf.1.scd
	$(MAN_PAGE)
MAINTAINERCLEANFILES = doc/syncbn-run.1 doc/syncbn-perf.1
endif

# bash looks for a completion by the command's name
install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(bashcompdir)'
	$(INSTALL_DATA) $(top_srcdir)/tools/syncbn-run.bash \
		'$(DESTDIR)$(bashcompdir)/syncbn-run'
uninstall-local:
	rm -f '$(DESTDIR)$(bashcompdir)/syncbn-run'

tools_syncbn_perf_SOURCES = \
	tools/perf_allreduce.c \
	tools/perf_args.c \
	tools/perf_args.h \
	tools/perf_bn.c \
	tools/perf_bn.h \
	tools/perf_bn_apart.c \
	tools/perf_bn_apart.h \
	tools/perf_bn_data.c \
	tools/perf_bn_data.h \
	tools/perf_bn_errors.c \
	tools/perf_bn_errors.h \
	tools/perf_bn_floor.c \
	tools/perf_bn_floor.h \
	tools/perf_bn_floor_body.h \
	tools/perf_bn_json.c \
	tools/perf_bn_measure.c \
	tools/perf_bn_measure.h \
	tools/perf_bn_memory.c \
	tools/perf_bn_memory.h \
	tools/perf_bn_numerics.c \
	tools/perf_bn_numerics.h \
	tools/perf_bn_openmp.c \
	tools/perf_bn_openmp.h \
	tools/perf_bn_options.c \
	tools/perf_bn_options.h \
	tools/perf_bn_oracle.c \
	tools/perf_bn_oracle.h \
	tools/perf_bn_peers.c \
	tools/perf_bn_peers.h \
	tools/perf_bn_results.h \
	tools/perf_bn_shapes.c \
	tools/perf_bn_shapes.h \
	tools/perf_bn_table.c \
	tools/perf_bn_work.c \
	tools/perf_bn_work.h \
	tools/perf_cache.c \
	tools/perf_cache.h \
	tools/perf_collective.c \
	tools/perf_collective.h \
	tools/perf_cpuinfo.c \
	tools/perf_cpuinfo.h \
	tools/perf_end.c \
	tools/perf_end.h \
	tools/perf_env.c \
	tools/perf_env.h \
	tools/perf_env_options.c \
	tools/perf_env_options.h \
	tools/perf_exchange.c \
	tools/perf_json.c \
	tools/perf_json.h \
	tools/perf_json_file.c \
	tools/perf_json_file.h \
	tools/perf_machine.c \
	tools/perf_machine.h \
	tools/perf_numbers.c \
	tools/perf_numbers.h \
	tools/perf_options.c \
	tools/perf_options.h \
	tools/perf_overlap.c \
	tools/perf_peer.c \
	tools/perf_peer.h \
	tools/perf_peer_exec.c \
	tools/perf_peer_exec.h \
	tools/perf_peers.c \
	tools/perf_peers.h \
	tools/perf_print.c \
	tools/perf_print.h \
	tools/perf_results.h \
	tools/perf_results_json.c \
	tools/perf_settings.c \
	tools/perf_settings.h \
	tools/perf_sizes.c \
	tools/perf_sizes.h \
	tools/perf_start.c \
	tools/perf_start.h \
	tools/perf_stats.c \
	tools/perf_stats.h \
	tools/perf_table.c \
	tools/perf_tuning.c \
	tools/perf_tuning.h \
	tools/perf_work.c \
	tools/perf_work.h \
	tools/syncbn-perf.c
tools_syncbn_perf_CPPFLAGS = $(AM_CPPFLAGS) -DBIN_DIR='"$(bindir)"' \
	-DPEERS_DIR='"$(pkglibexecdir)"' \
	-DMPIRUN_OPENMPI='"$(MPIRUN_OPENMPI)"' -DMPIRUN_MPICH='"$(MPIRUN_MPICH)"'
# the library's parts, statically: what the tool measures has no public name
tools_syncbn_perf_LDFLAGS = $(OPENMP_CFLAGS)
tools_syncbn_perf_LDADD = libperf_openmp.la libsbn_launch.la libsbn_api.la libsbn_core.la

# a library, because only this source may be compiled with OpenMP
noinst_LTLIBRARIES += libperf_openmp.la
libperf_openmp_la_SOURCES = tools/perf_openmp.c tools/perf_openmp.h
libperf_openmp_la_CFLAGS = $(AM_CFLAGS) $(OPENMP_CFLAGS)

# The peers: not needed by anything, built where their libraries are. They have their own compilers,
# and no sanitizer, which their libraries do not stand.
peer_sources = tools/peers/mpi.c tools/perf_numbers.c
peer_headers = tools/perf_numbers.h src/kernels/kernels.h
PEER_COMPILE = -std=gnu11 -O2 -ffp-contract=off -D_GNU_SOURCE $(SBN_CPU_CPPFLAGS) \
	-I$(top_srcdir)/include -I$(top_srcdir)/src -I$(top_srcdir)/tools
peers =
peer_modules =
pkglibexec_SCRIPTS = $(peers)
CLEANFILES = $(peers) $(peer_objects) $(peer_modules)
EXTRA_DIST += tools/peers/batch_norm.py tools/peers/gloo.py tools/peers/mpi.c tools/peers/onednn.c \
	tools/peers/onednn_bn.c tools/peers/onednn_bn.h tools/peers/onednn_words.c \
	tools/peers/onednn_words.h

# Their merge is ours, by the same kernels. They wait for the library, whose headers these need.
peer_objects = \
	tools/peers/choose.o \
	tools/peers/fail.o \
	tools/peers/parse.o \
	tools/peers/scalar.o
if HAVE_X86
peer_objects += tools/peers/avx2.o tools/peers/avx512.o
endif

PEER_OBJECT = $(AM_V_CC)$(MKDIR_P) tools/peers && $(CC) $(PEER_COMPILE) -c -o $@
$(peer_objects): libsbn_core.la
tools/peers/choose.o: src/kernels/choose.c
	$(PEER_OBJECT) $(top_srcdir)/src/kernels/choose.c
tools/peers/scalar.o: src/kernels/scalar.c
	$(PEER_OBJECT) $(top_srcdir)/src/kernels/scalar.c
tools/peers/avx2.o: src/kernels/avx2.c
	$(PEER_OBJECT) -mavx2 -mfma -mf16c $(top_srcdir)/src/kernels/avx2.c
tools/peers/avx512.o: src/kernels/avx512.c
	$(PEER_OBJECT) $(AVX512_FLAGS) $(top_srcdir)/src/kernels/avx512.c
tools/peers/fail.o: src/base/fail.c
	$(PEER_OBJECT) $(top_srcdir)/src/base/fail.c
tools/peers/parse.o: src/base/parse.c
	$(PEER_OBJECT) $(top_srcdir)/src/base/parse.c

if HAVE_OPENMPI
peers += tools/peers/peer-openmpi
tools/peers/peer-openmpi: $(peer_sources) $(peer_headers) $(peer_objects)
	$(AM_V_CCLD)$(MPICC_OPENMPI) $(PEER_COMPILE) -o $@ \
		$(addprefix $(top_srcdir)/,$(peer_sources)) $(peer_objects) -lm
endif

if HAVE_MPICH
peers += tools/peers/peer-mpich
tools/peers/peer-mpich: $(peer_sources) $(peer_headers) $(peer_objects)
	$(AM_V_CCLD)$(MPICC_MPICH) $(PEER_COMPILE) -o $@ \
		$(addprefix $(top_srcdir)/,$(peer_sources)) $(peer_objects) -lm
endif

if HAVE_TORCH
peers += tools/peers/peer-gloo
tools/peers/peer-gloo: tools/peers/gloo.py
	$(AM_V_at)$(MKDIR_P) tools/peers
	$(AM_V_GEN)sed '1s|.*|#!$(PEER_PYTHON)|' $(top_srcdir)/tools/peers/gloo.py >$@
	$(AM_V_at)chmod +x $@
# a module of the program above, which looks for it in its own folder
peer_modules += tools/peers/peer_batch_norm.py
$(peer_modules): tools/peers/batch_norm.py
	$(AM_V_at)$(MKDIR_P) tools/peers
	$(AM_V_GEN)cp $(top_srcdir)/tools/peers/batch_norm.py $@
peermodulesdir = $(pkglibexecdir)
peermodules_DATA = $(peer_modules)
endif

if HAVE_ONEDNN
onednn_sources = tools/peers/onednn.c tools/peers/onednn_bn.c tools/peers/onednn_words.c \
	tools/perf_bn_data.c tools/perf_bn_errors.c tools/perf_bn_oracle.c
onednn_headers = tools/peers/onednn_bn.h tools/peers/onednn_words.h tools/perf_bn_data.h \
	tools/perf_bn_errors.h \
	tools/perf_bn_oracle.h
peers += tools/peers/peer-onednn
tools/peers/peer-onednn: $(onednn_sources) $(onednn_headers)
	$(AM_V_at)$(MKDIR_P) tools/peers
	$(AM_V_CCLD)$(CC) $(PEER_COMPILE) -o $@ \
		$(addprefix $(top_srcdir)/,$(onednn_sources)) $(ONEDNN_LIBS) -lm
endif
