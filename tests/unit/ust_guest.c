/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records a made-up guest as a recorder that was asked for LTTng: into a
 * timeline, and as events of the provider, which it loads. ust_guest EXITS
 * FILE; without FILE it loads nothing. Prints how many threads it has then.
 */
#include <config.h>

#include "collector_guest.h"

#include <dirent.h>

#include "src/collector/lttng.h"

static int threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	int count = -2;		/* . and .. */

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

/* What the thread of vCPU 0 does: its record is emitted by itself, at once. */
static void own_record(struct guest *g)
{
	struct user_ring *ring = user_ring_new(0);
	struct user_stream stream;
	struct vmmt_dev dev = { .begin = 1, .addr = 0x70, .device = VMMT_DEVICE_rtc };

	user_stream_init(&stream, ring, 1, USER_THREAD_OTHER);
	user_stream_dev(&stream, 1, &dev);
	user_ring_free(ring);
	guest_push(g, g->threads[0], &dev);
}

int main(int argc, char **argv)
{
	struct collector_options options = { .generator = "guest" };
	struct guest g = { .c = collector_new(&options), .rng = 3, .drop = 100 };
	char msg[LTTNG_MSG];

	if (argc == 3 && (lttng_load(msg) || lttng_add(g.c))) {
		fprintf(stderr, "%s\n", msg);
		return 1;
	}
	if (argc == 3 && collector_add_output(g.c, argv[2]))
		return 1;
	guest_run(&g, (unsigned int)strtoul(argv[1], NULL, 0));
	own_record(&g);
	printf("%d\n", threads());
	return collector_finish(g.c, &g.totals) ? 1 : 0;
}
