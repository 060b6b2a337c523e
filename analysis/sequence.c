/* SPDX-License-Identifier: GPL-2.0-only */
#include <config.h>

#include "analysis/sequence.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/reader.h"
#include "analysis/text.h"
#include "src/collector/lines.h"

/* A vCPU: VMs are numbered by when they appear. */
struct place {
	size_t vm;
	uint32_t vcpu;
};

struct step {
	uint64_t exit;
	char class[24], key[20], value[20], rip[20];	/* empty: not there */
	uint64_t lost;		/* not an exit: so many records are missing here */
};

/* What one file holds. */
struct contents {
	const char *path;
	uint32_t *vms;		/* ids by number */
	size_t nvms;
	struct place *places;
	size_t nplaces;
};

static int grow(void *list, size_t count, size_t size)
{
	void **at = list, *bigger;

	/* Room doubles at each power of two. */
	if (count & (count - 1))
		return 0;
	bigger = realloc(*at, (count ? 2 * count : 1) * size);
	if (!bigger)
		return -ENOMEM;
	*at = bigger;
	return 0;
}

static uint64_t number_of(const json_t *event, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(event, key));
}

static bool is_event(const json_t *event, const char *name)
{
	const char *ev = json_string_value(json_object_get(event, "ev"));

	return ev && !strcmp(ev, name);
}

/* Opens a file and reads its header. */
static int open_timeline(const char *path, struct reader **ret_reader)
{
	struct reader *r;
	json_t *header;
	size_t len;
	char *line;
	int ret = reader_open(path, &r);

	if (ret)
		return ret;
	ret = reader_line(r, &line, &len);
	header = ret > 0 ? reader_parse(line, len, READER_NDJSON) : NULL;
	if (ret >= 0 && (!header || !is_event(header, LINE_HEADER)))
		ret = -EINVAL;
	else if (ret > 0 && number_of(header, "schema") != VMMT_SCHEMA_VERSION)
		ret = -EPROTO;
	json_decref(header);
	if (ret < 0) {
		reader_close(r);
		return ret;
	}
	*ret_reader = r;
	return 0;
}

/* Lines as we write them begin with their ev: most need not be parsed. */
static bool is_other(const char *line)
{
	static const char begin[] = "{\"ev\":\"";
	static const char *const wanted[] = { "exit\"", "lost\"", LINE_FOOTER "\"" };

	if (strncmp(line, begin, sizeof(begin) - 1))
		return false;
	line += sizeof(begin) - 1;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!strncmp(line, wanted[i], strlen(wanted[i])))
			return false;
	return true;
}

/* The next event that can matter here; NULL at the end, and then *ret_err
 * tells why. */
static json_t *next_event(struct reader *r, int *ret_err)
{
	json_t *event;
	size_t len;
	char *line;
	int ret;

	do {
		ret = reader_line(r, &line, &len);
		if (ret <= 0) {
			*ret_err = ret;
			return NULL;
		}
	} while (!reader_unterminated(r) && is_other(line));
	event = reader_parse(line, len, READER_NDJSON);
	*ret_err = event ? 0 : -EBADMSG;
	return event;
}

static int vm_number(struct contents *c, uint32_t id, size_t *ret_number)
{
	for (size_t i = 0; i < c->nvms; i++) {
		if (c->vms[i] == id) {
			*ret_number = i;
			return 0;
		}
	}
	if (grow(&c->vms, c->nvms, sizeof(*c->vms)))
		return -ENOMEM;
	*ret_number = c->nvms;
	c->vms[c->nvms++] = id;
	return 0;
}

static int note_place(struct contents *c, const json_t *event)
{
	uint32_t vcpu = (uint32_t)number_of(event, "vcpu");
	size_t vm;
	int err = vm_number(c, (uint32_t)number_of(event, "vm"), &vm);

	if (err)
		return err;
	for (size_t i = 0; i < c->nplaces; i++)
		if (c->places[i].vm == vm && c->places[i].vcpu == vcpu)
			return 0;
	if (grow(&c->places, c->nplaces, sizeof(*c->places)))
		return -ENOMEM;
	c->places[c->nplaces++] = (struct place){ vm, vcpu };
	return 0;
}

/* Finds the vCPUs of a file that have exits. */
static int scan(const char *path, struct contents *c)
{
	struct reader *r;
	bool whole = false;
	json_t *event;
	int err = open_timeline(path, &r);

	c->path = path;
	if (err)
		return err;
	while (!err && (event = next_event(r, &err))) {
		if (is_event(event, "exit"))
			err = note_place(c, event);
		whole = is_event(event, LINE_FOOTER);
		json_decref(event);
	}
	reader_close(r);
	return err ? err : whole ? 0 : -EBADMSG;
}

/* Exits that the host caused say nothing about the way the guest took. */
static bool is_hosts(const json_t *exit)
{
	const char *class = json_string_value(json_object_get(exit, "class"));

	return class && (!strcmp(class, "intr") || !strcmp(class, "nmi"));
}

static void copy_text(char *to, size_t size, const json_t *event, const char *key)
{
	const char *text = json_string_value(json_object_get(event, key));

	snprintf(to, size, "%s", text ? text : "");
}

