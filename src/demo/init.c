// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first and only process of the demo's guest: says that it is there, and
 * turns the machine off through its power port, as a PC without ACPI has none.
 * Static; its arguments are the kernel's, "work=N" asks for N rounds of work
 * that exits (reads of /proc/uptime, each a line on the console).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "src/machine/ports.h"

#define SLP_EN 0x2000	/* ACPI's PM1a control register, as others have it there */

static double uptime(void)
{
	double seconds = 0;
	FILE *f = fopen("/proc/uptime", "r");

	if (f) {
		if (fscanf(f, "%lf", &seconds) != 1)
			seconds = 0;
		fclose(f);
	}
	return seconds;
}

static void power_off(void)
{
	sync();
	if (!ioperm(MACHINE_PORT_POWER, 2, 1))
		outw(SLP_EN, MACHINE_PORT_POWER);
	reboot(RB_POWER_OFF);
}

int main(int argc, char **argv)
{
	const char *work = getenv("work");
	int rounds = work ? atoi(work) : 0, i;
	struct utsname uts;

	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	uname(&uts);
	printf("init: Linux %s is up after %.2f s\n", uts.release, uptime());
	for (i = 0; i < rounds; i++)
		printf("init: round %d at %.2f s\n", i + 1, uptime());
	fflush(stdout);
	power_off();
	return 1;
}
