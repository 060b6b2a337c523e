// SPDX-License-Identifier: GPL-2.0-only
#include <config.h>

#include "src/record/held.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM (64u << 10)

int held_add(struct held *h, int source, const union vmmt_record *rec)
{
	size_t size = sizeof(uint64_t) + rec->head.size, room = h->room ? h->room : FIRST_ROOM;
	uint64_t number = (uint64_t)source;
	unsigned char *data;

	while (room - h->used < size)
		room *= 2;
	if (room != h->room) {
		data = realloc(h->data, room);
		if (!data)
			return -ENOMEM;
		h->data = data;
		h->room = room;
	}
	memcpy(h->data + h->used, &number, sizeof(number));
	memcpy(h->data + h->used + sizeof(number), rec, rec->head.size);
	h->used += size;
	return 0;
}

void held_each(const struct held *h,
	       void (*take)(void *arg, int source, const union vmmt_record *rec), void *arg)
{
	const union vmmt_record *rec;
	uint64_t source;
	size_t at = 0;

	while (at < h->used) {
		memcpy(&source, h->data + at, sizeof(source));
		rec = (const void *)(h->data + at + sizeof(source));
		take(arg, (int)source, rec);
		at += sizeof(source) + rec->head.size;
	}
}

void held_free(struct held *h)
{
	free(h->data);
	*h = (struct held){};
}
