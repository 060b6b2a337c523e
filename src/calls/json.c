// SPDX-License-Identifier: GPL-2.0-only
/* Structures to and from JSON, by their tables. */
#include "calls.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where in the input it is: a chain that a message is made of. */
struct where {
	const struct where *up;
	const char *name;
};

static size_t print_where(const struct where *w, char *to, size_t size)
{
	size_t len = 0;

	if (!w)
		return 0;
	if (w->up) {
		len = print_where(w->up, to, size);
		if (len + 1 < size)
			to[len++] = '.';
	}
	len += (size_t)snprintf(to + len, size - len, "%s", w->name);
	return len < size ? len : size - 1;
}

static __attribute__((format(printf, 3, 4)))
int bad(const struct where *w, char msg[CALLS_MSG], const char *format, ...)
{
	size_t len = print_where(w, msg, CALLS_MSG / 2);
	va_list ap;

	if (w)
		len += (size_t)snprintf(msg + len, CALLS_MSG - len, ": ");
	va_start(ap, format);
	vsnprintf(msg + len, CALLS_MSG - len, format, ap);
	va_end(ap);
	return -EINVAL;
}

/* ---- numbers ---- */

static uint64_t get(const void *p, size_t size, bool negative)
{
	uint64_t value = 0;

	memcpy(&value, p, size);
	if (negative && size < 8 && value >> (8 * size - 1))
		value |= ~0ull << (8 * size);
	return value;
}

static bool fits(uint64_t value, size_t size, bool negative)
{
	int64_t max = size < 8 ? (1ll << (8 * size - 1)) - 1 : INT64_MAX;

	if (size == 8)
		return true;
	if (negative)
		return (int64_t)value >= -max - 1 && (int64_t)value <= max;
	return !(value >> (8 * size));
}

/* "4096", "0x1000", "4K", "-1", "+2". */
static bool parse(const char *text, uint64_t old, uint64_t *ret)
{
	static const char units[] = "KMG";
	bool add = *text == '+', minus = *text == '-';
	const char *unit;
	uint64_t value;
	char *end;

	text += add || minus;
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno)
		return false;
	if (*end) {
		unit = strchr(units, *end);
		if (!unit || end[1])
			return false;
		value <<= 10 * (unit - units + 1);
	}
	*ret = add ? old + value : minus ? -value : value;
	return true;
}

static bool by_name(const struct calls_names *names, const char *name, uint64_t *ret)
{
	for (size_t i = 0; i < names->n; i++) {
		if (!strcmp(names->list[i].name, name)) {
			*ret = (uint64_t)names->list[i].value;
			return true;
		}
	}
	return false;
}

static int read_number(const struct calls_member *m, void *to, const json_t *from,
		       const struct where *w, char msg[CALLS_MSG])
{
	const char *text = json_string_value(from);
	uint64_t value = get(to, m->size, m->negative);

	if (json_is_boolean(from))
		value = json_is_true(from);
	else if (json_is_integer(from))
		value = (uint64_t)json_integer_value(from);
	else if (!text)
		return bad(w, msg, "must be a number");
	else if (!by_name(m->values, text, &value) && !parse(text, value, &value))
		return bad(w, msg, "'%s' is no number%s", text,
			   m->values->n ? ", and no name" : "");
	if (!fits(value, m->size, m->negative))
		return bad(w, msg, "%lld does not fit into %zu bits", (long long)value,
			   8 * m->size);
	memcpy(to, &value, m->size);
	return 0;
}

static json_t *write_number(const struct calls_member *m, const void *from)
{
	uint64_t value = get(from, m->size, m->negative);
	char text[24];

	if (m->kind == CALLS_KIND_flag)
		return json_boolean(value);
	for (size_t i = 0; i < m->values->n; i++)
		if (value == (uint64_t)m->values->list[i].value)
			return json_string(m->values->list[i].name);
	if (m->kind != CALLS_KIND_hex && value <= INT64_MAX)
		return json_integer((json_int_t)value);
	if (m->kind != CALLS_KIND_hex && m->negative)
		return json_integer((int64_t)value);
	snprintf(text, sizeof(text), "%#llx", (unsigned long long)value);
	return json_string(value ? text : "0x0");
}

