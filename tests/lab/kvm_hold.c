// SPDX-License-Identifier: GPL-2.0-only
/* Makes a KVM VM, says "held", and holds it, so that KVM has the processor, until killed. */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR);

	if (kvm < 0 || ioctl(kvm, KVM_CREATE_VM, 0) < 0) {
		perror("/dev/kvm");
		return 1;
	}
	puts("held");
	fflush(stdout);
	for (;;)
		pause();
}