/* The next exit, or loss, of one vCPU. Returns 1, 0 at the end, or negative. */
static int next_step(struct reader *r, uint32_t vm, uint32_t vcpu, struct step *step)
{
	json_t *event;
	int err;

	while ((event = next_event(r, &err))) {
		bool exit = is_event(event, "exit"), lost = is_event(event, "lost");
		bool ours = number_of(event, "vm") == vm && number_of(event, "vcpu") == vcpu;

		if (((exit && !is_hosts(event)) || lost) && ours) {
			*step = (struct step){ .exit = number_of(event, "exit") };
			if (lost)
				step->lost = number_of(event, "count");
			copy_text(step->class, sizeof(step->class), event, "class");
			copy_text(step->key, sizeof(step->key), event, "key");
			copy_text(step->value, sizeof(step->value), event, "value");
			copy_text(step->rip, sizeof(step->rip), event, "rip");
			json_decref(event);
			return 1;
		}
		json_decref(event);
	}
	return err;
}

static void print_step(FILE *to, const char *side, const struct step *s, bool there)
{
	if (!there)
		fprintf(to, "  %-2s(no more exits)\n", side);
	else if (s->lost)
		fprintf(to, "  %-2s(%" PRIu64 " records are missing)\n", side, s->lost);
	else
		fprintf(to, "  %-2s%10" PRIu64 "  %-10s %-18s %-18s rip %s\n", side, s->exit,
			s->class, s->key, s->value, s->rip);
}

static bool same_step(const struct step *a, const struct step *b)
{
	return !a->lost && !b->lost && !strcmp(a->class, b->class) && !strcmp(a->key, b->key) &&
	       !strcmp(a->value, b->value);
}

/* Two open files, at one vCPU's exits. */
struct pair {
	struct reader *a, *b;
	uint32_t vm_a, vm_b, vcpu;
	struct step before[SEQUENCE_CONTEXT];
	uint64_t equal;		/* exits so far */
};

static void print_split(const struct pair *p, FILE *to, const struct step *a, bool there_a,
			const struct step *b, bool there_b)
{
	uint64_t first = p->equal > SEQUENCE_CONTEXT ? p->equal - SEQUENCE_CONTEXT : 0;

	fprintf(to, "vm %u", p->vm_a);
	if (p->vm_a != p->vm_b)
		fprintf(to, " (in B: vm %u)", p->vm_b);
	fprintf(to, " vcpu %u: the first %" PRIu64 " exits are equal, then they differ\n", p->vcpu,
		p->equal);
	for (uint64_t i = first; i < p->equal; i++)
		print_step(to, "", &p->before[i % SEQUENCE_CONTEXT], true);
	print_step(to, "A", a, there_a);
	print_step(to, "B", b, there_b);
}

/* One vCPU's exits side by side: 0 equal, 1 they differ, or a negative errno. */
static int compare_steps(struct pair *p, FILE *to, const char *paths[2], const char **ret_path)
{
	struct step a, b;
	int there_a, there_b;

	for (;;) {
		there_a = next_step(p->a, p->vm_a, p->vcpu, &a);
		there_b = next_step(p->b, p->vm_b, p->vcpu, &b);
		if (there_a < 0 || there_b < 0) {
			*ret_path = paths[there_a >= 0];
			return there_a < 0 ? there_a : there_b;
		}
		if (!there_a && !there_b)
			return 0;
		if (!there_a || !there_b || !same_step(&a, &b)) {
			print_split(p, to, &a, there_a, &b, there_b);
			return 1;
		}
		p->before[p->equal++ % SEQUENCE_CONTEXT] = a;
	}
}

static int compare_place(const struct contents *a, const struct contents *b,
			 const struct place *place, FILE *to, uint64_t *exits,
			 const char **ret_path)
{
	struct pair p = { .vm_a = a->vms[place->vm], .vm_b = b->vms[place->vm],
			  .vcpu = place->vcpu };
	const char *paths[2] = { a->path, b->path };
	int ret;

	*ret_path = a->path;
	ret = open_timeline(a->path, &p.a);
	if (ret)
		goto out;
	*ret_path = b->path;
	ret = open_timeline(b->path, &p.b);
	if (ret)
		goto out;
	ret = compare_steps(&p, to, paths, ret_path);
	*exits += p.equal;
out:
	reader_close(p.a);
	reader_close(p.b);
	return ret;
}

/* A vCPU of one file that the other does not have: 1 if there is one. */
static int print_missing(const struct contents *has, const char *name,
			 const struct contents *other, const char *other_name, FILE *to)
{
	for (size_t i = 0; i < has->nplaces; i++) {
		const struct place *place = &has->places[i];
		bool found = false;

		for (size_t j = 0; j < other->nplaces; j++)
			found |= other->places[j].vm == place->vm &&
				 other->places[j].vcpu == place->vcpu;
		if (found)
			continue;
		fprintf(to, "%s has exits of vm %u vcpu %u, %s has none\n", name,
			has->vms[place->vm], place->vcpu, other_name);
		return 1;
	}
	return 0;
}

static void contents_free(struct contents *c)
{
	free(c->vms);
	free(c->places);
}

int sequence_compare(const char *path_a, const char *path_b, FILE *to, const char **ret_path)
{
	struct contents a = { 0 }, b = { 0 };
	char text[TEXT_NUMBER];
	uint64_t exits = 0;
	int ret;

	*ret_path = path_a;
	ret = scan(path_a, &a);
	if (ret)
		goto out;
	*ret_path = path_b;
	ret = scan(path_b, &b);
	if (ret)
		goto out;
	ret = print_missing(&a, "A", &b, "B", to);
	if (!ret)
		ret = print_missing(&b, "B", &a, "A", to);
	for (size_t i = 0; !ret && i < a.nplaces; i++)
		ret = compare_place(&a, &b, &a.places[i], to, &exits, ret_path);
	if (!ret)
		fprintf(to, "equal: %s exits on %zu vCPU%s\n", text_number(text, exits),
			a.nplaces, a.nplaces == 1 ? "" : "s");
out:
	contents_free(&a);
	contents_free(&b);
	return ret;
}
