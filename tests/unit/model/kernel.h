/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the module uses of the kernel, in userland: put in front of each of its
 * sources, while the headers that they ask for are empty files. Physical
 * addresses are those of this process. model.c keeps memory, threads and CPUs;
 * where a real kernel only warns under debugging options (sleeping with
 * preemption off, a per-CPU variable with preemption on), this one fails.
 */
#ifndef MODEL_KERNEL_H
#define MODEL_KERNEL_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/types.h>
#include <linux/version.h>
#include <asm/processor-flags.h>

/* ---- the language ---- */

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s32 s32;
typedef __s64 s64;
#define uint64_t __u64		/* one type in the kernel, two in userland */

#define __user
#define __iomem
#define __init
#define __read_mostly
#define __ro_after_init
#define __packed __attribute__((packed))
#define __aligned(n) __attribute__((aligned(n)))
#define noinstr
#define noinline
#define __cold __attribute__((cold))
#define likely(x) (x)
#define unlikely(x) (x)
#define static_assert _Static_assert
#define ASSERT_STRUCT_OFFSET(type, field, offset) \
	static_assert(offsetof(type, field) == (offset), #field)
#define BUILD_BUG_ON(condition) ((void)sizeof(char[1 - 2 * !!(condition)]))
#define READ_ONCE(x) (*(volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))
#define smp_mb() __sync_synchronize()
#define smp_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#define smp_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define smp_load_acquire(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
typedef struct { s64 counter; } atomic64_t;
#define ATOMIC64_INIT(n) { n }
#define atomic64_read(p) ((u64)READ_ONCE((p)->counter))
#define atomic64_inc(p) __atomic_fetch_add(&(p)->counter, 1, __ATOMIC_SEQ_CST)
#define cmpxchg(p, old, new) ({ __sync_val_compare_and_swap(p, old, new); })
#define array_index_nospec(i, n) (i)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))
#define min_t(type, a, b) ((type)(a) < (type)(b) ? (type)(a) : (type)(b))
#define max_t(type, a, b) ((type)(a) > (type)(b) ? (type)(a) : (type)(b))
#define BIT(n) (1UL << (n))
#define BIT_ULL(n) (1ULL << (n))
#define GENMASK(h, l) ((~0UL >> (63 - (h))) & (~0UL << (l)))
#define GENMASK_ULL(h, l) GENMASK(h, l)
#define U32_MAX UINT32_MAX
#define upper_32_bits(n) ((u32)((u64)(n) >> 32))
#define IS_ALIGNED(x, a) (!((x) & ((typeof(x))(a) - 1)))
#define PAGE_ALIGNED(x) IS_ALIGNED((x), 4096)
#define check_add_overflow(a, b, sum) __builtin_add_overflow(a, b, sum)
#define __ffs(word) ((unsigned int)__builtin_ctzll(word))
#define ALIGN_DOWN(x, a) ((x) & ~((typeof(x))(a) - 1))

static inline void __clear_bit(unsigned long bit, unsigned long *map)
{
	map[bit / 64] &= ~BIT(bit % 64);
}

/* Errors in pointers. */
#define MAX_ERRNO 4095
#define IS_ERR(p) ((unsigned long)(p) >= (unsigned long)-MAX_ERRNO)
#define PTR_ERR(p) ((long)(p))
#define PTR_ERR_OR_ZERO(p) (IS_ERR(p) ? (int)PTR_ERR(p) : 0)
#define ERR_PTR(e) ((void *)(long)(e))

/* Doubly linked lists. */
struct list_head { struct list_head *next, *prev; };
#define INIT_LIST_HEAD(l) ((l)->next = (l)->prev = (l))
static inline void list_add(struct list_head *new, struct list_head *head)
{
	new->next = head->next;
	new->prev = head;
	head->next->prev = new;
	head->next = new;
}

static inline void list_del(struct list_head *entry)
{
	entry->next->prev = entry->prev;
	entry->prev->next = entry->next;
}
#define list_entry(p, type, member) container_of(p, type, member)
#define list_for_each_entry_safe(pos, n, head, member) \
	for (pos = list_entry((head)->next, typeof(*pos), member), \
	     n = list_entry(pos->member.next, typeof(*pos), member); \
	     &pos->member != (head); \
	     pos = n, n = list_entry(n->member.next, typeof(*n), member))

/* What the module logs says why it refuses; the model shows it when a test fails. */
void model_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
extern char model_logged[];	/* its beginning, since somebody emptied it */
#define pr_fmt(fmt) fmt
#define pr_info(...) model_log(__VA_ARGS__)
#define pr_info_ratelimited(...) model_log(__VA_ARGS__)
#define pr_err(...) model_log(__VA_ARGS__)
#define pr_err_once(...) model_log(__VA_ARGS__)
#define pr_err_ratelimited(...) model_log(__VA_ARGS__)
#define pr_cont(...) model_log(__VA_ARGS__)
#define DEFINE_RATELIMIT_STATE(name, interval, burst) int name
#define __ratelimit(state) (*(state) >= 0)
#define scnprintf snprintf

/* ---- memory ---- */

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096UL
#define PMD_SIZE (2UL << 20)
#define PAGE_ALIGN(n) (((n) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1))
#define _PAGE_PRESENT BIT(0)
#define _PAGE_RW BIT(1)
#define _PAGE_USER BIT(2)
#define _PAGE_ACCESSED BIT(5)
#define _PAGE_DIRTY BIT(6)
#define _PAGE_PSE BIT(7)
#define _PAGE_NX BIT_ULL(63)

struct page;			/* its address is the page's */
enum { GFP_KERNEL = 1, GFP_KERNEL_ACCOUNT = 1, __GFP_ZERO = 2, GFP_ATOMIC = 4 };

/* 2^order pages. The one freed last is given again first. */
void *model_alloc_pages(int flags, unsigned int order);
void model_free_pages(void *pages, unsigned int order);
void *model_zalloc(size_t size);
#define alloc_page(flags) ((struct page *)model_alloc_pages(flags, 0))
#define alloc_pages(flags, order) ((struct page *)model_alloc_pages(flags, order))
#define get_zeroed_page(flags) ((unsigned long)model_alloc_pages((flags) | __GFP_ZERO, 0))
#define __free_page(page) model_free_pages(page, 0)
#define __free_pages(page, order) model_free_pages(page, order)
#define free_page(address) model_free_pages((void *)(address), 0)
#define page_address(page) ((void *)(page))
#define page_to_phys(page) ((u64)(uintptr_t)(page))
#define page_to_pfn(page) (page_to_phys(page) >> PAGE_SHIFT)
#define __pa(p) ((u64)(uintptr_t)(p))
#define __va(pa) ((void *)(uintptr_t)(pa))
/* A host that encrypts its memory, by a bit of the address. */
#define sme_me_mask BIT_ULL(51)
#define __sme_set(pa) ((pa) | sme_me_mask)
#define __sme_clr(pa) ((pa) & ~sme_me_mask)
#define __sme_pa(p) __sme_set(__pa(p))
#define kzalloc(size, flags) model_zalloc(size)
#define kfree(p) free(p)
#define vmalloc_user(size) model_zalloc(size)
#define __vmalloc(size, flags) model_zalloc(size)
#define vfree(p) free(p)

/* Statistics are never mapped here. */
struct vm_area_struct { unsigned long vm_start, vm_end; };
enum { VM_DONTEXPAND, VM_DONTDUMP };
#define vm_flags_set(vma, flags) ((void)(vma))
#define vm_insert_page(vma, addr, page) -EINVAL
#define vmalloc_to_page(p) NULL

/* ---- threads, locks, CPUs ---- */

#define MODEL_CPUS 3

struct mm_struct { int unused; };
struct task_struct { struct mm_struct *mm; };
struct task_struct *model_task(void);
#define current model_task()

void preempt_disable(void);
void preempt_enable(void);
void local_irq_disable(void);
void local_irq_enable(void);
bool model_irq_save(void);
void model_irq_restore(bool was_off);
#define local_irq_save(flags) ((flags) = model_irq_save())
#define local_irq_restore(flags) model_irq_restore(flags)
/* Another thread may run here, if this one may be preempted. */
void cond_resched(void);
#define nop() ((void)0)

struct mutex { void *owner; };
#define mutex_init(m) ((m)->owner = NULL)
#define DEFINE_MUTEX(name) struct mutex name
void mutex_lock(struct mutex *m);
#define mutex_lock_killable(m) ({ mutex_lock(m); 0; })
bool mutex_trylock(struct mutex *m);
void mutex_unlock(struct mutex *m);

typedef struct { unsigned int count; } refcount_t;
struct completion { int unused; };
struct rcu_head { int unused; };
struct file;
struct pid;
typedef struct { unsigned int val; } kuid_t;

/* The CPU it runs on; fails where it could change. */
int smp_processor_id(void);
int model_raw_cpu(void);
int smp_call_function_single(int cpu, void (*fn)(void *), void *arg, int wait);
void on_each_cpu(void (*fn)(void *), void *arg, int wait);
#define for_each_possible_cpu(cpu) for ((cpu) = 0; (cpu) < MODEL_CPUS; (cpu)++)
#define DECLARE_PER_CPU(type, name) extern __typeof__(type) name[MODEL_CPUS]
#define DEFINE_PER_CPU(type, name) __typeof__(type) name[MODEL_CPUS]
#define per_cpu_ptr(p, cpu) (&(*(p))[cpu])
#define this_cpu_ptr(p) per_cpu_ptr(p, smp_processor_id())
#define raw_cpu_read(var) ((var)[model_raw_cpu()])
#define __this_cpu_read(var) ((var)[smp_processor_id()])
#define this_cpu_write(var, value) __this_cpu_write(var, value)
#define __this_cpu_write(var, value) ((var)[smp_processor_id()] = (value))

struct preempt_notifier { const struct preempt_ops *ops; };
struct preempt_ops {
	void (*sched_in)(struct preempt_notifier *notifier, int cpu);
	void (*sched_out)(struct preempt_notifier *notifier, struct task_struct *next);
};
#define preempt_notifier_init(notifier, operations) ((notifier)->ops = (operations))
void preempt_notifier_register(struct preempt_notifier *notifier);
void preempt_notifier_unregister(struct preempt_notifier *notifier);

/* Whether the thread has to look at something before it enters a guest: drawn. */
enum { TIF_NEED_FPU_LOAD, TIF_NOTIFY_RESUME };
bool xfer_to_guest_mode_work_pending(void);
bool signal_pending(struct task_struct *task);
#define fatal_signal_pending(task) false
#define test_thread_flag(flag) false
extern unsigned long model_jiffies;
#define jiffies model_jiffies

/* One choice of functions, bound once. */
#define DECLARE_STATIC_CALL(name, func) extern __typeof__(func) *name
#define static_call(name) (*(name))
struct static_key_false { bool enabled; };
#define DECLARE_STATIC_KEY_FALSE(name) extern struct static_key_false name
#define DEFINE_STATIC_KEY_FALSE(name) struct static_key_false name
#define static_branch_unlikely(key) ((key)->enabled)
#define static_branch_enable(key) ((key)->enabled = true)
#define static_branch_disable(key) ((key)->enabled = false)
#define module_param(name, type, mode) struct unused
#define MODULE_PARM_DESC(name, text) struct unused

/* CPUs come and go; suspend, reboot. */
enum cpuhp_state { CPUHP_AP_ONLINE_DYN };
int cpuhp_setup_state(enum cpuhp_state state, const char *name, int (*online)(unsigned int),
		      int (*offline)(unsigned int));
void cpuhp_remove_state(enum cpuhp_state state);
struct syscore_ops { int (*suspend)(void); void (*resume)(void); };
#define register_syscore_ops(ops) ((void)(ops))
#define unregister_syscore_ops(ops) ((void)(ops))
struct notifier_block {
	int (*notifier_call)(struct notifier_block *nb, unsigned long action, void *data);
};
#define NOTIFY_OK 1
extern struct notifier_block *model_reboot;
#define register_reboot_notifier(nb) ({ model_reboot = (nb); 0; })
#define unregister_reboot_notifier(nb) (model_reboot = NULL)

/* ---- the processor ---- */

u64 model_rdmsr(u32 index);
void model_wrmsr(u32 index, u64 value);
#define rdmsrl(index, value) ((value) = model_rdmsr(index))
#define rdmsrl_safe(index, p) ({ *(p) = model_rdmsr(index); 0; })
#define wrmsrl(index, value) model_wrmsr(index, value)
#define wrmsrl_safe(index, value) ({ model_wrmsr(index, value); 0; })
static inline int rdmsr_safe(u32 index, u32 *ret_low, u32 *ret_high)
{
	u64 value = model_rdmsr(index);

	*ret_low = (u32)value;
	*ret_high = value >> 32;
	return 0;
}
/* By its name, so that no table of numbers is needed. */
bool model_has(const char *feature);
#define boot_cpu_has(feature) model_has(#feature)
#define cpu_feature_enabled(feature) model_has(#feature)
#define boot_cpu_has_bug(bug) model_has(#bug)
#define static_cpu_has_bug(bug) model_has(#bug)
#define cpu_mitigations_off() false
/* The host's mitigations that the kernel leaves to a hypervisor, or shares with it. */
#define X86_FEATURE_IBPB_EXIT_TO_USER
#define X86_FEATURE_SRSO_BP_SPEC_REDUCE
#undef MSR_ZEN4_BP_CFG
#define MSR_ZEN4_BP_CFG 0xc001102e
#define MSR_ZEN4_BP_CFG_BP_SPEC_REDUCE_BIT 4
DECLARE_PER_CPU(bool, x86_ibpb_exit_to_user);
bool handle_guest_split_lock(unsigned long ip);
u32 rdpkru(void);
void wrpkru(u32 value);
u32 model_cpuid_ebx(u32 leaf);
#define cpuid_ebx(leaf) model_cpuid_ebx(leaf)
u64 rdtsc(void);
#define tsc_khz 1000000

#define DR_STEP 0x4000
#define set_debugreg(value, n) ((void)(value))
#define get_debugreg(var, n) ((var) = 0)
#define hw_breakpoint_active() false
#define hw_breakpoint_restore() ((void)0)

#define XFEATURE_MASK_FP 1
#define XCR_XFEATURE_ENABLED_MASK 0
#define xsetbv(index, value) ((void)(value))
#define xgetbv(index) 1ULL
struct fpu_guest { void *fpstate; };
static inline bool fpu_alloc_guest_fpstate(struct fpu_guest *fpu)
{
	fpu->fpstate = model_zalloc(1);
	return fpu->fpstate;
}
#define fpu_free_guest_fpstate(fpu) free((fpu)->fpstate)
#define fpu_swap_kvm_fpstate(fpu, enter) ((void)(fpu))
#define switch_fpu_return() ((void)0)
#define context_tracking_guest_enter() false
#define context_tracking_guest_exit() ((void)0)
#define instrumentation_begin() ((void)0)
#define instrumentation_end() ((void)0)
#define rcu_virt_note_context_switch(cpu) ((void)(cpu))
#define vtime_account_guest_enter() ((void)0)
#define vtime_account_guest_exit() ((void)0)

/* The host's state around a stay in a VMX guest: what differs by CPU, and by thread. */
struct model_cpuinfo { int cpuid_level, x86_phys_bits, x86_virt_bits; };
extern struct model_cpuinfo boot_cpu_data;
u32 cpuid_ecx(u32 leaf);
u64 __get_current_cr3_fast(void);
u64 cr4_read_shadow(void);
void cr4_set_bits_irqsoff(u64 bits);
void cr4_clear_bits_irqsoff(u64 bits);
void load_fixmap_gdt(int cpu);
#define invalidate_tss_limit() ((void)0)
#define intel_pt_handle_vmx(on) ((void)(on))
#define read_cr0() ((u64)(X86_CR0_PE | X86_CR0_NE | X86_CR0_PG))
#define native_read_cr2() 0ULL
#define native_write_cr2(value) ((void)(value))
u64 get_debugctlmsr(void);
void update_debugctlmsr(u64 value);
struct desc_ptr { u16 size; unsigned long address; } __packed;
#define store_idt(p) ((p)->address = 0xfffffe0000000000)
#define get_current_gdt_ro() ((void *)(0xfffffe0000001000 + 0x1000 * (u64)smp_processor_id()))
struct model_entry_area { struct { int x86_tss; } tss; };
#define get_cpu_entry_area(cpu) \
	((struct model_entry_area *)(0xfffffe1000000000 + 0x1000 * (u64)(cpu)))
#define __KERNEL_CS 0x10
#define __KERNEL_DS 0x18
#define GDT_ENTRY_TSS 8
#define savesegment(seg, selector) ((selector) = 0)
#define loadsegment(seg, selector) ((void)(selector))
#define load_gs_index(selector) ((void)(selector))
struct perf_guest_switch_msr { u32 msr; u64 host, guest; };
static inline struct perf_guest_switch_msr *perf_guest_get_msrs(int *ret_n, void *data)
{
	static struct perf_guest_switch_msr same = { .msr = 0x38f };

	*ret_n = 1;
	return &same;
}
#define APIC_TASKPRI 0x80

/* The caller's memory. */
#define copy_from_user(to, from, size) (memcpy(to, from, size), 0)
#define copy_to_user(to, from, size) (memcpy(to, from, size), 0)
#define get_user(var, from) ((var) = *(from), 0)

/* Constants and layouts of the processors' manuals come from the kernel's headers. */
#include <arch/x86/include/uapi/asm/kvm_para.h>
#include <arch/x86/include/uapi/asm/svm.h>
#include <arch/x86/include/uapi/asm/vmx.h>
#include <arch/x86/include/asm/msr-index.h>
#include <arch/x86/include/asm/trapnr.h>
#include <arch/x86/include/asm/pvclock-abi.h>
#include <arch/x86/include/asm/vmxfeatures.h>
struct hv_vmcb_enlightenments { u8 reserved[32]; };
#include <arch/x86/include/asm/svm.h>
#include <arch/x86/include/asm/vmx.h>

#endif /* MODEL_KERNEL_H */
