// SPDX-License-Identifier: GPL-2.0-only
#include <config.h>

#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/collector/names.h"

const char *stats_text_grouped(uint64_t n, char buf[STATS_TEXT])
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n), i, k = 0;

	for (i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf[k++] = ',';
		buf[k++] = digits[i];
	}
	buf[k] = 0;
	return buf;
}

const char *stats_text_count(double n, char buf[STATS_TEXT])
{
	static const char units[] = "MGTPE";
	unsigned int unit = 0;

	if (n < 999999.5)
		return stats_text_grouped((uint64_t)(n + 0.5), buf);
	for (n /= 1e6; n >= 999.95 && units[unit + 1]; unit++)
		n /= 1000;
	snprintf(buf, STATS_TEXT, n < 9.9995 ? "%.3f%c" : n < 99.995 ? "%.2f%c" : "%.1f%c", n,
		 units[unit]);
	return buf;
}

const char *stats_text_us(double us, char buf[STATS_TEXT])
{
	if (us < 99.95)
		snprintf(buf, STATS_TEXT, us < 9.995 ? "%.2f" : "%.1f", us);
	else if (us < 99999.5)
		snprintf(buf, STATS_TEXT, "%.0f", us);
	else if (us < 999500)
		snprintf(buf, STATS_TEXT, "%.0fms", us / 1000);
	else
		snprintf(buf, STATS_TEXT, us < 99.95e6 ? "%.1fs" : "%.0fs", us / 1e6);
	return buf;
}

void stats_text_key(unsigned int class, uint64_t key, int room, char *text, size_t size)
{
	enum vmmt_key kind = vmmt_class_info(class)->key;
	char name[40] = "";

	if (kind != VMMT_KEY_gpa)
		vmmt_key_text(name, sizeof(name), kind, key);
	snprintf(text, size, "0x%" PRIx64, key);
	if (kind == VMMT_KEY_port && vmmt_port_device(key))
		snprintf(text, size, "0x%" PRIx64 " %s", key, name);
	else if (name[0])
		snprintf(text, size, "%s", name);
	if ((int)strlen(text) <= room)
		return;
	snprintf(text, size, "0x%" PRIx64, key);
	if ((int)strlen(text) > room)
		snprintf(text + (room > 2 ? room - 2 : 0), 3, "..");
}

void stats_text_top(unsigned int class, const struct stats_sum *sum, int room, char *text,
		    size_t size)
{
	struct stats_key top;
	char share[16];
	bool sure;
	double percent;

	snprintf(text, size, "-");
	if (vmmt_class_info(class)->key == VMMT_KEY_none || !stats_top_key(sum, &top, &sure))
		return;
	percent = sum->counted ? 100.0 * (double)top.count / (double)sum->counted : 100;
	if (!sure && percent < 1)
		return;
	snprintf(share, sizeof(share), " %s%.0f%%", sure ? "" : "~", percent < 100 ? percent : 100);
	stats_text_key(class, top.key, room - (int)strlen(share), text, size - sizeof(share));
	strcat(text, share);
}
