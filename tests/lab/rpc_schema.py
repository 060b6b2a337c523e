# SPDX-License-Identifier: GPL-2.0-only
"""rpc_schema.py SCHEMA LOG: hold requests and results of the service to docs/rpc.schema.json, by as
much of JSON Schema as that uses."""
import json
import re
import sys

schema = json.load(open(sys.argv[1]))
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "null": type(None),
	 "number": (int, float)}
KNOWN = {"description", "$ref", "type", "const", "enum", "pattern", "anyOf", "oneOf", "properties",
	 "required", "items", "additionalProperties", "params", "result"}


def is_type(value, name):
	return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def resolve(ref):
	at = schema
	for step in ref[2:].split("/"):
		at = at[step]
	return at


def errors(value, s, where):
	assert set(s) <= KNOWN, set(s) - KNOWN
	if "$ref" in s:
		yield from errors(value, resolve(s["$ref"]), where)
	types = s.get("type", [])
	types = [types] if isinstance(types, str) else types
	if types and not any(is_type(value, t) for t in types):
		yield "%s: %r is no %s" % (where, value, types)
	if "const" in s and value != s["const"] or "enum" in s and value not in s["enum"]:
		yield "%s: %r is not what it must be" % (where, value)
	if "pattern" in s and not re.search(s["pattern"], value):
		yield "%s: %r does not match" % (where, value)
	for word, right in (("anyOf", lambda n: n > 0), ("oneOf", lambda n: n == 1)):
		if word in s and not right(sum(not list(errors(value, o, where)) for o in s[word])):
			yield "%s: %r fits not as %s wants" % (where, value, word)
	if isinstance(value, dict):
		for name in s.get("required", []):
			if name not in value:
				yield "%s: %s is missing" % (where, name)
		for name, v in value.items():
			if name in s.get("properties", {}):
				yield from errors(v, s["properties"][name], where + "." + name)
			elif s.get("additionalProperties") is False:
				yield "%s: %s is not in the schema" % (where, name)
	if isinstance(value, list) and "items" in s:
		for i, v in enumerate(value):
			yield from errors(v, s["items"], "%s[%d]" % (where, i))


seen, bad = set(), []
for line in open(sys.argv[2]):
	one = json.loads(line)
	seen.add(one["method"])
	request = {"jsonrpc": "2.0", "id": 1, "method": one["method"], "params": one["params"]}
	bad += errors(request, {"oneOf": schema["oneOf"]}, "request")
	bad += errors(one["result"], schema["methods"][one["method"]]["result"], one["method"])
missing = set(schema["methods"]) - seen - {"mprotect"}
for text in bad[:20] + ["never called: " + name for name in missing]:
	print(text)
sys.exit(bool(bad or missing))
