# SPDX-License-Identifier: Apache-2.0

# A program's source is its name with .c; all are linked statically, to see the library's insides.
LDADD = libsbn_test.la libsbn_launch.la libsbn_api.la libsbn_core.la $(CMOCKA_LIBS)

check_LTLIBRARIES = libsbn_test.la
libsbn_test_la_SOURCES = tests/ranks/harness.c tests/ranks/one_batch.c

unit_tests = \
	tests/unit/alloc_test \
	tests/unit/barrier_test \
	tests/unit/binding_test \
	tests/unit/cgroup_test \
	tests/unit/chunks_test \
	tests/unit/clock_test \
	tests/unit/columns_test \
	tests/unit/contract_test \
	tests/unit/control_test \
	tests/unit/domains_invariants_test \
	tests/unit/domains_test \
	tests/unit/extent_test \
	tests/unit/huge_extent_test \
	tests/unit/fail_test \
	tests/unit/file_test \
	tests/unit/fork_test \
	tests/unit/group_threads_test \
	tests/unit/in_flight_test \
	tests/unit/initializer_test \
	tests/unit/joined_rows_test \
	tests/unit/kernels_activation_test \
	tests/unit/kernels_blocks_test \
	tests/unit/kernels_coefficients_test \
	tests/unit/kernels_float_sums_test \
	tests/unit/kernels_half_test \
	tests/unit/kernels_lockstep_test \
	tests/unit/kernels_merge_test \
	tests/unit/kernels_moments_test \
	tests/unit/kernels_order_test \
	tests/unit/kernels_places_test \
	tests/unit/kernels_strips_test \
	tests/unit/kernels_test \
	tests/unit/kernels_wide_rows_test \
	tests/unit/late_peer_test \
	tests/unit/launch_env_test \
	tests/unit/launch_failure_test \
	tests/unit/layer_activation_test \
	tests/unit/layer_bits_16_test \
	tests/unit/layer_bits_test \
	tests/unit/layer_config_test \
	tests/unit/layer_edges_test \
	tests/unit/layer_equal_channels_test \
	tests/unit/layer_errors_test \
	tests/unit/layer_gradients_test \
	tests/unit/layer_inverse_test \
	tests/unit/layer_layouts_test \
	tests/unit/layer_modes_test \
	tests/unit/layer_overlap_test \
	tests/unit/layer_test \
	tests/unit/layer_types_test \
	tests/unit/layer_ways_test \
	tests/unit/layout_test \
	tests/unit/leave_test \
	tests/unit/lines_test \
	tests/unit/marked_test \
	tests/unit/npy_test \
	tests/unit/npz_test \
	tests/unit/oom_test \
	tests/unit/onnx_test \
	tests/unit/openmp_test \
	tests/unit/option_table_test \
	tests/unit/options_test \
	tests/unit/pace_test \
	tests/unit/parse_test \
	tests/unit/perf_bn_test \
	tests/unit/perf_numbers_test \
	tests/unit/place_test \
	tests/unit/plan_test \
	tests/unit/relay_test \
	tests/unit/report_test \
	tests/unit/ring_test \
	tests/unit/safetensors_memory_test \
	tests/unit/safetensors_test \
	tests/unit/segment_test \
	tests/unit/settings_test \
	tests/unit/stacks_test \
	tests/unit/state_api_test \
	tests/unit/state_hostile_test \
	tests/unit/state_test \
	tests/unit/status_test \
	tests/unit/stores_test \
	tests/unit/team_test \
	tests/unit/tensor_test \
	tests/unit/trial_test \
	tests/unit/tuning_test \
	tests/unit/view_test \
	tests/unit/waits_test \
	tests/unit/world_test

rank_tests = \
	tests/ranks/ahead_test \
	tests/ranks/algorithms_test \
	tests/ranks/batch_norm_test \
	tests/ranks/blame_test \
	tests/ranks/collective_test \
	tests/ranks/death_test \
	tests/ranks/desync_test \
	tests/ranks/gather_test \
	tests/ranks/group_failure_test \
	tests/ranks/group_test \
	tests/ranks/hostile_test \
	tests/ranks/in_flight_failure_test \
	tests/ranks/in_flight_test \
	tests/ranks/late_test \
	tests/ranks/leave_stress_test \
	tests/ranks/leave_test \
	tests/ranks/local_statistics_test \
	tests/ranks/pending_test \
	tests/ranks/property_test \
	tests/ranks/refused_calls_test

