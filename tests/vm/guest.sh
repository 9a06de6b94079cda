# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# In the guest: prepares the machine as the scenario says, then launches the ranks that look where
# they are, and the example. Variables come from `settings`.
. ./settings
. ./expect

for cpu in $offline; do
	echo 0 >"/sys/devices/system/cpu/cpu$cpu/online"
done
if [ -n "$cpuset_cpus" ]; then
	echo +cpuset >/sys/fs/cgroup/cgroup.subtree_control
	mkdir /sys/fs/cgroup/job
	echo "$cpuset_cpus" >/sys/fs/cgroup/job/cpuset.cpus
	echo "$cpuset_mems" >/sys/fs/cgroup/job/cpuset.mems
	echo $$ >/sys/fs/cgroup/job/cgroup.procs
fi

allowed_cpus=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
allowed_mems=$(sed -n 's/^Mems_allowed_list:[[:space:]]*//p' /proc/self/status)

./syncbn-run --dry-run --json -- true >/tmp/plan 2>/tmp/err
expect "the plan has a rank a domain" "$ranks" "$(grep -c '"rank":' /tmp/plan)"

SYNCBN_CALIBRATE=off ./syncbn-run --report -- ./placement "$allowed_mems" "$allowed_cpus" 2>/tmp/err
code=$?
sed 's/^/# /' /tmp/err
expect "the ranks are where they should be" 0 $code
expect "nothing refused to bind" 0 "$(grep -cE 'refuse|first touch' /tmp/err)"

[ -n "$trains" ] || exit $failed
./syncbn-run -- ./fashion_mnist --model mlp --steps 3 --data data --json /tmp/result >/tmp/out 2>&1
code=$?
expect "the example trains" 0 $code
[ $code = 0 ] || sed 's/^/# /' /tmp/out
expect "and says its loss" 1 "$(grep -c '"train_loss": [0-9]' /tmp/result)"
exit $failed
