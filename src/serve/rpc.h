/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON-RPC 2.0, one message a line: requests taken apart, answers put together.
 * Knows nothing of who speaks, or of what the methods do.
 */
#ifndef SERVE_RPC_H
#define SERVE_RPC_H

#include <stddef.h>

#include <jansson.h>

/* E(name, code, doc): the codes of errors. Those up to -32600 are the specification's. */
#define RPC_ERRORS(E) \
	E(PARSE, -32700, "the line is no JSON") \
	E(REQUEST, -32600, "the JSON is no request") \
	E(METHOD, -32601, "there is no such method") \
	E(PARAMS, -32602, "the params are not what the method takes") \
	E(FAILED, -32000, "the call failed; data.errno names the error") \
	E(LIMIT, -32001, "more than the service gives one user; the connection may be cut off")

#define E(name, code, doc) RPC_##name = code,
enum rpc_code { RPC_ERRORS(E) };
#undef E

#define RPC_MSG 256

struct rpc_request {
	json_t *whole;
	json_t *id;			/* NULL: a notification, which gets no answer */
	const char *method;
	json_t *params;			/* an object */
};

/* Take a line apart. Returns 0, or a code with msg; ret->id may be set then, too, and an
 * error is answered even without. Undone by rpc_free() in any case. */
int rpc_parse(const char *line, size_t size, struct rpc_request *ret, char msg[RPC_MSG]);
void rpc_free(struct rpc_request *request);

/* Answers, each a new object. id NULL: null. result is taken over. errno_name may be NULL. */
json_t *rpc_result(json_t *id, json_t *result);
json_t *rpc_error(json_t *id, int code, const char *msg, const char *errno_name);

#endif /* SERVE_RPC_H */
