/* SPDX-License-Identifier: GPL-2.0-only */
#include <config.h>

#include "src/collector/lttng.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/collector/sink.h"

#define PROVIDER "vmmtrace-ust.so"

const struct lttng *lttng;

/* The provider of this program: where it was built, if that is where the program
 * is; else where it is installed. VMMTRACE_LTTNG may name another. */
static const char *find_provider(void)
{
	static const char built[] = LTTNG_BUILDDIR "/";
	const char *named = getenv("VMMTRACE_LTTNG");
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (named)
		return named;
	if (n >= (ssize_t)sizeof(built) && !strncmp(exe, built, sizeof(built) - 1))
		return LTTNG_BUILDDIR "/trace/ust/" PROVIDER;
	return LTTNG_LIBDIR "/" PROVIDER;
}

int lttng_load(char msg[LTTNG_MSG])
{
	static struct lttng ops;
	const char *path = find_provider();
	const unsigned int *schema;
	void *lib;

	if (access(path, R_OK)) {
		snprintf(msg, LTTNG_MSG, "no LTTng-UST provider %s: build and install with liblttng-ust-dev",
			 path);
		return -errno;
	}
	lib = dlopen(path, RTLD_NOW);
	if (!lib) {
		snprintf(msg, LTTNG_MSG, "the LTTng-UST provider cannot be loaded: %s", dlerror());
		return -ELIBACC;
	}
	schema = dlsym(lib, "ust_schema");
	*(void **)&ops.emit = dlsym(lib, "ust_emit");
	*(void **)&ops.span = dlsym(lib, "ust_span");
	if (!schema || *schema != VMMT_SCHEMA_VERSION || !ops.emit || !ops.span) {
		snprintf(msg, LTTNG_MSG, "%s is another version's provider: install that of this program",
			 path);
		return -ELIBBAD;	/* LTTng's threads may run in it: it stays */
	}
	lttng = &ops;
	return 0;
}

/* ---- a sink ---- */

static bool own_thread(const struct vmmt_head *h)
{
	return h->vcpu >= VMMT_VCPU_USER && h->vcpu < VMMT_VCPU_VM &&
	       h->event != VMMT_EVENT_lost;
}

static void put_record(struct sink *s, const struct delivery *d)
{
	if (!own_thread(&d->rec->head))
		lttng_emit(d->rec);
}

static void put_end(struct sink *s, const struct clock_map *clock, const json_t *totals)
{
}

static const struct sink_ops ops = {
	.size = sizeof(struct sink),
	.record = put_record,
	.end = put_end,
};

int lttng_add(struct collector *c)
{
	struct sink *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->ops = &ops;
	s->out.fd = -1;
	collector_add_sink(c, s);
	return 0;
}
