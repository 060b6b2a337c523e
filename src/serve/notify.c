// SPDX-License-Identifier: GPL-2.0-only
/*
 * What systemd(1) passes in the environment: sockets (LISTEN_PID, LISTEN_FDS), where to
 * tell how it goes (NOTIFY_SOCKET), how often (WATCHDOG_PID, WATCHDOG_USEC).
 */
#include <config.h>

#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_FD 3

void notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd;

	if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, strlen(path));
	if (*path == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
	       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
	close(fd);
}

static bool for_us(const char *name)
{
	const char *pid = getenv(name);

	return pid && atol(pid) == getpid();
}

int notify_socket(void)
{
	const char *fds = getenv("LISTEN_FDS");
	int listening = 0;
	socklen_t size = sizeof(listening);

	if (!fds || !for_us("LISTEN_PID"))
		return -1;
	if (atoi(fds) != 1)
		return -EINVAL;
	if (getsockopt(FIRST_FD, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) || !listening)
		return -ENOTSOCK;
	fcntl(FIRST_FD, F_SETFD, FD_CLOEXEC);
	fcntl(FIRST_FD, F_SETFL, O_NONBLOCK);
	return FIRST_FD;
}

uint64_t notify_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC");

	if (!usec || (getenv("WATCHDOG_PID") && !for_us("WATCHDOG_PID")))
		return 0;
	return strtoull(usec, NULL, 10) / 1000 / 2;
}
