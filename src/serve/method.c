// SPDX-License-Identifier: GPL-2.0-only
/* What requests ask for. */
#include <config.h>

#include "serve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "methods.h"
#include "src/calls/calls.h"
#include "src/collector/names.h"
#include "trace/record.h"

struct method {
	struct conn *conn;
	json_t *id, *params;
	int fd;				/* the user's file of the device */
};

static const struct serve_limits *limits_of(const struct method *m)
{
	return &m->conn->server->options->limits;
}

/* A number among the params, which are these and no others. */
static bool param(struct method *m, const char *name, bool must, uint32_t *ret)
{
	const json_t *value = json_object_get(m->params, name);
	json_int_t n = json_integer_value(value);
	char msg[RPC_MSG];

	if (!value && !must)
		return true;
	if (json_is_integer(value) && n >= 0 && n <= UINT32_MAX) {
		*ret = (uint32_t)n;
		return true;
	}
	snprintf(msg, sizeof(msg), "%s must be a number", name);
	conn_error(m->conn, m->id, RPC_PARAMS, msg, NULL);
	return false;
}

static bool only(struct method *m, const char *one, const char *two)
{
	const char *name;
	json_t *value;
	char msg[RPC_MSG];

	json_object_foreach(m->params, name, value) {
		if ((one && !strcmp(name, one)) || (two && !strcmp(name, two)))
			continue;
		snprintf(msg, sizeof(msg), "%.100s: this method has no such param", name);
		conn_error(m->conn, m->id, RPC_PARAMS, msg, NULL);
		return false;
	}
	return true;
}

/* ---- the methods ---- */

static void do_open(struct method *m)
{
	char msg[RPC_MSG] = "";
	struct vmm_limit vl;
	int fd = user_open(m->conn->user->uid, limits_of(m), &vl, msg);

	if (fd < 0) {
		conn_errno(m->conn, m->id, fd, msg);
		return;
	}
	conn_result(m->conn, m->id, calls_write(calls_by_word("limit")->arg(), &vl, CALLS_out), fd);
}

/* A call that never waits, on the user's file. */
static int call(struct method *m, const char *word, json_t **ret)
{
	struct calls_session *session = calls_session_new(m->fd);
	char msg[CALLS_MSG] = "memory is short";
	json_t *in = json_object();
	int err = session && in ? calls_execute(session, word, in, ret, msg) : -ENOMEM;

	json_decref(in);
	calls_session_free(session);
	if (err)
		conn_errno(m->conn, m->id, err > 0 ? -EINVAL : err, msg);
	return err;
}

static void do_info(struct method *m)
{
	json_t *out;

	if (!call(m, "info", &out))
		conn_result(m->conn, m->id, out, -1);
}

static void do_limit(struct method *m)
{
	json_t *out;

	if (!call(m, "limit", &out))
		conn_result(m->conn, m->id, out, -1);
}

static void do_version(struct method *m)
{
	json_t *out;

	if (!call(m, "version", &out))
		conn_result(m->conn, m->id, out, -1);
}

static void do_list(struct method *m)
{
	json_t *out, *vms, *info, *vm, *list = json_array();
	size_t i;

	if (call(m, "info", &out)) {
		json_decref(list);
		return;
	}
	vms = json_object_get(out, "vip_info");
	json_array_foreach(vms, i, info) {
		vm = json_pack("{s:O}", "name", json_object_get(info, "vir_name"));
#define F(name, member, doc) json_object_set(vm, #name, json_object_get(info, #member));
		SERVE_LIST(F)
#undef F
		json_array_append_new(list, vm);
	}
	json_decref(out);
	conn_result(m->conn, m->id, json_pack("{s:o}", "vms", list), -1);
}

static json_t *number(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *classes(const struct vmm_stats *stats)
{
	json_t *all = json_object(), *one;

	for (unsigned int id = 0; id < VMMT_NCLASS; id++) {
		const struct vmm_stats_class *class = &stats->vs_class[id];

		if (!class->vsc_counted)
			continue;
		one = json_object();
#define F(name, member, doc) json_object_set_new(one, #name, number(class->member));
		SERVE_STATS_CLASS(F)
#undef F
		json_object_set_new(all, vmmt_class_info(id)->name, one);
	}
	return all;
}

static void do_stats(struct method *m)
{
	const struct vmm_stats *stats;
	uint32_t vm = 0, vcpu = 0;
	json_t *out;
	int err;

	if (!param(m, "vm", true, &vm) || !param(m, "vcpu", false, &vcpu))
		return;
	err = vcpu < VMM_MAX_VCPUS_PER_VM ? vmm_map_stats(m->fd, vm, vcpu, &stats) : -ENOENT;
	if (err) {
		conn_errno(m->conn, m->id, err, err == -EPERM || err == -ENOENT ?
			   "the user has no such VM or vCPU: list tells" : NULL);
		return;
	}
	out = json_object();
#define F(name, member, doc) json_object_set_new(out, #name, number(stats->member));
	SERVE_STATS(F)
#undef F
	json_object_set_new(out, "classes", classes(stats));
	vmm_unmap_stats(stats);
	conn_result(m->conn, m->id, out, -1);
}

static void do_term(struct method *m)
{
	uint32_t vm = 0;

	if (param(m, "vtp_vm_id", true, &vm))
		session_term(m->conn, m->id, vm);
}

/* ---- all of them ---- */

static const struct {
	const char *name;
	void (*call)(struct method *m);
	const char *params[2];
} methods[] = {
#define PARAMS_open { NULL }
#define PARAMS_list { NULL }
#define PARAMS_info { NULL }
#define PARAMS_limit { NULL }
#define PARAMS_version { NULL }
#define PARAMS_stats { "vm", "vcpu" }
#define PARAMS_term { "vtp_vm_id" }
#define M(name, doc) { #name, do_##name, PARAMS_##name },
	SERVE_METHODS(M)
#undef M
};

void method_call(struct conn *conn, const struct rpc_request *request)
{
	struct method m = { .conn = conn, .id = request->id, .params = request->params };
	char msg[RPC_MSG] = "";
	size_t i = 0;

	while (i < sizeof(methods) / sizeof(methods[0]) && strcmp(methods[i].name, request->method))
		i++;
	if (i == sizeof(methods) / sizeof(methods[0])) {
		session_call(conn, request);
		return;
	}
	if (!only(&m, methods[i].params[0], methods[i].params[1]))
		return;
	m.fd = user_control(conn->user, limits_of(&m), msg);
	if (m.fd < 0)
		conn_errno(conn, m.id, m.fd, msg);
	else
		methods[i].call(&m);
}
