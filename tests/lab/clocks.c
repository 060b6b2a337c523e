/* SPDX-License-Identifier: GPL-2.0-only */
/* Prints what differs from run to run on most machines: the TSC, the clocks, random numbers. */
#include <config.h>

#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include <x86intrin.h>

int main(void)
{
	struct timespec mono, real;
	unsigned long long random;

	for (int i = 0; i < 10; i++) {
		clock_gettime(CLOCK_MONOTONIC, &mono);
		clock_gettime(CLOCK_REALTIME, &real);
		printf("%llu %lld.%09ld %lld.%09ld\n", (unsigned long long)__rdtsc(),
		       (long long)mono.tv_sec, mono.tv_nsec, (long long)real.tv_sec, real.tv_nsec);
		fflush(stdout);
	}
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return 1;
	printf("%llx\n", random);
	return 0;
}
