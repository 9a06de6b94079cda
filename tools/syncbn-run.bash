# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# bash completion for syncbn-run(1)

# Options and values until the program's name, then the program's own completion.
_syncbn_run() {
	local options="-n -np --nproc-per-node --nproc_per_node --per-domain --map --domains --smt
		--cores --mem --bind-to --malloc --oversubscribe --shared --no-adopt --report
		--report-bindings --dry-run --json --svg --topology --timeout --hang-report --grace
		--max-restarts --stdin --tag --timestamps --output --tee --quiet-ranks --config
		--help -h --version -V"
	local with_value=" -n -np --nproc-per-node --nproc_per_node --per-domain --map --domains
		--smt --cores --mem --bind-to --malloc --svg --topology --timeout --hang-report --grace
		--max-restarts --stdin --output --quiet-ranks --config "
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} i

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--) ((i++)) && break ;;
		-*) [[ ${with_value//[[:space:]]/ } == *" ${COMP_WORDS[i]} "* ]] && ((i++)) ;;
		*) break ;;
		esac
	done
	if ((i < COMP_CWORD)); then
		if declare -F _command_offset >/dev/null; then
			_command_offset "$i"
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$current")
		fi
		return
	fi
	case $previous in
	--map) mapfile -t COMPREPLY < <(compgen -W "numa l3 package core list:" -- "$current") ;;
	--smt) mapfile -t COMPREPLY < <(compgen -W "yes no" -- "$current") ;;
	--cores) mapfile -t COMPREPLY < <(compgen -W "all performance" -- "$current") ;;
	--mem) mapfile -t COMPREPLY < <(compgen -W \
		"preferred bind interleave first-touch none" -- "$current") ;;
	--bind-to) mapfile -t COMPREPLY < <(compgen -W "numa none" -- "$current") ;;
	--malloc) mapfile -t COMPREPLY < <(compgen -W \
		"default tuned tcmalloc jemalloc" -- "$current") ;;
	--stdin) mapfile -t COMPREPLY < <(compgen -W "auto none 0 all" -- "$current") ;;
	--output) mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
	--svg | --topology | --config) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
	-n | -np | --nproc-per-node | --nproc_per_node | --per-domain | --domains | --timeout | \
		--hang-report | --grace | --max-restarts | --quiet-ranks) ;;
	*)
		if [[ $current == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
		else
			mapfile -t COMPREPLY < <(compgen -c -- "$current")
		fi
		;;
	esac
}

complete -o filenames -F _syncbn_run syncbn-run
