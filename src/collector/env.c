/* SPDX-License-Identifier: GPL-2.0-only */
/* FILE.env.json: where and when a timeline was made. Equal runs give equal
 * timelines, so none of this may be in the timeline itself. */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/utsname.h>

#include "src/collector/sink.h"

#define VULNERABILITIES "/sys/devices/system/cpu/vulnerabilities"

json_t *json_text(const char *text)
{
	json_t *s = json_string(text);
	char wide[2 * PATH_MAX], *p = wide;

	if (s)
		return s;
	for (; *text && p < wide + sizeof(wide) - 3; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x80) {
			*p++ = (char)c;
		} else {
			*p++ = (char)(0xc0 | c >> 6);
			*p++ = (char)(0x80 | (c & 0x3f));
		}
	}
	*p = '\0';
	return json_string(wide);
}

static void set_text(json_t *env, const char *key, const char *text)
{
	if (text && *text)
		json_object_set_new(env, key, json_text(text));
}

/* The first line of a file; false if there is none. */
static bool first_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(line, (int)size, f);

	if (f)
		fclose(f);
	if (ok)
		line[strcspn(line, "\n")] = '\0';
	return ok;
}

static void set_cpu(json_t *env)
{
	static const struct { const char *name, *key; } wanted[] = {
		{ "vendor_id", "cpu_vendor" }, { "cpu family", "cpu_family" },
		{ "model", "cpu_model" }, { "model name", "cpu_name" },
		{ "stepping", "cpu_stepping" }, { "microcode", "microcode" },
	};
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[512], *value;

	/* The first CPU's: up to the first empty line. */
	while (f && fgets(line, sizeof(line), f) && line[0] != '\n') {
		line[strcspn(line, "\n")] = '\0';
		value = strstr(line, ": ");
		if (!value)
			continue;
		line[strcspn(line, "\t:")] = '\0';
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			if (!strcmp(line, wanted[i].name))
				set_text(env, wanted[i].key, value + 2);
	}
	if (f)
		fclose(f);
}

static void set_mitigations(json_t *env)
{
	json_t *all = json_object();
	DIR *dir = opendir(VULNERABILITIES);
	struct dirent *entry;
	char path[PATH_MAX], line[512];

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", VULNERABILITIES, entry->d_name);
		if (entry->d_name[0] != '.' && first_line(path, line, sizeof(line)))
			set_text(all, entry->d_name, line);
	}
	if (dir)
		closedir(dir);
	json_object_set_new(env, "mitigations", all);
}

static void set_command_line(json_t *env)
{
	json_t *args = json_array();
	FILE *f = fopen("/proc/self/cmdline", "re");
	char *arg = NULL;
	size_t room = 0;

	while (f && getdelim(&arg, &room, '\0', f) > 0)
		json_array_append_new(args, json_text(arg));
	if (f)
		fclose(f);
	free(arg);
	json_object_set_new(env, "command", args);
}

static void set_date(json_t *env, const struct vmmt_clock *clock)
{
	struct timespec now;
	struct tm tm;
	char date[64];

	clock_gettime(CLOCK_REALTIME, &now);
	if (clock && clock->real) {
		now.tv_sec = (time_t)(clock->real / 1000000000);
		json_object_set_new(env, "real_ns", json_integer((json_int_t)clock->real));
		json_object_set_new(env, "mono_ns", json_integer((json_int_t)clock->mono));
		json_object_set_new(env, "tsc", json_integer((json_int_t)clock->time));
		json_object_set_new(env, "tsc_khz", json_integer((json_int_t)clock->khz));
	}
	if (gmtime_r(&now.tv_sec, &tm) && strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm))
		set_text(env, "date", date);
}

static json_t *make_env(const char *path, const struct vmmt_clock *clock)
{
	json_t *env = json_object();
	struct utsname uts;
	char line[4096];
	ssize_t len;

	set_date(env, clock);
	if (!uname(&uts)) {
		set_text(env, "host", uts.nodename);
		set_text(env, "kernel", uts.release);
		set_text(env, "kernel_build", uts.version);
	}
	if (first_line("/proc/cmdline", line, sizeof(line)))
		set_text(env, "kernel_command", line);
	set_cpu(env);
	set_mitigations(env);
	set_text(env, "output", path);
	if (getcwd(line, sizeof(line)))
		set_text(env, "directory", line);
	len = readlink("/proc/self/exe", line, sizeof(line) - 1);
	if (len > 0) {
		line[len] = '\0';
		set_text(env, "program", line);
	}
	set_command_line(env);
	return env;
}

/* Takes the reference to env. */
static int put_env(const char *path, json_t *env)
{
	char *name = NULL;
	int err = 0;
	FILE *f;

	if (!env || asprintf(&name, "%s.env.json", path) < 0) {
		json_decref(env);
		return -ENOMEM;
	}
	f = fopen(name, "we");
	if (!f) {
		err = -errno;
	} else {
		if (json_dumpf(env, f, JSON_INDENT(2)) || fputc('\n', f) == EOF)
			err = -EIO;
		if (fclose(f) && !err)
			err = -errno;
	}
	free(name);
	json_decref(env);
	return err;
}

int env_write(const char *path, const struct vmmt_clock *clock)
{
	return put_env(path, make_env(path, clock));
}

int env_copy(const char *path, const char *from)
{
	char *name = NULL;
	json_t *env;

	if (asprintf(&name, "%s.env.json", from) < 0)
		return -ENOMEM;
	env = json_load_file(name, 0, NULL);
	free(name);
	return env ? put_env(path, env) : 0;
}
