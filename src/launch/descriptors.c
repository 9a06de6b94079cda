/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/descriptors.h"

#include <fcntl.h>
#include <unistd.h>

void
sbn_keep_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}
