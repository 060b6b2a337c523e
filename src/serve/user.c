// SPDX-License-Identifier: GPL-2.0-only
/* Users: whom connections belong to, and what each may have. */
#include <config.h>

#include "serve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/calls/calls.h"

struct user *user_get(struct user **all, uid_t uid)
{
	struct user *user = *all;

	while (user && user->uid != uid)
		user = user->next;
	if (!user) {
		user = calloc(1, sizeof(*user));
		if (!user)
			return NULL;
		user->uid = uid;
		user->fd = -1;
		user->next = *all;
		*all = user;
	}
	user->conns++;
	return user;
}

void user_put(struct user **all, struct user *user)
{
	if (--user->conns)
		return;
	while (*all != user)
		all = &(*all)->next;
	*all = user->next;
	if (user->fd >= 0)
		close(user->fd);
	free(user);
}

bool user_take(struct user *user, const struct serve_limits *limits, uint64_t now)
{
	if (!user->filled)
		user->tokens = limits->rate;
	else
		user->tokens += (double)(now - user->filled) * limits->rate / 1000;
	user->filled = now;
	if (user->tokens > limits->rate)
		user->tokens = limits->rate;
	if (user->tokens < 1)
		return false;
	user->tokens--;
	return true;
}

int user_open(uid_t uid, const struct serve_limits *limits, struct vmm_limit *ret,
	      char msg[RPC_MSG])
{
	struct vmm_limit vl = {
		.vl_memory = limits->memory, .vl_vms = limits->vms, .vl_vcpus = limits->vcpus,
		.vl_uid = uid,
	};
	int fd = calls_open_device(msg, RPC_MSG), err;

	if (fd < 0)
		return fd;
	err = vmm_limit(fd, &vl);
	if (err) {
		snprintf(msg, RPC_MSG, "the service may not open " VMM_DEVICE
			 " for user %u: it needs CAP_SETUID", uid);
		close(fd);
		return err;
	}
	if (ret)
		*ret = vl;
	return fd;
}

int user_control(struct user *user, const struct serve_limits *limits, char msg[RPC_MSG])
{
	struct vmm_version version;
	int fd = user->fd, err;

	if (fd >= 0)
		return fd;
	fd = user_open(user->uid, limits, NULL, msg);
	if (fd < 0)
		return fd;
	err = calls_check(fd, &version, msg, RPC_MSG);
	if (err) {
		close(fd);
		return err;
	}
	user->fd = fd;
	return fd;
}
