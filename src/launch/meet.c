/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/meet.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/hash.h"
#include "base/math.h"
#include "launch/launch_env.h"
#include "shm/segment.h"

enum { RETRY_NS = 5000000, MESSAGE_MS = 2000 };

struct hello {
	uint32_t abi;
	uint32_t rank;
	uint32_t world_size;
};

struct welcome {
	uint32_t abi;
	uint32_t world_size;
	uint64_t run_id[2];
	uint32_t master_port;
	uint32_t reserved;
};

/* The socket's abstract name: a zero byte, then text. */
static socklen_t
write_address(const struct sbn_adoption *adoption, struct sockaddr_un *address)
{
	int length;

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	length =
		snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1, "syncbn-%016" PRIx64,
			 sbn_hash(SBN_HASH_START, adoption->job, strlen(adoption->job)));
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

static bool
is_our_users(int fd)
{
	struct ucred peer;
	socklen_t bytes = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) == 0 && peer.uid == geteuid();
}

static int
ms_until(uint64_t deadline_ns)
{
	uint64_t now = sbn_now_ns();

	return now >= deadline_ns ? 0 : (int)((deadline_ns - now) / SBN_NS_PER_MS + 1);
}

static bool
readable_until(int fd, uint64_t deadline_ns)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	int n;

	do
		n = poll(&wait, 1, ms_until(deadline_ns));
	while (n < 0 && errno == EINTR);
	return n > 0;
}

/* ---- rank 0 ---- */

static bool
send_welcome(int fd, const struct welcome *welcome, int segment_fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec part = { .iov_base = (void *)(uintptr_t)welcome, .iov_len = sizeof(*welcome) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &segment_fd, sizeof(int));
	return sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)sizeof(*welcome);
}

/* One visitor: *came is set when it is a rank that was missing. Strangers are sent away. */
static syncbn_status_t
receive_one(int fd, const struct sbn_adoption *adoption, const struct welcome *welcome,
	    int segment_fd, bool *came)
{
	uint64_t deadline = sbn_now_ns() + MESSAGE_MS * SBN_NS_PER_MS;
	struct hello hello;

	if (!is_our_users(fd) || !readable_until(fd, deadline) ||
	    recv(fd, &hello, sizeof(hello), 0) != (ssize_t)sizeof(hello))
		return SYNCBN_OK;
	/* it gets the welcome all the same, to see the difference itself */
	if (!send_welcome(fd, welcome, segment_fd))
		return SYNCBN_OK;
	if (hello.abi != welcome->abi || hello.world_size != adoption->world_size ||
	    hello.rank == 0 || hello.rank >= adoption->world_size)
		return sbn_fail(SYNCBN_ERR_MISMATCH,
				"rank %" PRIu32 " of %" PRIu32 " came to a job of %" PRIu32
				", or another version of syncbn-run did",
				hello.rank, hello.world_size, adoption->world_size);
	if (came[hello.rank])
		return sbn_fail(SYNCBN_ERR_MISMATCH,
				"two ranks of this job call themselves %" PRIu32, hello.rank);
	came[hello.rank] = true;
	return SYNCBN_OK;
}

static syncbn_status_t
fail_missing(const struct sbn_adoption *adoption, const bool *came, uint32_t n_came)
{
	uint32_t first = 1;

	while (came[first])
		first++;
	return sbn_fail(SYNCBN_ERR_TIMEOUT,
			"rank %" PRIu32 "%s has not come to this run of %s; does every rank start "
			"syncbn-run?",
			first, n_came + 1 < adoption->world_size - 1 ? " (and others)" : "",
			adoption->launcher);
}

static syncbn_status_t
receive_all(int listener, const struct sbn_adoption *adoption, const struct welcome *welcome,
	    int segment_fd, uint64_t deadline)
{
	bool *came = calloc(adoption->world_size, sizeof(came[0]));
	syncbn_status_t status = SYNCBN_OK;
	uint32_t n_came = 0;

	if (came == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a list of ranks");
	while (status == SYNCBN_OK && n_came < adoption->world_size - 1) {
		int fd;

		if (!readable_until(listener, deadline)) {
			status = fail_missing(adoption, came, n_came);
			break;
		}
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED || errno == EAGAIN))
			continue;
		if (fd < 0) {
			status = sbn_fail(SYNCBN_ERR_SYSTEM,
					  "accept, when the ranks of %s come together",
					  adoption->launcher);
			break;
		}
		status = receive_one(fd, adoption, welcome, segment_fd, came);
		close(fd);
		n_came = 0;
		for (uint32_t rank = 1; rank < adoption->world_size; rank++)
			n_came += came[rank];
	}
	free(came);
	return status;
}

