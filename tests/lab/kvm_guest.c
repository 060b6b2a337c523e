// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program that runs guests by /dev/kvm as others do, for what records those:
 *
 *	kvm_guest [-c VCPUS] [-v VMS] [-w] [ROUNDS]
 *
 * Each vCPU has a thread and does each of its exits ROUNDS times (10 if not
 * given): CPUID, RDMSR, WRMSR, OUT and IN, a write and a read of MMIO, VMMCALL or
 * VMCALL, the first touch of a page; then, with KVM's own interrupt controllers,
 * it halts until ROUNDS interrupts have come, in which a HLT without them would
 * end in userland; a last OUT, of its number, ends it. -w: wait for a line on
 * stdin before the guests run.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY (8u << 20)
#define GDT 0x1000
#define TABLES 0x2000
#define IDT 0x5000
#define CODE 0x8000
#define STACK(vcpu) (0x20000 + 0x1000 * (vcpu))
#define PAGES(vcpu) (0x200000 + 0x100000 * (vcpu))
#define VECTOR 0x25		/* line 5 of the 8259 */
#define LINE 5
#define PORT_END 0xf4
#define MAX_VCPUS 4
#define MAX_VMS 8
#define STR_(x) #x
#define STR(x) STR_(x)

/* rbx: rounds; rbp: number of the vCPU; rdi: pages to touch; r10: 1 on Intel. */
asm(".pushsection .rodata\n"
    ".globl guest_code, guest_code_end, guest_irq\n"
    "guest_code:\n"
    "	mov %rbx, %r12\n"
    "1:	xor %eax, %eax\n"
    "	xor %ecx, %ecx\n"
    "	push %rbx\n"
    "	cpuid\n"
    "	pop %rbx\n"
    "	mov $0x277, %ecx\n"
    "	rdmsr\n"
    "	wrmsr\n"
    "	mov $0x80, %edx\n"
    "	mov $0x5a, %eax\n"
    "	out %al, %dx\n"
    "	in %dx, %al\n"
    "	mov %eax, 0x30000000\n"
    "	mov 0x30000008, %eax\n"
    "	mov $0x1234, %eax\n"
    "	test %r10, %r10\n"
    "	jz 2f\n"
    "	vmcall\n"
    "	jmp 3f\n"
    "2:	vmmcall\n"
    "3:	mov %eax, (%rdi)\n"
    "	add $0x1000, %rdi\n"
    "	dec %r12\n"
    "	jnz 1b\n"
    /* vCPU 0 alone gets interrupts: 8259, base 0x20, line 5. */
    "	test %rbp, %rbp\n"
    "	jnz 5f\n"
    "	mov $0x11, %al\n"
    "	out %al, $0x20\n"
    "	mov $0x20, %al\n"
    "	out %al, $0x21\n"
    "	mov $4, %al\n"
    "	out %al, $0x21\n"
    "	mov $1, %al\n"
    "	out %al, $0x21\n"
    "	mov $0xdf, %al\n"
    "	out %al, $0x21\n"
    "	xor %r13d, %r13d\n"
    "4:	sti\n"
    "	hlt\n"
    "	cli\n"
    "	cmp %rbx, %r13\n"
    "	jb 4b\n"
    "5:	mov %ebp, %eax\n"
    "	out %al, $" STR(PORT_END) "\n"
    "6:	hlt\n"
    "	jmp 6b\n"
    "guest_irq:\n"
    "	inc %r13\n"
    "	mov $0x20, %al\n"
    "	out %al, $0x20\n"
    "	iretq\n"
    "guest_code_end:\n"
    ".popsection\n");
extern const char guest_code[], guest_code_end[], guest_irq[];

struct vm {
	int fd;
	char *memory;
	_Atomic int running;
	pthread_t irq;
};

struct vcpu {
	struct vm *vm;
	int fd, number;
	struct kvm_run *run;
	pthread_t thread;
};

static int kvm, rounds = 10;
static long run_size;

static void fill_memory(char *memory)
{
	uint64_t *table = (uint64_t *)(memory + TABLES), *gdt = (uint64_t *)(memory + GDT);
	uint64_t handler = CODE + (uint64_t)(guest_irq - guest_code);
	uint32_t *gate = (uint32_t *)(memory + IDT + 16 * VECTOR);
	int i;

	gdt[1] = 0x00af9b000000ffff;
	gdt[2] = 0x00cf93000000ffff;
	table[0] = (TABLES + 0x1000) | 3;
	table[512] = (TABLES + 0x2000) | 3;
	for (i = 0; i < 512; i++)
		table[1024 + i] = ((uint64_t)i << 21) | 0x83;
	gate[0] = 8 << 16 | (uint32_t)(handler & 0xffff);
	gate[1] = (uint32_t)(handler & 0xffff0000) | 0x8e00;
	memcpy(memory + CODE, guest_code, (size_t)(guest_code_end - guest_code));
}

static void make_vm(struct vm *vm)
{
	struct kvm_userspace_memory_region region = { .memory_size = MEMORY };

	vm->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vm->memory == MAP_FAILED)
		err(1, "mmap");
	/* So that each page is a fault of its own. */
	madvise(vm->memory, MEMORY, MADV_NOHUGEPAGE);
	fill_memory(vm->memory);
	vm->fd = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		err(1, "KVM_CREATE_VM");
	region.userspace_addr = (uintptr_t)vm->memory;
	if (ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffbd000) || ioctl(vm->fd, KVM_CREATE_IRQCHIP) ||
	    ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region))
		err(1, "a VM of KVM");
}

static int on_intel(void)
{
	return !access("/sys/module/kvm_intel", F_OK);
}

