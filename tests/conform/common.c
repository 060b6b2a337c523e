// SPDX-License-Identifier: GPL-2.0-only
/* What the rows share: calls, processes. */
#include "conform.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int given = -1;

void device_is(int fd)
{
	given = fd;
}

int device(void)
{
	int fd = given < 0 ? open(DEVICE, O_RDWR | O_CLOEXEC) : dup(given);

	EXPECT(fd >= 0);
	return fd;
}

int call(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) ? errno : 0;
}

unsigned int isa(void)
{
	struct vmm_version vv = {};
	int fd = device();

	MUST(call(fd, VMM_IOC_VERSION, &vv));
	close(fd);
	return vv.vv_isa;
}

void vendor_only(unsigned int vendor)
{
	if (isa() != vendor)
		not_here(vendor == VMX ? "Intel's only" : "AMD's only");
}

void strict_processor(void)
{
	unsigned int a, r[3] = {};

	__cpuid(0x40000000, a, r[0], r[1], r[2]);
	if (!memcmp(r, "TCGTCGTCGTCG", sizeof(r)))
		not_here("the emulated processor does not do that");
}

uint16_t reason(enum reason r)
{
	static const uint16_t numbers[][2] = {
		[R_INTR] = { 1, 0x60 }, [R_SHUTDOWN] = { 2, 0x7f }, [R_WINDOW] = { 7, 0x64 },
		[R_CPUID] = { 10, 0x72 }, [R_HLT] = { 12, 0x78 }, [R_VMCALL] = { 18, 0x81 },
		[R_IO] = { 30, 0x7b }, [R_RDMSR] = { 31, 0x7c }, [R_NESTED_FAULT] = { 48, 0x400 },
		[R_TASK_SWITCH] = { 9, 0x7d },
	};

	return numbers[r][isa() - VMX];
}

struct vm_create_params small_vm(void)
{
	return (struct vm_create_params) {
		.vcp_nmemranges = 1, .vcp_ncpus = 1, .vcp_name = "conform",
		.vcp_memranges = { { .vmr_size = SMALL_VM_SIZE } },
	};
}

uint32_t create_small(int fd)
{
	struct vm_create_params vcp = small_vm();

	MUST(call(fd, VMM_IOC_CREATE, &vcp));
	return vcp.vcp_id;
}

int term(int fd, uint32_t id)
{
	struct vm_terminate_params vtp = { .vtp_vm_id = id };

	return call(fd, VMM_IOC_TERM, &vtp);
}

int intr(int fd, uint32_t id, uint32_t vcpu, uint16_t flag)
{
	struct vm_intr_params vip = { .vip_vm_id = id, .vip_vcpu_id = vcpu, .vip_intr = flag };

	return call(fd, VMM_IOC_INTR, &vip);
}

int readregs(int fd, uint32_t id, uint32_t vcpu, uint64_t mask, struct vcpu_reg_state *regs)
{
	struct vm_rwregs_params vrwp = {
		.vrwp_vm_id = id, .vrwp_vcpu_id = vcpu, .vrwp_mask = mask, .vrwp_regs = *regs,
	};
	int err = call(fd, VMM_IOC_READREGS, &vrwp);

	*regs = vrwp.vrwp_regs;
	return err;
}

int writeregs(int fd, uint32_t id, uint32_t vcpu, uint64_t mask,
	      const struct vcpu_reg_state *regs)
{
	struct vm_rwregs_params vrwp = {
		.vrwp_vm_id = id, .vrwp_vcpu_id = vcpu, .vrwp_mask = mask, .vrwp_regs = *regs,
	};

	return call(fd, VMM_IOC_WRITEREGS, &vrwp);
}

size_t info(int fd, struct vm_info_result *list, size_t max)
{
	struct vm_info_params vip = { .vip_size = max * sizeof(*list), .vip_info = list };

	MUST(call(fd, VMM_IOC_INFO, &vip));
	EXPECT_EQ(vip.vip_size, max * sizeof(*list));
	return vip.vip_info_ct;
}

struct vm_info_result info_of(int fd, uint32_t id)
{
	static struct vm_info_result list[VMM_MAX_VCPUS];
	size_t n = info(fd, list, VMM_MAX_VCPUS), i;

	for (i = 0; i < n && list[i].vir_id != id; i++)
		;
	EXPECT(i < n);
	return list[i];
}

int start_child(int (*fn)(void *arg), void *arg)
{
	pid_t pid = fork();

	EXPECT(pid >= 0);
	if (!pid)
		_exit(fn(arg));
	return pid;
}

int wait_child(int pid)
{
	int status;

	EXPECT(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int in_child(int (*fn)(void *arg), void *arg)
{
	return wait_child(start_child(fn, arg));
}

size_t vms(void)
{
	static struct vm_info_result list[VMM_MAX_VCPUS];
	int fd = device();
	size_t n = info(fd, list, VMM_MAX_VCPUS);

	close(fd);
	return n;
}

/* ---- memory ---- */

uint8_t *own_memory(uint64_t size)
{
	void *va = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(va != MAP_FAILED);
	return va;
}

unsigned int mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned int n = 0;
	char line[512];

	EXPECT(maps);
	while (fgets(line, sizeof(line), maps))
		n += strstr(line, "vmm-memory") != NULL;
	fclose(maps);
	return n;
}

void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	EXPECT(fd >= 0);
	EXPECT(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

uint64_t number_in(const char *path, const char *name)
{
	FILE *from = fopen(path, "re");
	size_t n = strlen(name), blanks;
	bool found = false;
	uint64_t sum = 0;
	char line[256];

	EXPECT(from);
	while (fgets(line, sizeof(line), from)) {
		blanks = strspn(line, " ");
		if (strncmp(line + blanks, name, n))
			continue;
		found = true;
		sum += strtoull(line + blanks + n, NULL, 10);
	}
	fclose(from);
	EXPECT(found);
	return sum;
}

uint64_t pinned(void)
{
	write_file("/proc/sys/vm/stat_refresh", "1");
	return number_in("/proc/vmstat", "nr_foll_pin_acquired ") -
	       number_in("/proc/vmstat", "nr_foll_pin_released ");
}

uint64_t free_kib(void)
{
	write_file("/proc/sys/vm/drop_caches", "3");
	return number_in("/proc/meminfo", "MemFree:") + 4 * number_in("/proc/zoneinfo", "count:");
}

/* ---- processes, time ---- */

uint64_t ticks(void)
{
	uint32_t lo, hi;

	__asm__ volatile("lfence\n rdtsc\n lfence" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

/* The device's group is root's: as udev would, give the user's group access. */
void become_user(unsigned int uid)
{
	EXPECT(!chown(DEVICE, 0, uid) && !chmod(DEVICE, 0660));
	EXPECT(!setgroups(0, NULL) && !setgid(uid) && !setuid(uid));
}

void pause_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}