/* ---- text and bytes ---- */

static int read_text(const struct calls_member *m, char *to, const json_t *from,
		     const struct where *w, char msg[CALLS_MSG])
{
	if (!json_is_string(from))
		return bad(w, msg, "must be a string");
	if (json_string_length(from) >= m->size)
		return bad(w, msg, "has more than %zu bytes", m->size - 1);
	memset(to, 0, m->size);
	memcpy(to, json_string_value(from), json_string_length(from));
	return 0;
}

static int read_bytes(const struct calls_member *m, uint8_t *to, const json_t *from,
		      const struct where *w, char msg[CALLS_MSG])
{
	const char *text = json_string_value(from);
	size_t i, n = text ? json_string_length(from) / 2 : 0;
	unsigned int byte;

	if (!text || n > m->size || json_string_length(from) % 2)
		return bad(w, msg, "must be a string of up to %zu bytes in hex", m->size);
	for (i = 0; i < n; i++) {
		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return bad(w, msg, "'%s' is not hex", text);
		to[i] = (uint8_t)byte;
	}
	return 0;
}

static json_t *write_bytes(const struct calls_member *m, const uint8_t *from)
{
	char text[64] = "";

	for (size_t i = 0; i < m->size && 2 * i + 2 < sizeof(text); i++)
		sprintf(text + 2 * i, "%02x", from[i]);
	return json_string(text);
}

/* The kernel may cut a name anywhere: what is no UTF-8 is shown byte by byte. */
static json_t *write_text(const struct calls_member *m, const char *from)
{
	size_t len = strnlen(from, m->size);
	json_t *text = json_stringn(from, len);
	char ascii[256];

	if (text)
		return text;
	for (size_t i = 0; i < len; i++)
		ascii[i] = from[i] & 0x80 ? '?' : from[i];
	return json_stringn(ascii, len);
}

/* ---- structures ---- */

static int read_struct(const struct calls_struct *s, void *to, json_t *from, const struct where *up,
		       char msg[CALLS_MSG]);

static int read_element(const struct calls_member *m, void *to, json_t *from, const struct where *w,
			char msg[CALLS_MSG])
{
	switch (m->kind) {
	case CALLS_KIND_text:
		return read_text(m, to, from, w, msg);
	case CALLS_KIND_bytes:
		return read_bytes(m, to, from, w, msg);
	case CALLS_KIND_struct:
		return read_struct(m->of(), to, from, w, msg);
	case CALLS_KIND_pointer:
		if (!*(void **)to)
			return bad(w, msg, "is made by the call, and cannot be given");
		return read_struct(m->of(), *(void **)to, from, w, msg);
	default:
		return read_number(m, to, from, w, msg);
	}
}

static int read_named(const struct calls_member *m, char *to, json_t *from, const struct where *w,
		      char msg[CALLS_MSG])
{
	const char *key;
	json_t *value;
	int err = 0;

	if (!json_is_object(from))
		return bad(w, msg, "must be an object");
	json_object_foreach(from, key, value) {
		struct where at = { w, key };
		uint64_t i;

		if (!by_name(m->names, key, &i))
			return bad(&at, msg, "no such name");
		err = read_element(m, to + i * m->size, value, &at, msg);
		if (err)
			return err;
	}
	return 0;
}

static int read_array(const struct calls_member *m, char *to, json_t *from, const struct where *w,
		      char msg[CALLS_MSG])
{
	size_t i;
	json_t *value;
	int err;

	if (!json_is_array(from) || json_array_size(from) > m->n)
		return bad(w, msg, "must be an array of up to %zu", m->n);
	json_array_foreach(from, i, value) {
		err = read_element(m, to + i * m->size, value, w, msg);
		if (err)
			return err;
	}
	return 0;
}

