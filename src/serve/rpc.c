// SPDX-License-Identifier: GPL-2.0-only
#include <config.h>

#include "rpc.h"

#include <stdio.h>
#include <string.h>

static int bad(char msg[RPC_MSG], int code, const char *text)
{
	snprintf(msg, RPC_MSG, "%s", text);
	return code;
}

int rpc_parse(const char *line, size_t size, struct rpc_request *ret, char msg[RPC_MSG])
{
	json_error_t error;
	json_t *id, *version;

	*ret = (struct rpc_request){};
	ret->whole = json_loadb(line, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (!ret->whole) {
		snprintf(msg, RPC_MSG, "no JSON: %s (byte %d)", error.text, error.position);
		return RPC_PARSE;
	}
	if (json_is_array(ret->whole))
		return bad(msg, RPC_REQUEST,
			   "one request a line; several lines may be sent at once");
	if (!json_is_object(ret->whole))
		return bad(msg, RPC_REQUEST, "a request is an object");
	id = json_object_get(ret->whole, "id");
	if (id && !json_is_string(id) && !json_is_number(id) && !json_is_null(id))
		return bad(msg, RPC_REQUEST, "id must be a string, a number or null");
	ret->id = id;
	version = json_object_get(ret->whole, "jsonrpc");
	if (!json_is_string(version) || strcmp(json_string_value(version), "2.0"))
		return bad(msg, RPC_REQUEST, "jsonrpc must be \"2.0\"");
	ret->method = json_string_value(json_object_get(ret->whole, "method"));
	if (!ret->method)
		return bad(msg, RPC_REQUEST, "method must be a string");
	ret->params = json_object_get(ret->whole, "params");
	if (!ret->params) {
		ret->params = json_object();
		json_object_set_new(ret->whole, "params", ret->params);
	}
	if (!json_is_object(ret->params))
		return bad(msg, RPC_PARAMS, "params must be an object");
	return 0;
}

void rpc_free(struct rpc_request *request)
{
	json_decref(request->whole);
	*request = (struct rpc_request){};
}

static json_t *answer(json_t *id)
{
	return json_pack("{s:s, s:O?}", "jsonrpc", "2.0", "id", id);
}

json_t *rpc_result(json_t *id, json_t *result)
{
	json_t *all = answer(id);

	json_object_set_new(all, "result", result ? result : json_object());
	return all;
}

json_t *rpc_error(json_t *id, int code, const char *msg, const char *errno_name)
{
	json_t *all = answer(id), *error = json_pack("{s:i}", "code", code), *text;

	text = json_string(msg);	/* NULL if a character is cut */
	json_object_set_new(error, "message", text ? text : json_string("bad input"));
	if (errno_name)
		json_object_set_new(error, "data", json_pack("{s:s}", "errno", errno_name));
	json_object_set_new(all, "error", error);
	return all;
}
