/* SPDX-License-Identifier: GPL-2.0-only */
#include "src/collector/keys.h"

/* A key that has no place takes that of the rarest, with its count as what it
 * may have come before. Whatever came is exchanged with the one before it, so
 * that the hottest are found at once. */
void keys_add(struct keys *k, unsigned int class, uint64_t key)
{
	struct key_count *kept = k->class[class].kept, found;
	unsigned int i, rarest = 0, used = k->class[class].used;

	for (i = 0; i < used && kept[i].key != key; i++)
		if (kept[i].count + kept[i].more < kept[rarest].count + kept[rarest].more)
			rarest = i;
	if (i < used) {
		kept[i].count++;
	} else if (used < KEYS_KEPT) {
		kept[i] = (struct key_count){ .key = key, .count = 1 };
		k->class[class].used++;
	} else {
		i = rarest;
		kept[i] = (struct key_count){ key, 1, kept[i].count + kept[i].more };
	}
	if (!i)
		return;
	found = kept[i];
	kept[i] = kept[i - 1];
	kept[i - 1] = found;
}

bool keys_top(const struct keys *k, unsigned int class, struct key_count *ret, bool *ret_sure)
{
	const struct key_count *kept = k->class[class].kept;
	unsigned int i, top = 0, used = k->class[class].used;

	for (i = 1; i < used; i++)
		if (kept[i].count > kept[top].count ||
		    (kept[i].count == kept[top].count && kept[i].key < kept[top].key))
			top = i;
	if (!used)
		return false;
	*ret = kept[top];
	*ret_sure = !ret->more;
	for (i = 0; i < used; i++)
		*ret_sure &= kept[i].count + kept[i].more <= ret->count;
	return true;
}