static syncbn_status_t
listen_for(const struct sbn_adoption *adoption, int fd)
{
	struct sockaddr_un address;
	socklen_t length = write_address(adoption, &address);

	if (bind(fd, (struct sockaddr *)&address, length) != 0)
		return sbn_fail(errno == EADDRINUSE ? SYNCBN_ERR_INVALID : SYNCBN_ERR_SYSTEM,
				"another process already waits for the ranks of this job (%s)",
				adoption->job);
	if (listen(fd, (int)SBN_MIN(adoption->world_size, 4096)) != 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "listen");
	return SYNCBN_OK;
}

static syncbn_status_t
host(const struct sbn_adoption *adoption, uint64_t deadline, int fd, struct sbn_meeting *meeting)
{
	struct sbn_segment segment;
	struct welcome welcome = { .abi = SBN_ABI, .world_size = adoption->world_size };
	syncbn_status_t status = listen_for(adoption, fd);

	if (status == SYNCBN_OK)
		status = sbn_segment_create(adoption->world_size, NULL, &segment);
	if (status != SYNCBN_OK)
		return status;
	meeting->segment_fd = segment.fd;
	meeting->master_port = sbn_launch_free_port();
	memcpy(meeting->run_id, segment.run_id, sizeof(meeting->run_id));
	memcpy(welcome.run_id, segment.run_id, sizeof(welcome.run_id));
	welcome.master_port = meeting->master_port;
	status = receive_all(fd, adoption, &welcome, segment.fd, deadline);
	if (status != SYNCBN_OK)
		sbn_segment_close(&segment);
	return status; /* the mapping ends with exec, the descriptor stays */
}

/* ---- the other ranks ---- */

static syncbn_status_t
connect_until(const struct sbn_adoption *adoption, uint64_t deadline, int fd)
{
	const struct timespec pause = { .tv_nsec = RETRY_NS };
	struct sockaddr_un address;
	socklen_t length = write_address(adoption, &address);

	while (connect(fd, (struct sockaddr *)&address, length) != 0) {
		if (errno != ECONNREFUSED && errno != EAGAIN && errno != EINTR)
			return sbn_fail(SYNCBN_ERR_SYSTEM, "connect to rank 0");
		if (sbn_now_ns() >= deadline)
			return sbn_fail(SYNCBN_ERR_TIMEOUT,
					"rank 0 has not come to this run of %s; does every rank "
					"start syncbn-run, on this host?",
					adoption->launcher);
		nanosleep(&pause, NULL);
	}
	if (!is_our_users(fd))
		return sbn_fail(SYNCBN_ERR_INVALID,
				"another user's process answers for rank 0 of this job (%s)",
				adoption->job);
	return SYNCBN_OK;
}

static bool
take_welcome(int fd, struct welcome *welcome, int *segment_fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { .iov_base = welcome, .iov_len = sizeof(*welcome) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = n < 0 ? NULL : CMSG_FIRSTHDR(&message);

	if (n != (ssize_t)sizeof(*welcome) || header == NULL || header->cmsg_type != SCM_RIGHTS ||
	    header->cmsg_len != CMSG_LEN(sizeof(int)))
		return false;
	memcpy(segment_fd, CMSG_DATA(header), sizeof(int));
	return true;
}

static syncbn_status_t
visit(const struct sbn_adoption *adoption, uint64_t deadline, int fd, struct sbn_meeting *meeting)
{
	const struct hello hello = { SBN_ABI, adoption->rank, adoption->world_size };
	struct welcome welcome;
	syncbn_status_t status = connect_until(adoption, deadline, fd);

	if (status != SYNCBN_OK)
		return status;
	errno = 0;
	if (send(fd, &hello, sizeof(hello), MSG_NOSIGNAL) != (ssize_t)sizeof(hello) ||
	    !readable_until(fd, deadline) || !take_welcome(fd, &welcome, &meeting->segment_fd))
		return sbn_fail(SYNCBN_ERR_SYSTEM, "rank 0 ended before it gave us the segment");
	if (welcome.abi != SBN_ABI || welcome.world_size != adoption->world_size) {
		close(meeting->segment_fd);
		return sbn_fail(SYNCBN_ERR_MISMATCH,
				"rank 0 is of %" PRIu32 " ranks, not of %" PRIu32
				", or uses another version of syncbn-run",
				welcome.world_size, adoption->world_size);
	}
	memcpy(meeting->run_id, welcome.run_id, sizeof(meeting->run_id));
	meeting->master_port = (uint16_t)welcome.master_port;
	return SYNCBN_OK;
}

syncbn_status_t
sbn_meet(const struct sbn_adoption *adoption, double timeout_s, struct sbn_meeting *meeting)
{
	uint64_t deadline = sbn_now_ns() + (uint64_t)(timeout_s * (double)SBN_NS_PER_S);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	syncbn_status_t status;

	*meeting = (struct sbn_meeting){ .segment_fd = -1 };
	if (fd < 0)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "a socket to meet the other ranks");
	status = adoption->rank == 0 ? host(adoption, deadline, fd, meeting) :
				       visit(adoption, deadline, fd, meeting);
	close(fd);
	return status;
}