shell_tests = \
	tests/callgrind/counts.sh \
	tests/tools/bn_report.sh \
	tests/tools/cpusets.sh \
	tests/tools/dry_run.sh \
	tests/tools/example_checkpoint.sh \
	tests/tools/example_data.sh \
	tests/tools/example_smallest.sh \
	tests/tools/perf_bn.sh \
	tests/tools/perf_bn_options.sh \
	tests/tools/perf_bn_peers.sh \
	tests/tools/perf_collective.sh \
	tests/tools/perf_env.sh \
	tests/tools/perf_options.sh \
	tests/tools/placement.sh \
	tests/tools/run_adopt.sh \
	tests/tools/run_causes.sh \
	tests/tools/run_env.sh \
	tests/tools/run_exit.sh \
	tests/tools/run_failure.sh \
	tests/tools/run_guard.sh \
	tests/tools/run_hang.sh \
	tests/tools/run_output.sh \
	tests/tools/run_restart.sh \
	tests/tools/run_security.sh \
	tests/tools/run_signals.sh \
	tests/tools/run_terminal.sh \
	tests/tools/state_numpy.sh \
	tests/tools/topologies.sh

fuzz_targets = \
	tests/fuzz/config.c \
	tests/fuzz/env.c \
	tests/fuzz/npy.c \
	tests/fuzz/options.c \
	tests/fuzz/parse.c \
	tests/fuzz/state.c

shell_common = \
	tests/fuzz/run.sh \
	tests/fuzz/words.h \
	tests/faults/table.sh \
	tests/tools/expect.sh \
	tests/tools/perf_bn_json.py \
	tests/vm/guest.sh \
	tests/vm/init \
	tests/vm/machine.sh \
	tests/vm/numa.sh \
	tests/tools/run_common.sh \
	tests/tools/on_terminal.py \
	tests/tools/state_numpy.py \
	tests/tools/state_safetensors.py

guards = \
	tests/guard/files.sh \
	tests/guard/frameworks.sh \
	tests/guard/headers.sh \
	tests/guard/layers.sh \
	tests/guard/memory_model.sh \
	tests/guard/race_detector.sh \
	tests/guard/race_detector_groups.sh \
	tests/guard/symbols.sh \
	tests/guard/wide_loads.sh

slow_tests = \
	tests/arm/run.sh \
	tests/avx512/run.sh \
	tests/faults/matrix.sh \
	tests/faults/others.sh \
	tests/fuzz/short.sh \
	tests/models/run.sh \
	tests/ranks/hostile_all.sh \
	tests/relacy/run.sh \
	tests/stress/run.sh \
	tests/vm/short.sh

# Run by slow tests.
slow_programs = \
	tests/stress/ring_stress

test_headers = \
	tests/arm/cmocka.h \
	tests/ranks/harness.h \
	tests/ranks/one_batch.h \
	tests/ranks/oracle.h \
	tests/ranks/small_layer.h \
	tests/unit/elements.h \
	tests/unit/kernels_array_cases.h \
	tests/unit/kernels_case.h \
	tests/unit/kernels_cases.h \
	tests/unit/kernels_elements.h \
	tests/unit/kernels_reference.h \
	tests/unit/kernels_reference_coefficients.h \
	tests/unit/kernels_reference_formulas.h \
	tests/unit/kernels_reference_set.h \
	tests/unit/kernels_sets.h \
	tests/unit/layout_bench.h \
	tests/unit/machine.h \
	tests/unit/near.h \
	tests/unit/operands.h \
	tests/unit/passes.h \
	tests/unit/random.h \
	tests/unit/reference.h \
	tests/unit/same_bits.h \
	tests/unit/state_files.h \
	tests/unit/state_layers.h \
	tests/unit/threads_as_ranks.h \
	tests/unit/world_of_one.h \
	tests/unit/world_of_ways.h

test_data = \
	tests/callgrind/counts.txt \
	tests/relacy/sleeping.cc \
	tests/relacy/sources.cc \
	tests/models/abort.pml \
	tests/models/doorbell.pml \
	tests/models/leave.pml \
	tests/models/ring.pml \
	tests/models/sleep.pml \
	tests/topologies/broken.xml \
	tests/topologies/cgroup.xml \
	tests/topologies/chiplets.xml \
	tests/topologies/coreless.xml \
	tests/topologies/cpuless.xml \
	tests/topologies/cpuset.xml \
	tests/topologies/cxl.xml \
	tests/topologies/dies.xml \
	tests/topologies/disjoint.xml \
	tests/topologies/distances.xml \
	tests/topologies/gpus.xml \
	tests/topologies/hbm.xml \
	tests/topologies/hwloc3.xml \
	tests/topologies/hybrid.xml \
	tests/topologies/lopsided.xml \
	tests/topologies/memoryless.xml \
	tests/topologies/numbers.xml \
	tests/topologies/offline.xml \
	tests/topologies/partial.xml \
	tests/topologies/smallest.xml \
	tests/topologies/snc4.xml \
	tests/topologies/tier.xml \
	tests/topologies/uneven.xml \
	tests/topologies/wide.xml

tests_unit_group_threads_test_SOURCES = \
	tests/unit/group_threads_test.c \
	tests/unit/one_mapping.c \
	tests/unit/one_mapping.h

