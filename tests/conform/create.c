// SPDX-License-Identifier: GPL-2.0-only
/* VMM_IOC_CREATE. */
#include "conform.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define LIMIT		VMM_MAX_VM_MEM_SIZE
#define PAGE		0x1000ULL
/* KVM's, for the rows about two hypervisors on a host. */
#define KVM_DEVICE	"/dev/kvm"
#define KVM_CREATE_VM	_IO(0xae, 1)

static void range(struct vm_create_params *vcp, unsigned int i, uint64_t gpa, uint64_t size,
		  int32_t type)
{
	vcp->vcp_memranges[i] = (struct vm_mem_range) {
		.vmr_gpa = gpa, .vmr_size = size, .vmr_type = type,
	};
	if (vcp->vcp_nmemranges <= i)
		vcp->vcp_nmemranges = i + 1;
}

/* CREATE of a small VM with one thing changed must end with err. */
#define CREATE(name, err, ...) \
	void create_##name(void) \
	{ \
		struct vm_create_params vcp = small_vm(); \
		\
		__VA_ARGS__; \
		EXPECT_ERR(call(device(), VMM_IOC_CREATE, &vcp), err); \
	}

CREATE(ranges_none, EINVAL, vcp.vcp_nmemranges = 0)
CREATE(ranges_17, EINVAL, vcp.vcp_nmemranges = VMM_MAX_MEM_RANGES + 1)
CREATE(ranges_huge, EINVAL, vcp.vcp_nmemranges = UINT64_MAX)
CREATE(gpa_unaligned, EINVAL, vcp.vcp_memranges[0].vmr_gpa = 0x800)
CREATE(va_unaligned, EINVAL, vcp.vcp_memranges[0].vmr_va = 0x800)
CREATE(size_unaligned, EINVAL, vcp.vcp_memranges[0].vmr_size = 0x1800)
CREATE(size_zero, EINVAL, vcp.vcp_memranges[0].vmr_size = 0)
CREATE(second_size_zero, EINVAL, range(&vcp, 1, LIMIT / 2, 0, VM_MEM_RAM))
CREATE(gpa_limit, EINVAL, range(&vcp, 0, LIMIT, PAGE, VM_MEM_RAM))
CREATE(end_limit, EINVAL, range(&vcp, 0, LIMIT - PAGE, 2 * PAGE, VM_MEM_RAM))
CREATE(end_at_limit, 0, range(&vcp, 0, LIMIT - PAGE, PAGE, VM_MEM_RAM))
CREATE(size_wraps, EINVAL, range(&vcp, 0, PAGE, -PAGE, VM_MEM_RAM))
CREATE(mmio_limit, EINVAL, range(&vcp, 1, LIMIT - PAGE, 2 * PAGE, VM_MEM_MMIO))
CREATE(descending, EINVAL, range(&vcp, 0, 8 * PAGE, PAGE, VM_MEM_RAM);
       range(&vcp, 1, 4 * PAGE, PAGE, VM_MEM_RAM))
CREATE(overlap, EINVAL, range(&vcp, 1, SMALL_VM_SIZE - PAGE, 2 * PAGE, VM_MEM_RAM))
CREATE(overlap_mmio, EINVAL, range(&vcp, 1, SMALL_VM_SIZE - PAGE, PAGE, VM_MEM_MMIO))
CREATE(twice, EINVAL, range(&vcp, 1, 0, SMALL_VM_SIZE, VM_MEM_RAM))
CREATE(adjacent, 0, range(&vcp, 1, SMALL_VM_SIZE, PAGE, VM_MEM_RAM))
CREATE(hole, 0, range(&vcp, 1, 64 * SMALL_VM_SIZE, PAGE, VM_MEM_RAM))
CREATE(unused_ranges, 0, memset(&vcp.vcp_memranges[1], 0xff, sizeof(struct vm_mem_range)))
CREATE(mmio_only, EINVAL, range(&vcp, 0, 0, PAGE, VM_MEM_MMIO);
       range(&vcp, 1, PAGE, PAGE, VM_MEM_MMIO))
CREATE(ncpus_none, EINVAL, vcp.vcp_ncpus = 0)
CREATE(ncpus_65, EINVAL, vcp.vcp_ncpus = VMM_MAX_VCPUS_PER_VM + 1)
CREATE(ncpus_huge, EINVAL, vcp.vcp_ncpus = (1ULL << 32) + 1)
CREATE(ncpus_2, 0, vcp.vcp_ncpus = 2)
CREATE(ncpus_64, 0, vcp.vcp_ncpus = VMM_MAX_VCPUS_PER_VM)
CREATE(sev, EINVAL, vcp.vcp_sev = 1)
CREATE(seves, EINVAL, vcp.vcp_seves = 1)
CREATE(name_empty, 0, vcp.vcp_name[0] = 0)
CREATE(name_any, 0, memcpy(vcp.vcp_name, "\n\xff/..\x01", 7))
CREATE(va_unmapped, ENOMEM, vcp.vcp_memranges[0].vmr_va = 0x10000000000ULL)
CREATE(va_kernel, ENOMEM, vcp.vcp_memranges[0].vmr_va = 0xffff800000000000ULL)