/* The processor that the guest sees: all that KVM has. */
static void set_cpuid(int vcpu)
{
	struct kvm_cpuid2 *all = calloc(1, sizeof(*all) + 256 * sizeof(all->entries[0]));

	if (!all)
		err(1, "CPUID");
	all->nent = 256;
	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, all) || ioctl(vcpu, KVM_SET_CPUID2, all))
		err(1, "KVM_SET_CPUID2");
	free(all);
}

static void make_vcpu(struct vcpu *v)
{
	struct kvm_segment data = {
		.limit = ~0u, .selector = 0x10, .type = 3, .present = 1, .db = 1, .s = 1, .g = 1,
	}, code = data;
	struct kvm_regs regs = {
		.rip = CODE, .rflags = 2, .rsp = STACK(v->number) + 0x1000, .rbx = (uint64_t)rounds,
		.rbp = (uint64_t)v->number, .rdi = PAGES(v->number), .r10 = (uint64_t)on_intel(),
	};
	struct kvm_mp_state state = { KVM_MP_STATE_RUNNABLE };
	struct kvm_sregs sregs;

	v->fd = ioctl(v->vm->fd, KVM_CREATE_VCPU, v->number);
	if (v->fd < 0 || ioctl(v->fd, KVM_GET_SREGS, &sregs))
		err(1, "KVM_CREATE_VCPU");
	set_cpuid(v->fd);
	code.selector = 8;
	code.type = 11;
	code.db = 0;
	code.l = 1;
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.gdt.base = GDT;
	sregs.gdt.limit = 0x17;
	sregs.idt.base = IDT;
	sregs.idt.limit = 0xfff;
	sregs.cr0 = 0x80000031;
	sregs.cr3 = TABLES;
	sregs.cr4 = 0x20;
	sregs.efer = 0x500;
	if (ioctl(v->fd, KVM_SET_SREGS, &sregs))
		err(1, "KVM_SET_SREGS");
	if (ioctl(v->fd, KVM_SET_REGS, &regs))
		err(1, "KVM_SET_REGS");
	if (ioctl(v->fd, KVM_SET_MP_STATE, &state))
		err(1, "KVM_SET_MP_STATE");
	v->run = mmap(NULL, (size_t)run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED)
		err(1, "mmap of a vCPU");
}

static void *run_vcpu(void *arg)
{
	struct vcpu *v = arg;

	for (;;) {
		if (ioctl(v->fd, KVM_RUN, 0))
			err(1, "KVM_RUN");
		if (v->run->exit_reason == KVM_EXIT_IO && v->run->io.port == PORT_END)
			break;
		if (v->run->exit_reason != KVM_EXIT_IO && v->run->exit_reason != KVM_EXIT_MMIO)
			errx(1, "vCPU %d: exit %u to userland", v->number, v->run->exit_reason);
	}
	if (!v->number)
		v->vm->running = 0;
	return NULL;
}

/* Raises the line again and again, so that each HLT sleeps and wakes. */
static void *raise_line(void *arg)
{
	struct kvm_irq_level level = { .irq = LINE };
	struct vm *vm = arg;

	while (vm->running) {
		usleep(5000);
		level.level = 1;
		ioctl(vm->fd, KVM_IRQ_LINE, &level);
		level.level = 0;
		ioctl(vm->fd, KVM_IRQ_LINE, &level);
	}
	return NULL;
}

static void start(struct vm *vm, struct vcpu *vcpus, int nvcpus)
{
	int i;

	vm->running = 1;
	for (i = 0; i < nvcpus; i++)
		if (pthread_create(&vcpus[i].thread, NULL, run_vcpu, &vcpus[i]))
			errx(1, "no thread for a vCPU");
	if (pthread_create(&vm->irq, NULL, raise_line, vm))
		errx(1, "no thread for interrupts");
}

static void finish(struct vm *vm, struct vcpu *vcpus, int nvcpus)
{
	int i;

	for (i = 0; i < nvcpus; i++)
		pthread_join(vcpus[i].thread, NULL);
	pthread_join(vm->irq, NULL);
	for (i = 0; i < nvcpus; i++) {
		munmap(vcpus[i].run, (size_t)run_size);
		close(vcpus[i].fd);
	}
	close(vm->fd);
}

int main(int argc, char **argv)
{
	static struct vcpu vcpus[MAX_VMS][MAX_VCPUS];
	static struct vm vms[MAX_VMS];
	int nvcpus = 1, nvms = 1, wait = 0, c, i, j;

	while ((c = getopt(argc, argv, "c:v:w")) != -1) {
		if (c == 'c')
			nvcpus = atoi(optarg);
		else if (c == 'v')
			nvms = atoi(optarg);
		else
			wait = 1;
	}
	if (optind < argc)
		rounds = atoi(argv[optind]);
	if (nvcpus < 1 || nvcpus > MAX_VCPUS || nvms < 1 || nvms > MAX_VMS || rounds < 1)
		errx(2, "usage: kvm_guest [-c VCPUS] [-v VMS] [-w] [ROUNDS]");
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	run_size = kvm < 0 ? -1 : ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (run_size < 0)
		err(1, "/dev/kvm");
	for (i = 0; i < nvms; i++) {
		make_vm(&vms[i]);
		for (j = 0; j < nvcpus; j++) {
			vcpus[i][j] = (struct vcpu){ .vm = &vms[i], .number = j };
			make_vcpu(&vcpus[i][j]);
		}
	}
	if (wait && read(0, &c, 1) < 0)
		err(1, "stdin");
	for (i = 0; i < nvms; i++)
		start(&vms[i], vcpus[i], nvcpus);
	for (i = 0; i < nvms; i++)
		finish(&vms[i], vcpus[i], nvcpus);
	return 0;
}
