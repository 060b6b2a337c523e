/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest under KVM that executes CPUID 20 times and then writes to port 0xf4: so an emulated
 * host's log of VM exits must have exactly 20 of the one and one of the other.
 */
#include <config.h>

#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define GUEST_ADDRESS	0x1000
#define PAGE		4096

static const uint8_t guest[] = {
	0xbd, 20, 0,		/* mov bp, 20 */
	0x31, 0xc0,		/* again: xor ax, ax */
	0x0f, 0xa2,		/* cpuid */
	0x4d,			/* dec bp */
	0x75, 0xf9,		/* jnz again */
	0xe6, 0xf4,		/* out 0xf4, al */
};

static int check(int result, const char *what)
{
	if (result < 0)
		err(1, "%s", what);
	return result;
}

int main(void)
{
	struct kvm_userspace_memory_region region = { .guest_phys_addr = GUEST_ADDRESS,
						      .memory_size = PAGE };
	struct kvm_regs regs = { .rip = GUEST_ADDRESS, .rflags = 2 };
	int kvm = check(open("/dev/kvm", O_RDWR), "/dev/kvm");
	int vm = check(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	struct kvm_sregs sregs;
	struct kvm_run *run;
	void *memory;
	int vcpu;

	memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		err(1, "mmap");
	memcpy(memory, guest, sizeof(guest));
	region.userspace_addr = (uintptr_t)memory;
	check(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
	vcpu = check(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	run = mmap(NULL, check(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE"),
		   PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		err(1, "mmap of the vCPU");
	check(ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	check(ioctl(vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	check(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
	check(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
	if (run->exit_reason != KVM_EXIT_IO)
		errx(1, "exit reason %u, not KVM_EXIT_IO", run->exit_reason);
	return 0;
}
