/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The conformance suite: rows.h lists what /dev/vmm promises, row by row; each
 * row is a function here, run in a process of its own as root on an emulated
 * host. Whatever a row opens, maps or starts ends with that process.
 */
#ifndef CONFORM_H
#define CONFORM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lists.h"
#include "vmm.h"

#define DEVICE "/dev/vmm"

#define SECTION(section, title)
#define ROW(section, name, given, result) void section##_##name(void);
#define OURS ROW
#include "rows.h"
#undef SECTION
#undef ROW
#undef OURS

/* A row's verdict. These do not return. */
void fail(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
/* The row means nothing on this host. */
void not_here(const char *why) __attribute__((noreturn));

#define EXPECT(cond) \
	do { \
		if (!(cond)) \
			fail(__FILE__, __LINE__, "not so: %s", #cond); \
	} while (0)

#define EXPECT_EQ(is, must_be) \
	do { \
		uint64_t is_ = (uint64_t)(is), must_be_ = (uint64_t)(must_be); \
		if (is_ != must_be_) \
			fail(__FILE__, __LINE__, "%s is %#llx (%lld), not %#llx", #is, \
			     (unsigned long long)is_, (long long)is_, \
			     (unsigned long long)must_be_); \
	} while (0)

/* A call that must end with this errno, 0 for success. */
#define EXPECT_ERR(call, number) \
	do { \
		int err_ = (call); \
		if (err_ != (number)) \
			fail(__FILE__, __LINE__, "%s: %s (%d), not %s", #call, strerror(err_), \
			     err_, strerror(number)); \
	} while (0)
#define MUST(call) EXPECT_ERR(call, 0)

/* The device, open for reading and writing, close-on-exec. */
int device(void);
/* From now on device() is a copy of this descriptor. */
void device_is(int fd);
/* An ioctl: 0 or errno. */
int call(int fd, unsigned long cmd, void *arg);
/* 1 VMX, 2 SVM. */
unsigned int isa(void);
#define VMX 1
#define SVM 2
/* The row is about this vendor's processors. */
void vendor_only(unsigned int vendor);
/* The row is about what a processor does by itself, which QEMU's does not. */
void strict_processor(void);

/* Raw exit reasons (SDM appendix C; APM appendix C), in this host's numbers. */
enum reason {
	R_INTR, R_SHUTDOWN, R_WINDOW, R_CPUID, R_HLT, R_VMCALL, R_IO, R_RDMSR, R_NESTED_FAULT,
	R_TASK_SWITCH
};
uint16_t reason(enum reason r);

/* ---- calls on parameters that are mostly the same ---- */

/* Parameters of a VM that CREATE takes: one range of the module's own memory
 * from 0, one vCPU. */
struct vm_create_params small_vm(void);
#define SMALL_VM_SIZE 0x100000ULL
/* CREATE of a small VM; its id. */
uint32_t create_small(int fd);
int term(int fd, uint32_t id);
int intr(int fd, uint32_t id, uint32_t vcpu, uint16_t flag);
int readregs(int fd, uint32_t id, uint32_t vcpu, uint64_t mask, struct vcpu_reg_state *regs);
int writeregs(int fd, uint32_t id, uint32_t vcpu, uint64_t mask,
	      const struct vcpu_reg_state *regs);
/* INFO with room for max; returns how many there are, having checked that they fit. */
size_t info(int fd, struct vm_info_result *list, size_t max);
/* INFO about one VM, which must be listed. */
struct vm_info_result info_of(int fd, uint32_t id);

/* How many VMs there are on this host. */
size_t vms(void);

/* ---- memory ---- */

/* Private memory of the caller's, for its lifetime. */
uint8_t *own_memory(uint64_t size);
/* How many mappings of guests' memory this process has. */
unsigned int mappings(void);
/* Pages that are pinned on this host, by whoever; what each CPU counted is added up first. */
uint64_t pinned(void);
/* Memory that is free on this host, after it gave up its caches; also what each CPU keeps free
 * for itself, which is some MiB, and not part of MemFree. */
uint64_t free_kib(void);
/* The number behind a name that begins a line of a file of /proc or /sys; of several, their sum. */
uint64_t number_in(const char *path, const char *name);
void write_file(const char *path, const char *text);

/* ---- processes, threads, time ---- */

/* Run fn(arg) in a child; returns its exit status. fail() there fails the row. */
int in_child(int (*fn)(void *arg), void *arg);
/* The same, given up to be waited for later. */
int start_child(int (*fn)(void *arg), void *arg);
int wait_child(int pid);
/* life.c's, in the program that a row became by exec. */
int life_after_exec(int fd, uint32_t id);
/* Become a plain user for good, with access to the device. */
void become_user(unsigned int uid);
/* The TSC, of no instruction before or after. */
uint64_t ticks(void);
/* Sleep some milliseconds. */
void pause_ms(unsigned int ms);
/* Wait until the condition holds; fails the row if it never does. */
#define EVENTUALLY(cond) \
	do { \
		int left_ = 2000; \
		\
		while (!(cond)) { \
			if (!left_--) \
				fail(__FILE__, __LINE__, "never so: %s", #cond); \
			pause_ms(5); \
		} \
	} while (0)

#endif /* CONFORM_H */