/* An array that is given says how many there are, unless that is said too. */
static void set_count(const struct calls_struct *s, const struct calls_member *m, char *to,
		      json_t *object)
{
	const struct calls_member *count = calls_member(s, m->count);
	uint64_t n = json_array_size(json_object_get(object, m->name));

	if (count && m->way & CALLS_in && !json_object_get(object, m->count))
		memcpy(to + count->offset, &n, count->size);
}

static int read_struct(const struct calls_struct *s, void *to, json_t *from, const struct where *up,
		       char msg[CALLS_MSG])
{
	const struct calls_member *m;
	const char *key;
	json_t *value;
	int err;

	if (!json_is_object(from))
		return bad(up, msg, "must be an object, a struct %s", s->name);
	json_object_foreach(from, key, value) {
		struct where w = { up, key };
		char *at;

		m = calls_member(s, key);
		if (!m)
			return bad(&w, msg, "no such member of struct %s", s->name);
		at = (char *)to + m->offset;
		if (m->names)
			err = read_named(m, at, value, &w, msg);
		else if (m->array)
			err = read_array(m, at, value, &w, msg);
		else
			err = read_element(m, at, value, &w, msg);
		if (err)
			return err;
		if (m->array && m->count)
			set_count(s, m, to, from);
	}
	return 0;
}

int calls_read(const struct calls_struct *s, void *to, json_t *from, char msg[CALLS_MSG])
{
	return read_struct(s, to, from, NULL, msg);
}

static json_t *write_element(const struct calls_member *m, const void *from)
{
	switch (m->kind) {
	case CALLS_KIND_text:
		return write_text(m, from);
	case CALLS_KIND_bytes:
		return write_bytes(m, from);
	case CALLS_KIND_struct:
		return calls_write(m->of(), from, CALLS_inout);
	default:
		return write_number(m, from);
	}
}

/* How many of an array, or behind a pointer, there are. */
static size_t count_of(const struct calls_struct *s, const struct calls_member *m, const char *from)
{
	const struct calls_member *count = m->count ? calls_member(s, m->count) : NULL;
	uint64_t n;

	if (!count)
		return m->n;
	n = get(from + count->offset, count->size, false);
	return m->kind == CALLS_KIND_pointer || n < m->n ? n : m->n;
}

static json_t *write_list(const struct calls_member *m, const char *from, size_t size, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, m->kind == CALLS_KIND_pointer ?
				      calls_write(m->of(), from + i * size, CALLS_inout) :
				      write_element(m, from + i * size));
	return list;
}

static json_t *write_named(const struct calls_member *m, const char *from)
{
	json_t *object = json_object();

	for (size_t i = 0; i < m->names->n; i++)
		json_object_set_new(object, m->names->list[i].name,
				    write_element(m, from + m->names->list[i].value * m->size));
	return object;
}

static json_t *write_pointer(const struct calls_struct *s, const struct calls_member *m,
			     const char *from)
{
	const void *p = *(void *const *)(from + m->offset);

	if (!p)
		return json_null();
	if (!calls_member(s, m->count))
		return calls_write(m->of(), p, CALLS_inout);
	return write_list(m, p, m->of()->size, count_of(s, m, from));
}

json_t *calls_write(const struct calls_struct *s, const void *from, enum calls_way ways)
{
	json_t *object = json_object(), *value;

	for (size_t i = 0; i < s->n; i++) {
		const struct calls_member *m = &s->members[i];
		const char *at = (const char *)from + m->offset;

		if (!(m->way & ways))
			continue;
		if (m->kind == CALLS_KIND_pointer)
			value = write_pointer(s, m, from);
		else if (m->names)
			value = write_named(m, at);
		else if (m->array)
			value = write_list(m, at, m->size, count_of(s, m, from));
		else
			value = write_element(m, at);
		json_object_set_new(object, m->name, value);
	}
	return object;
}