tests_unit_perf_bn_test_SOURCES = \
	tests/unit/perf_bn_test.c \
	tools/perf_bn_data.c \
	tools/perf_bn_data.h \
	tools/perf_bn_errors.c \
	tools/perf_bn_errors.h \
	tools/perf_bn_oracle.c \
	tools/perf_bn_oracle.h \
	tools/perf_bn_shapes.c \
	tools/perf_bn_shapes.h \
	tools/perf_cache.c \
	tools/perf_cache.h
tests_unit_perf_numbers_test_SOURCES = \
	tests/unit/perf_numbers_test.c \
	tools/perf_numbers.c \
	tools/perf_numbers.h \
	tools/perf_stats.c \
	tools/perf_stats.h

# Not tests: bootstrap compares the digests that gcc's and clang's builds print; the tests of tools
# run actors.
check_PROGRAMS += tests/unit/kernels_digest tests/ranks/batch_norm_digest tests/tools/holder \
	tests/tools/layer_actor tests/tools/rank_actor tests/tools/state_actor tests/vm/placement \
	tests/faults/actor tests/faults/deny tests/faults/matrix tests/callgrind/layer_counts

# Hooks in the phases of a rank's work, in this program only.
tests_faults_actor_SOURCES = \
	tests/faults/actor.c \
	tests/faults/hooks.c \
	tests/faults/hooks.h \
	tests/faults/stage.h
tests_unit_openmp_test_LDFLAGS = $(AM_LDFLAGS) -Wl,--export-dynamic
tests_faults_actor_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=sbn_kernels_choose \
	-Wl,--wrap=sbn_group_join -Wl,--wrap=renameat
tests_faults_matrix_SOURCES = \
	tests/faults/matrix.c \
	tests/faults/hooks.h \
	tests/faults/stage.h

if HAVE_CMOCKA
check_PROGRAMS += $(unit_tests) $(rank_tests) $(slow_programs)
TESTS += $(unit_tests) $(rank_tests)
endif
TESTS += $(shell_tests) $(guards)
# what reads files of the source tree
tests_of_files = $(shell_tests) $(guards) \
	tests/unit/domains_invariants_test \
	tests/unit/domains_test \
	tests/unit/option_table_test \
	tests/unit/plan_test \
	tests/unit/report_test
TESTS_SLOW += $(slow_tests)
TESTS_TSAN += tests/unit/ring_test tests/unit/barrier_test tests/unit/group_threads_test \
	tests/unit/leave_test \
	tests/unit/team_test
EXTRA_DIST += tests/tally.sh $(guards) tests/guard/report.sh tests/guard/cplusplus.cc \
	$(shell_tests) $(shell_common) $(slow_tests) $(test_headers) $(test_data) \
	$(fuzz_targets) tests/fuzz/corpus

# Nothing of the caller's own run may reach the tests; a test that hangs fails.
AM_TESTS_ENVIRONMENT = \
	unset RANK WORLD_SIZE LOCAL_RANK LOCAL_WORLD_SIZE OMPI_COMM_WORLD_SIZE PMI_SIZE \
		$$(env | sed -n 's/^\(SYNCBN_[A-Z_]*\)=.*/\1/p'); \
	SYNCBN_CALIBRATE=off BUILD='$(abs_top_builddir)' SRC='$(abs_top_srcdir)' \
	CC='$(CC)' CXX='$(CXX)' NM='$(NM)' CFLAGS='$(CFLAGS)' SBN_SANITIZE='$(SBN_SANITIZE)'; \
	export SYNCBN_CALIBRATE BUILD SRC CC CXX NM CFLAGS SBN_SANITIZE;
TEST_EXTENSIONS = .sh
TEST_SECONDS = 600
LOG_COMPILER = timeout -k 10 $(TEST_SECONDS) $(SBN_RUNNER)
SH_LOG_COMPILER = timeout -k 10 $(TEST_SECONDS) $(BASH)

# After a change of the kernels, or with another compiler.
.PHONY: record-counts
record-counts: tests/callgrind/layer_counts
	BUILD='$(abs_top_builddir)' SRC='$(abs_top_srcdir)' CC='$(CC)' CFLAGS='$(CFLAGS)' \
		SBN_SANITIZE='$(SBN_SANITIZE)' \
		$(BASH) $(top_srcdir)/tests/callgrind/counts.sh --record

# For bootstrap: parts of "make check".
.PHONY: programs faults-table check-numa check-programs check-slow check-tsan
programs: all $(check_PROGRAMS)

check-programs: programs
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS="$(unit_tests) $(rank_tests)"

check-slow: programs
	test -z "$(TESTS_SLOW)" || \
		$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS="$(TESTS_SLOW)" TEST_SECONDS=2400

faults-table: programs
	BUILD='$(abs_top_builddir)' SRC='$(abs_top_srcdir)' $(BASH) $(srcdir)/tests/faults/table.sh

check-numa: programs
	BUILD='$(abs_top_builddir)' SRC='$(abs_top_srcdir)' $(BASH) $(srcdir)/tests/vm/numa.sh

check-tsan: $(TESTS_TSAN)
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS="$(TESTS_TSAN)"