void create_ranges_16(void)
{
	struct vm_create_params vcp = small_vm();
	unsigned int i;

	for (i = 0; i < VMM_MAX_MEM_RANGES; i++)
		range(&vcp, i, 2 * i * PAGE, PAGE, VM_MEM_RAM);
	MUST(call(device(), VMM_IOC_CREATE, &vcp));
	for (i = 0; i < VMM_MAX_MEM_RANGES; i++)
		EXPECT(vcp.vcp_memranges[i].vmr_va);
}

/* Any type but MMIO is memory: it is mapped, and counted. */
void create_type_any(void)
{
	static const int32_t types[] = { VM_MEM_RESERVED, 3, 7, -1 };
	struct vm_create_params vcp = small_vm();
	int fd = device();
	unsigned int i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		range(&vcp, i, i * PAGE, PAGE, types[i]);
	MUST(call(fd, VMM_IOC_CREATE, &vcp));
	for (i = 0; i < vcp.vcp_nmemranges; i++)
		*(volatile uint8_t *)(uintptr_t)vcp.vcp_memranges[i].vmr_va = 1;
	EXPECT_EQ(info_of(fd, vcp.vcp_id).vir_memory_size, i * PAGE);
}

void create_mmio(void)
{
	struct vm_create_params vcp = small_vm();
	int fd = device();

	range(&vcp, 1, SMALL_VM_SIZE, PAGE, VM_MEM_MMIO);
	MUST(call(fd, VMM_IOC_CREATE, &vcp));
	EXPECT(vcp.vcp_memranges[0].vmr_va);
	EXPECT_EQ(vcp.vcp_memranges[1].vmr_va, 0);
	EXPECT_EQ(info_of(fd, vcp.vcp_id).vir_memory_size, SMALL_VM_SIZE);
}

void create_name_long(void)
{
	struct vm_create_params vcp = small_vm();
	struct vm_info_result vir;
	int fd = device();

	memset(vcp.vcp_name, 'x', VMM_MAX_NAME_LEN);
	MUST(call(fd, VMM_IOC_CREATE, &vcp));
	vir = info_of(fd, vcp.vcp_id);
	EXPECT_EQ(strnlen(vir.vir_name, VMM_MAX_NAME_LEN), VMM_MAX_NAME_LEN - 1);
}

void create_name_twice(void)
{
	int fd = device();

	EXPECT(create_small(fd) != create_small(fd));
}

void create_id(void)
{
	int fd = device();
	uint32_t a = create_small(fd), b = create_small(fd), c;

	MUST(term(fd, b));
	c = create_small(fd);
	EXPECT(a > 0 && b == a + 1 && c == b + 1);
}

/* A CREATE that failed used no id. */
void create_id_failed(void)
{
	struct vm_create_params vcp = small_vm();
	int fd = device();
	uint32_t id = create_small(fd);

	vcp.vcp_ncpus = 0;
	EXPECT_ERR(call(fd, VMM_IOC_CREATE, &vcp), EINVAL);
	EXPECT_EQ(create_small(fd), id + 1);
}

void create_outputs(void)
{
	struct vm_create_params vcp = small_vm();
	unsigned int i;

	vcp.vcp_poscbit = 9;
	memset(vcp.vcp_asid, 0xff, sizeof(vcp.vcp_asid));
	MUST(call(device(), VMM_IOC_CREATE, &vcp));
	EXPECT(vcp.vcp_id);
	EXPECT_EQ(vcp.vcp_poscbit, 0);
	for (i = 0; i < VMM_MAX_VCPUS; i++)
		EXPECT_EQ(vcp.vcp_asid[i], 0);
	EXPECT(vcp.vcp_memranges[0].vmr_va && !(vcp.vcp_memranges[0].vmr_va & (PAGE - 1)));
	EXPECT_EQ(vcp.vcp_memranges[0].vmr_size, SMALL_VM_SIZE);
}

void create_state(void)
{
	int fd = device();
	struct vm_info_result vir = info_of(fd, create_small(fd));
	unsigned int i;

	EXPECT_EQ(vir.vir_ncpus, 1);
	EXPECT_EQ(vir.vir_vcpu_state[0], VCPU_STATE_STOPPED);
	for (i = 1; i < VMM_MAX_VCPUS_PER_VM; i++)
		EXPECT_EQ(vir.vir_vcpu_state[i], VCPU_STATE_UNKNOWN);
}

