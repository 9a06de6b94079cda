/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/pty.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/fail.h"

void
sbn_pty_resize(int terminal, int fd)
{
	struct winsize size;

	if (ioctl(terminal, TIOCGWINSZ, &size) == 0)
		ioctl(fd, TIOCSWINSZ, &size);
}

static int
open_rank_side(int fd)
{
	struct termios mode;
	int side;

	if (grantpt(fd) != 0 || unlockpt(fd) != 0)
		return -1;
	/* not by its name: /dev/pts may be another one here */
	side = ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (side >= 0 && tcgetattr(side, &mode) == 0) {
		cfmakeraw(&mode);
		tcsetattr(side, TCSANOW, &mode);
	}
	return side;
}

syncbn_status_t
sbn_pty_open(int terminal, int fds[2])
{
	fds[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fds[0] < 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "a pseudo terminal: posix_openpt");
	fds[1] = open_rank_side(fds[0]);
	if (fds[1] < 0) {
		sbn_fail(SYNCBN_ERR_SYSTEM, "a pseudo terminal: its other side");
		close(fds[0]);
		return SYNCBN_ERR_SYSTEM;
	}
	sbn_pty_resize(terminal, fds[0]);
	return SYNCBN_OK;
}
