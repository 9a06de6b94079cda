/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/signals.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/fail.h"

static const int answered[] = {
	SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH, SIGTSTP, SIGCHLD,
};

static bool
is_ignored(int number)
{
	struct sigaction now;

	return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

syncbn_status_t
sbn_signals_open(int *fd)
{
	sigset_t set;

	/* an ignored SIGCHLD, inherited, would take the ranks' exit status away */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(answered) / sizeof(answered[0]); i++)
		if (!is_ignored(answered[i])) /* once blocked, it would arrive all the same */
			sigaddset(&set, answered[i]);
	*fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (*fd < 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "signalfd");
	/* blocked without an answer: a broken pipe is seen as EPIPE, the terminal is taken back */
	sigaddset(&set, SIGPIPE);
	sigaddset(&set, SIGTTOU);
	sigprocmask(SIG_SETMASK, &set, NULL);
	return SYNCBN_OK;
}

int
sbn_signals_next(int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return 0;
	return (int)info.ssi_signo;
}

void
sbn_signals_reset(void)
{
	sigset_t none;
	bool nohup = is_ignored(SIGHUP);

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL); /* refused for some, which cannot be ignored either */
	if (nohup)
		signal(SIGHUP, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}
