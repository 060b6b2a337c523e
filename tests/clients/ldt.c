// SPDX-License-Identifier: GPL-2.0-only
/*
 * ldt caller|kernel: a thread is inside RUN while another one makes the process's first local
 * descriptor table, and then larger ones. Behind RUN it has the newest: not that of before, whose
 * memory is somebody else's. Needs two CPUs.
 */
#define _GNU_SOURCE
#include <sys/syscall.h>

#include <asm/ldt.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "client.h"

#define CODE	0x1000
#define FLAG	0x2000
#define DONE	0xe1

static const uint8_t code[] = {
	0xc6, 0x06, 0x00, 0x20, 0x01,	/* movb $1, FLAG */
	0x80, 0x3e, 0x00, 0x20, 0x02,	/* 1: cmpb $2, FLAG */
	0x75, 0xf9,			/* jne 1b */
	0xe6, DONE,			/* out %al, $DONE */
	0xeb, 0xf0,			/* jmp 0 */
};

static void load(void)
{
	memcpy(memory(CODE), code, sizeof(code));
}

static void start(void)
{
	struct vcpu_segment_info code_segment = { 0, 0xffff, 0x9b, 0 }, data = { 0, 0xffff, 0x93, 0 };
	struct vcpu_reg_state vrs;

	first_state(&vrs, CODE, code_segment, data);
	vrs.vrs_idtr.vsi_limit = 0x3ff;
	reset(&vrs);
}

/* An entry of the process's table, which becomes large enough for it. */
static void write_entry(unsigned int number)
{
	struct user_desc desc = {
		.entry_number = number, .limit = number + 100, .seg_32bit = 1, .useable = 1,
	};

	if (syscall(SYS_modify_ldt, 1, &desc, sizeof(desc)) == -1)
		err(1, "modify_ldt");
}

/* Whether this thread's processor finds an entry: its limit, or -1. */
static long limit_of(unsigned int number)
{
	long limit = -1;

	__asm__("lsl %1, %0" : "+r" (limit) : "r" ((long)number << 3 | 7) : "cc");
	return limit;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) == -1)
		err(1, "CPU %d", cpu);
}

static volatile uint8_t *flag(void)
{
	return memory(FLAG);
}

/* The other thread: once the guest runs, a new table; some exits later the guest may end. */
static void *writer(void *number)
{
	pin(1);
	while (*flag() != 1)
		;
	write_entry(*(unsigned int *)number);
	usleep(20000);
	*flag() = 2;
	return NULL;
}

static void round_of(unsigned int number)
{
	pthread_t thread;
	enum what what;

	if (pthread_create(&thread, NULL, writer, &number))
		errx(1, "no thread");
	what = run();
	check(what == PORT && vm_exit.vei.vei_port == DONE && limit_of(number) == number + 100,
	    "entry %u of the LDT is there behind RUN", number);
	pthread_join(thread, NULL);
	advance();
}

int main(int argc, char **argv)
{
	static const unsigned int numbers[] = { 1, 2, 700, 1400, 8000 };
	size_t i;

	vcp.vcp_nmemranges = 1;
	vcp.vcp_memranges[0].vmr_size = 0x100000;
	create("ldt", generation(argc, argv), load);
	start();
	pin(0);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		round_of(numbers[i]);
	return finish();
}