static void *create_in_thread(void *arg)
{
	return (void *)(uintptr_t)create_small(*(int *)arg);
}

void create_creator(void)
{
	int fd = device();
	pthread_t thread;
	void *id;

	EXPECT(!pthread_create(&thread, NULL, create_in_thread, &fd));
	EXPECT(!pthread_join(thread, &id));
	EXPECT_EQ(info_of(fd, (uint32_t)(uintptr_t)id).vir_creator_pid, getpid());
}

/* One range is ours, and mapped; the next is not the caller's to give. */
void create_failed_whole(void)
{
	struct vm_create_params vcp = small_vm();
	struct vm_info_params vip = {};
	int fd = device();

	range(&vcp, 1, SMALL_VM_SIZE, PAGE, VM_MEM_RAM);
	vcp.vcp_memranges[1].vmr_va = 0x10000000000ULL;
	EXPECT_ERR(call(fd, VMM_IOC_CREATE, &vcp), ENOMEM);
	EXPECT_EQ(mappings(), 0);
	MUST(call(fd, VMM_IOC_INFO, &vip));
	EXPECT_EQ(vip.vip_size, 0);
}

void create_va_readonly(void)
{
	struct vm_create_params vcp = small_vm();
	void *va = mmap(NULL, SMALL_VM_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(va != MAP_FAILED);
	vcp.vcp_memranges[0].vmr_va = (uintptr_t)va;
	EXPECT_ERR(call(device(), VMM_IOC_CREATE, &vcp), ENOMEM);
}

/* ---- 512 vCPUs ---- */

#define FULL (VMM_MAX_VCPUS / VMM_MAX_VCPUS_PER_VM)

static void use_all_vcpus(int fd, uint32_t id[FULL])
{
	struct vm_create_params vcp = small_vm();
	unsigned int i;

	vcp.vcp_ncpus = VMM_MAX_VCPUS_PER_VM;
	for (i = 0; i < FULL; i++) {
		vcp.vcp_memranges[0].vmr_va = 0;
		MUST(call(fd, VMM_IOC_CREATE, &vcp));
		id[i] = vcp.vcp_id;
	}
}

void create_limit(void)
{
	struct vm_create_params vcp = small_vm();
	uint32_t id[FULL];
	int fd = device();

	use_all_vcpus(fd, id);
	EXPECT_ERR(call(fd, VMM_IOC_CREATE, &vcp), ENOMEM);
	MUST(term(fd, id[FULL - 1]));
	vcp.vcp_ncpus = VMM_MAX_VCPUS_PER_VM;
	MUST(call(fd, VMM_IOC_CREATE, &vcp));
}

/* What is wrong with the parameters comes before what the host has left. */
void create_limit_order(void)
{
	struct vm_create_params vcp = small_vm();
	uint32_t id[FULL];
	int fd = device();

	use_all_vcpus(fd, id);
	vcp.vcp_memranges[0].vmr_size = 0;
	EXPECT_ERR(call(fd, VMM_IOC_CREATE, &vcp), EINVAL);
	vcp = small_vm();
	vcp.vcp_ncpus = VMM_MAX_VCPUS_PER_VM + 1;
	EXPECT_ERR(call(fd, VMM_IOC_CREATE, &vcp), EINVAL);
}

/* ---- beside another hypervisor ---- */

static int kvm(void)
{
	int fd = open(KVM_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		not_here("no " KVM_DEVICE " on this host");
	return fd;
}

void create_virtualization_taken(void)
{
	struct vm_create_params vcp = small_vm();
	int vm = ioctl(kvm(), KVM_CREATE_VM, 0), fd = device();

	EXPECT(vm >= 0);
	EXPECT_ERR(call(fd, VMM_IOC_CREATE, &vcp), EIO);
	vcp.vcp_nmemranges = 0;
	EXPECT_ERR(call(fd, VMM_IOC_CREATE, &vcp), EIO);
	close(vm);
	vcp = small_vm();
	MUST(call(fd, VMM_IOC_CREATE, &vcp));
}

void create_virtualization_off(void)
{
	struct vm_create_params vcp = small_vm();
	int kvm_fd = kvm(), fd = device(), vm;
	uint32_t a = create_small(fd), b = create_small(fd);

	EXPECT(ioctl(kvm_fd, KVM_CREATE_VM, 0) < 0);
	MUST(term(fd, a));
	EXPECT(ioctl(kvm_fd, KVM_CREATE_VM, 0) < 0);
	MUST(term(fd, b));
	vm = ioctl(kvm_fd, KVM_CREATE_VM, 0);
	EXPECT(vm >= 0);
	close(vm);
	vcp.vcp_nmemranges = 0;
	EXPECT_ERR(call(fd, VMM_IOC_CREATE, &vcp), EINVAL);
	EXPECT(ioctl(kvm_fd, KVM_CREATE_VM, 0) >= 0);
}
